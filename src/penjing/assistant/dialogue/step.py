"""The dialogue: `step(plan, state, event)` gives the next state and what is to be done. Pure.

What keeps it safe is short: a tool is called only by `Do`; `Do` comes only from a call that a
spec's flow makes with slots that a person said; a careful one only after a yes to that very call.
Who may only talk comes upon nothing that could act, and leaves nothing that could act later.
"""

from __future__ import annotations

from dataclasses import replace

from penjing.assistant.dialogue.answered import answered
from penjing.assistant.dialogue.deferred import turned_to
from penjing.assistant.dialogue.events import (
    Chosen,
    Consult,
    Event,
    Heard,
    Stepped,
)
from penjing.assistant.dialogue.plan import Confirmed, Plan
from penjing.assistant.dialogue.questions import consulted
from penjing.assistant.dialogue.run import Run
from penjing.assistant.dialogue.state import MAX_RECENT, DialogueState, Frame, Wanted
from penjing.assistant.spec.values import Call, Collect
from penjing.assistant.understand.groups import is_group
from penjing.assistant.understand.reading import Reading
from penjing.assistant.understand.slots import BEYOND, REFERENCE, WHICH, unsaid
from penjing.core.dialogue import TALKER, Recognition, Slot

_CARRIED = 120.0
"""Seconds for which "and dim it" still means what was just spoken of."""


def step(plan: Plan, state: DialogueState, event: Event) -> Stepped:
    """What becomes of a conversation when something happens."""
    talks = event.role == TALKER
    run = Run(plan, _harmless(plan, state) if talks else state, event.role, event.at)
    if isinstance(event, Heard):
        run.fresh, run.text = event.fresh, event.reading.text
        _heard(run, event)
    elif isinstance(event, Chosen):
        _chosen(run, event)
    else:
        answered(run, event)
    after = _harmless(plan, run.state) if talks else run.state
    return Stepped(after, tuple(run.orders))


def _harmless(plan: Plan, state: DialogueState) -> DialogueState:
    """Without all that a later yes, value or "it" could make a call of."""
    frames = tuple(one for one in state.frames if not plan.acts(one.intent))
    return replace(state, frames=frames, queue=(), last=None, recent=())


# -- a person said something


def _heard(run: Run, event: Heard) -> None:
    reading, before = event.reading, run.state
    silence = event.at - before.spoke
    run.state = replace(before, language=reading.language, spoke=event.at)
    if before.spoke and silence > run.plan.spec.timeout and (before.frames or before.queue):
        run.state = replace(run.state, frames=(), queue=())
        run.tell("timed_out")
    if run.state.frames and run.top.waits == "call":
        run.drop()  # a tool that never answered: whatever comes now does not belong to it
    asked = run.top.waits if run.state.frames else ""
    turns = not asked and before.last is not None and bool(reading.passed.directions)
    if not turns and _doubted(run, reading):
        pass  # said, and whatever was asked is asked again
    elif asked == "yes":
        _while_confirming(run, reading)
    elif asked == "slot":
        _while_asking(run, reading)
    else:
        _afresh(run, reading, carried=silence <= _CARRIED)
    run.go_on()
    _remember(run, reading)


def _doubted(run: Run, reading: Reading) -> bool:
    """The gate stopped it: the person is told why, and nothing is done about any of it."""
    doubt = reading.doubt
    if doubt is None:
        return False
    asked = run.top.waits if run.state.frames else ""
    if asked == "slot" and _free(run, _awaited(run, run.top)) and not _would_act(reading):
        return False  # any words are an answer
    nothing = not doubt.named and not (reading.denies and run.state.last)
    if doubt.of_values and not asked and nothing:
        return False  # nobody waits for a value
    questions = doubt.kind == "only_asked" or (doubt.of_values and reading.asks)
    if questions and run.plan.spec.unknown:
        run.orders.append(Consult(run.plan.spec.unknown, reading.text, "only_asked"))
    else:
        run.tell(doubt.kind, words=doubt.words)
    return True


def _would_act(reading: Reading) -> bool:
    return reading.doubt is not None and not reading.doubt.of_values


def _while_confirming(run: Run, reading: Reading) -> None:
    frame = run.top
    if reading.act == "yes":
        return run.put(replace(frame, waits="", agreed=True))
    if reading.act in ("no", "cancel"):
        run.tell("refused" if reading.act == "no" else "cancelled")
        return _leave(run, whole=reading.act == "cancel")
    if frame.when is not None and reading.whens and not reading.requests:
        when = replace(reading.whens[0] or frame.when, lasts=frame.when.lasts)
        return run.put(replace(frame, waits="", when=when))  # "no, at ten": asked once more
    if _corrected(run, reading):
        return None
    if reading.requests:
        return _digress(run, reading)
    run.put(replace(frame, waits=""))  # asked once more by going on
    return None


