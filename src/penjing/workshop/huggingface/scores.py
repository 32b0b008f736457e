"""From BPE merges back to SentencePiece scores, when both would cut every text the same way.

tokenizer.json orders pairs; the engine's SentencePiece orders the pieces that pairs make and tries
every pair that makes one. The two agree when each piece's pairs stand together in the list and no
pair is left out, which is how converters write them. Anything else is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from penjing.core.errors import FormatError

Merge = tuple[str, str]

LONELY = -1000.0
"""Score of a piece that no pair makes; llama.cpp's converter gives added tokens the same."""


def scores_of(
    vocab: Collection[str], merges: Sequence[Merge], added: Collection[str]
) -> dict[str, float]:
    """A score per piece that pairs make: minus its place in the order.

    `added` pieces are cut out before merging, so their pairs do not count.
    """
    order: dict[str, int] = {}
    pairs: set[Merge] = set()
    latest = ""
    for left, right in merges:
        piece = left + right
        if piece in added:
            continue
        if piece != latest and piece in order:
            raise FormatError(
                f"tokenizer.json: the merges that make {piece[:40]!a} do not stand together, "
                "so SentencePiece scores cannot say the same: use a GGUF of this model"
            )
        latest = piece
        order.setdefault(piece, len(order))
        pairs.add((left, right))
    _check_complete(vocab, pairs, added)
    return {piece: -float(place) for piece, place in order.items()}


def _check_complete(
    vocab: Collection[str], pairs: Collection[Merge], added: Collection[str]
) -> None:
    """Raise if the engine could make a piece of two parts that the list has no merge for."""
    made = {left + right for left, right in pairs}
    for piece in vocab:
        if piece in added or len(piece) < 2:
            continue
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            reachable = all(len(part) == 1 or part in made for part in (left, right))
            if reachable and (left, right) not in pairs:
                raise FormatError(
                    f"tokenizer.json has no merge of {left[:40]!a} and {right[:40]!a}, which "
                    "SentencePiece would make: use a GGUF of this model"
                )
