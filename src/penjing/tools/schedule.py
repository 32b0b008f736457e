"""The clock that rings: alarms, timers and reminders of everybody, kept in each person's settings.

One thread, asleep until the next is due. Whoever cannot be told (nobody is there, the machine was
off) is told by the next `welcome`. An entry is forgotten only after somebody was told: a crash in
between rings twice rather than never. Knows nothing of words to say.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from penjing.core.errors import BadInput
from penjing.tools.failed import Failed
from penjing.tools.keep import Kept, load, save
from penjing.tools.when import next_moment, zone_of

Kind = Literal["alarm", "timer", "reminder"]
_NAME = "schedule"
_MOST = 200  # entries of a person
_LONGEST_SLEEP = 5.0  # so that a clock that was set is noticed

logger = logging.getLogger(__name__)


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
    zone: str = ""
    """Whose wall; empty for this machine's."""
    seconds: float = 0.0
    """After how long it rings, where that was what was said."""
    rung: bool = False
    """It was due and nobody was there to be told."""


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
    """What the person called it."""
    at: float
    """When it should have rung."""
    late: float
    """Seconds since then."""


Tell = Callable[[Due], bool]
"""Tells a person; says whether somebody was there to hear it. Called from the clock's thread."""


class Schedule:
    """Entries of all people whose store is open. Thread-safe."""

    def __init__(self, kept: Kept, tell: Tell, clock: Callable[[], float]) -> None:
        self._kept, self._tell, self._clock = kept, tell, clock
        self._people: dict[str, list[Entry]] = {}
        self._last: dict[tuple[str, str], Due] = {}
        self._changed = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None
        self._closed = False

    def welcome(self, person: str) -> list[Due]:
        """A person's store is open: what they have not been told, oldest first. Raises Failed."""
        with self._changed:
            entries = self._of(person)
            now = self._clock()
            missed = sorted((e for e in entries if e.at <= now), key=lambda entry: entry.at)
            dues = [self._due(person, entry, now) for entry in missed]
            self._set(person, self._after(entries, {entry.id for entry in missed}, now))
            return dues

    def leave(self, person: str) -> None:
        """A person's store is about to close: nothing rings for them until they are back."""
        with self._changed:
            self._people.pop(person, None)
            self._last = {key: due for key, due in self._last.items() if key[0] != person}

    def add(
        self,
        person: str,
        kind: Kind,
        label: str,
        at: float,
        *,
        time: str = "",
        days: Sequence[str] = (),
        zone: str = "",
        seconds: float = 0.0,
    ) -> Entry:
        """Let something ring. Raises Failed; what it returns was kept."""
        with self._changed:
            entries = self._of(person)
            if len(entries) >= _MOST:
                raise Failed("full", f"you have {_MOST} of these: cancel some first")
            entry = Entry(os.urandom(4).hex(), kind, label, at, time, tuple(days), zone, seconds)
            self._set(person, [*entries, entry])
            return entry

    def entries(self, person: str, kind: Kind) -> list[Entry]:
        """What will ring for a person, the next first. Raises Failed."""
        with self._changed:
            own = [entry for entry in self._of(person) if entry.kind == kind and not entry.rung]
            return sorted(own, key=lambda entry: entry.at)

    def cancel(self, person: str, ids: Sequence[str]) -> None:
        """Let these not ring. Raises Failed."""
        with self._changed:
            self._set(person, [entry for entry in self._of(person) if entry.id not in ids])

    def rang_last(self, person: str, kind: Kind) -> Due | None:
        """What a person was told of last."""
        with self._changed:
            return self._last.get((person, kind))

    def close(self) -> None:
        """Stop the thread. What is kept stays kept; calling it twice is harmless."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    # -- inside; the lock is held

    def _of(self, person: str) -> list[Entry]:
        """Read anew each time: another program may keep entries in the same place."""
        self._people[person] = [_read(one) for one in load(self._kept, person, _NAME)]
        self._start()
        return self._people[person]

    def _set(self, person: str, entries: list[Entry]) -> None:
        if entries == self._people[person]:
            return
        save(self._kept, person, _NAME, [asdict(entry) for entry in entries])
        self._people[person] = entries
        self._changed.notify_all()

    def _due(self, person: str, entry: Entry, now: float) -> Due:
        due = Due(person, entry.kind, entry.id, entry.label, entry.at, now - entry.at)
        self._last[person, entry.kind] = due
        return due

    def _after(self, entries: list[Entry], told: set[str], now: float) -> list[Entry]:
        """The entries once these were told: gone, or waiting for their next day."""
        kept = []
        for entry in entries:
            if entry.id not in told:
                kept.append(entry)
            elif entry.days:
                at = next_moment(now, entry.time, zone_of(entry.zone or None), days=entry.days)
                kept.append(replace(entry, at=at, rung=False))
        return kept

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="schedule", daemon=True)
            self._thread.start()

    # -- the thread

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = self._clock()
                waiting = [
                    (entry.at, person, entry)
                    for person, entries in self._people.items()
                    for entry in entries
                    if not entry.rung
                ]
                due = min(waiting, key=lambda one: one[0], default=None)
                if due is None or due[0] > now:
                    left = due[0] - now if due else _LONGEST_SLEEP
                    self._changed.wait(min(left, _LONGEST_SLEEP))
                    continue
                ring = self._due(due[1], due[2], now)
            self._rang(ring, due[2], self._heard(ring))

    def _heard(self, due: Due) -> bool:
        try:
            return self._tell(due)
        except Exception:  # whoever tells may be wrong; the clock must go on for all others
            logger.exception("nobody could be told of what is due")
            return False

    def _rang(self, due: Due, entry: Entry, heard: bool) -> None:
        with self._changed:
            if due.person not in self._people:  # they left meanwhile
                return
            try:
                entries = self._of(due.person)
                self._set(due.person, self._marked(entries, entry, heard))
            except Failed as error:
                logger.warning("what rang was not written down: %s", error)
                left = self._people[due.person]
                self._people[due.person] = self._marked(left, entry, heard)

    def _marked(self, entries: list[Entry], entry: Entry, heard: bool) -> list[Entry]:
        """The entries after one rang; unchanged when it was cancelled meanwhile."""
        if heard:
            return self._after(entries, {entry.id} if entry in entries else set(), self._clock())
        return [replace(one, rung=True) if one == entry else one for one in entries]


def _read(one: dict[str, Any]) -> Entry:
    try:
        entry = Entry(**{**one, "days": tuple(one.get("days", ()))})
        zone_of(entry.zone or None)
        fine = entry.kind in ("alarm", "timer", "reminder") and float(entry.at) >= 0
        fine = fine and isinstance(entry.label, str) and isinstance(entry.rung, bool)
        if entry.days:
            next_moment(0.0, entry.time, zone_of(None), days=entry.days)
    except (TypeError, ValueError, BadInput, Failed):
        fine = False
    if not fine:
        raise Failed("not_kept", f"what rings cannot be read: remove the setting tools.{_NAME}")
    return entry
