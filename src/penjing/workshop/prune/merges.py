"""Which smaller tokens a tokenizer passes through on its way to a token: its merge path.

Byte-pair encoding joins neighbours, best pair first, until nothing joins (Sennrich et al. 2016,
arXiv:1508.07909, algorithm 1). Where all tokens of a text and their paths stay in the vocabulary,
every join that was made can still be made, fewer others compete, and so the text is cut exactly as
before. Two ways of saying which pair is best: a list of pairs in order ("gpt2"), or a score for
each piece that a pair would make ("llama", SentencePiece).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from penjing.bundle.gguf_values import Value
from penjing.core.errors import FormatError

BYTES = "tokenizer.ggml.model", ("gpt2", "llama")
"""Tokenizers that can be cut down, by the key that names them."""

Rank = Callable[[str, str], float | None]
"""How early a pair is joined, lower is earlier; None: never."""


@dataclass(frozen=True)
class Merges:
    """How pairs are joined."""

    rank: Rank

    def path(self, text: str) -> list[str]:
        """Every piece that is made on the way to `text`, its letters first, the last join last."""
        pieces = list(text)
        made = list(pieces)
        while (place := self._best(pieces)) is not None:
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
            made.append(pieces[place])
        return made

    def _best(self, pieces: list[str]) -> int | None:
        """Where the next pair is joined: the earliest rank, leftmost of equals."""
        ranks = [self.rank(*pair) for pair in pairwise(pieces)]
        ranked = [(rank, place) for place, rank in enumerate(ranks) if rank is not None]
        return min(ranked)[1] if ranked else None


def merges_of(metadata: Mapping[str, Value]) -> Merges:
    """The merges of a model's tokenizer; FormatError for one of another kind."""
    key, known = BYTES
    kind = metadata[key].plain if key in metadata else None
    if kind == "gpt2" and "tokenizer.ggml.merges" in metadata:
        order = {text: place for place, text in enumerate(metadata["tokenizer.ggml.merges"].data)}
        return Merges(lambda left, right: order.get(f"{left} {right}"))
    if kind == "llama" and "tokenizer.ggml.scores" in metadata:
        scores = metadata["tokenizer.ggml.scores"].data.tolist()
        pieces = dict(zip(metadata["tokenizer.ggml.tokens"].data, scores, strict=True))

        def rank(left: str, right: str) -> float | None:
            score = pieces.get(left + right)
            return None if score is None else -score

        return Merges(rank)
    raise FormatError(
        f"a tokenizer of the kind {str(kind)[:40]} cannot be cut down: "
        f"take a model with one of {' or '.join(known)}"
    )
