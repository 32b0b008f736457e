"""Runs the newest frame of a conversation until it waits for somebody or ends. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from penjing.assistant.dialogue import looking, putting_off
from penjing.assistant.dialogue.deferred import Deferred
from penjing.assistant.dialogue.events import Do, Order, PutOff, Say, Wait
from penjing.assistant.dialogue.plan import Confirmed, Jump, Plan, Test
from penjing.assistant.dialogue.questions import question_for, reply_to
from penjing.assistant.dialogue.state import MAX_QUEUE, DialogueState, Frame, Wanted
from penjing.assistant.generate.say import choose, fill, named, shown, slot_values, slot_words
from penjing.assistant.permission import spec_allows
from penjing.assistant.spec.values import (
    Answer,
    Ask,
    Call,
    Collect,
    Reply,
    Stop,
    Words,
)
from penjing.assistant.trust import Licensed, Refused, license_call, turns
from penjing.assistant.understand.groups import is_group
from penjing.assistant.understand.slots import bounds
from penjing.core.dialogue import TALKER, Slot, Standing

MAX_ASKED = 3
"""How often one thing is asked before it is left."""
MAX_RETURNS = 2
"""How often it is asked when something else is spoken of."""


@dataclass
class Run:
    """One step while it happens: the state as it becomes, and the orders so far."""

    plan: Plan
    state: DialogueState
    role: Standing
    at: float = 0.0
    """Seconds since 1970."""
    fresh: str = ""
    text: str = ""
    orders: list[Order] = field(default_factory=list)
    which: set[str] = field(default_factory=set)
    """Slots whose value may be one of several: they are told."""
    beyond: dict[str, str] = field(default_factory=dict)
    """Slots whose value was said and is out of bounds, with the words."""

    # -- saying

    def say(self, words: Words, values: Mapping[str, Any] | None = None, offers: str = "") -> None:
        """Say one of some ways."""
        language = self.state.language
        text = fill(choose(words, language, self.state.count), values or {}, language)
        if text:
            self.orders.append(Say(text, offers))

    def tell(self, situation: str, **values: Any) -> None:
        """Say what the spec says in a situation."""
        self.say(self.plan.spec.fallbacks[situation], values)

    # -- frames

    @property
    def top(self) -> Frame:
        """The newest frame."""
        return self.state.frames[-1]

    def put(self, frame: Frame) -> None:
        """Replace the newest frame."""
        self.state = replace(self.state, frames=(*self.state.frames[:-1], frame))

    def drop(self, *, done: bool = False) -> None:
        """The newest frame is over."""
        frame = self.top
        now = Wanted(frame.intent, frame.slots) if frame.when is None else None
        last = now if done else self.state.last
        self.state = replace(self.state, frames=self.state.frames[:-1], last=last)

    def values(self, frame: Frame, call: Call | None = None) -> dict[str, Any]:
        """What sentences of a frame may name; with a call, of a group the one thing it is for."""
        slots = frame.values()
        things = turns(call, slots) if call is not None else None
        said: dict[str, Any] = slot_values(self.plan.spec, slots, self.state.language)
        if things and call is not None and frame.turn < len(things):
            said |= named(self.plan.spec, call, things[frame.turn], slots, self.state.language)
        return {**said, "result": frame.result}

    def go_on(self) -> None:
        """Run until something waits, beginning what is queued and coming back to what was left."""
        while True:
            if self._running():
                deep, provided = len(self.state.frames), self.top.provided
                looking.look(self, provided) if provided is not None else self._run()
                if self._waiting() and len(self.state.frames) == deep:
                    return
                continue
            if self.state.queue and not (self.state.frames and self.top.waits == "call"):
                wanted, rest = self.state.queue[0], self.state.queue[1:]
                self.state = replace(self.state, queue=rest)
                self.push(wanted)
                continue
            if self.state.frames and self.orders and self.top.waits in ("slot", "yes"):
                if self.top.asked >= MAX_RETURNS:
                    self.tell("let_go")
                    self.drop()
                    continue
                self.tell("back")
                self.ask_again()
            return

    def _running(self) -> bool:
        return bool(self.state.frames) and not self.top.waits

    def _waiting(self) -> bool:
        return bool(self.state.frames) and bool(self.top.waits)

    def push(self, wanted: Wanted) -> None:
        """Begin something; the oldest of too many is left. Who may not act is told so at once."""
        from penjing.assistant.dialogue.state import MAX_FRAMES

        if self.role == TALKER and self.plan.acts(wanted.intent):
            self.tell("may_not_act")
            return
        frame = Frame(
            wanted.intent, slots=wanted.slots, unsure=wanted.unsure, when=wanted.when,
            provided=wanted.provided,
        )  # fmt: skip
        self.state = replace(self.state, frames=(*self.state.frames, frame)[-MAX_FRAMES:])

    def enqueue(self, many: list[Wanted]) -> None:
        """What comes afterwards."""
        self.state = replace(self.state, queue=(*many, *self.state.queue)[:MAX_QUEUE])

    # -- running

    def _run(self) -> None:
        program = self.plan.programs.get(self.top.intent, ())
        for _ in range(len(program) + 1):
            frame = self.top
            if frame.place >= len(program):
                return self.drop(done=True)
            step = program[frame.place]
            onward = replace(frame, place=frame.place + 1, agreed=False, asked=0)
            if isinstance(step, Collect):
                known = frame.values().get(step.slot) or self._usual(step.slot)
                if known is None:
                    return self._question(step.slot)
                slots = {**frame.values(), step.slot: known}
                self.put(replace(onward, agreed=frame.agreed, slots=tuple(slots.values())))
            elif isinstance(step, Ask):
                if not frame.agreed:
                    return self._wait_for_yes(frame, step.words)
                self.put(onward)
            elif isinstance(step, Call | Confirmed):
                return self._call(frame, step)
            elif isinstance(step, Answer):
                self._answer(step)
                self.put(onward)
            elif isinstance(step, Test):
                same = _holds(step, frame)
                self.put(replace(onward, place=onward.place if same else step.otherwise))
            elif isinstance(step, Jump):
                self.put(replace(onward, place=step.to))
            elif isinstance(step, Reply):
                state = self.state
                self.orders.append(reply_to(step, self.text, state.language, state.count))
                self.put(onward)
            elif isinstance(step, Stop):
                return self.drop(done=True)
        return self.drop()

    def _answer(self, step: Answer) -> None:
        if self.top.when is None or self.top.when.now:  # what is put off was told already
            self.say(step.words, self.values(self.top))

    def _question(self, slot: str) -> None:
        frame = self.top
        spec = self.plan.spec.slots[slot]
        if frame.asked >= MAX_ASKED:
            self.tell("gave_up")
            return self.drop()
        offers = slot if (frame.asked or slot in self.which) and spec.kind == "entity" else ""
        self._tell_bounds(slot)
        self.say(question_for(self.plan, spec, self.state.language), self.values(frame), offers)
        return self.put(replace(frame, waits="slot", asked=frame.asked + 1))

    def _usual(self, slot: str) -> Slot | None:
        """How much more is meant when only more was said: the spec tells."""
        spec = self.plan.spec.slots[slot]
        if not spec.change or spec.step is None or slot in self.beyond:
            return None
        size = int(spec.step) if spec.step == int(spec.step) else spec.step
        return Slot(slot, size if spec.change == "more" else -size, "", -1, -1, "spec")

    def _tell_bounds(self, slot: str) -> None:
        """What was said for a slot is out of bounds: which they are."""
        words = self.beyond.pop(slot, "")
        spec, language = self.plan.spec.slots[slot], self.state.language
        if words:
            low, high = (
                "…" if one is None else slot_words(spec, one, language) for one in bounds(spec)
            )
            self.tell("out_of_range", words=words, low=low, high=high)

    def _wait_for_yes(self, frame: Frame, words: Words) -> None:
        if frame.asked >= MAX_ASKED:
            self.tell("refused")
            return self.drop()
        self.say(words, self.values(frame))
        return self.put(replace(frame, waits="yes", asked=frame.asked + 1))

    def ask_again(self) -> None:
        """Ask the question of the newest frame once more."""
        self.put(replace(self.top, waits=""))
        self._run()

    # -- calls

    def licensed(self, frame: Frame, call: Call, *, of_all: bool = False) -> Licensed | Refused:
        """The call of a frame; `of_all`: described as what is done with all the things of it."""
        language = self.state.language
        words = call.describes or {language: (f"{call.tool} {_plainly(call)}",)}
        values = self.values(frame, None if of_all else call)
        describes = fill(choose(words, language), values, language)
        schema = self.plan.schemas.get(call.tool)
        if schema is None:
            return Refused(f"there is no tool '{call.tool}'")
        return license_call(
            call, frame.values(), schema, id=frame.action, describes=describes, turn=frame.turn
        )

    def _call(self, frame: Frame, step: Call | Confirmed) -> None:
        call = step.call if isinstance(step, Confirmed) else step
        if not spec_allows(self.plan.spec.tools, call.tool, self.role):
            self.tell("may_not_act" if self.role == TALKER else "not_permitted")
            return self.drop()
        missing = self.missing(frame, call)
        if missing is not None:
            return self._question(missing)
        if (things := turns(call, frame.values())) is not None and frame.turn >= len(things):
            return self.put(replace(frame, place=frame.place + 1, turn=0))  # all are excepted
        if not frame.action:
            self.state = replace(self.state, count=self.state.count + 1)
            frame = replace(frame, action=f"{self.fresh}-{self.state.count}")
        call_now = self.licensed(frame, call)
        if isinstance(call_now, Refused):
            self.tell("failed", error=call_now.why)
            return self.drop()
        return self._make(frame, step, call_now)

    def _make(self, frame: Frame, step: Call | Confirmed, call: Licensed) -> None:
        """Have a call made now, kept for later, or asked about."""
        kept, things = None, self.things()
        of_spec = step.call if isinstance(step, Confirmed) else step
        if frame.when is not None:
            kept = putting_off.deferred(self, frame, of_spec, call)
            if kept is None:
                return self.drop()
        careful = call.action.tool in self.plan.careful or isinstance(step, Confirmed)
        put_off = kept is not None and frame.when is not None and not frame.when.now
        together = put_off and things is not None and not careful  # one yes, and told once
        if (careful or frame.unsure) and not frame.agreed:
            if frame.asked >= MAX_ASKED:
                self.tell("refused")
                return self.drop()
            self._ask_for(frame, step, call, kept, together=together)
            return self.put(replace(frame, waits="yes", asked=frame.asked + 1))
        if put_off and kept is not None and frame.when is not None:
            told = putting_off.told(self, kept, frame.when, of_spec if together else None)
            self.orders.append(PutOff(kept, frame.when, told))
            if things is None:
                return self.drop(done=True)
            after = replace(frame, action="", turn=frame.turn + 1, asked=0)
            return self.put(replace(after, agreed=frame.agreed and together))
        back = kept.back if kept is not None else None
        self.orders.append(Do(call, undone=back is not None and back.restores))
        unsure = frame.unsure and frame.turn + 1 < len(things or ())  # of several each is asked
        return self.put(replace(frame, waits="call", unsure=unsure, agreed=False, asked=0))

    def _ask_for(
        self, frame: Frame, step: Call | Confirmed, call: Licensed, kept: Deferred | None,
        *, together: bool,
    ) -> None:  # fmt: skip
        of_spec = step.call if isinstance(step, Confirmed) else step
        card = self.licensed(frame, of_spec, of_all=True) if together else call
        if kept is not None and frame.when is not None:
            situation = "confirm" if frame.when.now else "confirm_planned"
            of_all = of_spec if together else None
            self.orders.append(Say(putting_off.planned(self, situation, kept, frame.when, of_all)))
        elif isinstance(step, Confirmed):
            self.say(step.question, self.values(frame))
        else:
            guessed = frame.unsure and call.action.tool not in self.plan.careful
            self.tell("did_you_mean" if guessed else "confirm", action=call.action.describes)
        self.orders.append(Wait(card if isinstance(card, Licensed) else call))

    def things(self) -> tuple[str, ...] | None:
        """What the newest frame's call is for, one after another; None when for no group."""
        step = self.plan.programs[self.top.intent][self.top.place]
        call = step.call if isinstance(step, Confirmed) else step
        return turns(call, self.top.values()) if isinstance(call, Call) else None

    def thing(self, name: str) -> str:
        """One thing of a group in the person's language."""
        step = self.plan.programs[self.top.intent][self.top.place]
        call = step.call if isinstance(step, Confirmed) else step
        assert isinstance(call, Call)  # noqa: S101 -- `things` said so
        slots = self.top.values()
        said = named(self.plan.spec, call, name, slots, self.state.language)
        return next(iter(said.values()), name)

    def looks_at_failed(self) -> bool:
        """The newest frame's flow says itself what could not be done."""
        program = self.plan.programs.get(self.top.intent, ())
        told = ("result.failed", "result.unknown")
        return any(isinstance(one, Test) and one.on in told for one in program)

    def missing(self, frame: Frame, call: Call) -> str | None:
        """The first slot that a call needs and a frame has not."""
        known = frame.values()
        for name, argument in call.arguments.items():
            slot = getattr(argument, "slot", None)
            if slot is not None and slot not in known and name not in call.optional:
                return str(slot)
        return None


def _holds(step: Test, frame: Frame) -> bool:
    if step.on.startswith("result."):
        value: Any = frame.result
        for part in step.on.split(".")[1:]:
            value = value.get(part) if isinstance(value, Mapping) else None
    else:
        name, _, several = step.on.partition(".")
        slot = frame.values().get(name)
        value = slot.value if slot is not None else None
        value = is_group(value) or None if several else value
    if step.equals is None:
        return value not in (None, "", [], {}, ())
    return bool(value == step.equals and isinstance(value, bool) == isinstance(step.equals, bool))


def _plainly(call: Call) -> str:
    """A call in words when the spec has none."""
    parts = []
    for name, argument in call.arguments.items():
        slot = getattr(argument, "slot", None)
        parts.append("{" + slot + "}" if slot else f"{name} {shown(argument.value, 'en')}")  # type: ignore[union-attr]
    return " ".join(parts)
