"""What happens to a conversation, and what it wants done about it. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penjing.assistant.dialogue.deferred import Deferred
from penjing.assistant.dialogue.state import DialogueState
from penjing.assistant.trust import Licensed
from penjing.assistant.understand.reading import Reading
from penjing.core.dialogue import Outcome, Standing, When


@dataclass(frozen=True)
class Heard:
    """A person said something."""

    reading: Reading
    at: float
    """Seconds since 1970."""
    role: Standing
    """Of who said it."""
    fresh: str
    """Something nobody can guess: ids of calls begin with it."""


@dataclass(frozen=True)
class Chosen:
    """A person answered a card."""

    action: str
    """Its id."""
    yes: bool
    at: float
    role: Standing


@dataclass(frozen=True)
class Answered:
    """A tool is done."""

    action: str
    """Which call."""
    outcome: Outcome
    role: Standing
    at: float


Event = Heard | Chosen | Answered


@dataclass(frozen=True)
class Say:
    """Say this."""

    text: str
    offers: str = ""
    """A slot whose live names may be told with it."""


@dataclass(frozen=True)
class Wait:
    """Show a card: this call waits for a yes."""

    call: Licensed


@dataclass(frozen=True)
class Do:
    """Make this call, and tell what came of it."""

    call: Licensed
    undone: bool = False
    """It is put back later: how things are before it is kept."""


@dataclass(frozen=True)
class PutOff:
    """Keep this call until it is due, and tell so."""

    call: Deferred
    when: When
    told: str
    """What is said once it is kept."""


Situation = Literal["unknown", "no_answer", "only_asked"]


@dataclass(frozen=True)
class Consult:
    """Answer what was said: from the documents, by the model; the first that can."""

    sources: tuple[Literal["knowledge", "model"], ...]
    text: str
    """What was said."""
    otherwise: Situation = "unknown"
    """What is said when none can."""
    instead: str | None = None
    """Said in place of that; given for a statement, of which most must stand in an answer."""


Order = Say | Wait | Do | PutOff | Consult


@dataclass(frozen=True)
class Stepped:
    """What a step gives."""

    state: DialogueState
    orders: tuple[Order, ...]
