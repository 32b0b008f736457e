"""Codecs as grids: weight = scale of its group * level of its code + shift of its group.

Every block format of ggml but the lattice ones (IQ1, IQ2, IQ3) and those that pack ternary digits
(TQ1, TQ2) is such a grid; formats differ in their levels and in how scales are stored. Rounding
that corrects its errors (`gptq.py`) and training through the codec (`distill/`) work on grids, so
that what they compute with is to the bit what the engine reads. Pure; must not know models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from penjing.bundle.codecs import CODECS, Codec
from penjing.core.errors import BadInput
from penjing.workshop.quantize.packing import PACKINGS, BlockParts, Bytes, Fields

_IQ4 = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
_FP4 = (0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)  # twice E2M1; code 8 is -0
_LARGEST = 65504.0  # float16


@dataclass(frozen=True)
class Scales:
    """What every group is multiplied by and moved by, exactly as the bytes can hold it."""

    scale: torch.Tensor
    """[rows, groups] float32."""
    shift: torch.Tensor | None
    """[rows, groups] float32, added after; None for a grid without."""
    fields: Fields
    """How the bytes say it, [blocks, ...]: see `packing.Packed`."""

    def to(self, device: torch.device | str) -> Scales:
        """The same where the weights are; `fields` stay in this machine's memory."""
        shift = None if self.shift is None else self.shift.to(device)
        return Scales(self.scale.to(device), shift, self.fields)


@dataclass(frozen=True)
class Blocks:
    """A tensor in a codec, taken apart."""

    codes: torch.Tensor
    """[rows, row] uint8: which level."""
    scales: Scales
    """Of its groups."""


