"""The seams between rooms. Stand-ins for tests are in `penjing.testing`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from penjing.core.dialogue import Outcome, Passage
from penjing.core.history import (
    Document,
    Excerpt,
    Found,
    IndexedDocument,
    Kept,
    Mark,
    Session,
    Turn,
)
from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.core.serving import Health, Request

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class LanguageModel(Protocol):
    """Anything that reads tokens and says what comes next: a shipped GGUF or a torch checkpoint."""

    @property
    def name(self) -> str:
        """What to call it in a table."""
        ...

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may fill together."""
        ...

    def tokenize(self, text: str, *, special: bool = False, bos: bool = True) -> list[int]:
        """Token ids of a text.

        `special=True` reads markers such as <|im_start|> as control tokens (never for a person's
        own words); `bos=True` adds the start token where the model wants one.
        """
        ...

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of tokens; broken UTF-8 becomes U+FFFD."""
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many prompt tokens these messages need, chat template included."""
        ...

    def generate(
        self, messages: Sequence[Message], settings: GenerationSettings
    ) -> Iterator[Chunk]:
        """Stream an answer. Closing the iterator cancels the work.

        Raises BadInput when the prompt does not fit the context: shortening is the caller's duty.
        """
        ...

    def score(self, tokens: Sequence[int]) -> npt.NDArray[np.float32]:
        """Logits [len(tokens), vocabulary]: row i predicts token i + 1.

        The array may be a view of the engine's memory that the next call overwrites.
        """
        ...

    def close(self) -> None:
        """Free the model. Calling it twice is harmless."""
        ...


class Ticket(Protocol):
    """One request that was taken."""

    def cancel(self) -> None:
        """Stop writing it and forget it; harmless when it is over. Callable from any thread."""
        ...


