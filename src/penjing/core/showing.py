"""A seam beside `Tool`: what a tool is about, as it is now, and what may be pressed there.

For a view of the house beside the conversation. Pure values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class Press:
    """Something that may be pressed."""

    arguments: Mapping[str, Any]
    """What the tool is called with."""
    value: str = ""
    """The argument that the person gives with it; empty where there is none."""


@dataclass(frozen=True)
class Thing:
    """A device, a timer, a note: one of what a tool is about."""

    kind: str
    """What it is: "light", "timer", "note" ..."""
    name: str
    """What people call it."""
    key: str = ""
    """To tell it from others of its name."""
    also: Sequence[str] = ()
    """Its other names, such as those of another language."""
    room: str = ""
    """Where it is."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """How it is, as far as that is known."""
    reason: str = ""
    """Why it is not known, as a word for programs."""
    presses: Mapping[str, Press] = field(default_factory=dict)
    """What may be done with it, by name."""


@runtime_checkable
class Showing(Protocol):
    """A tool that can be looked at."""

    def shown(self, person: str) -> Sequence[Thing]:
        """What there is now for a person; none where nobody can tell."""
        ...
