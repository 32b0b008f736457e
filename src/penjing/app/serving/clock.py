"""How a due alarm reaches the page: written into the newest session of whoever it rings for.

The clock is the tools' (`tools/schedule.py`); whose store is open is known to `serve/present.py`.
Where it is closed it rings without words; what it was is told when the person is back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from penjing.app.rings import LANGUAGES, came_of, rings, written_in
from penjing.assistant.notes import acted_note
from penjing.core.dialogue import Acted, Outcome
from penjing.core.errors import NotFound, PenjingError, StorageError
from penjing.core.messages import Message, Note, Text
from penjing.serve.services import Ring
from penjing.tools.entries import Due
from penjing.tools.failed import ToolError
from penjing.tools.schedule import Schedule

T = TypeVar("T")

if TYPE_CHECKING:
    from penjing.core.agenda import Kind, Pending
    from penjing.core.history import Turn
    from penjing.core.protocols import Store
    from penjing.serve.present import Present

_MOST_TOLD = 50  # calls of a person who is away
log = logging.getLogger("penjing.serve")


class Doer(Protocol):
    """Who makes the calls that are due."""

    def carry_out(self, person: str, kept: Mapping[str, Any]) -> Acted | Outcome:
        """Make one."""
        ...

    def tell_next(self, person: str, line: str) -> None:
        """Tell a person with the next reply."""
        ...


class Pages:
    """What rings, for open pages. Satisfies `Rings`."""

    def __init__(self, schedule: Schedule, teller: Teller) -> None:
        self._schedule, self._teller = schedule, teller

    def sounding(self, person: str | None = None) -> Sequence[Ring]:
        """See `Rings.sounding`."""
        now = [self._ring(one, person) for one in self._schedule.sounding]
        missed = () if person is None else self._teller.missed.get(person, ())
        return [*now, *(Ring(one.id, _kind(one.kind), one.at, one.label, True) for one in missed)]

    def _ring(self, one: Pending, person: str | None) -> Ring:
        words = self._schedule.label(one) if one.person == person else ""
        return Ring(one.id, _kind(one.kind), one.at if one.rang is None else one.rang, words)

    def stop(self, ring: str, person: str | None = None) -> None:
        """See `Rings.stop`."""
        seen = person is not None and self._teller.seen(person, ring)
        if not self._asked(lambda: self._schedule.stop(ring)) and not seen:
            raise NotFound("ring", ring)

    def snooze(self, ring: str, minutes: int | None) -> None:
        """See `Rings.snooze`."""
        if self._asked(lambda: self._schedule.snooze(ring, minutes)) is None:
            raise NotFound("ring", ring)

    def _asked(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except ToolError as error:
            raise StorageError(str(error)) from error


def _kind(kind: Kind) -> Literal["alarm", "timer", "reminder"]:
    return "alarm" if kind == "call" else kind  # a call never rings


class Teller:
    """Tells people what rings, as a turn of the assistant; has done what is due to be done."""

    def __init__(self, present: Present, language: str) -> None:
        self._present, self._language = present, language
        self._saying = threading.Lock()
        self._came: dict[str, list[tuple[Due, Acted | Outcome | None]]] = {}
        """What came of calls that were made while a person was away."""
        self.missed: dict[str, tuple[Due, ...]] = {}
        """What rang while a person was away and nobody stopped, for their page."""
        self.doer: Doer | None = None
        """Who makes calls; nobody while the assistant is made."""

    def tell(self, due: Due) -> bool:
        """Whether it was written down where the person reads it. Satisfies `Tell`."""
        try:
            self._present.store(due.person)
        except NotFound:
            if due.kind == "call":
                came = [*self._came.get(due.person, []), (due, self._done(due))]
                self._came[due.person] = came[-_MOST_TOLD:]
            return False
        return self._say(due, self._done(due))

    def _say(self, due: Due, done: Acted | Outcome | None) -> bool:
        """Write down what rang, or what came of a call: once, whoever was cut off before."""
        outcome = done.outcome if isinstance(done, Acted) else done
        rang = Note("rang", {"id": due.id, "at": due.at})
        try:
            with self._saying:
                store = self._present.store(due.person)
                sessions = store.history.sessions()
                session = sessions[0] if sessions else store.history.begin()
                turns = store.history.turns(session.id)
                if any(rang in turn.message.parts for turn in turns[-_MOST_TOLD:]):
                    return True
                language = self._language_of(store, turns)
                call = due.kind == "call"
                words = came_of(due, outcome, language) if call else rings(due, language)
                notes = [acted_note(done)] if isinstance(done, Acted) else []
                store.history.append_turn(
                    session.id, Message("assistant", (Text(words), *notes, rang))
                )
            if call and not (outcome and outcome.ok) and self.doer is not None:
                self.doer.tell_next(due.person, words)
        except PenjingError as error:
            log.warning("what rang was not told: %s", type(error).__name__)
            return False
        return True

    def _done(self, due: Due) -> Acted | Outcome | None:
        """What came of a call; None where it was not made: it is no call, or too late."""
        if due.kind != "call" or due.missed or self.doer is None:
            return None
        return self.doer.carry_out(due.person, due.data)

    def make_up(self, schedule: Schedule, person: str) -> None:
        """Somebody is here: their clock goes on, and what they missed is told."""
        try:
            dues = schedule.untold(person)
        except ToolError as error:
            log.warning("a clock stands still: %s", error)
            return
        came = self._came.pop(person, [])
        for due, done in came:
            self._say(due, done)
        known = {due.id for due, _ in came}
        for due in dues:
            if due.id in known or self.tell(due):
                schedule.told(due)
        missed = [one for one in dues if one.kind != "call" and not one.stopped]
        sounding = {one.id for one in schedule.sounding}
        self.missed[person] = tuple(one for one in missed if one.id not in sounding)

    def seen(self, person: str, ring: str) -> bool:
        """They have seen that it was missed; whether it was."""
        before = self.missed.get(person, ())
        self.missed[person] = tuple(one for one in before if one.id != ring)
        return len(self.missed[person]) < len(before)

    def _language_of(self, store: Store, turns: Sequence[Turn]) -> str:
        """As they chose it, or as they last spoke."""
        chosen = store.settings.get("language")
        if chosen in LANGUAGES:
            return chosen
        for turn in reversed(turns):
            if turn.message.role == "user":
                return written_in(turn.message.text)
        return self._language