@dataclass(frozen=True)
class Grid:
    """One codec."""

    codec: Codec
    """The block format."""
    group: int
    """Weights that share a scale; a divisor of the codec's width."""
    levels: tuple[int, ...]
    """Value of each code before scaling."""
    shifted: bool = False
    """Whether a group also has a minimum."""
    small: tuple[int, int] | None = None
    """Least and greatest factor of a group's scale within a super-block; None: its own float16."""

    @property
    def exponent(self) -> bool:
        """Scales are powers of two (E8M0) instead of float16."""
        return self.codec.name == "MXFP4"

    @cached_property
    def table(self) -> torch.Tensor:
        """Levels [codes] float32."""
        return torch.tensor(self.levels, dtype=torch.float32)

    @cached_property
    def _even(self) -> bool:
        """Whether levels are consecutive numbers, so that rounding finds the nearest."""
        return self.levels == _run(self.levels[0], len(self.levels))

    @cached_property
    def _steps(self) -> torch.Tensor:
        """Code of the level next to k / 2 + 1 / 4 from the least on, uint8.

        Every boundary between levels is a multiple of a half.
        """
        points = torch.arange(2 * min(self.levels), 2 * max(self.levels) + 1) / 2 + 0.25
        return (points[:, None] - self.table).abs().argmin(1).to(torch.uint8)

    @cached_property
    def _step_levels(self) -> torch.Tensor:
        """The level itself, float32."""
        return self.table[self._steps.int()]

    def groups(self, row: int) -> int:
        """Groups of a row; BadInput when it is not a whole number of blocks."""
        if not self.codec.fits(row):
            raise BadInput(
                f"{self.codec.name} needs rows of a multiple of {self.codec.width}, not {row}: "
                "choose another codec"
            )
        return row // self.group

    def decode(self, raw: Bytes, shape: tuple[int, int]) -> Blocks:
        """Take the stored bytes of a tensor [rows, row] apart."""
        rows, row = shape
        groups = self.groups(row)
        packed = PACKINGS[self.codec.name].unpack(
            np.ascontiguousarray(raw).reshape(-1, self.codec.block_bytes)
        )
        codes = torch.from_numpy(np.ascontiguousarray(packed.codes)).reshape(rows, row)
        return Blocks(codes, self._scales(packed.fields, (rows, groups)))

    def encode(self, blocks: Blocks) -> Bytes:
        """The stored bytes."""
        codes = blocks.codes.cpu().numpy().reshape(-1, self.codec.width)
        packed = BlockParts(codes, blocks.scales.fields)
        return PACKINGS[self.codec.name].pack(packed).reshape(-1)

    def values(self, blocks: Blocks) -> torch.Tensor:
        """[rows, row] float32, to the bit what the engine reads from `encode(blocks)`."""
        scale, shift = blocks.scales.scale[..., None], blocks.scales.shift
        levels = _look_up(self.table, blocks.codes).unflatten(-1, (-1, self.group))
        out = levels.mul_(scale)
        if shift is not None:
            out.add_(shift[..., None])
        return out.flatten(-2)

    def unscaled(
        self, x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor | None
    ) -> torch.Tensor:
        """x in units of levels, (x - shift) / scale; 0 in a group without a scale.

        x [..., n]; scale and shift broadcast against it, here and below.
        """
        safe = torch.where(scale == 0, torch.inf, scale)
        return x / safe if shift is None else (x - shift).div_(safe)

    def level(self, x: torch.Tensor) -> torch.Tensor:
        """The level nearest to x, which is in units of levels."""
        if self._even:
            return (x + 0.5).floor_().clamp_(self.levels[0], self.levels[-1])
        return _look_up(self._step_levels, self._step(x))

    def nearest(
        self, x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor | None
    ) -> torch.Tensor:
        """Code of the nearest level, uint8."""
        at = self.unscaled(x, scale, shift)
        if self._even:
            return self.level(at).sub_(self.levels[0]).to(torch.uint8)
        return _look_up(self._steps, self._step(at))

    def rounded(
        self, x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor | None
    ) -> torch.Tensor:
        """The value of the nearest level: what `values` gives for the codes of `nearest`."""
        out = self.level(self.unscaled(x, scale, shift)).mul_(scale)
        return out if shift is None else out.add_(shift)

    def _step(self, x: torch.Tensor) -> torch.Tensor:
        """Where x, in units of levels, lies in `_steps`."""
        return (2 * x).floor_().sub_(2 * min(self.levels)).clamp_(0, len(self._steps) - 1)

    def store(
        self, scale: torch.Tensor, shift: torch.Tensor | None, like: Fields | None = None
    ) -> Scales:
        """The nearest scales [rows, groups] that the bytes can hold; `shift` if the grid has one.

        What is too large is clipped. The nearest power of two is the one of the nearest logarithm.
        Super-blocks keep the coarse scales of `like` where given; else the largest group sets them.
        """
        fields: dict[str, npt.NDArray[Any]] = {}
        if self.exponent:
            fields["e"] = _to_e8m0(scale)
        elif self.small is None:
            fields["d"] = _halves(scale)
            if shift is not None:
                fields["dmin"] = _halves(shift)
        else:
            per = self.codec.width // self.group
            wanted = {"": scale} if shift is None else {"": scale, "min": -shift}
            for kind, values in wanted.items():
                parts = values.detach().cpu().numpy().reshape(-1, per)
                coarse = _coarse(parts, self.small) if like is None else like[f"d{kind}"]
                fields[f"d{kind}"] = coarse
                fields[f"sub{kind}"] = _factors(parts, coarse, self.small)
        return self._scales(fields, tuple(scale.shape)).to(scale.device)

    def _scales(self, fields: Fields, shape: tuple[int, ...]) -> Scales:
        """What the fields mean."""
        if "e" in fields:
            power = fields["e"].astype(np.int32) - 128  # levels are twice those of E2M1
            return Scales(_tensor(np.ldexp(np.float32(1), power), shape), None, fields)
        scale = fields["d"].astype(np.float32)
        shift = fields["dmin"].astype(np.float32) if "dmin" in fields else None
        if "sub" in fields:
            scale = scale[:, None] * fields["sub"].astype(np.float32)
        if shift is not None and "submin" in fields:
            shift = -(shift[:, None] * fields["submin"].astype(np.float32))
        return Scales(
            _tensor(scale, shape), None if shift is None else _tensor(shift, shape), fields
        )