class Scheduler(Protocol):
    """An engine that writes many answers side by side (continuous batching). Thread-safe."""

    @property
    def name(self) -> str:
        """What to call its model."""
        ...

    @property
    def context_length(self) -> int:
        """Tokens that one prompt and its answer may fill together."""
        ...

    def submit(self, request: Request, deliver: Callable[[Chunk | Exception], None]) -> Ticket:
        """Take a request, or raise at once: BadInput, or Busy with the seconds to wait.

        `deliver` is called from the scheduler's own thread with each chunk, and last with the
        chunk that has a finish reason or with an error; it must not block.
        """
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many prompt tokens these messages need, chat template included."""
        ...

    def health(self) -> Health:
        """How it is now."""
        ...

    def close(self, grace: float = 0.0) -> None:
        """Take nothing more, give what is being written `grace` seconds, end. Twice is harmless."""
        ...


class Embedder(Protocol):
    """Texts to vectors whose scalar product says how much they mean the same."""

    @property
    def name(self) -> str:
        """Model and version: vectors of two names are never compared."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        ...

    def embed(
        self, texts: Sequence[str], kind: Literal["query", "passage"]
    ) -> npt.NDArray[np.float32]:
        """Vectors [len(texts), dimension] of length 1; a text too long is cut at its end."""
        ...

    def count_tokens(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> int:
        """How many tokens `embed` reads of these texts."""
        ...

    @property
    def window(self) -> int:
        """Tokens of one text that `embed` reads at most."""
        ...

    def lengths(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[int]:
        """How many tokens each text has, whether `embed` reads them all or not."""
        ...

    def close(self) -> None:
        """Free the model. Calling it twice is harmless."""
        ...


class Retriever(Protocol):
    """What one person may read, searched."""

    def search(self, query: str, *, limit: int = 5) -> list[Passage]:
        """The best passages, best first; empty when nothing is relevant."""
        ...


class Tool(Protocol):
    """Something that can be done. One file a tool, all alike (`penjing/tools/`)."""

    @property
    def name(self) -> str:
        """What a spec calls it: letters, digits and underscores."""
        ...

    @property
    def description(self) -> str:
        """What it does, in one English sentence."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The JSON schema of its arguments: an object, additional properties refused."""
        ...

    @property
    def careful(self) -> bool:
        """It changes the physical world or cannot be undone: a person must confirm it."""
        ...

    def entities(self, parameter: str) -> Sequence[str]:
        """Names that exist right now for a parameter (lamps, rooms, playlists ...); maybe none."""
        ...

    def call(self, arguments: Mapping[str, Any], person: str) -> Outcome:
        """Do it for a person; arguments were checked. A failure is an Outcome, not an exception."""
        ...

    def close(self) -> None:
        """Let go of connections. Calling it twice is harmless."""
        ...


class History(Protocol):
    """One person's sessions and what was said in them. An id of anybody else's is NotFound."""

    def begin(self, title: str = "") -> Session:
        """A new, empty session."""
        ...

    def sessions(self) -> list[Session]:
        """All, the one last spoken in first."""
        ...

    def rename(self, session: str, title: str) -> Session:
        """Give a session another title."""
        ...

    def delete(self, session: str) -> None:
        """Remove a session and its turns from the disk."""
        ...

    def append_turn(self, session: str, message: Message, *, instead: int | None = None) -> Turn:
        """Add a turn. What it returns has reached the disk: no crash loses it.

        In place of turn `instead` and all after it, where that is given: both or neither.
        """
        ...

    def branch(self, session: str, number: int, title: str) -> Session:
        """A new session with a copy of all turns up to that one; of none with 0."""
        ...

    def turns(self, session: str) -> list[Turn]:
        """What was said, in order."""
        ...

    def search(self, words: str, *, limit: int = 20) -> list[Found]:
        """Turns that hold every one of the words, newest first."""
        ...


class Documents(Protocol):
    """One person's documents, and the excerpts a room made of them."""

    def add(self, name: str, media: str, data: bytes) -> Document:
        """Keep a document."""
        ...

    def all(self) -> list[Document]:
        """All, newest first."""
        ...

    def read(self, document: str) -> bytes:
        """The document's own bytes."""
        ...

    def delete(self, document: str) -> None:
        """Remove a document and its excerpts from the disk."""
        ...

    def put_excerpts(self, document: str, excerpts: Sequence[Excerpt]) -> None:
        """Replace what was made of a document; no search finds it until `Passages.finish`."""
        ...

    def excerpts(self, document: str) -> list[Excerpt]:
        """The excerpts of a document, in order, finished or not."""
        ...


class Passages(Protocol):
    """What makes one person's excerpts searchable. Only finished documents are ever found."""

    def put_vectors(self, document: str, vectors: Mapping[int, bytes]) -> None:
        """Add vectors to excerpts that are there, by their place in the document: 0, 1, 2 ..."""
        ...

    def finish(self, document: str) -> None:
        """Let searches find it, and remove older documents of its name: both or neither."""
        ...

    def indexed(self) -> list[IndexedDocument]:
        """The finished documents, newest first."""
        ...

    def marks(self, document: str) -> list[Mark]:
        """What an index in memory wants of a document's excerpts, in order."""
        ...

    def places(self, words: Sequence[str], *, most: int) -> list[list[int]]:
        """Where words stand: for each form of one, rarest first, excerpts once for each time.

        Frequent forms are left out from where there would be more than `most` places in all.
        Excerpts of unfinished documents may be among them.
        """
        ...

    def get(self, numbers: Sequence[int]) -> list[Kept]:
        """Excerpts of finished documents by number, in the order asked for, without those gone."""
        ...

    def text(self, document: str, start: int, end: int) -> str:
        """The document's plain text from `start` to `end`, as far as there is any."""
        ...


class Snapshots(Protocol):
    """One person's cached prompts. Losing them costs time and nothing else."""

    def put(self, name: str, data: bytes) -> None:
        """Keep or replace a snapshot."""
        ...

    def get(self, name: str) -> bytes | None:
        """A snapshot, or None where there is none."""
        ...

    def names(self) -> list[str]:
        """All names."""
        ...

    def drop(self) -> None:
        """Forget all of them."""
        ...


class Settings(Protocol):
    """One person's settings: a name and a text."""

    def put(self, name: str, value: str) -> None:
        """Keep or replace a setting."""
        ...

    def drop(self, name: str) -> None:
        """Forget a setting; no harm when there is none."""
        ...

    def get(self, name: str) -> str | None:
        """A setting, or None where there is none."""
        ...

    def all(self) -> dict[str, str]:
        """All of them by name."""
        ...


class Store(Protocol):
    """Everything kept for one person."""

    @property
    def history(self) -> History:
        """Sessions and turns."""
        ...

    @property
    def documents(self) -> Documents:
        """Documents and what was made of them."""
        ...

    @property
    def passages(self) -> Passages:
        """The search over them."""
        ...

    @property
    def snapshots(self) -> Snapshots:
        """Cached prompts."""
        ...

    @property
    def settings(self) -> Settings:
        """Settings."""
        ...

    def close(self) -> None:
        """Forget the key. Calling it twice is harmless."""
        ...
