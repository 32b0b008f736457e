"""The clock that rings: alarms, timers, reminders and planned calls, of everybody.

When they are due is in the agenda, which is open all the time; what they are called is sealed with
their person. One thread, asleep until the next is due. That something rings is one change of the
agenda, on disk before anybody hears of it, so that it rings once whoever is killed when; it is told
to its person at once where their store is open, else by the next `welcome`, and goes only then. A
call is done and not only told: never later than `GRACE` seconds, and it is marked as begun before,
so that a crash in between does it once at most. Knows nothing of words to say, and nothing of what
a call does.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from penjing.core.agenda import Agenda, Kind, Pending
from penjing.core.errors import PenjingError
from penjing.tools import due as course
from penjing.tools.agenda import KeptAgenda
from penjing.tools.due import GRACE, SNOOZE, Steady
from penjing.tools.entries import Due, Entry, Tell
from penjing.tools.failed import ToolError
from penjing.tools.keep import Kept
from penjing.tools.sealed import SealedStores, Words
from penjing.tools.when import wall_stamp

_MOST = 200  # entries of a person
_LONGEST_SLEEP = 5.0  # so that a clock that was set, and another program's entries, are noticed

logger = logging.getLogger(__name__)


class Schedule:
    """What is due for everybody. Thread-safe.

    `steady` counts seconds whatever the clock is set to: what was set for a while is moved along.
    """

    def __init__(
        self,
        kept: Kept,
        tell: Tell,
        clock: Callable[[], float],
        agenda: Agenda | None = None,
        steady: Steady | None = None,
    ) -> None:
        self._agenda: Agenda = agenda or KeptAgenda(kept)
        self._sealed, self._tell = SealedStores(kept), tell
        self._clock, self._steady = clock, steady
        self._here: set[str] = set()
        """People whose store is open."""
        self._words: dict[str, dict[str, Words]] = {}
        """As they were read last; of people who left, those of their calls."""
        self._making: set[str] = set()
        """Calls that are being made now: what comes of them is told then."""
        self._last: dict[tuple[str, Kind], Due] = {}
        self._seen: tuple[float, object] = (math.inf, None)
        """What clock and wall showed at the last look."""
        self.sounding: tuple[Pending, ...] = ()
        """What rings now; whoever looks waits for nothing."""
        self.on_sounding: Callable[[tuple[Pending, ...]], None] = lambda _sounding: None
        """Hears it when that changes; must be quick."""
        self._changed = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None
        self._closed = False

    # -- what people set

    def add(
        self,
        person: str,
        kind: Kind,
        label: str,
        at: float,
        *,
        time: str = "",
        date: str = "",
        days: Sequence[str] = (),
        zone: str = "",
        seconds: float = 0.0,
        data: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Let something ring. Raises ToolError; what it returns was kept."""
        one = Pending(_new_id(), person, kind, at, time, tuple(days), date, zone, seconds)
        words = Words(label, dict(data or {}))
        with self._changed, _failures():
            away = kind == "call" and person not in self._here and person in self._words
            if not away:
                self._of(person)
            if len(self._agenda.of(person)) >= _MOST:
                raise ToolError("full", f"you have {_MOST} of these: cancel some first")
            self._begin(one)
            self._words[person][one.id] = words
            if not away:  # they are kept when their person is back
                self._sealed.put(person, {one.id: words})
            return _entry(one, words)

    def entries(self, person: str, kind: Kind) -> list[Entry]:
        """What will ring for a person, the next first. Raises ToolError."""
        with self._changed, _failures():
            words = self._of(person)
            own = [one for one in self._agenda.of(person) if one.kind == kind and not one.over]
            found = [_entry(one, words.get(one.words, Words())) for one in own]
            return sorted(found, key=lambda entry: entry.at)

    def cancel(self, person: str, ids: Sequence[str]) -> None:
        """Let these not ring. Raises ToolError."""
        with self._changed, _failures():
            self._of(person)
            for one in self._agenda.of(person):
                if one.id in ids:
                    self._put(one, None)

    def rang_last(self, person: str, kind: Kind) -> Due | None:
        """What a person was told of last."""
        with self._changed:
            return self._last.get((person, kind))

    def label(self, one: Pending) -> str:
        """What it is called; empty while its person's store is closed."""
        with self._changed:
            here = self._words.get(one.person, {}) if one.person in self._here else {}
            return here.get(one.words, Words()).label

    # -- what people do when it rings; nobody's key is needed

    def stop(self, name: str) -> bool:
        """Let what has this id ring no more; whether it did. Raises ToolError."""
        with self._changed, _failures():
            one = self._sounding(name)
            return one is not None and self._put(one, course.silent(one, stopped=True))

    def snooze(self, name: str, minutes: int | None = None) -> Entry | None:
        """Let it ring again later instead; None where it does not ring. Raises ToolError."""
        with self._changed, _failures():
            one = self._sounding(name)
            if one is None:
                return None
            wait = 60.0 * (minutes or SNOOZE[one.kind])
            at = self._clock() + wait
            again = Pending(_new_id(), one.person, one.kind, at, seconds=wait, of=one.words)
            self._begin(again)
            self._put(one, course.silent(one, stopped=True))
            return _entry(again, self._words.get(one.person, {}).get(one.words, Words()))

    # -- who comes and leaves

    def welcome(self, person: str) -> list[Due]:
        """A person's store is open: what they were not told, oldest first. Raises ToolError."""
        dues = self.untold(person)
        for due in dues:
            self.told(due)
        return dues

    def untold(self, person: str) -> list[Due]:
        """The same, until `told` says of each that it was. Raises ToolError."""
        with self._changed, _failures():
            words, now = self._of(person), self._clock()
            for one in self._agenda.of(person):
                if not one.over and one.at <= now and not _in_time(one, now):
                    self._put(one, replace(course.rung(one, now), begun=_was_cut(one)))
            dues = []
            for one in self._agenda.of(person):
                if one.untold and one.kind == "call" and one.words not in words:
                    self._put(one, course.told(one))  # it was never said that it is planned
                elif one.untold and one.id not in self._making:
                    dues.append(self._due(one, now))
            return sorted(dues, key=lambda due: due.at)

    def told(self, due: Due) -> None:
        """A person knows of it."""
        with self._changed:
            try:
                for one in self._agenda.of(due.person):
                    if one.id == due.id and one.rang == due.at:
                        self._put(one, course.told(one))
            except (PenjingError, ToolError) as error:
                logger.warning("what was told was not written down: %s", error)

    def leave(self, person: str) -> None:
        """A person's store is about to close: what rings for them has no words until they are
        back. Calls that were planned are made."""
        with self._changed:
            self._here.discard(person)
            words = self._words.pop(person, {})
            if calls := {one: said for one, said in words.items() if said.data}:
                self._words[person] = calls
            self._last = {key: due for key, due in self._last.items() if key[0] != person}

    def start(self) -> None:
        """Let the clock go, though nobody has come yet."""
        with self._changed:
            self._start()

    def close(self) -> None:
        """Stop the thread. What is kept stays kept; calling it twice is harmless."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    # -- inside; the lock is held

    def _of(self, person: str) -> dict[str, Words]:
        """A person's words. Read anew each time: another program may keep some in that place."""
        words = self._sealed.of(person)
        if person not in self._here:
            self._here.add(person)
            self._bring(person, words)
        self._words[person] = words
        self._start()
        return words

    def _bring(self, person: str, words: dict[str, Words]) -> None:
        """What was kept before there was an agenda, or planned while its person was away."""
        for one in self._sealed.old(person):
            self._agenda.change(None, one)
        self._sealed.renew(person)
        there = {one.words for one in self._agenda.of(person)}
        new = {one: said for one, said in self._words.get(person, {}).items() if one in there}
        if new.keys() - words.keys():
            self._sealed.put(person, new)
        self._sealed.drop(person, words.keys() - there)
        words |= new

    def _begin(self, one: Pending) -> None:
        """Let one be due from now on."""
        if one.seconds and self._steady is not None:
            count = self._steady()
            ripe = count.seconds + one.at - self._clock()
            one = replace(one, boot=count.boot, ripe=ripe)
        self._agenda.change(None, one)
        self._start()
        self._changed.notify_all()

    def _put(self, before: Pending, after: Pending | None) -> bool:
        """One step of one of them; False where somebody else was faster."""
        if after == before:
            return True
        done = self._agenda.change(before, after)
        if done and after is None and before.person in self._here:
            there = {one.words for one in self._agenda.of(before.person)}
            self._sealed.drop(before.person, {before.words} - there)
        self._notice()
        self._changed.notify_all()
        return done

    def _notice(self, every: Sequence[Pending] | None = None) -> None:
        every = self._agenda.all() if every is None else every
        sounding = tuple(one for one in every if one.sounding)
        if sounding != self.sounding:
            self.sounding = sounding
            self.on_sounding(sounding)

    def _sounding(self, name: str) -> Pending | None:
        return next((one for one in self._agenda.all() if one.id == name and one.sounding), None)

    def _due(self, one: Pending, now: float) -> Due:
        words = self._words.get(one.person, {}).get(one.words, Words())
        at = one.at if one.rang is None else one.rang
        due = Due(
            one.person, one.kind, one.id, words.label, at, now - at, words.data, one.begun,
            one.stopped,
        )  # fmt: skip
        self._last[one.person, one.kind] = due
        return due

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
                try:
                    due = self._next()
                except (PenjingError, ToolError) as error:
                    logger.warning("the clock stands still for a moment: %s", error)
                    due = _LONGEST_SLEEP
                if isinstance(due, float):
                    self._changed.wait(min(due, _LONGEST_SLEEP))
                    continue
            self._announce(due)

    def _announce(self, due: Due) -> None:
        try:
            heard = self._tell(due)
        except Exception:  # whoever tells may be wrong; the clock must go on for all others
            logger.exception("nobody could be told of what is due")
            heard = False
        with self._changed:
            self._making.discard(due.id)
            if heard:
                self.told(due)

    def _next(self) -> Due | float:
        """What is due now, marked as such; or how long to sleep until something may be."""
        now, wall, waits = self._clock(), wall_stamp(), [_LONGEST_SLEEP]
        was_set = now < self._seen[0] or wall != self._seen[1]
        every = [self._checked(one, now, was_set=was_set) for one in self._agenda.all()]
        self._seen = (now, wall)
        self._notice(every)
        for one in sorted((one for one in every if not one.over), key=lambda one: one.at):
            known = one.kind != "call" or one.words in self._words.get(one.person, {})
            ripe = one.at if known else one.at + GRACE + 1  # whoever has its words may come in time
            if ripe > now:
                waits.append(ripe - now)
            elif (due := self._ring(one, now, known=known)) is not None:
                return due
        return max(min(waits), 0.0)

    def _checked(self, one: Pending, now: float, *, was_set: bool) -> Pending:
        """As clock and wall have it now. Asked of the wall only when either was set."""
        if course.worn_out(one, now):
            silent = course.silent(one)
            self._put(one, silent)
            return silent or replace(one, sounding=False, over=True)
        if not (was_set or one.boot):
            return one
        right = course.checked(one, now, self._steady)
        return right if right == one or self._put(one, right) else one

    def _ring(self, one: Pending, now: float, *, known: bool) -> Due | None:
        """It rings from now on; a call is marked as begun. None where somebody was faster."""
        begins = known and _in_time(one, now)
        after = replace(course.rung(one, now), begun=begins or _was_cut(one))
        if not self._put(one, after):
            return None
        if begins:
            self._making.add(one.id)
        return replace(self._due(after, now), begun=_was_cut(one))


def _in_time(one: Pending, now: float) -> bool:
    return one.kind == "call" and not _was_cut(one) and now - one.at <= GRACE


def _was_cut(one: Pending) -> bool:
    """It was begun by a penjing that had no agenda, and did not come to its end."""
    return one.begun and one.rang is None


def _entry(one: Pending, words: Words) -> Entry:
    return Entry(one.id, one.kind, words.label, one.at, one.time, one.days, one.seconds, one.begun)


def _new_id() -> str:
    return os.urandom(8).hex()


@contextmanager
def _failures() -> Iterator[None]:
    """What cannot be kept is an answer of the tool."""
    try:
        yield
    except PenjingError as error:
        raise ToolError("not_kept", str(error)) from error
