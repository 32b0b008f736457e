"""A spec's own documents as passages, found by their words. For a few Markdown or text files.

What people add themselves, other formats and meaning are the knowledge room's; this is so that a
manual beside its spec answers without an index. Satisfies `Retriever`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from penjing.assistant.generate.extractive_answers import asked_about, terms
from penjing.core.dialogue import Passage
from penjing.core.errors import BadInput
from penjing.core.files import read_text
from penjing.core.paragraphs import flowing

ENDINGS = (".md", ".txt")
MAX_BYTES = 4 * 2**20
_MAX_PASSAGE = 1200
_RELEVANT = 0.15
_HEADING = re.compile(r"^#{1,6}\s+(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Shelf:
    """Passages and the words in them."""

    passages: tuple[Passage, ...]
    """In the order of the documents."""
    words: tuple[frozenset[str], ...]
    """Of each passage and its heading."""
    texts: Mapping[str, tuple[str, str]]
    """By the id that passages have: what a document is called, and what it says."""

    def only(self, sources: Collection[str]) -> Shelf:
        """What of it is of these documents; itself when all is."""
        kept = [place for place, one in enumerate(self.passages) if one.source in sources]
        if len(kept) == len(self.passages):
            return self
        return Shelf(
            tuple(self.passages[place] for place in kept),
            tuple(self.words[place] for place in kept),
            {one: self.texts[one] for one in {self.passages[place].document for place in kept}},
        )

    def search(self, query: str, *, limit: int = 5) -> list[Passage]:
        """The passages that hold most of a question's words, rare words before common ones."""
        wanted = asked_about(query)
        counts = Counter(word for words in self.words for word in words & wanted)
        weights = {one: math.log(1 + len(self.words) / (1 + counts[one])) + 0.1 for one in wanted}
        total = sum(weights.values()) or 1.0
        scored = [
            (sum(weights[one] for one in words & wanted) / total, -place)
            for place, words in enumerate(self.words)
        ]
        best = sorted(scored, reverse=True)[:limit]
        return [
            replace(self.passages[-minus], score=score)
            for score, minus in best
            if score >= _RELEVANT
        ]


def shelf(folder: Path, sources: Sequence[str]) -> Shelf:
    """The shelf of some documents in a folder."""
    passages: list[Passage] = []
    texts: dict[str, tuple[str, str]] = {}
    for name in sources:
        if not name.endswith(ENDINGS):
            raise BadInput(f"{name} is no text: give .md or .txt, or add it with penjing knowledge")
        text = flowing(read_text(folder / name, limit=MAX_BYTES, inside=folder))
        texts[_id(name)] = name, text
        passages += cut(text, name)
    return Shelf(
        tuple(passages),
        tuple(frozenset(terms(one.text) | terms(one.location)) for one in passages),
        texts,
    )


def _id(name: str) -> str:
    """Like the ids that a person's own documents have, and like none of them."""
    return blake2b(name.encode("utf-8"), digest_size=16, person=b"penjing shelf").hexdigest()


def cut(text: str, name: str) -> list[Passage]:
    """The passages of a text: what stands under a heading, long ones at their paragraphs."""
    heads = [(one.start(), one.end(), one.group(1).strip()) for one in _HEADING.finditer(text)]
    found: list[Passage] = []
    for place, (_, after, heading) in enumerate(heads or [(0, 0, "")]):
        begin = after
        end = heads[place + 1][0] if place + 1 < len(heads) else len(text)
        while begin < end:
            stop = end
            if end - begin > _MAX_PASSAGE:
                at = text.rfind("\n\n", begin, begin + _MAX_PASSAGE)
                stop = at if at > begin else begin + _MAX_PASSAGE
            piece = text[begin:stop]
            start = begin + len(piece) - len(piece.lstrip())
            if piece.strip():
                words = piece.strip()
                found.append(
                    Passage(words, _id(name), name, heading, start, start + len(words), 0.0)
                )
            begin = stop
    return found
