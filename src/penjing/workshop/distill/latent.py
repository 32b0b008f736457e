"""The straight-through estimator: a tensor that is trained through the rounding of its codec.

Forward, the network sees the very values that will be exported. Backward, rounding is taken as the
identity (Bengio et al. 2013, arXiv:1308.3432), and a group's scale gets the gradient of learned
step size quantization (Esser et al. 2020, arXiv:1902.08153, eq. 3): for v = s L(x) + t with
x = (w - t) / s, dv/dw = 1, dv/ds = L(x) - x and dv/dt = 0 inside the grid, and outside it 0
(but for a pull back inside), L(x) and 1. Inside is up to half a unit beyond the outermost levels.
That a scale is itself rounded to what the bytes can hold is passed straight through too. Must not
know models or losses.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from penjing.core.errors import PenjingError
from penjing.workshop.quantize.grids import Blocks, Grid, Scales
from penjing.workshop.quantize.scales import round_to
from penjing.workshop.tensors import Bytes

_PIECE = 1 << 16  # weights a core works on at once: what its cache holds


class Latent:
    """Continuous weights and scales behind a quantized tensor."""

    def __init__(self, grid: Grid, weights: torch.Tensor, scales: Scales) -> None:
        """`weights` [rows, row] float32 are those before rounding; they are copied."""
        self.grid = grid
        self.weight = weights.clone()
        """[rows, row], trained."""
        self._first = self._now = scales.to(weights.device)
        self.stretch = torch.ones_like(self._first.scale)
        """[rows, groups], trained: what the first scales are multiplied by."""
        self.drift = None if scales.shift is None else torch.zeros_like(self._first.scale)
        """[rows, groups], trained: what the first shifts are moved by, in first scales."""
        self.values = torch.empty(0)
        """What `project` gave, with the gradient that the network left on it."""

    @property
    def step(self) -> float:
        """How far apart neighbouring levels are, on average: the natural unit of a weight."""
        levels = self.grid.table
        spacing = float((levels.max() - levels.min()) / (len(levels.unique()) - 1))
        return float(self._first.scale.abs().mean()) * spacing

    def parameters(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Weights, and what scales are made of."""
        return [self.weight], [self.stretch] + ([] if self.drift is None else [self.drift])

    def scales(self) -> Scales:
        """The stored scales as they stand."""
        first = self._first
        shift = None
        if first.shift is not None and self.drift is not None:
            shift = first.shift + self.drift * first.scale
        like = first.fields if self.grid.small is not None else None
        return self.grid.store(first.scale * self.stretch, shift, like)

    def blocks(self) -> Blocks:
        """What is exported: exactly what `project` gives."""
        return round_to(self.grid, self.weight, self.scales())

    def stored(self) -> Bytes:
        """The same as bytes."""
        return self.grid.encode(self.blocks())

    @torch.no_grad()
    def project(self, dtype: torch.dtype) -> torch.Tensor:
        """The exported values [rows, row], as a leaf that collects a gradient."""
        self._now = self.scales()
        out = torch.empty(self.weight.shape, dtype=dtype, device=self.weight.device)
        for rows, w, scale, shift in self._pieces():
            out[rows] = self.grid.rounded(w, scale, shift).flatten(-2)
        self.values = out.requires_grad_()
        return self.values

    @torch.no_grad()
    def receive(self) -> None:
        """Turn the gradient of `values` into those of weights, stretch and drift.

        PenjingError when there is none. Nothing may be changed since `project`.
        """
        given = self.values.grad
        if given is None:
            raise PenjingError("a tensor got no gradient: go backward through what it projects")
        low, high = min(self.grid.levels) - 0.5, max(self.grid.levels) + 0.5
        self.weight.grad = torch.empty_like(self.weight)
        self.stretch.grad = torch.empty_like(self.stretch)
        if self.drift is not None:
            self.drift.grad = torch.empty_like(self.drift)
        for rows, w, scale, shift in self._pieces():
            g = given[rows].float().unflatten(-1, (-1, self.grid.group))
            x = self.grid.unscaled(w, scale, shift)
            level = self.grid.level(x)
            beyond = x - x.clamp(low, high)  # 0 inside the grid
            outside = beyond != 0
            first = self._first.scale[rows]
            if self.drift is not None and self.drift.grad is not None:
                self.drift.grad[rows] = (g * outside).sum(-1).mul_(first)
            by_scale = level.sub_(x.masked_fill_(outside, 0)).mul_(g)
            self.stretch.grad[rows] = by_scale.sum(-1).mul_(first)
            # a weight beyond the outermost level may come back, not go further
            further = beyond.mul_(g).mul_(scale.sign()) < 0
            self.weight.grad[rows] = g.masked_fill_(further, 0).flatten(-2)
        self.forget()

    def forget(self) -> None:
        """Let go of the values and their gradient."""
        self.values.grad = None
        self.values = torch.empty(0)

    def _pieces(self) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor, torch.Tensor | None]]:
        """A few rows at a time: which, weights [rows, groups, group], scale and shift (..., 1)."""
        on_cpu = self.weight.device.type == "cpu"
        most = _PIECE * torch.get_num_threads() if on_cpu else self.weight.numel()
        step = max(1, most // self.weight.shape[1])
        scale, shift = self._now.scale[..., None], self._now.shift
        for start in range(0, len(self.weight), step):
            rows = slice(start, start + step)
            parts = self.weight[rows].unflatten(-1, (-1, self.grid.group))
            yield rows, parts, scale[rows], None if shift is None else shift[rows][..., None]
