"""What was asked for and what the search decided: frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from penjing.core.errors import UnknownName
from penjing.workshop.search.sensitivity import Sensitivity


@dataclass(frozen=True)
class Effort:
    """How much work is spent."""

    calibration_tokens: int
    """Text the importance matrix comes from."""
    probe_windows: int
    """Windows of calibration text on which sensitivities are measured."""
    probe_length: int
    """Tokens of such a window."""
    held_out_windows: int
    """Windows of 512 tokens the passport is measured on."""


EFFORTS = {
    "light": Effort(1536, 2, 96, 6),
    "standard": Effort(8192, 4, 256, 16),
    "best": Effort(32768, 8, 512, 32),
}

CONTEXT = 512
"""Tokens of a window of calibration and of held-out text."""


def effort(name: str) -> Effort:
    """The effort of this name; UnknownName otherwise."""
    if name not in EFFORTS:
        raise UnknownName("effort", name, EFFORTS)
    return EFFORTS[name]


@dataclass(frozen=True)
class Settings:
    """One compression."""

    model_name: str
    """What to call the starting model."""
    model: Path
    """A .gguf file or a Hugging Face folder."""
    out: Path
    """The bundle folder to be made."""
    budget: int
    """Bytes the model file may have."""
    effort: str
    """A key of EFFORTS."""
    seed: int
    """Of the calibration text, the shuffled control and the intervals."""
    threads: int
    """Cores used."""
    text: str | None
    """The user's calibration text."""
    held_out_name: str
    """What to call the held-out text."""
    held_out: str
    """The held-out text; never calibration text."""
    licence: str
    """Of the weights; empty when unknown."""
    note: str
    """What a reader must know about the starting model; empty when nothing."""
    plan: Mapping[str, str] | None = None
    """Codec of every tensor, from a recipe; None searches."""


@dataclass(frozen=True)
class Search:
    """What the search found."""

    measured: Mapping[str, Sensitivity]
    """By tensor; empty when a recipe named the codecs."""
    plan: Mapping[str, str]
    """The codec of every quantizable tensor."""
    predicted: Sequence[tuple[int, float]]
    """File bytes and predicted KLD over the whole range of sizes."""
