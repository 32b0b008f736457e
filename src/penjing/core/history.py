"""What is kept of a person's conversations and documents. Pure values; ids are opaque texts."""

from __future__ import annotations

from dataclasses import dataclass, field

from penjing.core.messages import Message


@dataclass(frozen=True)
class Session:
    """One conversation."""

    id: str
    """What to ask for it by; tells nothing."""
    title: str
    """What a person calls it; may be empty."""
    began: float
    """When, in seconds since 1970."""
    spoke: float
    """When something was last said in it."""


@dataclass(frozen=True)
class Turn:
    """One message as it was kept."""

    session: str
    """The session's id."""
    number: int
    """1, 2, 3 ... within its session."""
    at: float
    """When it was kept."""
    message: Message
    """Who said what."""


@dataclass(frozen=True)
class Found:
    """A turn that a search found."""

    session: Session
    """Where it was said."""
    turn: Turn
    """What was said."""


@dataclass(frozen=True)
class Document:
    """A document a person added; its bytes are read apart."""

    id: str
    """What to ask for it by; tells nothing."""
    name: str
    """Its file name as the person knows it; never used as a path."""
    media: str
    """Its media type, for example "text/plain"."""
    size: int
    """Bytes."""
    added: float
    """When."""


@dataclass(frozen=True)
class Excerpt:
    """A piece of a document as an index keeps it. The vault does not look into it."""

    text: str
    """The words."""
    location: str
    """Where in the document, for example "page 3"."""
    vector: bytes = field(default=b"", repr=False)
    """Its embedding, in whatever form the index writes."""
