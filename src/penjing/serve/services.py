"""What a server serves, put together by whoever starts it. Knows no HTTP.

`People` is the seam to whoever keeps the accounts: the vault (`people.py`), or nobody at all, when
one person's store lies in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from penjing.core.history import Document
from penjing.core.protocols import Assistant, Embedder, Scheduler, Store

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


@dataclass(frozen=True)
class Opened:
    """A person whose part was unlocked."""

    person: Known
    """Who."""
    store: Store
    """What is theirs; whoever asked for it closes it."""


class People(Protocol):
    """Who there is. Everything may wait for a disk or a slow key: never called on the event loop.

    `asks` is the id of the person who asks; NotPermitted where their role does not allow it.
    """

    @property
    def kept(self) -> bool:
        """A vault keeps what they say. Without one there is one person, whose store is open."""
        ...

    def all(self) -> Sequence[Known]:
        """Everybody, the first to be added first."""
        ...

    def open(self, name: str, passphrase: str) -> Opened:
        """Unlock a person's part. WrongPassphrase for a name that is not there too, as slowly."""
        ...

    def only(self) -> Opened | None:
        """The one person of a server without a vault; None where people log in."""
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

    def require(self, person: str, passphrase: str) -> None:
        """Raise WrongPassphrase unless it is this person's."""
        ...

    def set_passphrase(self, person: str, old: str, new: str) -> None:
        """Another passphrase and another key. InUse while any store of theirs is open."""
        ...

    def export(self, person: str, store: Store, path: Path) -> None:
        """Write all there is about a person as a zip, to a file that is not there yet."""
        ...

    def close(self) -> None:
        """Forget the accounts' key. Calling it twice is harmless."""
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


Reader = Callable[[Store, str], str]
"""The plain text of a document, by its id."""
Indexer = Callable[[Store, Document], None]
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
    index: Indexer | None = None
    """What happens to a document that was added; None keeps it as it is."""
    read: Reader | None = None
    """Reads a document of any kind; None knows plain text alone."""
