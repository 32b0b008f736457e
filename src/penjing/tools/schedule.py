"""The clock that rings: alarms, timers, reminders and planned calls, kept with their person.

One thread, asleep until the next is due. Whoever cannot be told (nobody is there, the machine was
off) is told by the next `welcome`. An entry is forgotten only after somebody was told: a crash in
between rings twice rather than never. A call is done and not only told: never later than `GRACE`
seconds, and it is marked as begun before, so that a crash in between does it once at most. Knows
nothing of words to say, and nothing of what a call does.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from penjing.core.errors import BadInput
from penjing.tools.failed import Failed
from penjing.tools.keep import Kept, load, save
from penjing.tools.when import next_moment, zone_of

Kind = Literal["alarm", "timer", "reminder", "call"]
GRACE = 60.0
"""Seconds after its time in which a call is still made; later it was missed."""
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
    data: dict[str, Any] = field(default_factory=dict)
    """Of a call: what is to be called, for whoever can."""
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
    """What the person called it."""
    at: float
    """When it should have rung."""
    late: float
    """Seconds since then."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Of a call: what is to be called."""
    begun: bool = False
    """Of a call: it was begun before, and nobody knows how it ended."""

    @property
    def missed(self) -> bool:
        """It is a call, and too late for it."""
        return self.kind == "call" and (self.begun or self.late > GRACE)


Tell = Callable[[Due], bool]
"""Tells a person; says whether somebody was there to hear it. Called from the clock's thread."""


class Schedule:
    """Entries of all people whose store is open. Thread-safe."""

    def __init__(self, kept: Kept, tell: Tell, clock: Callable[[], float]) -> None:
        self._kept, self._tell, self._clock = kept, tell, clock
        self._people: dict[str, list[Entry]] = {}
        self._away: dict[str, list[Entry]] = {}
        """Calls of people whose store is closed: they are made all the same."""
        self._made: dict[str, set[str]] = {}
        """Which of them were made since."""
        self._last: dict[tuple[str, str], Due] = {}
        self._changed = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None
        self._closed = False

    def welcome(self, person: str) -> list[Due]:
        """A person's store is open: what they have not been told, oldest first. Raises Failed."""
        with self._changed:
            entries = self._back(person, self._of(person))
            now = self._clock()
            due = [entry for entry in entries if entry.at <= now and not _in_time(entry, now)]
            missed = sorted(due, key=lambda entry: entry.at)
            dues = [self._due(person, entry, now) for entry in missed]
            self._set(person, self._after(entries, {entry.id for entry in missed}, now))
            return dues

    def leave(self, person: str) -> None:
        """A person's store is about to close: nothing rings for them until they are back. Calls
        that were planned are made."""
        with self._changed:
            entries = self._people.pop(person, [])
            calls = [one for one in entries if one.kind == "call" and not (one.rung or one.begun)]
            if calls:
                self._away[person] = calls
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
        data: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Let something ring. Raises Failed; what it returns was kept."""
        with self._changed:
            away = person not in self._people and kind == "call" and person in self._away
            entries = self._away[person] if away else self._of(person)
            if len(entries) >= _MOST:
                raise Failed("full", f"you have {_MOST} of these: cancel some first")
            entry = Entry(os.urandom(4).hex(), kind, label, at, time, tuple(days), zone, seconds)
            entry = replace(entry, data=dict(data or {}))
            if away:  # kept when they are back
                entries.append(entry)
                self._changed.notify_all()
            else:
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

    def _back(self, person: str, entries: list[Entry]) -> list[Entry]:
        """A person's entries, and what became of their calls while they were away."""
        made, away = self._made.pop(person, set()), self._away.pop(person, [])
        moved = {one.id: one for one in away}
        now = [moved.pop(one.id, one) for one in entries if one.id in moved or one.id not in made]
        return [*now, *moved.values()]

    def _set(self, person: str, entries: list[Entry]) -> None:
        if entries == self._people[person]:
            return
        save(self._kept, person, _NAME, [asdict(entry) for entry in entries])
        self._people[person] = entries
        self._changed.notify_all()

    def _due(self, person: str, entry: Entry, now: float) -> Due:
        due = Due(
            person,
            entry.kind,
            entry.id,
            entry.label,
            entry.at,
            now - entry.at,
            entry.data,
            entry.begun,
        )
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
                kept.append(replace(entry, at=at, rung=False, begun=False))
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
                    for person, entries in (*self._people.items(), *self._away.items())
                    for entry in entries
                    if not entry.rung
                ]
                due = min(waiting, key=lambda one: one[0], default=None)
                if due is None or due[0] > now:
                    left = due[0] - now if due else _LONGEST_SLEEP
                    self._changed.wait(min(left, _LONGEST_SLEEP))
                    continue
                ring, entry = self._due(due[1], due[2], now), self._begin(due[1], due[2])
            if entry is not None:
                self._rang(ring, entry, self._heard(ring))

    def _begin(self, person: str, entry: Entry) -> Entry | None:
        """The entry, marked where it is a call; None where it is gone. The lock is held."""
        if entry.kind != "call" or entry.begun:
            return entry
        if person not in self._people:
            self._made.setdefault(person, set()).add(entry.id)
            self._away[person] = self._after(self._away[person], {entry.id}, self._clock())
            return entry
        begun = replace(entry, begun=True)
        try:
            entries = self._of(person)
            if entry not in entries:
                return None
            self._set(person, [begun if one == entry else one for one in entries])
        except Failed as error:  # what cannot be marked could be done twice
            logger.warning("what is due was not begun: %s", error)
            left = self._people[person]
            self._people[person] = [
                replace(begun, rung=True) if one == entry else one for one in left
            ]
            return None
        return begun

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


def _in_time(entry: Entry, now: float) -> bool:
    return entry.kind == "call" and not entry.begun and now - entry.at <= GRACE


def _read(one: dict[str, Any]) -> Entry:
    try:
        entry = Entry(**{**one, "days": tuple(one.get("days", ()))})
        zone_of(entry.zone or None)
        fine = entry.kind in get_args(Kind) and float(entry.at) >= 0
        fine = fine and isinstance(entry.label, str) and isinstance(entry.rung, bool)
        fine = fine and isinstance(entry.data, dict) and isinstance(entry.begun, bool)
        if entry.days:
            next_moment(0.0, entry.time, zone_of(None), days=entry.days)
    except (TypeError, ValueError, BadInput, Failed):
        fine = False
    if not fine:
        raise Failed("not_kept", f"what rings cannot be read: remove the setting tools.{_NAME}")
    return entry
