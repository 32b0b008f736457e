"""A model's tokens: from text to their numbers and back, and which of them end an answer.

Beside what llama.cpp keeps of a GGUF stands what it does not act on (`Habits`): more end tokens
than it has names for, and texts that are composed (NFC) before they are cut. Knows tokens; must
not know templates.
"""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from penjing.bundle.gguf_parts import GGUFModel
from penjing.bundle.gguf_values import (
    END_TOKENS_KEY,
    NORMALIZER_KEY,
    SPACE_PREFIX_KEY,
    StringArray,
)
from penjing.core.errors import EngineError
from penjing.ggml.library import load

_COMPOSED = ("qwen2", "qwen35", "olmo")
"""Ways of cutting whose own tokenizers compose texts first, where a file does not say."""
_MATCHED = (3, 4)  # token types control and user-defined: looked for in a text before it is cut


@dataclass(frozen=True)
class Habits:
    """What a file says of its tokens and llama.cpp does not act on."""

    ends: frozenset[int] = frozenset()
    """End tokens beside those it knows."""
    composed: bool = False
    """Texts are brought into Unicode's NFC before they are cut."""
    first_space: bool = False
    """A space is put before a text that begins with none, and with no added token."""
    apart: re.Pattern[str] | None = None
    """Added tokens, which are found in the text as it was typed."""

    @classmethod
    def of(cls, file: GGUFModel) -> Habits:
        """As a GGUF says."""
        found = file.get(END_TOKENS_KEY, ())
        ends = found if isinstance(found, tuple) else ()
        normalizer = file.get(NORMALIZER_KEY)
        composed = (
            file.get("tokenizer.ggml.pre") in _COMPOSED
            if normalizer is None
            else normalizer == "NFC"
        )
        first_space = file.get(SPACE_PREFIX_KEY) == "first"
        return cls(
            frozenset(token for token in ends if type(token) is int),
            composed,
            first_space,
            _apart(file) if composed or first_space else None,
        )

    def normalized(self, text: str) -> str:
        """The text as the model's own tokenizer cuts it."""
        if self.first_space and text and not text.startswith((" ", "▁")):
            text = text if self.apart and self.apart.match(text) else f" {text}"
        if not self.composed or unicodedata.is_normalized("NFC", text):
            return text
        if self.apart is None:
            return unicodedata.normalize("NFC", text)
        parts = self.apart.split(text)
        return "".join(
            part if number % 2 else unicodedata.normalize("NFC", part)
            for number, part in enumerate(parts)
        )


def _apart(file: GGUFModel) -> re.Pattern[str] | None:
    tokens = file.metadata.get("tokenizer.ggml.tokens")
    types = file.metadata.get("tokenizer.ggml.token_type")
    if tokens is None or types is None or not isinstance(tokens.data, StringArray):
        return None
    places = np.flatnonzero(np.isin(np.asarray(types.data), _MATCHED))
    texts = {tokens.data[place] for place in places.tolist() if place < len(tokens.data)}
    longest_first = sorted(filter(None, texts), key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest_first))})") if longest_first else None


class Vocabulary:
    """The tokens of one loaded model."""

    def __init__(self, pointer: int, habits: Habits) -> None:
        self._library = load()
        self._habits = habits
        self.pointer = pointer
        """llama.cpp's."""
        self.size: int = self._library.llama_vocab_n_tokens(pointer)
        """How many tokens there are."""

    def tokenize(self, text: str, *, special: bool, bos: bool) -> list[int]:
        """Token ids of a text; see `LanguageModel.tokenize`."""
        text = self._habits.normalized(text)
        data = text.encode("utf-8", "replace")  # half a character may come in as JSON
        room = len(data) + 8
        while True:
            out = (ctypes.c_int32 * room)()
            count = self._library.llama_tokenize(
                self.pointer, data, len(data), out, room, bos, special
            )
            if count >= 0:
                return list(out[:count])
            if -count <= room:
                raise EngineError("the text is too long to tokenize: split it")
            room = -count

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of one token; control tokens are empty unless `special`."""
        room = 64
        while True:
            out = ctypes.create_string_buffer(room)
            count = self._library.llama_token_to_piece(self.pointer, token, out, room, 0, special)
            if count >= 0:
                return out.raw[:count]
            room = -count

    def ends(self, token: int) -> bool:
        """Whether a token ends an answer."""
        return token in self._habits.ends or bool(
            self._library.llama_vocab_is_eog(self.pointer, token)
        )

    def text(self, token: int) -> str:
        """What the file calls a token; nothing for one that is not there."""
        if token < 0:
            return ""
        found: bytes = self._library.llama_vocab_get_text(self.pointer, token)
        return found.decode("utf-8", "replace")

    def control_text(self, token: int) -> str | None:
        """The marker a control token stands for; None for a token of plain text."""
        if not self._library.llama_vocab_is_control(self.pointer, token):
            return None
        return self.text(token)

    @property
    def first(self) -> str:
        """The text of the start token."""
        return self.text(self._library.llama_vocab_bos(self.pointer))

    @property
    def last(self) -> str:
        """The text of the end token."""
        return self.text(self._library.llama_vocab_eos(self.pointer))

    def begun(self, tokens: list[int]) -> list[int]:
        """Tokens with the start token before them, where the model wants one."""
        if self._library.llama_vocab_get_add_bos(self.pointer):
            start = self._library.llama_vocab_bos(self.pointer)
            if tokens[:1] != [start]:
                return [start, *tokens]
        return tokens

    @cached_property
    def forbidden(self) -> int | None:
        """A control token that ends nothing: no text and no grammar has it."""
        return self._first(lambda token: self.control_text(token) and not self.ends(token))

    @cached_property
    def longest(self) -> int:
        """Bytes of the longest token: no text has fewer tokens than its bytes divided by this."""
        room = 256
        out = ctypes.create_string_buffer(room)
        convert = self._library.llama_token_to_piece
        sizes = (
            abs(convert(self.pointer, token, out, room, 0, True)) for token in range(self.size)
        )
        return max(sizes, default=1) or 1

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens; broken UTF-8 becomes U+FFFD."""
        return b"".join(self.piece(token) for token in tokens).decode("utf-8", "replace")

    def _first(self, holds: Callable[[int], object]) -> int | None:
        return next((token for token in range(self.size) if holds(token)), None)
