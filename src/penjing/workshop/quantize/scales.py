"""Importance-weighted search for the scales of a codec's groups.

For a group x with weights m (the importance E[x_j^2] of its channels) and a grid with levels L the
error is sum_j m_j (x_j - s L(c_j) - t)^2. Codes and scale depend on each other: from many first
scales, which put the group's extreme on or near some level, codes are made nearest and (s, t) least
squares for them; the best goes on in turns, as Lloyd (1982) does for one codebook. llama.cpp's
`make_qx_quants` and `make_qkx3_quants` are the same idea with other first scales; formats whose
scales are themselves quantized in super-blocks get ggml's own search. Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType

import numpy as np
import torch

from penjing.core.errors import BadInput
from penjing.ggml.quantize import quantize
from penjing.workshop.quantize.grids import Blocks, Grid, Scales

_ROUNDS = 2
_PIECE = 1 << 17  # weights worked on at once: what a core's cache holds
_SILENT = 1e-6  # of its group's mean importance: a silent channel still has a best code
_QUIET = 1e-3  # of it: channels below have less of a say in where a search begins
_FAR = 1e30  # what no scale can reach
_SMALLEST, _EPSILON = 2.0**-126, 2.0**-23
_SPREAD = 1e-3  # variance of a group's levels below which float32 knows no more digits


def _line(first: float, last: float, count: int) -> tuple[float, ...]:
    return tuple(np.linspace(first, last, count).tolist())


_FIRST: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "Q1_0": (1.0,),
        "Q2_0": (1.0, *_line(2.0, 4.5, 9), 5.5, 7.0, 10.0, 16.0, *_line(-5.5, -2.0, 6)),
        "Q4_0": (*_line(-12.0, -6.0, 19), -14.0, -18.0, 8.5),
        "Q5_0": (*_line(-20.0, -11.0, 19), -24.0, -32.0),
        "Q8_0": (*_line(-129.0, -107.0, 23), -160.0, -220.0),
        "IQ4_NL": (-200.0, *_line(-160.0, -94.0, 13), *_line(91.0, 146.0, 11), 190.0),
        "MXFP4": (4.0, 8.0, 16.0, 32.0),
        "Q4_1": _line(11.8, 16.4, 24),
        "Q5_1": _line(27.8, 32.4, 24),
    }
)
"""Where a group's extreme is put at first, in levels: near the outermost one, and beyond the grid
for extremes that matter little. With a minimum: how many levels the range covers. On normal,
Laplace and Student-t groups a search from 300 places gains 2 % at most. The outermost level itself
is among them, so that what is on a grid already stays there."""

_LOUDEST: Mapping[str, tuple[float, ...]] = MappingProxyType({"Q2_0": (2.0, 1.0)})
"""Where the weight that matters most is put as well: of so few levels it may deserve its own."""

_PHASES = (0.0, 0.25, 0.5, -0.25)
"""How far from the middle level the middle of the range is put, in turns."""


def search(grid: Grid, x: torch.Tensor, importance: torch.Tensor) -> Scales:
    """The scales of x [rows, row] float32 with importance [row] or [rows, row].

    ggml's own search knows importance [row] only: super-blocks get its mean over rows.
    BadInput when the importance was never filled or a number is not finite.
    """
    require_filled(importance)
    grid.groups(x.shape[-1])
    if grid.small is not None:
        return _of_ggml(grid, x, importance)
    if not bool(torch.isfinite(x).all()):
        raise BadInput("a weight is infinite or not a number: the model is damaged")
    step = max(1, _PIECE // x.shape[-1])
    m = importance.unflatten(-1, (-1, grid.group))
    each = itertools.repeat(m) if importance.dim() == 1 else m.split(step)
    parts = x.unflatten(-1, (-1, grid.group)).split(step)
    found = [_search(grid, part, weight) for part, weight in zip(parts, each, strict=False)]
    scale = torch.cat([s for s, _ in found])
    shift = torch.cat([t for _, t in found]) if grid.shifted else None
    return grid.store(scale, shift)


def round_to(grid: Grid, x: torch.Tensor, scales: Scales) -> Blocks:
    """Every weight on its nearest level."""
    parts = x.unflatten(-1, (-1, grid.group))
    shift = None if scales.shift is None else scales.shift[..., None]
    return Blocks(grid.nearest(parts, scales.scale[..., None], shift).flatten(-2), scales)


def require_filled(importance: torch.Tensor) -> None:
    """Raise BadInput for a statistic that no text ever filled: never round as if it had."""
    if not bool(torch.isfinite(importance).all()) or bool((importance < 0).any()):
        raise BadInput("importance is not finite or negative: run the calibration again")
    if not bool(importance.any()):
        raise BadInput("importance was never filled: run the calibration first")


def _of_ggml(grid: Grid, x: torch.Tensor, importance: torch.Tensor) -> Scales:
    rows = importance.mean(0) if importance.dim() > 1 else importance
    raw = quantize(grid.codec, x.cpu().numpy(), rows.float().cpu().numpy())
    return grid.decode(raw, (x.shape[0], x.shape[1])).scales.to(x.device)


@dataclass(frozen=True)
class _Groups:
    """Groups made alike: the extreme of each at 1 (with a minimum: its ends at -1 and 1)."""

    x: torch.Tensor
    """[rows, groups, group]: the weights less `middle`, by `reach`."""
    middle: torch.Tensor
    """[rows, groups, 1], like the next two; 0 where there is no minimum to move."""
    reach: torch.Tensor
    """The extreme, half the range, or a power of two next to it; not 0."""
    mean: torch.Tensor
    """Weighted, of x; 0 where there is no minimum to move."""
    weight: torch.Tensor
    """[rows, groups, group] or [groups, group]; those of a group sum to 1."""
    pull: torch.Tensor
    """weight * (x - mean), [rows, groups, group]."""

    @classmethod
    def of(cls, grid: Grid, x: torch.Tensor, importance: torch.Tensor) -> _Groups:
        weight = importance / importance.mean(-1, keepdim=True).clamp(min=_SMALLEST) + _SILENT
        say = (weight / _QUIET).clamp_(max=1).sqrt_()
        weight = weight / weight.sum(-1, keepdim=True)
        x = x.clamp(-_FAR, _FAR)
        middle = mean = torch.zeros_like(x[..., :1])
        if grid.shifted:
            mean = (weight * x).sum(-1, keepdim=True)
        low, high = ((x - mean) * say).aminmax(dim=-1, keepdim=True)
        if grid.shifted:
            middle = mean + (low + high) / 2
            reach = torch.maximum((high - low) / 2, _EPSILON * middle.abs()).clamp_(min=_SMALLEST)
        else:
            reach = torch.where(high >= -low, high.clamp(min=_SMALLEST), low)
            if grid.exponent:
                reach = reach / (2 * torch.frexp(reach).mantissa)
        x, mean = (x - middle) / reach, (mean - middle) / reach
        return cls(x, middle, reach, mean, weight, (x - mean).mul_(weight))


@dataclass(frozen=True)
class _Fit:
    """Scale and shift of every group, [rows, groups], and how good they are."""

    scale: torch.Tensor
    shift: torch.Tensor
    gain: torch.Tensor
    """By how much the weighted squared error is less than with the mean alone."""

    def or_better(self, other: _Fit) -> _Fit:
        """Of each group the better one."""
        better = other.gain > self.gain
        return _Fit(
            torch.where(better, other.scale, self.scale),
            torch.where(better, other.shift, self.shift),
            torch.where(better, other.gain, self.gain),
        )


def _search(
    grid: Grid, x: torch.Tensor, importance: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and shift [rows, groups] of x [rows, groups, group]; importance may lack the rows."""
    groups = _Groups.of(grid, x, importance)
    best = _first(grid, groups)
    for _ in range(0 if grid.exponent else _ROUNDS):
        shift = best.shift[..., None] if grid.shifted else None
        at = grid.unscaled(groups.x, best.scale[..., None], shift)
        best = best.or_better(_least_squares(grid, groups, at))
    reach, middle = groups.reach[..., 0], groups.middle[..., 0]
    return best.scale * reach, best.shift * reach + middle


