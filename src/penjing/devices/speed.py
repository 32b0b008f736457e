"""How fast a model would run: a roofline whose efficiencies are fitted to published runs.

Writing a token must read every weight (and the KV cache) and multiply with it; the slower of the
two decides. Reading a prompt is all arithmetic. With e the efficiencies in CALIBRATION,

    decode  = 1 / (max(bytes / (e_bandwidth * bandwidth), 2 * weights / (e_vector * int8 peak))
                   + layers * step)
    prefill = e_matrix * int8 peak / (2 * weights)

times a factor for the device's family where runs on it were published; `step` is what a layer costs
whatever its size, threads waiting for each other. Bandwidth alone misses by a factor of two (a
Jetson's CPU is nowhere near its memory's limit). The margin shown is what 9 of 10 left-out runs
stayed within. CPU only: a GPU build is another measurement.

`calibrate` does the fit; a test repeats it and compares it with CALIBRATION.
"""

from __future__ import annotations

import math
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from penjing.devices.profile import DeviceProfile
from penjing.devices.shape import ModelShape

PROMPT = 200
"""Tokens of the prompt whose first answer token is timed."""
STREAM_SHARE = 0.8
"""What a read benchmark reaches of the theoretical bandwidth, where only the former is known."""

_PRIOR = 0.5  # runs' worth of trust in the average device when a family has runs of its own
_COVERED = 0.9  # share of left-out runs that a margin covers
_FULL_TRUST = 3  # runs of a family that earn the small margin


@dataclass(frozen=True)
class Range:
    """A number with its margin: x/÷ the same factor."""

    low: float
    """mid / margin."""
    mid: float
    """The estimate."""
    high: float
    """mid * margin."""

    @classmethod
    def around(cls, mid: float, margin: float) -> Range:
        """`mid` x/÷ `margin`."""
        return cls(mid / margin, mid, mid * margin)


@dataclass(frozen=True)
class Speed:
    """What to expect on the CPU."""

    prefill: Range
    """Prompt tokens read a second."""
    decode: Range
    """Tokens written a second when the context is full."""
    decode_start: Range
    """The same at the beginning of a conversation."""
    first_token: Range
    """Seconds to the first token of an answer to PROMPT tokens (TTFT)."""
    decode_margin: float
    """x/÷ this."""
    prefill_margin: float
    """x/÷ this."""
    runs: int
    """Published decode runs of this device's family behind the estimate; 0: none."""


@dataclass(frozen=True)
class Calibration:
    """Efficiencies fitted to published runs."""

    bandwidth: float
    """Share of the theoretical bandwidth that decode reaches."""
    vector: float
    """Share of the int8 peak that decode reaches (matrix times vector)."""
    step: float
    """Seconds that decode spends on a layer whatever its size."""
    matrix: float
    """Share of the int8 peak that prefill reaches (matrix times matrix)."""
    decode_factor: Mapping[str, float]
    """By family: its published decode runs over what the line above says."""
    prefill_factor: Mapping[str, float]
    """The same for prefill."""
    decode_runs: Mapping[str, int]
    """By family: how many runs stand behind its factor."""
    prefill_runs: Mapping[str, int]
    """The same for prefill."""
    decode_known: float
    """Margin for a family with runs, from leaving out one run."""
    decode_unknown: float
    """Margin for any other device, from leaving out one family."""
    prefill_known: float
    """As decode_known, for prefill."""
    prefill_unknown: float
    """As decode_unknown, for prefill."""


