"""Words as static vectors: roughly what they mean, so that words no sample has are not nothing.

Distilled from multilingual-e5-small (MIT) by `scripts/meanings.py` after Model2Vec (Tulkens and van
Dongen 2024): the model reads each word alone, the vectors are centred in each language and cut to
their principal components, and what is frequent counts less (Arora et al. 2017). Nothing is run
here: a sentence is the sum of its words. Chinese characters that stand together are taken as the
longest words known.
"""

from __future__ import annotations

import importlib.resources
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]

_LONGEST = 4
"""Characters of a Chinese word."""


@dataclass(frozen=True)
class _Table:
    places: Mapping[str, int]
    vectors: Matrix


@lru_cache(1)
def _table() -> _Table:
    import numpy as np

    packed = importlib.resources.files(__package__).joinpath("meanings.npz").read_bytes()
    with np.load(io.BytesIO(packed), allow_pickle=False) as data:
        words = data["words"].tobytes().decode("utf-8").split("\n")
        vectors = data["vectors"].astype(np.float32) * data["scale"].astype(np.float32)
    return _Table({word: place for place, word in enumerate(words)}, vectors)


def meant(many: Sequence[Sequence[str]]) -> Matrix:
    """[sentences, dimension] of length 1; 0 where no word is known. Slots mean nothing."""
    import numpy as np

    table = _table()
    found = np.zeros((len(many), table.vectors.shape[1]), dtype=np.float32)
    for row, words in enumerate(many):
        places = [table.places[one] for one in _known(words, table.places)]
        if places:
            whole = table.vectors[places].sum(axis=0)
            found[row] = whole / max(float(np.linalg.norm(whole)), 1e-9)
    return found


def _known(words: Sequence[str], known: Mapping[str, int]) -> Iterator[str]:
    place = 0
    while place < len(words):
        longest = _LONGEST if "\u3400" <= words[place][:1] <= "\u9fff" else 1
        for size in range(min(longest, len(words) - place), 0, -1):
            word = "".join(words[place : place + size])
            if word in known or (word := word.partition("'")[0]) in known:
                yield word
                break
        else:
            size = 1
        place += size
