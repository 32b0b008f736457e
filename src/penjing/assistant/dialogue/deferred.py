"""A call that is kept until it is due, as plain data and back; and the call that takes one back.

What is kept is where in the spec the call stands and the slots it was read from. When it is due it
is licensed anew by the spec of that moment, and must come out as it was. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penjing.assistant.dialogue.keep import read_slot, slot_plain
from penjing.assistant.dialogue.plan import Confirmed, Jump, Plan, Test
from penjing.assistant.spec.values import Answer, Argument, Call, FromSlot, Literally, Stop
from penjing.assistant.trust import Licensed, Refused, license_call
from penjing.core.dialogue import Slot, When

_OPPOSITES = (
    ("on", "off"), ("open", "close"), ("lock", "unlock"), ("mute", "unmute"), ("arm", "disarm"),
    ("enable", "disable"), ("play", "pause"),
)  # fmt: skip
_BACK = {a: b for pair in _OPPOSITES for a, b in (pair, pair[::-1])}


@dataclass(frozen=True)
class Deferred:
    """A call as it is kept."""

    intent: str
    """Whose flow makes it."""
    place: int
    """Which instruction of it."""
    slots: tuple[Slot, ...]
    """What the person said."""
    language: str
    """What they spoke."""
    call: Licensed
    """The call that was licensed."""
    lasts: float | None = None
    """Seconds from then after which it is taken back."""
    back: Deferred | None = None
    """By this call."""
    turn: int = 0
    """Which of a group of things it is for."""
    restores: bool = False
    """It puts back what the call changed, and does not make it."""


def call_at(plan: Plan, intent: str, place: int) -> Call | None:
    """The call that an instruction makes; None where there is none."""
    program = plan.programs.get(intent, ())
    step = program[place] if 0 <= place < len(program) else None
    step = step.call if isinstance(step, Confirmed) else step
    return step if isinstance(step, Call) else None


def stands_alone(plan: Plan, intent: str, place: int, known: Collection[str]) -> bool:
    """No other call can follow it: it may be made without what comes after it in its flow.
    `known`: the slots that have a value."""
    program = plan.programs[intent]
    todo, seen = [place + 1], set[int]()
    while todo:
        at = todo.pop()
        if at in seen or at >= len(program):
            continue
        seen.add(at)
        step = program[at]
        if isinstance(step, Call | Confirmed):
            return False
        if isinstance(step, Test) and step.on in plan.spec.slots and step.equals is None:
            todo.append(at + 1 if step.on in known else step.otherwise)
        elif isinstance(step, Test):
            todo += [step.otherwise, at + 1]
        elif isinstance(step, Jump):
            todo.append(step.to)
        elif not isinstance(step, Stop):
            todo.append(at + 1)
    return True


def stand_apart(plan: Plan, intent: str, place: int) -> bool:
    """Calls for the things of a group may be made each by itself: no answer of one of them, or of
    a call after them, chooses another call."""
    program = plan.programs[intent]
    rest = program[place + 1 :]
    last = max((n for n, one in enumerate(rest) if isinstance(one, Call | Confirmed)), default=-1)
    calls = [one.call if isinstance(one, Confirmed) else one for one in rest[: last + 1]]
    return all(isinstance(one, Call | Answer) for one in calls) and all(
        any(isinstance(arg, FromSlot) and arg.member for arg in one.arguments.values())
        for one in calls
        if isinstance(one, Call)
    )


def way_back(plan: Plan, call: Call) -> tuple[str, int] | None:
    """Where the spec has the call that turns another around: the same but for one opposite; what
    says in free words what is played is not needed to stop it."""
    for one in (call, _without_texts(plan, call)):
        for intent, program in plan.programs.items():
            for place in range(len(program)):
                other = call_at(plan, intent, place)
                if other is not None and other.tool == one.tool and _opposite(one, other):
                    return intent, place
    return None


def _without_texts(plan: Plan, call: Call) -> Call:
    slots = plan.spec.slots
    kept = {
        name: one
        for name, one in call.arguments.items()
        if not (isinstance(one, FromSlot) and one.slot in slots and slots[one.slot].kind == "text")
    }
    return replace(call, arguments=kept, optional=call.optional & kept.keys())


def turned_to(plan: Plan, intent: str, directions: Sequence[str]) -> str | None:
    """The intent whose first call does to the same things what is said of them ("off"); other
    values of the call are no part of it: "set it to 22" and "off"."""
    first = _first_call(plan, intent) if directions else None
    for name in plan.programs if first is not None else ():
        other = _first_call(plan, name)
        if first is None or other is None or other.tool != first.tool or other.optional:
            continue
        apart = {
            key: value
            for key, value in other.arguments.items()
            if first.arguments.get(key) != value or isinstance(value, Literally)
        }
        things = {key: value for key, value in apart.items() if first.arguments.get(key) != value}
        said = [key for key, value in apart.items() if _direction(key, value) in directions]
        if len(said) == 1 and things.keys() <= set(said) and len(other.arguments) > 1:
            return name
    return None


def _first_call(plan: Plan, intent: str) -> Call | None:
    calls = (call_at(plan, intent, place) for place in range(len(plan.programs.get(intent, ()))))
    return next((one for one in calls if one is not None), None)


def _direction(key: str, value: Argument) -> str:
    """What a literal argument says in one word."""
    if not isinstance(value, Literally):
        return ""
    if isinstance(value.value, bool):
        return ("on" if value.value else "off") if key == "on" else ""
    return str(value.value)


def _opposite(one: Call, other: Call) -> bool:
    if one.arguments.keys() != other.arguments.keys() or one.optional != other.optional:
        return False
    pairs = [(one.arguments[name], other.arguments[name]) for name in one.arguments]
    apart = [pair for pair in pairs if pair[0] != pair[1]]
    return len(apart) == 1 and _turned(*apart[0])


def _turned(one: Argument, other: Argument) -> bool:
    if not isinstance(one, Literally) or not isinstance(other, Literally):
        return False
    if isinstance(one.value, bool) or isinstance(other.value, bool):
        return one.value is (not other.value)
    return isinstance(one.value, str) and _BACK.get(one.value) == other.value


# -- as plain data


def to_plain(one: Deferred) -> dict[str, Any]:
    """As JSON has it."""
    action = one.call.action
    return {
        "intent": one.intent, "place": one.place, "language": one.language,
        "slots": [slot_plain(slot) for slot in one.slots],
        "id": action.id, "tool": action.tool, "arguments": dict(action.arguments),
        "describes": action.describes, "lasts": one.lasts, "turn": one.turn,
        "restores": one.restores,
        "back": None if one.back is None else to_plain(one.back),
    }  # fmt: skip


def from_plain(data: Mapping[str, Any], plan: Plan) -> Licensed | Refused:
    """The call that was kept, made by the spec as it is now, and the same as it was."""
    try:
        call = call_at(plan, str(data["intent"]), int(data["place"]))
        slots = {slot.name: slot for slot in map(read_slot, data["slots"])}
        tool, arguments = str(data["tool"]), dict(data["arguments"])
        named, describes = str(data["id"]), str(data["describes"])
        turn = int(data.get("turn", 0))
    except (KeyError, TypeError, ValueError):
        return Refused("what was kept of it cannot be read")
    schema = plan.schemas.get(tool)
    if call is None or call.tool != tool or schema is None:
        return Refused("the assistant cannot do that any more")
    again = license_call(call, slots, schema, id=named, describes=describes, turn=turn)
    if isinstance(again, Licensed) and again.action.arguments != arguments:
        return Refused("the assistant would do something else by now")
    return again


def back_of(data: Mapping[str, Any]) -> tuple[Mapping[str, Any], When] | None:
    """What takes a kept call back, and when; None where nothing does."""
    back, lasts = data.get("back"), data.get("lasts")
    if not isinstance(back, Mapping) or not isinstance(lasts, int | float):
        return None
    return back, When(after=float(lasts))
