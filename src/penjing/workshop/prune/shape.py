"""How much of a model is to stay, as a value, and the model of that shape.

What it takes to know (inputs, moments, which layers are missed least) is measured once for all
shapes of a model. Text, memory and disk are the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from penjing.bundle.codecs import codec
from penjing.core.errors import BadInput
from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.prune import depth, statistics, width
from penjing.workshop.prune.cut import Index, columns_of
from penjing.workshop.prune.evidence import Evidence
from penjing.workshop.prune.moments import Moments, measure_moments, moments_bytes
from penjing.workshop.prune.repair import repaired
from penjing.workshop.prune.reshape import Columns, Layer, reshaped, whole_layers, without
from penjing.workshop.prune.scores import score_of
from penjing.workshop.tensors import Bytes, TensorSource

MULTIPLE = 32
"""Of feed-forward and residual channels: the shortest block of a codec."""
DEPTH = 8, 128
"""Windows, and tokens of each, on which layers are left out."""
WIDTH = 16, 256
"""The same for what inputs and gradients say."""
REPAIR = 32, 256
"""The same for what goes together: of a thousand channels a few thousand tokens say too little."""

Windows = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Shape:
    """What is to stay."""

    ffn: float = 1.0
    """Share of the feed-forward channels that stays."""
    heads: float = 1.0
    """Share of the key-value heads that stays, each with its query heads."""
    hidden: float = 1.0
    """Share of the residual channels that stays."""
    uneven: bool = False
    """Whether layers that matter more keep more feed-forward channels."""
    layers: int = 0
    """How many layers go."""
    sublayers: int = 0
    """How many halves of layers go."""
    score: str = "wanda"
    """What channels and heads are worth."""
    repair: bool = False
    """Whether what stays takes over the work of what goes, by least squares."""
    seed: int = 0
    """Of the random score."""

    def __post_init__(self) -> None:
        """BadInput for what no model can be."""
        score_of(self.score)
        if self.uneven and self.heads < 1:
            raise BadInput("--uneven is for --ffn: heads stay alike, leave --heads out")
        if self.layers and self.sublayers:
            raise BadInput("layers or halves of layers: give one of --layers and --sublayers")

    @property
    def narrows(self) -> bool:
        """Whether channels or heads go."""
        return self.ffn < 1 or self.heads < 1

    @property
    def whole(self) -> bool:
        """Whether nothing goes."""
        return not (self.narrows or self.hidden < 1 or self.layers or self.sublayers)


@dataclass(frozen=True)
class PrunedModel:
    """A model of some shape."""

    checkpoint: Checkpoint
    """What is left; columns that were cut are float32, all else is as stored."""
    layers: Sequence[Layer]
    """Which parts of which layers it is."""
    residual: Index | None
    """Residual channels that stay; None: all."""
    steps: Sequence[depth.Step]
    """Which layers or halves of layers went, in order."""


class Pruner:
    """Prunes one model."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        windows: Callable[[int, int], Windows],
        folder: Path,
        progress: Progress,
        *,
        require_memory: Callable[[int, str], None] = lambda need, remedy: None,  # noqa: ARG005
        depth_text: tuple[int, int] = DEPTH,
    ) -> None:
        """`windows` gives so many texts of so many tokens; `folder` keeps what was measured."""
        self.checkpoint = checkpoint
        self._windows, self._folder, self._progress = windows, folder, progress
        self._require, self._depth = require_memory, depth_text
        self._worth: dict[tuple[str, int], list[width.Worth]] = {}
        self._squares: dict[str, torch.Tensor] = {}
        self._moments: Moments | None = None

    def pruned(self, shape: Shape) -> PrunedModel:
        """The model of this shape; BadInput where its family cannot have it."""
        steps = self._steps(shape)
        layers: Sequence[Layer] = whole_layers(self.checkpoint.config)
        layers = without(layers, depth.gone_by_layer(steps))
        if shape.narrows:
            known = [self.worth(shape)[layer.source] for layer in layers]
            layers = (
                width.unevenly(layers, known, ffn=shape.ffn, multiple=MULTIPLE)
                if shape.uneven
                else width.evenly(
                    layers, known, heads=shape.heads, ffn=shape.ffn, multiple=MULTIPLE
                )
            )
        residual = None
        if shape.hidden < 1:
            worth = width.residual_worth(self.checkpoint)
            residual = width.narrower(worth, shape.hidden, MULTIPLE)
        if shape.whole:
            return PrunedModel(self.checkpoint, layers, None, steps)
        columns = self._repairing() if shape.repair and shape.narrows else columns_of
        return PrunedModel(
            reshaped(self.checkpoint, layers, residual, columns=columns), layers, residual, steps
        )

    def worth(self, shape: Shape) -> list[width.Worth]:
        """What every head and channel is worth by the shape's score."""
        key = shape.score, shape.seed
        if key not in self._worth:
            self._worth[key] = self._measured_worth(*key)
        return self._worth[key]

    def _steps(self, shape: Shape) -> Sequence[depth.Step]:
        kind: Literal["layers", "sublayers"] = "layers" if shape.layers else "sublayers"
        count = shape.layers or shape.sublayers
        if not count:
            return []
        if shape.score == "random":
            return depth.chosen_by_chance(self.checkpoint, kind, count, shape.seed)
        self._require(depth.depth_bytes(self.checkpoint, *self._depth), "drop none")
        partial = self._folder / f"steps-{kind}.json"
        windows = self._windows(*self._depth)
        return depth.least_missed(
            self.checkpoint, windows, kind, count, self._progress, partial=partial
        )

    def _measured_worth(self, score: str, seed: int) -> list[width.Worth]:
        needs, (count, length) = score_of(score).needs, WIDTH
        slopes: dict[str, torch.Tensor] = {}
        if needs == "inputs" and not self._squares:
            self._require(statistics.input_bytes(self.checkpoint, count * length), "")
            text = self._windows(count, length)
            self._squares = statistics.mean_squares(self.checkpoint, text, self._progress)
        elif needs == "gradients":
            self._require(statistics.gradient_bytes(self.checkpoint, length), "use --score wanda")
            text = self._windows(count, length)
            slopes = statistics.gradients(self.checkpoint, text, self._progress)

        def known(name: str) -> Evidence:
            return Evidence(self._squares.get(name), slopes.get(name), seed)

        return width.worth_of(self.checkpoint, score, known, self._progress)

    def _repairing(self) -> Columns:
        """Cuts columns so that those that stay take over."""
        if self._moments is None:
            count, length = REPAIR
            self._require(moments_bytes(self.checkpoint, count * length), "leave --repair out")
            self._moments = measure_moments(
                self.checkpoint, self._windows(count, length), self._folder, self._progress
            )
        moments = self._moments

        def columns(source: TensorSource, index: Index) -> TensorSource:
            whole = len(index) == source.shape[1]
            found = None if whole or not len(index) else moments.of(source.name)
            if found is None:
                return columns_of(source, index)

            def read() -> Bytes:
                weights = torch.from_numpy(source.load())
                made = repaired(weights, found_again(source.name), index).numpy()
                return made.reshape(-1).view("u1")

            shape = (source.shape[0], len(index))
            return TensorSource(source.name, shape, codec("F32"), read)

        def found_again(name: str) -> torch.Tensor:
            found = moments.of(name)
            if found is None:
                raise BadInput(f"what was measured of {name} is gone: begin again")
            return found

        return columns
