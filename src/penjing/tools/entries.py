"""What the clock that rings gives to others: an entry that will ring, and one that rings now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from penjing.core.agenda import Kind
from penjing.tools.due import GRACE


@dataclass(frozen=True)
class Entry:
    """Something that will ring."""

    id: str
    """To find it by."""
    kind: Kind
    """What it is."""
    label: str
    """What the person called it, or what they are to be reminded of."""
    at: float
    """When, in seconds since 1970."""
    time: str = ""
    """HH:MM on the wall where it repeats."""
    days: tuple[str, ...] = ()
    """Weekdays on which it repeats; none rings once."""
    seconds: float = 0.0
    """After how long it rings, where that was what was said."""
    begun: bool = False
    """Of a call: it was about to be made."""


@dataclass(frozen=True)
class Due:
    """Something that rings now."""

    person: str
    """Whose it is."""
    kind: Kind
    """What it is."""
    id: str
    """To find it by."""
    label: str
    """What the person called it; empty where nobody has the key."""
    at: float
    """When it should have rung."""
    late: float
    """Seconds since then."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Of a call: what is to be called."""
    begun: bool = False
    """Of a call: it was begun before, and nobody knows how it ended."""
    stopped: bool = False
    """Somebody has stopped it by now."""

    @property
    def missed(self) -> bool:
        """It is a call, and too late for it."""
        return self.kind == "call" and (self.begun or self.late > GRACE)


Tell = Callable[[Due], bool]
"""Tells a person; says whether somebody was there to hear it. Called from the clock's thread."""
