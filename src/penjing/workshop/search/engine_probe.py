"""What a change of the weights does to the output, read in the engine: for models of any family.

The changed tensors stand in the place of the loaded ones while a text is read (see
`engine/weights.py`), so that a reading is one pass over the text in the arithmetic that will be
shipped. Nothing is shared between readings as it is in `wavefront.py`: no forward pass is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from penjing.bundle.codecs import CODECS
from penjing.engine.llamacpp import LlamaCpp
from penjing.engine.weights import Exchange, uses
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.divergence import kld
from penjing.workshop.search.head import Reading
from penjing.workshop.search.rounder import Rounder
from penjing.workshop.tensors import Floats

MOST_NUMBERS = 1 << 26
"""Log-probabilities of the clean run that are kept; of a large vocabulary not every position is."""


class EngineProbe:
    """Reads plans on some windows. Not for several threads at once; `close` it."""

    def __init__(
        self,
        path: Path,
        checkpoint: Checkpoint,
        rounder: Rounder,
        windows: Sequence[Sequence[int]],
        *,
        threads: int,
    ) -> None:
        self._tensors, self._rounder, self._windows = checkpoint.tensors, rounder, windows
        self._every = spacing(sum(map(len, windows)), checkpoint.vocabulary)
        self._model = LlamaCpp.open(path, threads=threads, repack=False)
        try:
            self._exchange = Exchange(uses(self._model, checkpoint.quantizable))
            clean = (torch.from_numpy(part) for part in self._logits())
            self._clean = [part - part.logsumexp(-1, keepdim=True) for part in clean]
        except BaseException:
            self._model.close()
            raise

    def read(self, plan: Mapping[str, str], *, tops: bool = False) -> Reading:
        """Mean KLD of the model with these tensors in these codecs, all else as it came."""
        try:
            for name, codec in plan.items():
                if codec != self._tensors[name].codec.name:
                    kind = CODECS[codec]
                    self._exchange.put(name, kind, self._rounder.raw(name, kind))
            sums, same, count = 0.0, 0, 0
            for clean, part in zip(self._clean, self._logits(), strict=True):
                logits = torch.from_numpy(part)
                sums += float(kld(clean, logits).double().sum())
                same += int((clean.argmax(-1) == logits.argmax(-1)).sum()) if tops else 0
                count += len(clean)
        finally:
            self._exchange.restore()
        return Reading(sums / count, same / count if tops else None)

    def close(self) -> None:
        """Free the model. Calling it twice is harmless."""
        self._model.close()

    def _logits(self) -> Iterator[Floats]:
        """Of each window, [positions that are kept, vocabulary]."""
        for window in self._windows:
            yield np.ascontiguousarray(self._model.score(window)[:: self._every])


def spacing(tokens: int, vocabulary: int) -> int:
    """Every so many positions one is compared."""
    return max(1, -(-tokens * vocabulary // MOST_NUMBERS))