def _first(grid: Grid, groups: _Groups) -> _Fit:
    """The best of the first scales."""
    return reduce(_Fit.or_better, _fits(grid, groups))


def _fits(grid: Grid, groups: _Groups) -> Iterator[_Fit]:
    for extreme, phase in zip(_FIRST[grid.codec.name], itertools.cycle(_PHASES), strict=False):
        if grid.shifted:
            at = groups.x * (extreme / 2) + (_middle(grid) + phase)
        else:
            at = groups.x * extreme
        yield _least_squares(grid, groups, at, 1 / extreme if grid.exponent else None)
    for level in _LOUDEST.get(grid.codec.name, ()):
        where = (groups.x * groups.pull).argmax(-1, keepdim=True)
        scale = groups.x.gather(-1, where) / level
        yield _least_squares(grid, groups, grid.unscaled(groups.x, scale, None))


def _middle(grid: Grid) -> float:
    return (grid.levels[0] + grid.levels[-1]) / 2


def _least_squares(
    grid: Grid, groups: _Groups, at: torch.Tensor, scale: float | None = None
) -> _Fit:
    """The best scale and shift for the codes next to `at`, or those of a scale that is given."""
    levels = grid.level(at)
    if not grid.shifted:
        pulled = (groups.pull * levels).sum(-1)
        square = (groups.weight * levels).mul_(levels).sum(-1)
        slope = pulled / square.clamp(min=_SMALLEST)
        if scale is not None:
            slope.fill_(scale)
        return _Fit(slope, torch.zeros_like(slope), slope * (2 * pulled - slope * square))
    levels.sub_(_middle(grid))
    pulled = (groups.pull * levels).sum(-1)
    weighted = groups.weight * levels
    mean = weighted.sum(-1)
    spread = weighted.mul_(levels).sum(-1) - mean.square()
    slope = pulled / spread.clamp(min=_SPREAD)
    shift = groups.mean[..., 0] - slope * (mean + _middle(grid))
    return _Fit(slope, shift, slope * pulled)