def _while_asking(run: Run, reading: Reading) -> None:  # noqa: PLR0911 -- one answer after another
    frame = run.top
    if reading.act == "cancel":
        run.tell("cancelled")
        return _leave(run, whole=True)
    wanted = _awaited(run, frame)
    given = _value_for(run, wanted, reading)
    sure = bool(reading.requests) and reading.requests[0][0].stage == "templates"
    another = sure and reading.requests[0][0].intent != frame.intent and not reading.bare
    if another and not (given and not unsaid(given.value) and _free(run, wanted) is False):
        return _digress(run, reading)
    asked = reading.asks and reading.act is None and bool(run.plan.spec.unknown)
    guessed = asked and frame.unsure and _free(run, wanted)  # a question answers no guess
    if given is not None and not unsaid(given.value) and not guessed:
        filled = {**_fitting(run, frame, reading), **frame.values(), wanted: given}
        unsure = frame.unsure and bool(frame.values())  # who answers means what was asked about
        slots = tuple(filled.values())
        return run.put(replace(frame, waits="", slots=slots, asked=0, unsure=unsure))
    if reading.requests and reading.requests[0][0].intent != frame.intent:
        return _digress(run, reading)
    if reading.act == "no":
        run.tell("refused")
        return _leave(run, whole=False)
    if asked:
        run.orders.append(Consult(run.plan.spec.unknown, reading.text))
        return None  # answered, and then asked again
    run.put(replace(frame, waits=""))
    return None


def _afresh(run: Run, reading: Reading, *, carried: bool) -> None:
    last = run.state.last
    ways = reading.passed.directions if carried else ()
    if last is not None and (turned := turned_to(run.plan, last.intent, ways)) is not None:
        return run.push(Wanted(turned, last.slots))
    corrects = reading.denies or reading.bare
    whole = reading.requests and reading.requests[0][0].confidence >= 0.8
    if last is not None and carried and corrects and not (whole and not reading.bare):
        names = {slot.name for slot in last.slots}
        fresh = {one.name: one for one in _chosen_values(reading) if one.name in names}
        if fresh and not _own_request(reading, last):
            slots = tuple(fresh.get(slot.name, slot) for slot in last.slots)
            return run.push(Wanted(last.intent, slots))
    if reading.requests and not (reading.act and reading.requests[0][0].stage != "templates"):
        return _begin(run, reading, carried=carried)
    if reading.act is not None:
        return run.tell("nothing_to_cancel" if reading.act == "cancel" else "nothing_to_answer")
    consult = consulted(run.plan, reading)
    return run.orders.append(consult) if consult is not None else run.tell("cannot_do")


def _own_request(reading: Reading, last: Wanted) -> bool:
    """A bare value that is itself a whole request ("movie night")."""
    return (
        bool(reading.requests)
        and not reading.denies
        and reading.requests[0][0].stage == "templates"
        and reading.requests[0][0].intent != last.intent
    )


# -- requests


def _begin(run: Run, reading: Reading, *, carried: bool) -> None:
    gated = reading.passed.unsure
    whens = reading.whens or (None,) * len(reading.requests)
    wanted = [
        replace(_wanted(run, one, carried, gated=gated), when=when, provided=reading.provided)
        for one, when in zip(reading.requests, whens, strict=True)
    ]
    run.enqueue(wanted[1:])
    run.push(wanted[0])


def _digress(run: Run, reading: Reading) -> None:
    """Something else first; what was asked stays open."""
    _begin(run, reading, carried=False)


def _wanted(
    run: Run, alternatives: tuple[Recognition, ...], carried: bool, *, gated: bool
) -> Wanted:
    """The best way to take a request, with "it" replaced by what was spoken of."""
    ways = [(*_resolved(run, one), one) for one in alternatives]
    slots, _, one = min(ways, key=lambda way: way[1])
    intent = str(one.intent)
    if carried:
        for name in sorted(run.plan.slots[intent] - slots.keys()):
            spoken = next((slot for slot in run.state.recent if slot.name == name), None)
            single = spoken is not None and not is_group(spoken.value)
            if spoken is not None and single and run.plan.spec.slots[name].kind == "entity":
                slots[name] = spoken
    unsure = (
        gated
        or (
            one.stage in ("classifier", "home assistant")
            and one.confidence < run.plan.spec.acts_above
        )
        or (one.stage == "model" and run.plan.spec.model_decides != "act")
    )
    return Wanted(intent, tuple(slots.values()), unsure)


