"""Prompt injection ends here: the one place where a call of a tool can come into being.

A tool is named by the spec; an argument is the spec's own literal or a slot that was read from the
person's own words. Nothing else has a way in: there is no function here that takes a document's, a
tool's or the model's text. `tests/attacks` holds that no other module makes an `Action`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.assistant.spec.schema import wrong_argument
from penjing.assistant.spec.values import Call, FromSlot
from penjing.assistant.understand.groups import is_group, things_of
from penjing.assistant.understand.slots import unsaid
from penjing.core.dialogue import Action, Slot

TRUSTED = ("person", "spec")
"""Whose words may decide an action."""
_SEAL = object()


@dataclass(frozen=True)
class Licensed:
    """A call that may be made. Only `license_call` makes one."""

    action: Action
    """The call."""
    evidence: tuple[Slot, ...]
    """Where each argument that the spec does not give was read from."""
    seal: object
    """Proof of where it was made."""

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("a call is licensed by license_call and nothing else")


@dataclass(frozen=True)
class Refused:
    """A call that may not be made."""

    why: str
    """One line."""


def license_call(
    call: Call,
    slots: Mapping[str, Slot],
    schema: Mapping[str, Any],
    *,
    id: str,
    describes: str,
    turn: int = 0,
) -> Licensed | Refused:
    """A call of the spec with its slots filled in, if everything in it may decide an action.

    Of a group of things ("all but the kitchen") a call has one, the `turn`th of those that were not
    excepted: `turns` tells how many calls there are.
    """
    arguments: dict[str, Any] = {}
    evidence: list[Slot] = []
    for name, argument in call.arguments.items():
        if not isinstance(argument, FromSlot):
            arguments[name] = argument.value
            continue
        slot = slots.get(argument.slot)
        if slot is None or unsaid(slot.value):
            if name in call.optional:
                continue
            return Refused(f"'{argument.slot}' is not known: say it")
        if slot.trust not in TRUSTED or (slot.trust == "person" and not slot.text):
            return Refused(f"'{argument.slot}' was not said by a person: say it")
        if is_group(slot.value):
            things = things_of(slot.value, argument.member or argument.slot)
            if not 0 <= turn < len(things):
                return Refused(f"'{argument.slot}' has nothing left in it: say which")
            arguments[name] = things[turn]
        else:
            arguments[name] = list(slot.value) if isinstance(slot.value, tuple) else slot.value
        evidence.append(slot)
    if (problem := wrong_argument(schema, arguments)) is not None:
        return Refused(problem)
    return Licensed(Action(id, call.tool, arguments, describes), tuple(evidence), _SEAL)


def license_press(
    tool: str, arguments: Mapping[str, Any], schema: Mapping[str, Any], *, id: str
) -> Licensed | Refused:
    """A call that a tool itself offers, pressed by a person: its own arguments, and at most one
    value that the person gave (`pressing.py`), which the schema must take."""
    if (problem := wrong_argument(schema, arguments)) is not None:
        return Refused(problem)
    return Licensed(Action(id, tool, arguments, ""), (), _SEAL)


def recalled(note: Mapping[str, Any]) -> Action:
    """A call that was made, as its note tells of it. No licence ever comes of it."""
    return Action(note["id"], note["tool"], note["arguments"], note["describes"])


def turns(call: Call, slots: Mapping[str, Slot]) -> tuple[str, ...] | None:
    """The things that a call is made for, one after another; None when it is for no group."""
    for argument in call.arguments.values():
        slot = slots.get(argument.slot) if isinstance(argument, FromSlot) else None
        if slot is not None and isinstance(argument, FromSlot) and is_group(slot.value):
            return things_of(slot.value, argument.member or argument.slot)
    return None


def was_said(licensed: Licensed, sentences: Sequence[str]) -> bool:
    """Every argument that the spec does not give stands in something the person really said."""
    return all(
        slot.trust == "spec" or any(slot.text in sentence for sentence in sentences)
        for slot in licensed.evidence
    )
