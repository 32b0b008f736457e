"""Runs the newest frame of a conversation until it waits for somebody or ends. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from penjing.assistant.dialogue.deferred import Deferred, call_at, stands_alone, way_back
from penjing.assistant.dialogue.events import Do, Order, PutOff, Say, Wait
from penjing.assistant.dialogue.plan import Confirmed, Jump, Plan, Test
from penjing.assistant.dialogue.questions import question_for, reply_to
from penjing.assistant.dialogue.state import MAX_QUEUE, DialogueState, Frame, Wanted
from penjing.assistant.generate.say import choose, fill, named, shown, slot_values, slot_words
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
from penjing.core.dialogue import TALKER, Slot, Standing, When
from penjing.core.moments import seconds_words, when_words

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
                deep = len(self.state.frames)
                self._run()
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
        frame = Frame(wanted.intent, slots=wanted.slots, unsure=wanted.unsure, when=wanted.when)
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
                self.say(step.words, self.values(frame))
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

    def licensed(self, frame: Frame, call: Call) -> Licensed | Refused:
        """The call of a frame."""
        language = self.state.language
        words = call.describes or {language: (f"{call.tool} {_plainly(call)}",)}
        describes = fill(choose(words, language), self.values(frame, call), language)
        schema = self.plan.schemas.get(call.tool)
        if schema is None:
            return Refused(f"there is no tool '{call.tool}'")
        return license_call(
            call, frame.values(), schema, id=frame.action, describes=describes, turn=frame.turn
        )

    def _call(self, frame: Frame, step: Call | Confirmed) -> None:
        call = step.call if isinstance(step, Confirmed) else step
        rule = self.plan.spec.tools.get(call.tool)
        if rule is None or self.role not in rule.who:
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
        if frame.when is not None and things is not None:  # of several, none is put off
            self.tell("not_now", words=frame.when.words)
            return self.drop()
        if frame.when is not None:
            kept = self._deferred(frame, step.call if isinstance(step, Confirmed) else step, call)
            if kept is None:
                return self.drop()
        careful = call.action.tool in self.plan.careful or isinstance(step, Confirmed)
        if (careful or frame.unsure) and not frame.agreed:
            if frame.asked >= MAX_ASKED:
                self.tell("refused")
                return self.drop()
            self._ask_for(frame, step, call, kept)
            return self.put(replace(frame, waits="yes", asked=frame.asked + 1))
        if kept is not None and frame.when is not None and not frame.when.now:
            told = self._planned("planned", kept, frame.when)
            self.orders.append(PutOff(kept, frame.when, told))
            return self.drop(done=True)
        self.orders.append(Do(call))
        unsure = frame.unsure and frame.turn + 1 < len(things or ())  # of several each is asked
        return self.put(replace(frame, waits="call", unsure=unsure, agreed=False, asked=0))

    def _ask_for(
        self, frame: Frame, step: Call | Confirmed, call: Licensed, kept: Deferred | None
    ) -> None:
        if kept is not None and frame.when is not None:
            situation = "confirm" if frame.when.now else "confirm_planned"
            self.orders.append(Say(self._planned(situation, kept, frame.when)))
        elif isinstance(step, Confirmed):
            self.say(step.question, self.values(frame))
        else:
            guessed = frame.unsure and call.action.tool not in self.plan.careful
            self.tell("did_you_mean" if guessed else "confirm", action=call.action.describes)
        self.orders.append(Wait(call))

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

    # -- another time

    def _deferred(self, frame: Frame, call: Call, call_now: Licensed) -> Deferred | None:
        """The call as it is kept; None, and told why, where it can not be put off."""
        when, keeper = frame.when, self.plan.spec.tools.get(self.plan.keeper)
        alone = stands_alone(self.plan, frame.intent, frame.place)
        if when is None or keeper is None or call.tool == keeper.name or not alone:
            self.tell("not_now", words=when.words if when else "")
            return None
        if self.role not in keeper.who:
            self.tell("not_permitted")
            return None
        one = Deferred(frame.intent, frame.place, frame.slots, self.state.language, call_now)
        if when.lasts is None:
            return one
        found = way_back(self.plan, call)
        turned = call_at(self.plan, *found) if found is not None else None
        back = (
            self.licensed(replace(frame, action=f"{frame.action}-back"), turned) if turned else None
        )
        if found is None or not isinstance(back, Licensed):
            self.tell("no_way_back", words=when.words)
            return None
        taken = Deferred(*found, frame.slots, self.state.language, back)
        return replace(one, lasts=when.lasts, back=taken)

    def _planned(self, situation: str, kept: Deferred, when: When) -> str:
        """What is told of a call that is put off."""
        language, fallbacks = self.state.language, self.plan.spec.fallbacks
        action = kept.call.action.describes
        if kept.back is not None and when.lasts is not None:
            lasts = seconds_words(int(when.lasts), language)
            values = {"action": action, "lasts": lasts, "back": kept.back.call.action.describes}
            action = fill(choose(fallbacks["and_back"], language), values, language)
        today = datetime.fromtimestamp(self.at).astimezone().date()
        said = "" if when.now else when_words(when, language, today)
        words = {"when": said[:1].upper() + said[1:], "action": action}
        return fill(choose(fallbacks[situation], language, self.state.count), words, language)

    def taken_back(self, frame: Frame) -> PutOff | None:
        """Something was done for a while: the call that takes it back is kept."""
        call = call_at(self.plan, frame.intent, frame.place)
        now = self.licensed(frame, call) if call is not None else None
        if frame.when is None or call is None or not isinstance(now, Licensed):
            return None
        kept = self._deferred(frame, call, now)
        if kept is None or kept.back is None:
            return None
        when = replace(frame.when, after=frame.when.lasts, lasts=None)
        return PutOff(kept.back, when, self._planned("planned", kept.back, when))

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
