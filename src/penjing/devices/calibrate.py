"""Fits the efficiencies of `speed.py` to the catalogue's published runs, and finds their margins.

After a change of the catalogue, `python -m penjing.devices.calibrate` prints the numbers that
belong into CALIBRATION. Every family of devices counts once, however many runs it has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from penjing.devices.profile import DeviceProfile, load_devices, load_references
from penjing.devices.shape import ModelShape
from penjing.devices.speed import Calibration, bandwidth_of, int8_peak_of

_PRIOR = 0.5  # runs' worth of trust in the average device when a family has runs of its own
_COVERED = 0.9  # share of left-out runs that a margin covers


@dataclass(frozen=True)
class Run:
    """One published run as the model sees it."""

    family: str
    """Of the device."""
    memory_seconds: float
    """A token's bytes at the theoretical bandwidth; 0 for prefill."""
    compute_seconds: float
    """A token's operations at the int8 peak."""
    layers: int
    """Of the model; 0 for prefill, where a piece of prompt shares them."""
    seconds: float
    """What a token took."""


def runs_of(
    devices: Iterable[DeviceProfile], references: Mapping[str, ModelShape]
) -> tuple[list[Run], list[Run]]:
    """Decode runs and prefill runs that count for the calibration, each family's once."""
    decode: list[Run] = []
    prefill: list[Run] = []
    for device in devices:
        bandwidth, peak = bandwidth_of(device), int8_peak_of(device)
        if device.name != device.family or bandwidth is None or peak is None:
            continue
        for row in device.measured:
            if row.backend != "cpu" or not row.calibrate:
                continue
            shape = references[row.model].with_bytes(row.size_bytes)
            family = device.family
            if row.decode is not None:
                compute = 2 * shape.read_parameters / peak
                memory = shape.read_bytes / bandwidth
                decode.append(Run(family, memory, compute, shape.layers, 1 / row.decode))
            if row.prefill is not None:
                compute = 2 * shape.prompt_parameters / peak
                prefill.append(Run(family, 0.0, compute, 0, 1 / row.prefill))
    return decode, prefill


def calibrate(
    devices: Iterable[DeviceProfile], references: Mapping[str, ModelShape]
) -> Calibration:
    """Fit the efficiencies and find the margins by leaving out runs and families."""
    decode, prefill = runs_of(devices, references)
    line = _fit(decode)
    matrix = _fit(prefill)
    return Calibration(
        bandwidth=line.bandwidth,
        vector=line.compute,
        step=line.step,
        matrix=matrix.compute,
        decode_factor=_factors(decode, line),
        prefill_factor=_factors(prefill, matrix),
        decode_runs=_counts(decode),
        prefill_runs=_counts(prefill),
        decode_known=_known_margin(decode),
        decode_unknown=_unknown_margin(decode),
        prefill_known=_known_margin(prefill),
        prefill_unknown=_unknown_margin(prefill),
    )


@dataclass(frozen=True)
class _Line:
    """A roofline with a floor under it: the two efficiencies and the cost of a layer."""

    bandwidth: float
    compute: float
    step: float

    def seconds(self, run: Run) -> float:
        roof = max(run.memory_seconds / self.bandwidth, run.compute_seconds / self.compute)
        return roof + run.layers * self.step


_START = _Line(bandwidth=0.5, compute=0.1, step=5e-5)


def _fit(runs: Sequence[Run]) -> _Line:
    """The line that is least wrong, in log, over families (each counts once, however many runs).

    A pattern search: the best of 27 neighbours, and half the stride where none is better.
    """
    best, cost, stride = _START, _cost(runs, _START), 2.0
    while stride > 1.005:
        factors = (1 / stride, 1.0, stride)
        near = [
            _Line(best.bandwidth * a, best.compute * b, best.step * c)
            for a in factors
            for b in factors
            for c in factors
        ]
        costs = [_cost(runs, line) for line in near]
        least = min(range(len(near)), key=costs.__getitem__)
        if costs[least] < cost - 1e-12:
            best, cost = near[least], costs[least]
        else:
            stride = math.sqrt(stride)
    return best


def _cost(runs: Sequence[Run], line: _Line) -> float:
    """Mean square over families, and a nudge to the start for what no run determines."""
    means = _means(runs, line)
    strayed = (
        math.log(line.bandwidth / _START.bandwidth) ** 2 + math.log(line.step / _START.step) ** 2
    )
    return sum(mean * mean for mean in means.values()) / len(means) + 1e-4 * strayed


def _means(runs: Sequence[Run], line: _Line) -> dict[str, float]:
    """By family: mean log of predicted over measured seconds (positive: faster than the line)."""
    errors: dict[str, list[float]] = {}
    for run in runs:
        errors.setdefault(run.family, []).append(math.log(line.seconds(run) / run.seconds))
    return {family: sum(values) / len(values) for family, values in errors.items()}


def _factors(runs: Sequence[Run], line: _Line) -> Mapping[str, float]:
    """Each family's mean, drawn a little towards the line: few runs say little."""
    counts = _counts(runs)
    return {
        family: math.exp(mean * counts[family] / (counts[family] + _PRIOR))
        for family, mean in _means(runs, line).items()
    }


def _counts(runs: Sequence[Run]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for run in runs:
        counts[run.family] = counts.get(run.family, 0) + 1
    return counts


def _known_margin(runs: Sequence[Run]) -> float:
    """Predict each run from all others, its family's among them."""
    errors = []
    for left_out, run in enumerate(runs):
        others = [*runs[:left_out], *runs[left_out + 1 :]]
        if any(other.family == run.family for other in others):
            line = _fit(others)
            errors.append(_error(run, line, _factors(others, line).get(run.family, 1.0)))
    return _quantile(errors)


def _unknown_margin(runs: Sequence[Run]) -> float:
    """Predict each family's mean run from the other families."""
    errors = []
    for family in dict.fromkeys(run.family for run in runs):
        line = _fit([run for run in runs if run.family != family])
        errors.append(abs(_means([run for run in runs if run.family == family], line)[family]))
    return _quantile(errors)


def _error(run: Run, line: _Line, factor: float) -> float:
    return abs(math.log(line.seconds(run) / factor / run.seconds))


def _quantile(errors: Sequence[float]) -> float:
    """The margin that covers _COVERED of the errors, rounded up to a twentieth."""
    if not errors:
        return math.e
    place = min(len(errors) - 1, math.ceil(_COVERED * len(errors)) - 1)
    return math.ceil(math.exp(sorted(errors)[place]) * 20) / 20


if __name__ == "__main__":
    found = calibrate(load_devices().values(), load_references())
    for name, value in vars(found).items():
        print(f"{name} = {value}")
