"""The seams between rooms. Each has a working fake (see `engine/fake.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from penjing.core.messages import Chunk, GenerationSettings, Message

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
