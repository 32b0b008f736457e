"""What rings while a server runs: written into the newest session of whoever it rings for.

The clock is the tools' (`tools/schedule.py`); whose store is open is known to `serve/present.py`.
Where it is closed nothing is told; it is made up for when the person is back.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from penjing.cli.rings import LANGUAGES, rings, written_in
from penjing.core.errors import NotFound, PenjingError
from penjing.core.messages import Message
from penjing.tools.failed import Failed
from penjing.tools.schedule import Due, Schedule

if TYPE_CHECKING:
    from penjing.core.protocols import Store
    from penjing.serve.present import Present

log = logging.getLogger("penjing.serve")


class Teller:
    """Tells people what rings, as a turn of the assistant."""

    def __init__(self, present: Present, language: str) -> None:
        self._present, self._language = present, language

    def tell(self, due: Due) -> bool:
        """Whether it was written down where the person reads it. Satisfies `Tell`."""
        try:
            store = self._present.store(due.person)
        except NotFound:
            return False
        try:
            sessions = store.history.sessions()
            session = sessions[0] if sessions else store.history.begin()
            language = self._language_of(store, session.id)
            store.history.append_turn(session.id, Message.of("assistant", rings(due, language)))
        except PenjingError as error:
            log.warning("what rang was not told: %s", type(error).__name__)
            return False
        return True

    def make_up(self, schedule: Schedule, person: str) -> None:
        """Somebody is here: their clock goes on, and what they missed is told."""
        try:
            for due in schedule.welcome(person):
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