def _resolved(run: Run, one: Recognition) -> tuple[dict[str, Slot], int]:
    """Its slots without references, and how long ago the farthest of them was spoken of."""
    slots: dict[str, Slot] = {}
    age = 0
    for slot in one.slots:
        if slot.value == WHICH:
            run.which.add(slot.name)
        if slot.value == BEYOND:
            run.beyond[slot.name] = slot.text
        if not unsaid(slot.value):
            slots[slot.name] = slot
        if slot.value != REFERENCE:
            continue
        place = next(
            (n for n, old in enumerate(run.state.recent) if old.name == slot.name), MAX_RECENT
        )
        age = max(age, place + 1)
        if place < MAX_RECENT:
            slots[slot.name] = run.state.recent[place]
    return slots, age


# -- values


def _awaited(run: Run, frame: Frame) -> str:
    """The slot that was asked for."""
    step = run.plan.programs[frame.intent][frame.place]
    if isinstance(step, Collect):
        return step.slot
    if isinstance(step, Call | Confirmed):
        return run.missing(frame, step.call if isinstance(step, Confirmed) else step) or ""
    return ""


def _free(run: Run, slot: str) -> bool:
    return slot in run.plan.spec.slots and run.plan.spec.slots[slot].kind in ("text", "place")


def _value_for(run: Run, slot: str, reading: Reading) -> Slot | None:
    """What a sentence says for a slot; for one that takes any words, the whole sentence."""
    found = [one for one in reading.values if one.name == slot and not unsaid(one.value)]
    if found:
        return max(found, key=lambda one: one.end - one.start)
    if _free(run, slot) and reading.own.strip() and reading.act is None:
        words = reading.own.strip()
        start = reading.text.find(words)
        words = words if start >= 0 else reading.text.strip()
        start = max(start, reading.text.find(words))
        clean = words.rstrip(" .!?。！？")
        return Slot(slot, clean, words, start, start + len(words), "person")
    return None


def _chosen_values(reading: Reading) -> list[Slot]:
    """One value a slot; of several the last ("not the kitchen, the bedroom")."""
    best: dict[str, Slot] = {}
    for one in reading.values:
        if unsaid(one.value):
            continue
        old = best.get(one.name)
        if old is None or one.start >= old.end or one.end - one.start > old.end - old.start:
            best[one.name] = one
    return list(best.values())


def _fitting(run: Run, frame: Frame, reading: Reading) -> dict[str, Slot]:
    """Other values of the sentence that the frame has use for; no words are used twice."""
    wanted = run.plan.slots[frame.intent] - frame.values().keys()
    awaited = _value_for(run, _awaited(run, frame), reading)
    found: dict[str, Slot] = {}
    for one in _chosen_values(reading):
        apart = awaited is None or one.end <= awaited.start or one.start >= awaited.end
        if one.name in wanted and apart:
            found[one.name] = one
    return found


def _corrected(run: Run, reading: Reading) -> bool:
    """ "No, the bedroom": the frame begins again with what was said now."""
    frame = run.top
    known = frame.values()
    values = {one.name: one for one in _chosen_values(reading)}
    fresh = {name: one for name, one in values.items() if name in run.plan.slots[frame.intent]}
    same = any(r[0].intent == frame.intent for r in reading.requests)
    meant = reading.denies or reading.bare or same
    if not fresh or not meant or len(reading.requests) > 1 or reading.provided is not None:
        return False
    slots = tuple({**known, **fresh}.values())
    when = reading.whens[0] if reading.whens else frame.when
    run.put(Frame(frame.intent, slots=slots, unsure=frame.unsure, when=when))
    return True


def _leave(run: Run, *, whole: bool) -> None:
    """The newest frame is given up; with `whole` also what was to follow."""
    run.drop()
    run.state = replace(run.state, queue=() if whole else run.state.queue)


def _remember(run: Run, reading: Reading) -> None:
    """What was spoken of, the newest first."""
    spoken: list[Slot] = [
        slot for frame in reversed(run.state.frames) for slot in reversed(frame.slots)
    ]
    spoken += list(reversed(run.state.last.slots)) if run.state.last else []
    named = _chosen_values(reading)[::-1]
    said = [one for one in spoken if one.start >= 0 and one.text in reading.text]
    kept: list[Slot] = []
    for one in (*said, *named, *run.state.recent):
        if all(one.name != old.name or one.value != old.value for old in kept):
            kept.append(one)
    run.state = replace(run.state, recent=tuple(kept[:MAX_RECENT]))


# -- answers


def _chosen(run: Run, event: Chosen) -> None:
    """A card was answered: only the call that waits right now can be."""
    waits = bool(run.state.frames) and run.top.waits == "yes"
    if not waits or run.top.action != event.action or not event.action:
        return
    run.state = replace(run.state, spoke=event.at)
    run.fresh = event.action.rsplit("-", 1)[0]
    if event.yes:
        run.put(replace(run.top, waits="", agreed=True))
    else:
        run.tell("refused")
        _leave(run, whole=False)
    run.go_on()
