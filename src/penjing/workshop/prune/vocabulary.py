"""Vocabulary trimming: the tokens of some languages stay, the rows of the others go.

For many languages a model carries rows that one user never meets: of Gemma 3 270M they are most of
its weights (Abdaoui et al. 2020, arXiv:2010.05609, cut multilingual models so). Kept rows keep
their stored bytes, so a kept token's logit is what it was. Kept are: bytes and control tokens; the
tokens of a text, by how often they stand in it; then those written in the same letters, in the
order of the tokenizer; of each its merge path (`merges.py`), so that a text of kept tokens is cut
as before. Any other text is still cut, into smaller tokens and at last into bytes.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from penjing.bundle.gguf_values import END_TOKENS_KEY, Value, ValueKind
from penjing.core.errors import BadInput, BudgetError
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.prune.cut import Index, rows_of
from penjing.workshop.prune.merges import Merges, merges_of

_TOKENS, _MERGES = "tokenizer.ggml.tokens", "tokenizer.ggml.merges"
_BY_TOKEN = (_TOKENS, "tokenizer.ggml.scores", "tokenizer.ggml.token_type")
_ID_KEY = re.compile(r"tokenizer\.ggml\.\w+_token_id")
_NORMAL, _UNUSED = 1, 5
_PLACEHOLDER = re.compile(r"<unused\d+>|\[unused\d+\]|<\|reserved_special_token_\d+\|>")
_SYLLABIC = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH")
"""Writing with too many letters to meet all in a text: one of them stands for all."""
_RARE = 1e-4
"""Of a text's letters: a name in another alphabet is not the text's language."""
MULTIPLE = 64
"""Rows are kept in multiples of it: the engine repacks whole groups of rows."""


@dataclass(frozen=True, eq=False)
class Trimmed:
    """A model with fewer tokens."""

    checkpoint: Checkpoint
    """Its tokens in the order they had."""
    kept: Index
    """Old id of every token [tokens], ascending."""

    def new_ids(self) -> dict[int, int]:
        """Old id -> new id."""
        return {old: new for new, old in enumerate(self.kept.tolist())}


def trim(checkpoint: Checkpoint, tokens: Iterable[int], text: str, most: int | None) -> Trimmed:
    """Keep at most `most` tokens: those of `text`, whose token ids are `tokens`, before others.

    None keeps all that are written in the letters of the text. BudgetError where not even bytes
    and control tokens fit, FormatError for a tokenizer that cannot be cut down.
    """
    kept = choose(checkpoint, Counter(tokens), text, most)
    sources = {
        name: rows_of(source, kept) if _has_rows_of_tokens(checkpoint, name) else source
        for name, source in checkpoint.tensors.items()
    }
    metadata = rewritten(checkpoint, kept)
    made = Checkpoint.of(checkpoint.name, metadata, sources, file=checkpoint.file)
    return Trimmed(made, kept)


def choose(checkpoint: Checkpoint, counts: Mapping[int, int], text: str, most: int | None) -> Index:
    """Old ids of the tokens that stay, ascending; how many is a multiple of 64 where there are."""
    vocabulary = _Vocabulary(checkpoint)
    kept = set(vocabulary.needed())
    if not counts:
        raise BadInput("the text whose vocabulary is to be kept has no tokens: give a longer one")
    if most is not None and len(kept) > most:
        raise BudgetError(
            f"{most} tokens are too few: bytes and control tokens alone are {len(kept)}"
        )
    limit = most if most is None else max(len(kept), most // MULTIPLE * MULTIPLE)
    seen = sorted(counts, key=lambda token: (-counts[token], token))
    vocabulary.add(kept, [*seen, *vocabulary.written_in(text)], limit)
    everything = range(len(vocabulary.texts))
    multiple = -(-len(kept) // MULTIPLE) * MULTIPLE
    vocabulary.add(kept, everything, min(multiple, limit or multiple, len(everything)))
    return np.array(sorted(kept), dtype=np.int64)


def rewritten(checkpoint: Checkpoint, kept: Index) -> dict[str, Value]:
    """The metadata for these tokens: texts, scores, types, merges and every id in it."""
    metadata = dict(checkpoint.metadata)
    new = {old: place for place, old in enumerate(kept.tolist())}
    for key in _BY_TOKEN:
        if key in metadata:
            value = metadata[key]
            chosen = [value.data[token] for token in kept.tolist()]
            metadata[key] = Value(value.kind, chosen, value.item_kind)
    if _MERGES in metadata:
        texts = set(metadata[_TOKENS].data)
        left = [pair for pair in metadata[_MERGES].data if _stays(pair, texts)]
        metadata[_MERGES] = Value.array(ValueKind.STRING, left)
    for key, value in metadata.items():
        if _ID_KEY.fullmatch(key) and value.data in new:
            metadata[key] = Value(value.kind, new[value.data])
    if END_TOKENS_KEY in metadata:
        ends = metadata[END_TOKENS_KEY]
        found = [new[token] for token in ends.data.tolist()]
        metadata[END_TOKENS_KEY] = Value(ends.kind, found, ends.item_kind)
    count = f"{checkpoint.architecture.name}.vocab_size"
    if count in metadata:
        metadata[count] = Value(metadata[count].kind, len(kept))
    return metadata


class _Vocabulary:
    """A model's tokens, and which need which."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        metadata = checkpoint.metadata
        self.merges: Merges = merges_of(metadata)
        self.texts: list[str] = list(metadata[_TOKENS].data)
        self.ids = {text: token for token, text in enumerate(self.texts)}
        types = metadata.get("tokenizer.ggml.token_type")
        self.types = types.data.tolist() if types else [_NORMAL] * len(self.texts)
        self._pieces = metadata["tokenizer.ggml.model"].plain == "llama"
        self._template = str(metadata.get("tokenizer.chat_template", Value.text("")).plain)
        self._named = _named_ids(metadata)

    def needed(self) -> Iterator[int]:
        """Tokens that stay in any case: bytes, single ASCII letters, control and special tokens."""
        yield from self._named
        for token, text in enumerate(self.texts):
            if self._stays_always(self.types[token], text):
                yield token

    def _stays_always(self, kind: int, text: str) -> bool:
        if kind == _NORMAL:
            return len(text) == 1 and (text.isascii() or not self._pieces)
        return kind != _UNUSED and not self._unused(text)

    def written_in(self, text: str) -> list[int]:
        """Ordinary tokens in the letters of a text, in the tokenizer's order: learned first, first.

        A letter of a syllabic script says more of a language than one of an alphabet: tokens of
        those that the text has come before all others, and those of the rest of the script last.
        Not pieces of a broken character: those stay that a whole one is made of.
        """
        letters, met = _letters(text), set(text)
        found: list[tuple[int, int]] = []
        for token, stored in enumerate(self.texts):
            plain = stored if self._pieces else _decoded(stored)
            if self.types[token] != _NORMAL or plain is None:
                continue
            if all(_letter(c) in letters for c in plain):
                syllables = {c for c in plain if _script(c) in _SYLLABIC}
                order = 1 if not syllables else 0 if syllables <= met else 2
                found.append((order, token))
        return [token for _, token in sorted(found)]

    def add(self, kept: set[int], wanted: Iterable[int], limit: int | None) -> None:
        """Put tokens and their merge paths into `kept`, as far as they fit."""
        for token in wanted:
            if limit is not None and len(kept) >= limit:
                return
            if token in kept:
                continue
            more = {token, *self._path(token)} - kept
            if limit is None or len(kept) + len(more) <= limit:
                kept |= more

    def _path(self, token: int) -> Iterator[int]:
        if self.types[token] != _NORMAL:
            return
        for piece in self.merges.path(self.texts[token]):
            if piece in self.ids:
                yield self.ids[piece]

    def _unused(self, text: str) -> bool:
        """A place held free for a token that nobody trained, and no template writes."""
        return bool(_PLACEHOLDER.fullmatch(text)) and text not in self._template


