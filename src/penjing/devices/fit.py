"""Will it fit? The RAM, disk and time a model needs on a device, and one sentence that says it.

Arithmetic on a shape and a profile: opens nothing, measures nothing. The RAM numbers that cannot
be derived were measured with the engine on Linux (x86-64, Python 3.11, SmolLM2 135M in Q4_1 and
IQ4_NL, contexts of 512, 2048 and 8192): the sum below came within 8% of the resident set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from penjing.core.errors import BudgetError
from penjing.core.units import format_size
from penjing.devices.profile import DeviceProfile
from penjing.devices.shape import ModelShape
from penjing.devices.speed import Speed, estimate_speed

__all__ = ["Fit", "FitEstimate", "ModelShape", "Ram", "fit", "largest_bytes", "ram_needed"]

Fit = Literal["yes", "tight", "no"]

TIGHT = 0.9
"""Above this share of the usable RAM a fit is called tight."""
PROCESS_BYTES = 66 * 2**20
"""Python, numpy and the engine's library: 40 MiB; what a chat in a terminal imports: 26."""
TOKEN_BYTES = 550
"""What the engine keeps for each token of the vocabulary: 25 MiB for 49,152 tokens."""
PIECE = 512
"""Prompt tokens that are computed together, which sets the compute buffer."""


@dataclass(frozen=True)
class Ram:
    """Where the memory goes, in bytes."""

    weights: int
    """The file's tensors. Codecs that the engine repacks (Q4_0, IQ4_NL) also lie in the page
    cache; the system takes that copy back when memory is short."""
    kv: int
    """Keys and values of a full context, f16."""
    compute: int
    """Activations of a piece of prompt, its attention mask and one row of logits."""
    process: int
    """The program itself and the vocabulary."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.kv + self.compute + self.process


@dataclass(frozen=True)
class FitEstimate:
    """What is to be expected of a model on a device."""

    model: ModelShape
    """The model."""
    device: DeviceProfile
    """The device."""
    context: int
    """Tokens of context, cut to what the model was trained for."""
    ram: Ram
    """What is needed."""
    ram_usable: int
    """What the device can give to one program."""
    storage_usable: int | None
    """What its disk or card holds; None when unknown."""
    fits: Fit
    """The answer."""
    speed: Speed | None
    """Of the CPU; None when the device's bandwidth or compute is unknown."""

    @property
    def headroom(self) -> int:
        """RAM that stays free; negative: what is missing."""
        return self.ram_usable - self.ram.total

    @property
    def storage_fits(self) -> bool:
        """Whether the file has a place to lie; unknown counts as yes."""
        return self.storage_usable is None or self.model.weight_bytes <= self.storage_usable

    @property
    def verdict(self) -> str:
        """One plain sentence."""
        if not self.storage_fits:
            return (
                f"Does not fit: {format_size(self.model.weight_bytes)} of weights and "
                f"{format_size(self.storage_usable or 0)} of storage."
            )
        used = f"{format_size(self.ram.total)} of {format_size(self.ram_usable)} usable RAM"
        if self.fits == "no":
            return f"Does not fit: it needs {used}, {format_size(-self.headroom)} too much."
        start = "Fits" if self.fits == "yes" else "Fits, but tightly"
        if self.speed is None:
            return f"{start}: {used}; its speed is unknown."
        decode = self.speed.decode_start
        written = f"{_rate(decode.mid)} tok/s ({_rate(decode.low)} to {_rate(decode.high)})"
        return f"{start}: {used}; about {written}, {_pace(decode.mid)}."


def fit(shape: ModelShape, profile: DeviceProfile, context: int) -> FitEstimate:
    """Estimate RAM, storage and speed of a model on a device at a context of so many tokens."""
    ram = ram_needed(shape, context)
    usable = profile.memory.app_bytes
    storage = profile.storage.bytes
    verdict: Fit = "yes"
    if ram.total > usable or (storage is not None and shape.weight_bytes > storage):
        verdict = "no"
    elif ram.total > TIGHT * usable:
        verdict = "tight"
    return FitEstimate(
        model=shape,
        device=profile,
        context=shape.usable_context(context),
        ram=ram,
        ram_usable=usable,
        storage_usable=storage,
        fits=verdict,
        speed=estimate_speed(shape, profile, context),
    )


def ram_needed(shape: ModelShape, context: int) -> Ram:
    """What a conversation with this model takes, at a full context."""
    tokens = shape.usable_context(context)
    piece = min(PIECE, tokens)
    activations = piece * (2 * shape.ffn + 6 * shape.hidden) * 4
    mask = piece * tokens * 2
    return Ram(
        weights=shape.weight_bytes,
        kv=shape.kv_bytes(context),
        compute=activations + mask + shape.vocab * 4,
        process=PROCESS_BYTES + shape.vocab * TOKEN_BYTES,
    )


def largest_bytes(profile: DeviceProfile, shape: ModelShape, context: int) -> int:
    """Bytes of weights with which this model still fits the device, and not tightly.

    BudgetError when the context and the program alone are too much for it.
    """
    ram = ram_needed(shape, context)
    rest = ram.total - ram.weights
    room = int(TIGHT * profile.memory.app_bytes) - rest
    if room <= 0:
        raise BudgetError(
            f"{profile.title} has {format_size(profile.memory.app_bytes)} of usable RAM and "
            f"{shape.name} needs {format_size(rest)} beside its weights at a context of "
            f"{shape.usable_context(context)}: choose a shorter context or a larger device"
        )
    storage = profile.storage.bytes
    return room if storage is None else min(room, storage)


def _rate(tokens: float) -> str:
    return f"{tokens:.1f}" if tokens < 3 else f"{tokens:.0f}"


def _pace(tokens: float) -> str:
    """Tokens a second in human terms: people speak about 3 and read about 6 of them a second."""
    if tokens < 1:
        return "a word every few seconds"
    if tokens < 2.5:
        return "slower than a person speaks"
    if tokens < 5:
        return "about as fast as a person speaks"
    if tokens < 10:
        return "as fast as a person reads"
    return "faster than a person reads"
