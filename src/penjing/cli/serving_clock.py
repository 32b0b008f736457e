"""What rings while a server runs: written into the newest session of whoever it rings for.

The clock is the tools' (`tools/schedule.py`); whose store is open is known to `serve/present.py`.
Where it is closed nothing is told; it is made up for when the person is back.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from penjing.assistant.notes import acted_note
from penjing.cli.rings import LANGUAGES, came_of, rings, written_in
from penjing.core.dialogue import Acted, Outcome
from penjing.core.errors import NotFound, PenjingError
from penjing.core.messages import Message, Text
from penjing.tools.failed import Failed
from penjing.tools.schedule import Due, Schedule

if TYPE_CHECKING:
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


class Teller:
    """Tells people what rings, as a turn of the assistant; has done what is due to be done."""

    def __init__(self, present: Present, language: str) -> None:
        self._present, self._language = present, language
        self._came: dict[str, list[tuple[Due, Acted | Outcome | None]]] = {}
        """What came of calls that were made while a person was away."""
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
        """Write down what rang, or what came of a call."""
        outcome = done.outcome if isinstance(done, Acted) else done
        try:
            store = self._present.store(due.person)
            sessions = store.history.sessions()
            session = sessions[0] if sessions else store.history.begin()
            language = self._language_of(store, session.id)
            words = came_of(due, outcome, language) if due.kind == "call" else rings(due, language)
            notes = [acted_note(done)] if isinstance(done, Acted) else []
            turn = Message("assistant", (Text(words), *notes))
            store.history.append_turn(session.id, turn)
            if due.kind == "call" and not (outcome and outcome.ok) and self.doer is not None:
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
            dues = schedule.welcome(person)
            for due, done in self._came.pop(person, []):
                self._say(due, done)
            for due in dues:
                self.tell(due)
        except Failed as error:
            log.warning("a clock stands still: %s", error)

    def _language_of(self, store: Store, session: str) -> str:
        """As they chose it, or as they last spoke."""
        chosen = store.settings.get("language")
        if chosen in LANGUAGES:
            return chosen
        for turn in reversed(store.history.turns(session)):
            if turn.message.role == "user":
                return written_in(turn.message.text)
        return self._language
