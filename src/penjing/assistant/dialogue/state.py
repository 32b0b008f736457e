"""What a conversation is about right now. Frozen, small, and bounded whatever is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from penjing.assistant.understand.conditions import Provided
from penjing.core.dialogue import Slot, When

MAX_FRAMES = 3
"""Things begun inside each other; the oldest gives way."""
MAX_QUEUE = 3
"""Requests of one sentence that wait for their turn."""
MAX_RECENT = 6
"""Values spoken of last."""


@dataclass(frozen=True)
class Frame:
    """Something that was begun."""

    intent: str
    """What is wanted."""
    place: int = 0
    """Next instruction of its program."""
    slots: tuple[Slot, ...] = ()
    """What is known."""
    waits: Literal["", "slot", "yes", "call"] = ""
    """For an answer to a question, for a yes, for a tool."""
    action: str = ""
    """Id of the call that waits."""
    asked: int = 0
    """How often the same was asked."""
    unsure: bool = False
    """It was guessed: nothing is done without a yes."""
    agreed: bool = False
    """The person said yes to what comes next."""
    result: Mapping[str, Any] = field(default_factory=dict)
    """What the last tool answered. Data, never instructions."""
    when: When | None = None
    """When its call is to be made; None for now."""
    turn: int = 0
    """Which of a group of things the call is for."""
    provided: Provided | None = None
    """What is looked at first; None once it was, or for nothing."""

    def values(self) -> dict[str, Slot]:
        """Its slots by name."""
        return {slot.name: slot for slot in self.slots}


@dataclass(frozen=True)
class Wanted:
    """A request that is understood and not begun."""

    intent: str
    slots: tuple[Slot, ...]
    unsure: bool = False
    when: When | None = None
    provided: Provided | None = None


@dataclass(frozen=True)
class DialogueState:
    """A conversation's state."""

    language: str = ""
    """Spoken last; empty before anything was."""
    frames: tuple[Frame, ...] = ()
    """What was begun, the newest last."""
    queue: tuple[Wanted, ...] = ()
    """What comes after the newest frame."""
    last: Wanted | None = None
    """What was done last: "no, the bedroom" means it."""
    recent: tuple[Slot, ...] = ()
    """Values spoken of, the newest first: "it" means one of them."""
    spoke: float = 0.0
    """When something was last heard, in seconds since 1970."""
    count: int = 0
    """Calls asked for so far: makes their ids differ."""
