"""Which device for a model: every device of the catalogue, ranked by one stated rule.

Knows what `fit` says and what a device costs and draws; measures and opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from penjing.core.units import format_size
from penjing.devices.fit import FitEstimate, fit
from penjing.devices.profile import DeviceProfile, load_devices
from penjing.devices.shape import ModelShape

Measure = Literal["speed per dollar", "speed per watt", "speed"]

_RANK = {"yes": 0, "tight": 1, "no": 2}


@dataclass(frozen=True)
class Limits:
    """What the device may have, at most, and must do, at least. None: no matter."""

    ram: int | None = None
    """Bytes of installed RAM, at most."""
    price: float | None = None
    """US dollars, at most."""
    watts: float | None = None
    """Under load, at most."""
    min_decode: float | None = None
    """Tokens written a second, at least, by the middle estimate."""


@dataclass(frozen=True)
class Choice:
    """One device and how it does."""

    estimate: FitEstimate
    """What `fit` says."""
    misses: tuple[str, ...]
    """Why it is not the answer: it does not fit, or a limit it breaks. Empty: it is one."""
    score: float
    """The measure of the ranking; 0 when it is unknown."""
    reason: str
    """One sentence."""

    @property
    def suits(self) -> bool:
        """Whether it fits and keeps every limit."""
        return not self.misses


@dataclass(frozen=True)
class Recommendation:
    """Every device, best first."""

    choices: tuple[Choice, ...]
    """Ranked."""
    measure: Measure
    """What ranks the devices that suit."""

    @property
    def rule(self) -> str:
        """How the ranking was made."""
        return f"devices that fit and keep every limit first, by {self.measure}"

    @property
    def best(self) -> Choice | None:
        """The first that suits, if any."""
        return next((choice for choice in self.choices if choice.suits), None)

    @property
    def closest(self) -> Choice:
        """The first of the list, suiting or not."""
        return self.choices[0]

    @property
    def summary(self) -> str:
        """The answer in one sentence."""
        if self.best is not None:
            return f"{self.best.estimate.device.title}: {self.best.reason}"
        first = self.closest
        return f"No device suits. {first.estimate.device.title} comes closest: {first.reason}"


def recommend(
    shape: ModelShape,
    limits: Limits | None = None,
    *,
    context: int = 2048,
    devices: Iterable[DeviceProfile] | None = None,
) -> Recommendation:
    """Rank devices for a model.

    Fitting comes before limits, then fewer broken limits, then the measure: speed per watt when
    only watts are limited, plain speed when only a least speed or RAM is, else speed per dollar.
    """
    limits = limits or Limits()
    measure = _measure(limits)
    estimates = [
        fit(shape, device, context)
        for device in (load_devices().values() if devices is None else devices)
    ]
    choices = [_choice(estimate, limits, measure) for estimate in estimates]
    return Recommendation(tuple(sorted(choices, key=_order)), measure)


def _measure(limits: Limits) -> Measure:
    if limits.price is not None:
        return "speed per dollar"
    if limits.watts is not None:
        return "speed per watt"
    if limits.min_decode is not None or limits.ram is not None:
        return "speed"
    return "speed per dollar"


def _order(choice: Choice) -> tuple[int, int, int, float, str]:
    fits = choice.estimate.fits
    return (
        1 if fits == "no" else 0,
        len(choice.misses),
        _RANK[fits],
        # What does not fit is ranked by how little is missing, not by how fast it would be.
        -choice.estimate.headroom if fits == "no" else -choice.score,
        choice.estimate.device.name,
    )


def _choice(estimate: FitEstimate, limits: Limits, measure: Measure) -> Choice:
    misses = _misses(estimate, limits)
    score = _score(estimate, measure)
    if estimate.fits == "no":
        reason = estimate.verdict
    elif misses:
        reason = f"{estimate.verdict} But {' and '.join(misses)}."
    else:
        reason = f"{estimate.verdict} {_cost(estimate.device)}".rstrip()
    return Choice(estimate, misses, score, reason)


def _misses(estimate: FitEstimate, limits: Limits) -> tuple[str, ...]:
    device = estimate.device
    price, watts = device.price.usd, device.power.load_watts
    speed = estimate.speed.decode_start.mid if estimate.speed else None
    found = []
    if estimate.fits == "no":
        found.append("it does not fit")
    if limits.ram is not None and device.memory.ram_bytes > _binary(limits.ram):
        found.append(f"it has {format_size(device.memory.ram_bytes)} of RAM")
    if limits.price is not None and (price is None or price > limits.price):
        found.append("its price is unknown" if price is None else f"it costs ${price:.0f}")
    if limits.watts is not None and (watts is None or watts > limits.watts):
        found.append("its power is unknown" if watts is None else f"it draws {watts:.1f} W")
    if limits.min_decode is not None and (speed is None or speed < limits.min_decode):
        what = "its speed is unknown" if speed is None else f"it writes about {speed:.1f} tok/s"
        found.append(what)
    return tuple(found)


def _binary(ram: int) -> int:
    """RAM is sold as 4 GB and holds 4 GiB: a limit in GB means the device of that name."""
    whole, rest = divmod(ram, 10**9)
    return whole * 2**30 if whole and not rest else ram


def _score(estimate: FitEstimate, measure: Measure) -> float:
    if estimate.speed is None:
        return 0.0
    speed = estimate.speed.decode_start.mid
    if measure == "speed":
        return speed
    per = (
        estimate.device.price.usd
        if measure == "speed per dollar"
        else estimate.device.power.load_watts
    )
    return speed / per if per else 0.0


def _cost(device: DeviceProfile) -> str:
    parts = []
    if device.price.usd is not None:
        parts.append(f"about ${device.price.usd:.0f}")
    if device.power.load_watts is not None:
        parts.append(f"{device.power.load_watts:.0f} W under load")
    return f"It is {', '.join(parts)}." if parts else ""
