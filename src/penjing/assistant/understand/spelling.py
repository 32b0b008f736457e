"""Typing errors by edit distance: the known words that a strange one may stand for. Pure.

Any alphabet will do, but only one at a time: a word with letters of two alphabets is no typing
error, and a word is never mended into another alphabet's.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable

EDIT_COST = 0.35
FOLD_COST = 0.1
"""Of a word that only lacks its accents (`lumiere`), or spells them out (`kueche`, `gross`)."""
MOST_FIXES = 4
_SHORTEST = 3
_KEPT = 4000
_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe",
                        "œ": "oe"})  # fmt: skip


class Spelling:
    """Words that are known, made ready to be compared with."""

    def __init__(self, known: Iterable[str], most: int = MOST_FIXES) -> None:
        self._most = most
        self._kept: dict[str, tuple[tuple[str, float], ...]] = {}
        self._by_length: dict[int, list[tuple[int, str]]] = {}
        self._folded: dict[str, list[str]] = {}
        for word in known:
            if len(word) >= _SHORTEST and alphabet(word):
                self._by_length.setdefault(len(word), []).append((_letters(word), word))
                for one in {_bare(word), _spelt(word)}:
                    self._folded.setdefault(one, []).append(word)

    def fixes(self, word: str) -> tuple[tuple[str, float], ...]:
        """Known words near to a strange one, all about as near as the nearest, with their costs."""
        found = self._kept.get(word)
        if found is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            found = self._kept[word] = self._near(word)
        return found

    def _near(self, word: str) -> tuple[tuple[str, float], ...]:
        letters = alphabet(word)
        if len(word) < _SHORTEST or not letters:
            return ()
        folded = {*self._folded.get(_bare(word), ()), *self._folded.get(_spelt(word), ())} - {word}
        if folded:
            return tuple((one, FOLD_COST) for one in sorted(folded)[: self._most])
        most = 1 if len(word) < 6 else 2
        mask, near = _letters(word), []
        for length in range(len(word) - most, len(word) + most + 1):
            for other_mask, other in self._by_length.get(length, ()):
                if (mask ^ other_mask).bit_count() > 2 * most or alphabet(other) != letters:
                    continue
                if _another(word, other):
                    continue
                distance = edits(word, other, most)
                if distance <= most and (distance < 2 or word[0] == other[0]):
                    near.append((other, EDIT_COST * distance))
        near.sort(
            key=lambda one: (one[1], one[0][0] != word[0], abs(len(one[0]) - len(word)), one[0])
        )
        return tuple(one for one in near[: self._most] if one[1] <= near[0][1] + 0.01)


def _another(word: str, other: str) -> bool:
    """Three letters of which one is not the other's are a word of their own: a fan is no fab."""
    return len(word) == len(other) == _SHORTEST and sorted(word) != sorted(other)


@functools.lru_cache(maxsize=8)
def spelling(known: frozenset[str]) -> Spelling:
    """The same words are made ready once."""
    return Spelling(known)


@functools.lru_cache(maxsize=20_000)
def alphabet(word: str) -> str:
    """The one alphabet of a word, such as LATIN; empty where it has several, or other signs."""
    found = {unicodedata.name(char, "?").split()[0] for char in word if char != "'"}
    plain = len(found) == 1 and all(char.isalpha() or char == "'" for char in word)
    name = next(iter(found)) if plain else ""
    return "" if name in ("CJK", "HIRAGANA", "KATAKANA", "?") else name


def _letters(word: str) -> int:
    mask = 0
    for char in word:
        mask |= 1 << ord(char) % 61
    return mask


def _bare(word: str) -> str:
    apart = unicodedata.normalize("NFD", word)
    return "".join(char for char in apart if unicodedata.category(char) != "Mn").replace("ß", "ss")


def _spelt(word: str) -> str:
    return _bare(word.translate(_SPELT))


def edits(one: str, other: str, most: int) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours between two words; `most` + 1
    for anything beyond `most`. (Optimal string alignment.)"""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before2: list[int] = []
    before = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before2[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before2, before = before, row
    return min(before[-1], most + 1)
