"""What is due, as it may be known without its person's key: when, and of what kind.

What it is called, and what is to be done, is not here: that lies in the person's own part, under
the id that both have. Pure values, and the seam to whoever keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from penjing.core.errors import FormatError

Kind = Literal["alarm", "timer", "reminder", "call"]
"""The first three ring; a call is made."""


@dataclass(frozen=True)
class Pending:
    """Something that will ring, rings, or has rung and was not told yet; or a call to be made."""

    id: str
    """To find it by; tells nothing."""
    person: str
    """Whose it is, by id."""
    kind: Kind
    """What it is."""
    at: float
    """When it comes next, in seconds since 1970."""
    time: str = ""
    """HH:MM on the wall, where that was said."""
    days: tuple[str, ...] = ()
    """Weekdays on which that time comes again and again; none: it comes once."""
    date: str = ""
    """YYYY-MM-DD of that time where it comes once."""
    zone: str = ""
    """Whose wall; empty for this machine's."""
    seconds: float = 0.0
    """After how long it comes, where that was said: not by the wall."""
    boot: str = ""
    """Which start of the machine `ripe` counts from; empty where nothing counts."""
    ripe: float = 0.0
    """When that while is over, in seconds since then, whatever the clock is set to."""
    of: str = ""
    """Whose words it has, where they are another's: it was snoozed."""
    rang: float | None = None
    """The moment for which it rang last, until that is told and silent."""
    sounding: bool = False
    """It rings now."""
    stopped: bool = False
    """Somebody stopped it."""
    untold: int = 0
    """How often it was due since its person was told."""
    over: bool = False
    """It has come and does not come again."""
    begun: bool = False
    """Of a call: it was about to be made."""
    past: tuple[float, ...] = ()
    """Moments for which it rang: a clock that is set back does not bring them again."""

    @property
    def words(self) -> str:
        """The id of what it is called."""
        return self.of or self.id


class Agenda(Protocol):
    """Keeps what is pending, for everybody. Thread-safe."""

    def all(self) -> Sequence[Pending]:
        """Everybody's, the first to be added first."""
        ...

    def of(self, person: str) -> Sequence[Pending]:
        """One person's."""
        ...

    def change(self, before: Pending | None, after: Pending | None) -> bool:
        """Put one in the place of another: it has reached the disk. None: there was, or is, none.

        False, and nothing is done, where `before` is not what is there: somebody was faster.
        """
        ...


def read_pending(values: Any) -> Pending:
    """One from plain data, as `asdict` gives it. Raises FormatError for what is none."""
    try:
        one = Pending(
            **{**values, "days": tuple(values["days"]), "past": tuple(map(float, values["past"]))}
        )
        texts = (one.id, one.person, one.time, one.date, one.zone, one.boot, one.of, *one.days)
        fine = all(isinstance(text, str) for text in texts) and one.kind in get_args(Kind)
        numbers = (one.at, one.seconds, one.ripe)
        fine = fine and all(isinstance(number, int | float) for number in numbers)
        flags = (one.sounding, one.stopped, one.over, one.begun)
        fine = fine and all(isinstance(flag, bool) for flag in flags)
        fine = fine and isinstance(one.untold, int) and isinstance(one.rang, int | float | None)
    except (TypeError, KeyError, ValueError):
        fine = False
    if not fine:
        raise FormatError("what is due cannot be read: it was written by another penjing")
    return one
