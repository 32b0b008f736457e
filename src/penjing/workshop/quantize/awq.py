"""AWQ: the scale of every channel that rounds best, hidden where the channel is made.

Important channels are made larger before rounding and so keep more of their digits (Lin et al.
2023, arXiv:2306.00978). For every input x with importance m_j = E[x_j^2], section 3.2 with its
eq. 4 and 5, the expectation taken channel by channel:

    s_j = m_j^(alpha / 2)       alpha* = argmin sum_ij m_j (W_ij - Q(W diag(s))_ij / s_j)^2

where Q is the planned codec of each matrix, its rounding weighted by m_j / s_j^2, which is the
importance of the scaled channel. Dividing x by s is done in what makes x (`fold.py`), so the file
stays a plain model of its family. Scaling a row does no harm to a matrix that makes x: blocks lie
along rows and have their own scales.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import Codec
from penjing.core.errors import BadInput, PenjingError
from penjing.core.progress import Progress, Silent
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.quantize.fold import Doubles, Link, fold, links
from penjing.workshop.quantize.rows import stand_ins
from penjing.workshop.quantize.stored import round_trip

Floats = npt.NDArray[np.float32]
RoundTrip = Callable[[Codec, Floats, Floats | None], Floats]

ALPHAS = tuple(step / 10 for step in range(1, 11))
"""Tried for every input, and none at all. (The paper's grid has steps of 0.05.)"""

_QUIETEST = 1e-8  # of the loudest channel: quieter ones get no smaller scale


@dataclass(frozen=True)
class Scaling:
    """What became of one input for which a scale was sought."""

    group: str
    """What the family calls it: "attention", "ffn_down"."""
    layer: int | None
    """The block it is in; None: behind the last one."""
    alpha: float
    """How strongly importance became scale; 0: none rounds better, nothing was changed."""
    error_before: float
    """Importance-weighted squared rounding error of the matrices that read it, unscaled."""
    error_after: float
    """The same with the scale; never more."""


@dataclass(frozen=True, eq=False)
class Awq:
    """A model that rounds better than it did."""

    checkpoint: Checkpoint
    """The same function as before, up to float32 rounding of the weights."""
    importance: Mapping[str, Floats]
    """Of this checkpoint, by tensor name: E[x^2] / s^2 where an input was scaled."""
    scalings: tuple[Scaling, ...]
    """Every input for which a scale was sought, in the model's order."""
    left_alone: Mapping[str, str]
    """Why none was sought, by the name of the tensor that makes the input."""


@dataclass(frozen=True, eq=False)
class _Matrix:
    """Some rows of a matrix that reads the input, and how they will be stored."""

    weights: Floats
    """[rows, columns]."""
    importance: Floats
    """[columns]."""
    codec: Codec
    """Planned."""
    shares: Floats
    """[rows]: how many rows of the matrix each stands for."""

    def error(self, rounded: Floats) -> float:
        """Weighted squared error of all rows."""
        difference = self.weights - rounded
        by_row = np.einsum("ij,ij,j->i", difference, difference, self.importance, dtype=np.float64)
        return float(by_row @ self.shares)

    def scaled(self, columns: Doubles) -> _Matrix:
        """The same rows when the input is divided by `columns`: the error keeps its unit."""
        return replace(
            self,
            weights=(self.weights * columns).astype(np.float32),
            importance=(self.importance / columns**2).astype(np.float32),
        )

    def sample(self, rounded: Floats) -> _Matrix:
        """A few rows that stand for all, the loudest among them."""
        rows = stand_ins(self.weights, rounded, self.importance)
        return replace(self, weights=self.weights[rows.index], shares=rows.weight)


def awq(
    checkpoint: Checkpoint,
    importance: Mapping[str, Floats],
    codecs: Mapping[str, Codec],
    *,
    round_trip: RoundTrip = round_trip,
    progress: Progress | None = None,
) -> Awq:
    """Scale every input for the `codecs` its readers will be stored in; both by tensor name.

    `round_trip(codec, weights, importance)` gives what the engine will read. An input is left
    alone, and the result says so, where no scale can be hidden. Raises PenjingError for importance
    that was never filled, BadInput for a matrix without a codec or with one that does not fit.
    """
    inputs = links(checkpoint)
    for link in inputs:
        _require(checkpoint, link, importance, codecs)
    search = _Search(codecs, round_trip)
    current, filled, done, alone = checkpoint, dict(importance), [], {}
    with (progress or Silent()).task("a scale for every input", len(inputs), unit="inputs") as task:
        for link in inputs:
            reason = _obstacle(current, link, codecs)
            if reason:
                alone[link.producer] = reason
            else:
                scaling, scales = search.best(current, link, filled)
                done.append(scaling)
                if scaling.alpha:
                    current = current.replacing(fold(current, link, scales))
                    filled |= scaled_importance(filled, link, scales)
            task.advance(1)
    return Awq(current, filled, tuple(done), alone)


def channel_scales(importance: Doubles, alpha: float) -> Doubles:
    """s = m^(alpha / 2) [channels], normalised so that the largest times the smallest is 1.

    Channels that are (almost) never used count as a ten-thousandth of the loudest amplitude.
    """
    scales = np.maximum(importance, _QUIETEST * importance.max()) ** (alpha / 2)
    return scales / np.sqrt(scales.max() * scales.min())


def scaled_importance(
    importance: Mapping[str, Floats], link: Link, scales: Doubles
) -> dict[str, Floats]:
    """The importance of the members of `link` once their input was divided by `scales`."""
    columns = link.at_readers(scales)
    return {name: (importance[name] / columns**2).astype(np.float32) for name in link.members}


@dataclass(frozen=True, eq=False)
class _Search:
    """The search of alpha; what is the same for every input."""

    codecs: Mapping[str, Codec]
    round_trip: RoundTrip

    def best(
        self, checkpoint: Checkpoint, link: Link, importance: Mapping[str, Floats]
    ) -> tuple[Scaling, Doubles]:
        """The best alpha on sampled rows, if it is better on all rows, and its scales."""
        whole, sample, before = [], [], 0.0
        for name in link.members:
            source = checkpoint.tensors[name]
            ones = np.ones(source.shape[0], np.float32)
            matrix = _Matrix(source.load(), importance[name], self.codecs[name], ones)
            # what keeps its codec and is not changed keeps its bytes
            rounded = matrix.weights if source.codec == matrix.codec else self._rounded(matrix)
            before += matrix.error(rounded)
            whole.append(matrix)
            sample.append(matrix.sample(rounded))
        mean = np.stack([matrix.importance for matrix in whole]).astype(np.float64).mean(0)
        tries = {alpha: channel_scales(link.at_producer(mean), alpha) for alpha in ALPHAS}
        alpha, after = 0.0, before
        if before > 0:
            alpha = min(ALPHAS, key=lambda each: self._error(sample, link, tries[each]))
            after = self._error(whole, link, tries[alpha])
        if after >= before:
            return Scaling(link.group, link.layer, 0.0, before, before), np.ones_like(mean)
        return Scaling(link.group, link.layer, alpha, before, after), tries[alpha]

    def _error(self, matrices: Sequence[_Matrix], link: Link, scales: Doubles) -> float:
        scaled = [matrix.scaled(link.at_readers(scales)) for matrix in matrices]
        return sum(matrix.error(self._rounded(matrix)) for matrix in scaled)

    def _rounded(self, matrix: _Matrix) -> Floats:
        return self.round_trip(matrix.codec, matrix.weights, matrix.importance)


def _obstacle(checkpoint: Checkpoint, link: Link, codecs: Mapping[str, Codec]) -> str:
    """Why no scale can be hidden here; "" when one can."""
    if not link.members:
        return "the head is the embedding, which the first block needs unscaled"
    own = checkpoint.tensors[link.producer].codec
    if not link.norm and own == codecs[link.producer] and own.name != "F32":
        return f"'{link.producer}' keeps the bytes it came with, which a scale would change"
    return ""


def _require(
    checkpoint: Checkpoint,
    link: Link,
    importance: Mapping[str, Floats],
    codecs: Mapping[str, Codec],
) -> None:
    """Raise unless every matrix has a codec that fits, and every reader filled importance."""
    for name in (*link.members, *(() if link.norm else (link.producer,))):
        columns = checkpoint.tensor(name).shape[-1]
        if name not in codecs:
            raise BadInput(f"no codec is planned for '{name}': give every matrix one")
        if not codecs[name].fits(columns):
            raise BadInput(
                f"tensor '{name}' has rows of {columns} and {codecs[name].name} needs a multiple "
                f"of {codecs[name].width}: choose another codec for it"
            )
    for name in link.members:
        found, columns = importance.get(name), checkpoint.tensors[name].shape[-1]
        if found is None or not found.any():
            raise PenjingError(
                f"the importance of '{name}' was never filled: calibrate again with more text"
            )
        if found.shape != (columns,) or not np.isfinite(found).all() or (found < 0).any():
            raise BadInput(
                f"the importance of '{name}' is not {columns} mean squares: "
                "collect it again from this model"
            )
