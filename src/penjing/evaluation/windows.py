"""A text cut into windows the way llama.cpp's perplexity tool cuts it, so that numbers agree.

The tokens are split into whole windows of `context` tokens, without overlap; what remains at the
end is dropped. Where the model wants a start token, it REPLACES the first token of every window.
Each window is read from an empty memory, and only its second half is scored, so that every
prediction has at least context/2 tokens to go by: row i of the logits, for i from context/2 to
context - 2, against token i + 1. A window of 512 gives 255 positions.

Knows tokens; must not know models, files or statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.core.errors import BadInput
from penjing.core.protocols import LanguageModel

SMALLEST_CONTEXT = 16
"""Below this there is nothing to learn from a window."""

_CHARACTERS_PER_TOKEN = 8
"""More than any text holds on average; a wrong guess only costs a second look."""
_SLACK = 64
"""Tokens near a cut that may differ from those of the whole text."""


@dataclass(frozen=True)
class Windows:
    """The pieces of a text that are read."""

    ids: npt.NDArray[np.int32]
    """Token ids [windows, context], start tokens in place."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def context(self) -> int:
        """Tokens in a window."""
        return int(self.ids.shape[1])

    @property
    def first(self) -> int:
        """The first row of logits that is scored."""
        return self.context // 2

    @property
    def scored(self) -> int:
        """Positions scored in each window."""
        return self.context - 1 - self.first

    def tokens(self, window: int) -> list[int]:
        """What the model reads."""
        return [int(token) for token in self.ids[window]]

    def targets(self, window: int) -> npt.NDArray[np.int32]:
        """The tokens that follow the scored positions."""
        return self.ids[window, self.first + 1 :]


def cut(
    tokens: Sequence[int], context: int, *, start: int | None = None, limit: int | None = None
) -> Windows:
    """Whole windows of `context` tokens, at most `limit`; BadInput when there is not even one."""
    if context < SMALLEST_CONTEXT:
        raise BadInput(f"a context of {context} is too short: give at least {SMALLEST_CONTEXT}")
    if limit is not None and limit < 1:
        raise BadInput(f"{limit} windows cannot be measured: give at least 1")
    count = len(tokens) // context
    if count < 1:
        raise BadInput(
            f"the text has {len(tokens)} tokens and one window needs {context}: "
            "give a longer text or a smaller --context"
        )
    if limit is not None:
        count = min(count, limit)
    ids = np.array(tokens[: count * context], dtype=np.int32).reshape(count, context)
    if start is not None:
        ids[:, 0] = start
    return Windows(ids)


def start_token(model: LanguageModel) -> int | None:
    """The token the model wants before every text, or None."""
    word = "a"
    bare = model.tokenize(word, bos=False)
    begun = model.tokenize(word)
    if len(begun) > len(bare) and begun[1 : 1 + len(bare)] == bare:
        return begun[0]
    return None


def read_tokens(
    model: LanguageModel, text: str, context: int, *, limit: int | None = None
) -> list[int]:
    """The tokens of a text, or only as much of its beginning as `limit` windows need.

    Tokens are those of the whole text: the beginning is cut at white space, and the tokens next to
    the cut are thrown away.
    """
    if limit is not None:
        needed = limit * context
        length = (needed + _SLACK) * _CHARACTERS_PER_TOKEN
        while length < len(text):
            tokens = model.tokenize(text[: _last_space(text, length)])[:-_SLACK]
            if len(tokens) >= needed:
                return tokens
            length *= 4
    return model.tokenize(text)


def _last_space(text: str, length: int) -> int:
    """Where to cut: after the last line end or before the last space, else at `length`."""
    line = text.rfind("\n", 0, length)
    if line > length // 2:
        return line
    space = text.rfind(" ", 0, length)
    return space if space > length // 2 else length
