"""What is known of a language, one file each: typed values, what may be left out, what turns round.

English and Chinese are read by the extractors beside this folder; German, French and Spanish by
`typed.py` from their files. A language without a file has no typed values but digits: that is said
(`Language.typed`), not guessed.
"""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penjing.assistant.understand import numbers, quantities, times
from penjing.assistant.understand.languages.typed import Typed, parts
from penjing.assistant.understand.span import Extractor, Moment, Span
from penjing.assistant.understand.spelling import EDIT_COST
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import FILLERS, GUARDS

BUILT_IN = ("en", "zh")


@dataclass(frozen=True)
class Language:
    """One language."""

    code: str
    """Without its country: en, zh, de."""
    fillers: tuple[str, ...]
    """What may be left out of a sentence."""
    guards: frozenset[str]
    """What may never be overlooked in one."""
    extractors: Mapping[str, Extractor]
    """Typed values by kind; none of English and Chinese, which are read by `slots.py`."""
    words: frozenset[str]
    """Words that may stand in a typed value."""
    typed: bool
    """It has typed values of its own; without, only digits are read."""
    _numbers: Typed | None = field(default=None, repr=False)

    def number_at(self, tokens: Sequence[Token], at: int) -> Span | None:
        """The longest number that begins at a token; none where a typing error leaves two."""
        found = (
            numbers.number_at(tokens, at)
            if self._numbers is None
            else self._numbers.number_at(tokens, at)
        )
        if found is None or not found.cost:
            return found
        unsure = any(
            sum(fix in self.words for fix, _ in one.fixes) > 1
            for one in tokens[found.start : found.end]
        )
        return None if unsure else found

    def mended(self, tokens: Sequence[Token]) -> frozenset[int]:
        """Tokens that may be words all the same, and not typing errors: only of English is known
        which words there are."""
        if self.code in BUILT_IN:
            return frozenset()
        near = (max((cost for _, cost in one.fixes), default=0.0) for one in tokens)
        return frozenset(n for n, cost in enumerate(near) if cost >= EDIT_COST)

    def turning(
        self, tokens: Sequence[Token], moment: Moment, known: frozenset[str]
    ) -> frozenset[int]:
        """Tokens that no request may leave over: what turns it around, counts or says when. Of a
        language that has no file it is every word that is not `known`."""
        if self.code in BUILT_IN:
            return frozenset()  # the gate has patterns for these
        if not self.typed:
            strange = (n for n, one in enumerate(tokens) if not one.mark and one.text not in known)
            return frozenset(strange)
        found = {n for n, one in enumerate(tokens) if one.text in self.guards}
        for kind in ("number", "time", "duration", "date"):
            for span in self.extractors[kind](tokens, moment):
                if not span.cost and (span.value != 1 or tokens[span.start].text[0].isdigit()):
                    found |= set(range(span.start, span.end))
        return frozenset(found)


@functools.cache
def language(code: str) -> Language:
    """What is known of a language; `zh-CN` is Chinese."""
    short = code.partition("-")[0].lower()
    if short in BUILT_IN:
        words = numbers.WORDS | quantities.WORDS | times.WORDS
        return Language(short, FILLERS, GUARDS, {}, words, typed=True)
    file = importlib.resources.files(__package__).joinpath(f"{short}.toml")
    data: dict[str, Any] = tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}
    typed = Typed(data)
    return Language(
        short,
        tuple(map(phrase, data.get("fillers", ()))),
        frozenset(data.get("guards", ())),
        typed.extractors(),
        typed.words,
        typed=bool(data),
        _numbers=typed,
    )


def phrase(text: str) -> str:
    """A phrase as its tokens are compared."""
    return " ".join(parts(text))


def known_codes() -> tuple[str, ...]:
    """Languages that have typed values."""
    names = (one.name for one in importlib.resources.files(__package__).iterdir())
    return tuple(
        sorted({*BUILT_IN, *(one.partition(".")[0] for one in names if one.endswith(".toml"))})
    )