CALIBRATION = Calibration(
    bandwidth=0.631,
    vector=0.0784,
    step=1.1e-4,
    matrix=0.198,
    decode_factor={
        "pi-zero-2w": 1.069,
        "pi-4-2gb": 0.998,
        "pi-5-4gb": 0.942,
        "jetson-orin-nano": 0.803,
        "jetson-agx-orin": 0.838,
        "android-flagship": 0.992,
        "n100-mini-pc": 1.016,
        "laptop": 1.0,
        "laptop-gaming": 1.124,
        "macbook-air-m2": 1.283,
    },
    prefill_factor={
        "pi-zero-2w": 0.604,
        "pi-4-2gb": 0.797,
        "pi-5-4gb": 1.428,
        "n100-mini-pc": 0.727,
        "laptop": 1.111,
        "macbook-air-m2": 1.696,
    },
    decode_runs={
        "pi-zero-2w": 1,
        "pi-4-2gb": 7,
        "pi-5-4gb": 10,
        "jetson-orin-nano": 1,
        "jetson-agx-orin": 1,
        "android-flagship": 2,
        "n100-mini-pc": 5,
        "laptop": 1,
        "laptop-gaming": 1,
        "macbook-air-m2": 1,
    },
    prefill_runs={
        "pi-zero-2w": 1,
        "pi-4-2gb": 5,
        "pi-5-4gb": 1,
        "n100-mini-pc": 1,
        "laptop": 1,
        "macbook-air-m2": 1,
    },
    decode_known=1.3,
    decode_unknown=1.65,
    prefill_known=1.4,
    prefill_unknown=2.6,
)
"""What `calibrate` finds in the shipped catalogue; `tests/devices/test_speed.py` repeats it."""


def estimate_speed(
    shape: ModelShape,
    device: DeviceProfile,
    context: int,
    calibration: Calibration = CALIBRATION,
) -> Speed | None:
    """Expected speeds with margins; None when the device's bandwidth or compute is unknown."""
    bandwidth, peak = bandwidth_of(device), int8_peak_of(device)
    if bandwidth is None or peak is None:
        return None
    family = device.family
    factor = calibration.decode_factor.get(family, 1.0)
    runs = calibration.decode_runs.get(family, 0)
    margin = _margin(runs, calibration.decode_known, calibration.decode_unknown)

    def decode(kv_bytes: int) -> Range:
        seconds = max(
            (shape.read_bytes + kv_bytes) / (calibration.bandwidth * bandwidth),
            2 * shape.read_parameters / (calibration.vector * peak),
        )
        seconds += shape.layers * calibration.step
        return Range.around(factor / seconds, margin)

    prefill_margin = _margin(
        calibration.prefill_runs.get(family, 0),
        calibration.prefill_known,
        calibration.prefill_unknown,
    )
    rate = calibration.prefill_factor.get(family, 1.0) * calibration.matrix * peak
    prefill = Range.around(rate / (2 * shape.prompt_parameters), prefill_margin)
    start, full = decode(0), decode(shape.kv_bytes(context))
    return Speed(
        prefill=prefill,
        decode=full,
        decode_start=start,
        first_token=Range(
            low=PROMPT / prefill.high + 1 / start.high,
            mid=PROMPT / prefill.mid + 1 / start.mid,
            high=PROMPT / prefill.low + 1 / start.low,
        ),
        decode_margin=margin,
        prefill_margin=prefill_margin,
        runs=runs,
    )


def bandwidth_of(device: DeviceProfile) -> float | None:
    """Theoretical memory bandwidth, bytes a second; from a benchmark where only that is known."""
    memory = device.memory
    if memory.bandwidth_gbs is not None:
        return memory.bandwidth_gbs * 1e9
    return None if memory.stream_gbs is None else memory.stream_gbs * 1e9 / STREAM_SHARE


def int8_peak_of(device: DeviceProfile) -> float | None:
    """Peak int8 operations a second of the CPU."""
    peak = device.compute.gops_int8
    return None if peak is None else peak * 1e9


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
    return types.MappingProxyType(
        {
            family: math.exp(mean * counts[family] / (counts[family] + _PRIOR))
            for family, mean in _means(runs, line).items()
        }
    )


def _counts(runs: Sequence[Run]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for run in runs:
        counts[run.family] = counts.get(run.family, 0) + 1
    return types.MappingProxyType(counts)


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


def _margin(runs: int, known: float, unknown: float) -> float:
    if runs >= _FULL_TRUST:
        return known
    return unknown if runs == 0 else math.sqrt(known * unknown)
