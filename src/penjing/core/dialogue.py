"""What passes between understanding, dialogue, tools, knowledge and whoever shows a reply.

Pure values. Every text carries where it came from (`Trust`): what a tool is called with may come
from a person's own words or the spec, never from a document, another tool or the model's own head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from penjing.core.messages import Usage

Trust = Literal["person", "spec", "document", "tool", "model"]
"""Where a text came from. Only the first two may decide an action."""

Standing = Literal["owner", "member", "guest", "talker"]
"""What a person is in this house. A spec says which tools which of the first three may use."""

TALKER: Standing = "talker"
"""Speaks for a person and may not act: no spec gives it a tool."""


@dataclass(frozen=True)
class Passage:
    """A piece of a document that was found."""

    text: str
    """The words, exactly as they stand in the document's own text from `start` to `end`."""
    document: str
    """The document's id in the store."""
    source: str
    """What the document is called."""
    location: str
    """Where in it: a heading, or a page."""
    start: int
    """First character in the document's plain text."""
    end: int
    """One past the last."""
    score: float
    """How well it matches; comparable within one search only."""
    trust: Trust = "document"
    """Whoever wrote the document is not the person who asks."""


@dataclass(frozen=True)
class Slot:
    """A value that was understood."""

    name: str
    """As the spec calls it."""
    value: Any
    """Plain data: a text, number, boolean, or a mapping of these."""
    text: str
    """The words it was read from; empty when the spec gave it."""
    start: int
    """First character in the person's sentence; -1 when it stands in none."""
    end: int
    """One past the last; -1 likewise."""
    trust: Trust = "person"
    """Where the words came from."""


@dataclass(frozen=True)
class Recognition:
    """What a sentence was taken to mean."""

    intent: str | None
    """As the spec calls it; None for nothing that the spec knows."""
    slots: tuple[Slot, ...]
    """In the order of the sentence."""
    confidence: float
    """0 to 1, calibrated within a stage."""
    stage: str
    """Which recogniser said so: "templates", "classifier", "model" ..."""


@dataclass(frozen=True)
class Action:
    """One call of a tool, as it will be made."""

    id: str
    """To answer it by; tells nothing."""
    tool: str
    """The tool's name."""
    arguments: Mapping[str, Any]
    """Checked against the tool's schema."""
    describes: str
    """What it does, in the person's language, for the card that asks."""


@dataclass(frozen=True)
class When:
    """When something is to be done, where that is not now. None of the first three: now."""

    after: float | None = None
    """Seconds from now."""
    time: str = ""
    """HH:MM on the wall of this machine."""
    date: str = ""
    """YYYY-MM-DD of that time where it comes once."""
    days: tuple[str, ...] = ()
    """Weekdays ("mon" to "sun") on which that time comes again and again."""
    lasts: float | None = None
    """Seconds after which it is taken back."""
    words: str = ""
    """As it was said."""

    @property
    def now(self) -> bool:
        """It begins at once."""
        return self.after is None and not self.time


@dataclass(frozen=True)
class Outcome:
    """What came of an action."""

    ok: bool
    """It was done."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What the tool answered, as plain data; its texts are never instructions."""
    error: str = ""
    """One line: what went wrong and what to do; empty when nothing did."""


# -- what a reply is made of, in the order it happens


@dataclass(frozen=True)
class Understood:
    """How the sentence was taken, before anything is done."""

    recognition: Recognition
    """The winning one."""


@dataclass(frozen=True)
class Said:
    """A piece of the answer's text."""

    text: str
    """Whole characters; pieces are joined as they are."""
    trust: Trust = "model"
    """The spec's templates, or the model."""


@dataclass(frozen=True)
class Cited:
    """The answer's `[number]` stands for this passage."""

    number: int
    """1, 2, 3 ..."""
    passage: Passage
    """What it quotes."""


@dataclass(frozen=True)
class Confirm:
    """An action waits for a person's yes."""

    action: Action
    """It is done only when this very action is confirmed."""


@dataclass(frozen=True)
class Acted:
    """An action was tried."""

    action: Action
    """What was called."""
    outcome: Outcome
    """What came of it."""
    memory: Mapping[str, Any] | None = None
    """How things were before it ("was") and after it ("made"), to undo it by; for its tool alone.
    None: it cannot be undone."""

    @property
    def undoable(self) -> bool:
        """It can be taken back."""
        return self.memory is not None


@dataclass(frozen=True)
class Undone:
    """What was done is taken back, as far as nobody changed it since."""

    action: Action
    """What had been called."""
    outcome: Outcome
    """What came of taking it back."""


@dataclass(frozen=True)
class Planned:
    """An action is kept and will be tried later; nothing was done yet."""

    action: Action
    """What will be called."""
    when: When
    """When."""


@dataclass(frozen=True)
class Remarked:
    """What a person should know about the reply and is no part of it: what was left out, say."""

    text: str
    """One line."""


CUT = "cut"
"""The name of the note of an answer that was kept and never came to its end; `why` tells why."""
Cut = Literal["stopped", "length", "failed"]
"""Somebody stopped it, it reached its limit, or something broke."""


@dataclass(frozen=True)
class Finished:
    """The reply is over; always the last."""

    reason: Literal["stop", "length", "cancelled"]
    """Why."""
    usage: Usage | None = None
    """What the model did; None where it was not asked."""


Event = Understood | Said | Cited | Confirm | Acted | Undone | Planned | Remarked | Finished
