"""One reply while it is made: what was said and done of it is what will be kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from penjing.assistant.answer import Told
from penjing.assistant.dialogue.keep import to_plain
from penjing.assistant.notes import (
    acted_note,
    cited_note,
    confirm_note,
    joined,
    planned_note,
    undone_note,
)
from penjing.assistant.session_memory import Talk
from penjing.core.dialogue import (
    CUT,
    Acted,
    Cited,
    Confirm,
    Cut,
    Event,
    Planned,
    Said,
    Standing,
    Trust,
    Undone,
)
from penjing.core.history import Turn
from penjing.core.messages import Message, Note, Text
from penjing.core.protocols import Store

_OVER = ("state", CUT)


@dataclass
class Reply:
    """One reply while it is made."""

    person: str
    store: Store
    session: str
    role: Standing
    talk: Talk
    language: str
    parts: list[Text | Note] = field(default_factory=list)
    told: Told | None = None
    spoken: str = ""
    failed: bool = False
    vary: bool = False
    instead: int | None = None
    begun: str = ""
    unheard: bool = False
    """A device was told something and has not said that it is so."""

    def keep(self, event: Event) -> Event:
        """Remember an event for the turn that is kept."""
        if isinstance(event, Said):
            self.parts.append(Text(event.text))
            self.spoken += event.text
        elif isinstance(event, Cited):
            self.parts.append(cited_note(event))
        elif isinstance(event, Confirm):
            self.parts.append(confirm_note(event.action))
        elif isinstance(event, Acted):
            self.parts.append(acted_note(event))
            self.unheard |= event.outcome.data.get("told") == "no_answer"
        elif isinstance(event, Undone):
            self.parts.append(undone_note(event))
        elif isinstance(event, Planned):
            self.parts.append(planned_note(event))
        return event

    def goes_on(self, turn: Turn) -> None:
        """It is the rest of a kept answer, whose place it takes."""
        self.begun = self.spoken = turn.message.text
        self.parts = [p for p in turn.message.parts if isinstance(p, Text) or p.name not in _OVER]
        self.instead = turn.number

    def said(self, text: str, trust: Trust) -> Said:
        """A sentence after what was said before."""
        gap = "" if not self.spoken or self.language.startswith("zh") else " "
        return Said(gap + text, trust)

    def message(self, cut: Cut | None) -> Message:
        """What is kept of it; `cut` where it never came to its end."""
        notes = [Note("state", to_plain(self.talk.state))]
        notes += [] if cut is None else [Note(CUT, {"why": cut})]
        return Message("assistant", tuple(joined([*self.parts, *notes])))
