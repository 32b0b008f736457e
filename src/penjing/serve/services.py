"""What a server serves, put together by whoever starts it. Knows no HTTP.

`People` is the seam to whoever keeps the accounts: the vault, or nobody at all, when one person's
store lies in memory (`people.py` has both).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Literal, Protocol

from penjing.core.assistants import Assistant
from penjing.core.history import Document
from penjing.core.protocols import Embedder, Retriever, Scheduler, Store

Role = Literal["owner", "member", "guest"]


@dataclass(frozen=True)
class Known:
    """Somebody who can log in."""

    id: str
    """Opaque, and for ever the same."""
    name: str
    """What they type."""
    role: Role
    """What they are."""
    permissions: tuple[tuple[str, str, bool], ...] = ()
    """What was said for them: kind ("tool", "source", "assistant"), name, allowed or not."""


class People(Protocol):
    """Who there is, to be looked at and changed; the door lets them in. Every call may block.

    `asks` is the id of the person who asks; NotPermitted where their role does not allow it.
    """

    def all(self) -> Sequence[Known]:
        """Everybody, the first to be added first."""
        ...

    def add(self, asks: str, name: str, role: str, passphrase: str) -> Known:
        """Somebody new."""
        ...

    def set_role(self, asks: str, person: str, role: str) -> None:
        """Make a person something else."""
        ...

    def permit(self, asks: str, person: str, kind: str, name: str, allowed: bool) -> None:
        """Say that a person may or may not use something."""
        ...

    def wipe(self, asks: str, person: str) -> None:
        """Destroy a person's key. Themselves, or an owner."""
        ...

    def set_passphrase(self, person: str, old: str, new: str) -> None:
        """Another passphrase and another key. InUse while any store of theirs is open."""
        ...

    def require(self, person: str, kind: str, name: str) -> None:
        """Raise NotPermitted unless they may use a tool, a source or an assistant."""
        ...

    def export(self, person: str, store: Store, file: IO[bytes]) -> None:
        """Write all there is about a person as a zip. The file need not be seekable."""
        ...


@dataclass(frozen=True)
class Model:
    """What is known of the model that answers."""

    name: str
    """What clients call it."""
    manifest: Mapping[str, Any] = field(default_factory=dict)
    """Of its bundle; empty for a bare file."""
    passport: Mapping[str, Any] | None = None
    """What it kept, measured; None where nobody measured."""
    device: str = ""
    """What it runs on, in words."""
    created: int = 0
    """When its file was made, in seconds since 1970."""
    also: tuple[str, ...] = ()
    """What clients may call it too, such as its name in the catalogue."""
    size: int = 0
    """Bytes of its file."""
    parameters: int = 0
    """How many it has; 0 where nobody counted."""
    family: str = "llama"
    """Its architecture."""
    codec: str = ""
    """What most of its weights are stored as."""


@dataclass(frozen=True)
class Ring:
    """Something that rings, or rang and was missed."""

    id: str
    """To stop it by."""
    kind: Literal["alarm", "timer", "reminder"]
    """What it is."""
    at: float
    """When it was due, in seconds since 1970."""
    words: str = ""
    """What its person calls it; for nobody else."""
    missed: bool = False
    """It rings no more, and its person has not seen that it did."""


class Rings(Protocol):
    """What rings, whoever is logged in. Only `stop`, `snooze` may block."""

    def sounding(self, person: str | None = None) -> Sequence[Ring]:
        """What rings now, for everybody; with the words of one person's, and what they missed."""
        ...

    def stop(self, ring: str, person: str | None = None) -> None:
        """Let it ring no more, or (its person) take note of what was missed. NotFound."""
        ...

    def snooze(self, ring: str, minutes: int | None) -> None:
        """Let it ring again later. NotFound."""
        ...


Reader = Callable[[str, Store, str, int, int], str | None]
"""What a person may read of a document, by its id, as plain text from one character to another;
None where it knows nothing of the document. Raises NotFound and NotPermitted."""
Documents = Callable[[Store], Retriever]
"""The search over a person's own documents."""


class Read(Protocol):
    """What came of reading a document."""

    @property
    def remark(self) -> str:
        """What of it was not read; empty where all was."""
        ...


Indexer = Callable[[Store, Document], Read | None]
"""Makes a document's passages; runs apart, and raises PenjingError."""


@dataclass(frozen=True)
class Services:
    """Everything that a server needs to answer. Whoever made the parts closes them."""

    scheduler: Scheduler
    """The engine."""
    model: Model
    """What the engine runs."""
    people: People
    """Who there is."""
    assistant: Assistant | None = None
    """Who answers in sessions; None for the plain model."""
    embedder: Embedder | None = None
    """For /v1/embeddings; None where there is none."""
    embedder_also: tuple[str, ...] = ()
    """What clients may call it too."""
    index: Indexer | None = None
    """What happens to a document that was added; None keeps it as it is."""
    documents: Documents | None = None
    """What the plain model's person is answered from first; None where nothing is searched."""
    rings: Rings | None = None
    """What rings; None where nothing can."""
    read: Reader | None = None
    """Reads documents of any kind; where there is none, plain text is read as it was kept."""
