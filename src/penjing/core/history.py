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
    sha256: str = ""
    """Of its bytes."""


@dataclass(frozen=True)
class Excerpt:
    """A piece of a document as an index keeps it. The vault does not look into it."""

    text: str
    """The words."""
    location: str
    """Where in the document, for example "page 3"."""
    vector: bytes = field(default=b"", repr=False)
    """Its embedding, in whatever form the index writes; empty until there is one."""
    start: int = 0
    """Where it begins in the document's plain text, of which the excerpts are all: in order,
    each begins where the one before ends."""

    @property
    def end(self) -> int:
        """One past its last character."""
        return self.start + len(self.text)


@dataclass(frozen=True)
class IndexedDocument:
    """A document that can be searched."""

    document: Document
    """What it is."""
    excerpts: int
    """How many passages it has."""


@dataclass(frozen=True)
class Mark:
    """What an index in memory wants of an excerpt."""

    number: int
    """What the store calls it; never given again while the document is there."""
    length: int
    """How much text it has; comparable between excerpts and languages."""
    vector: bytes
    """As it was put; empty where there is none."""


@dataclass(frozen=True)
class Kept:
    """An excerpt and where it belongs."""

    number: int
    """What the store calls it."""
    document: str
    """The document's id."""
    excerpt: Excerpt
    """What it says; its vector is left out."""