def _look_up(table: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """table[at] in the shape of `at`."""
    found = table.to(at.device).index_select(0, at.reshape(-1).int())
    return found.view(at.shape)


def _tensor(values: npt.NDArray[np.float32], shape: tuple[int, ...]) -> torch.Tensor:
    return torch.from_numpy(values).view(shape)


def _halves(values: torch.Tensor) -> npt.NDArray[np.float16]:
    """[rows, groups] as float16 [blocks], the largest ones clipped."""
    clipped = values.detach().reshape(-1).clamp(-_LARGEST, _LARGEST)
    out: npt.NDArray[np.float16] = clipped.half().cpu().numpy()
    return out


def _to_e8m0(scale: torch.Tensor) -> Bytes:
    """[rows, groups] as exponents [blocks], at most one whose largest level float32 can hold."""
    power = scale.detach().reshape(-1).abs().clamp(min=2.0**-128).log2().round()
    out: Bytes = (power.clamp(-128, 124) + 128).to(torch.uint8).cpu().numpy()
    return out


def _coarse(parts: npt.NDArray[np.float32], small: tuple[int, int]) -> npt.NDArray[np.float16]:
    """Scales of super-blocks [blocks], so that the largest group gets the largest factor."""
    least, greatest = small
    extreme = parts[np.arange(len(parts)), np.abs(parts).argmax(1)]
    coarse = extreme / np.float32(least if least < 0 else greatest)
    return coarse.clip(-_LARGEST, _LARGEST).astype(np.float16)


def _factors(
    parts: npt.NDArray[np.float32], coarse: npt.NDArray[np.float16], small: tuple[int, int]
) -> npt.NDArray[np.int16]:
    """What the coarse scales [blocks] are multiplied by to come near `parts` [blocks, groups]."""
    d = coarse.astype(np.float32)[:, None]
    ratio = np.divide(parts, d, out=np.zeros_like(parts), where=d != 0)
    return np.rint(ratio).clip(*small).astype(np.int16)


def _grid(name: str, group: int, levels: tuple[int, ...], **more: object) -> Grid:
    return Grid(CODECS[name], group, levels, **more)  # type: ignore[arg-type]


def _run(first: int, count: int) -> tuple[int, ...]:
    return tuple(range(first, first + count))


GRIDS: Mapping[str, Grid] = MappingProxyType(
    {
        grid.codec.name: grid
        for grid in (
            _grid("Q1_0", 128, (-1, 1)),
            _grid("Q2_0", 64, (-1, 0, 1, 2)),
            _grid("Q4_0", 32, _run(-8, 16)),
            _grid("Q4_1", 32, _run(0, 16), shifted=True),
            _grid("Q5_0", 32, _run(-16, 32)),
            _grid("Q5_1", 32, _run(0, 32), shifted=True),
            _grid("Q8_0", 32, _run(-128, 256)),
            _grid("IQ4_NL", 32, _IQ4),
            _grid("MXFP4", 32, _FP4),
            _grid("Q2_K", 16, _run(0, 4), shifted=True, small=(0, 15)),
            _grid("Q3_K", 16, _run(-4, 8), small=(-32, 31)),
            _grid("Q4_K", 32, _run(0, 16), shifted=True, small=(0, 63)),
            _grid("Q5_K", 32, _run(0, 32), shifted=True, small=(0, 63)),
            _grid("Q6_K", 16, _run(-32, 64), small=(-128, 127)),
            _grid("IQ4_XS", 32, _IQ4, small=(-32, 31)),
        )
    }
)
"""By codec name."""
