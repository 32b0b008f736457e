"""A conversation's state as plain data and back, so that a restart loses nothing. Pure.

What is read back is checked: a state that does not fit the spec any more is forgotten, not guessed.
Calls are not kept: they are licensed anew from the slots when they are confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from penjing.assistant.dialogue.plan import Plan
from penjing.assistant.dialogue.state import (
    MAX_FRAMES,
    MAX_QUEUE,
    MAX_RECENT,
    DialogueState,
    Frame,
    Wanted,
)
from penjing.assistant.understand.conditions import Provided
from penjing.core.dialogue import Slot, When

_MAX_RESULT = 2000
"""Characters of a tool's answer that are kept."""


def to_plain(state: DialogueState) -> dict[str, Any]:
    """A state as JSON has it."""
    return {
        "language": state.language,
        "frames": [_frame(one) for one in state.frames],
        "queue": [_wanted(one) for one in state.queue],
        "last": None if state.last is None else _wanted(state.last),
        "recent": [slot_plain(one) for one in state.recent],
        "spoke": state.spoke,
        "count": state.count,
    }


def _frame(one: Frame) -> dict[str, Any]:
    result = one.result if len(str(one.result)) <= _MAX_RESULT else {}
    return {
        "intent": one.intent, "place": one.place, "slots": [slot_plain(slot) for slot in one.slots],
        "waits": one.waits, "action": one.action, "asked": one.asked, "unsure": one.unsure,
        "agreed": one.agreed, "result": dict(result), "when": _when(one.when),
        "turn": one.turn, "provided": _provided(one.provided),
    }  # fmt: skip


def _wanted(one: Wanted) -> dict[str, Any]:
    slots = [slot_plain(slot) for slot in one.slots]
    return {
        "intent": one.intent, "slots": slots, "unsure": one.unsure, "when": _when(one.when),
        "provided": _provided(one.provided),
    }  # fmt: skip


def _provided(one: Provided | None) -> dict[str, Any] | None:
    if one is None:
        return None
    slots = [slot_plain(slot) for slot in one.slots]
    return {
        "intent": one.intent, "slots": slots, "field": one.field, "value": one.value,
        "words": one.words,
    }  # fmt: skip


def _when(one: When | None) -> dict[str, Any] | None:
    return None if one is None else asdict(one)


def slot_plain(one: Slot) -> list[Any]:
    """A slot as JSON has it."""
    return [one.name, one.value, one.text, one.start, one.end, one.trust]


def from_plain(data: Mapping[str, Any], plan: Plan, *, answered: bool) -> DialogueState:
    """The state of plain data; an empty one when it does not fit the spec.

    `answered` is false when the last thing said has no answer: the work ended in the middle of it,
    so a call that waited may have been made already, and waits no longer.
    """
    try:
        state = DialogueState(
            language=str(data["language"]),
            frames=tuple(_read_frame(one) for one in data["frames"][:MAX_FRAMES]),
            queue=tuple(_read_wanted(one) for one in data["queue"][:MAX_QUEUE]),
            last=None if data["last"] is None else _read_wanted(data["last"]),
            recent=tuple(read_slot(one) for one in data["recent"][:MAX_RECENT]),
            spoke=float(data["spoke"]),
            count=int(data["count"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return DialogueState()
    if not _fits(state, plan):
        return DialogueState(language=state.language, spoke=state.spoke, count=state.count)
    if not answered:
        state = replace(state, frames=(), queue=(), count=state.count + 1)
    return state


def _read_frame(data: Mapping[str, Any]) -> Frame:
    waits = data["waits"]
    if waits not in ("", "slot", "yes", "call"):
        raise ValueError(waits)
    return Frame(
        intent=str(data["intent"]), place=int(data["place"]), waits=waits,
        slots=tuple(read_slot(one) for one in data["slots"]), action=str(data["action"]),
        asked=int(data["asked"]), unsure=bool(data["unsure"]), agreed=bool(data["agreed"]),
        result=dict(data["result"]), when=_read_when(data.get("when")),
        turn=int(data.get("turn", 0)), provided=_read_provided(data.get("provided")),
    )  # fmt: skip


def _read_wanted(data: Mapping[str, Any]) -> Wanted:
    slots = tuple(read_slot(one) for one in data["slots"])
    when = _read_when(data.get("when"))
    provided = _read_provided(data.get("provided"))
    return Wanted(str(data["intent"]), slots, bool(data["unsure"]), when, provided)


def _read_provided(data: Any) -> Provided | None:
    if data is None:
        return None
    slots = tuple(read_slot(one) for one in data["slots"])
    said = str(data["field"]), bool(data["value"]), str(data["words"])
    return Provided(str(data["intent"]), slots, *said)


def _read_when(data: Any) -> When | None:
    return None if data is None else When(**{**data, "days": tuple(data["days"])})


def read_slot(data: Any) -> Slot:
    """The slot of plain data; ValueError or TypeError where it is none."""
    name, value, text, start, end, trust = data
    if trust not in ("person", "spec"):
        raise ValueError(trust)
    value = tuple(value) if isinstance(value, list) else value
    return Slot(str(name), value, str(text), int(start), int(end), trust)


def _fits(state: DialogueState, plan: Plan) -> bool:
    wanted: list[Frame | Wanted] = [*state.frames, *state.queue]
    wanted += [state.last] if state.last else []
    slots = [slot for one in wanted for slot in one.slots] + list(state.recent)
    places = all(
        0 <= one.place < len(plan.programs.get(one.intent, ())) or not one.waits
        for one in state.frames
    )
    return (
        places
        and all(one.intent in plan.programs for one in wanted)
        and all(one.provided is None or one.provided.intent in plan.programs for one in wanted)
        and all(slot.name in plan.spec.slots for slot in slots)
    )