def _named_ids(metadata: Mapping[str, Value]) -> list[int]:
    """Ids that the metadata names, if they are any."""
    size = len(metadata[_TOKENS].data)
    found = [value.data for key, value in metadata.items() if _ID_KEY.fullmatch(key)]
    if END_TOKENS_KEY in metadata:
        found += metadata[END_TOKENS_KEY].data.tolist()
    return [token for token in found if 0 <= token < size]


def _byte_letters() -> dict[str, int]:
    """GPT-2's letter of every byte, the other way round."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = {chr(byte): byte for byte in shown}
    return letters | {chr(256 + place): byte for place, byte in enumerate(hidden)}


_BYTE_OF = _byte_letters()


def _decoded(text: str) -> str | None:
    """The text that a token of bytes as letters stands for; None where it is no whole one."""
    try:
        return bytes(_BYTE_OF[letter] for letter in text).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return None


def _letters(text: str) -> set[str]:
    """What a text is written in: its letters, a script for all of a syllabic one."""
    counts = Counter(_letter(c) for c in text)
    return {letter for letter, count in counts.items() if count >= _RARE * len(text)} | {""}


def _letter(character: str) -> str:
    """A letter, lower case; the script of a syllabic one; "" for what belongs to no language."""
    if character.isascii():
        return character.lower() if character.isalpha() else ""
    if not unicodedata.category(character).startswith("L"):
        return _script(character) if _script(character) in _SYLLABIC else ""
    script = _script(character)
    return script if script in _SYLLABIC else character.lower()


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]


def _has_rows_of_tokens(checkpoint: Checkpoint, name: str) -> bool:
    return checkpoint.architecture.kind_of(name).shape[0] == "vocab"


def _stays(pair: str, texts: set[str]) -> bool:
    left, _, right = pair.partition(" ")
    return {left, right, left + right} <= texts
