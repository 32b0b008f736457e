"""Rotary positions: each pair of numbers of a head is turned by an angle that grows with position.

Su et al. 2021, RoFormer. Must not know models: only vectors, frequencies and which numbers pair up.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from penjing.workshop.architectures import Rope


@dataclass(frozen=True)
class Rotation:
    """The angles of the first positions, as what they multiply."""

    cos: torch.Tensor
    """[positions, rotating / 2]"""
    sin: torch.Tensor
    """[positions, rotating / 2]"""


def rotation(
    positions: int,
    rotating: int,
    *,
    theta: float,
    factor: float = 1.0,
    gain: float = 1.0,
    divisors: torch.Tensor | None = None,
    device: torch.device | str = "cpu",
) -> Rotation:
    """Angles position / factor * theta^(-2i / rotating) / divisors[i], computed in float64.

    `rotating` numbers of a head turn. `divisors` [rotating / 2] are llama.cpp's rope_freqs (Llama 3
    stretches low frequencies) or rope_factors (LongRoPE, arXiv 2402.13753), which comes with a
    `gain` for what turns.
    """
    steps = torch.arange(0, rotating, 2, dtype=torch.float64, device=device)
    frequencies = theta ** (-steps / rotating) / factor
    if divisors is not None:
        frequencies = frequencies / divisors.double()
    places = torch.arange(positions, dtype=torch.float64, device=device)
    angles = torch.outer(places, frequencies)
    return Rotation((gain * angles.cos()).float(), (gain * angles.sin()).float())


def rotate(vectors: torch.Tensor, turn: Rotation, pairs: Rope) -> torch.Tensor:
    """Turn [..., positions, head_dim]; the result always has first and second of each pair apart.

    Where fewer numbers turn than a head has, the others stay as they are, behind them. For
    interleaved pairs that is another order of the head's numbers than came in. Attention only takes
    products of queries with keys, which do not change when both are ordered alike.
    """
    rotating = 2 * turn.cos.shape[-1]
    vectors, rest = vectors[..., :rotating], vectors[..., rotating:]
    if pairs == "interleaved":
        first, second = vectors[..., 0::2], vectors[..., 1::2]
    else:
        first, second = vectors.chunk(2, dim=-1)
    cos, sin = turn.cos, turn.sin
    return torch.cat((first * cos - second * sin, first * sin + second * cos, rest), dim=-1)
