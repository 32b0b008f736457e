"""How fast a model would run: a roofline whose efficiencies are fitted to published runs.

Writing a token must read every weight (and the KV cache) and multiply with it; the slower of the
two decides. Reading a prompt is all arithmetic. With e the efficiencies in CALIBRATION,

    decode  = 1 / (max(bytes / (e_bandwidth * bandwidth), 2 * weights / (e_vector * int8 peak))
                   + layers * step)
    prefill = e_matrix * int8 peak / (2 * weights)         less for codecs that are not repacked

times a factor for the device's family where runs on it were published; `step` is what a layer costs
whatever its size, threads waiting for each other. Bandwidth alone misses by a factor of two (a
Jetson's CPU is nowhere near its memory's limit). The margin shown is what 9 of 10 left-out runs
stayed within. CPU only: a GPU build is another measurement.

`calibrate.py` does the fit; a test repeats it and compares it with CALIBRATION.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from penjing.devices.profile import THIS, DeviceProfile
from penjing.devices.shape import ModelShape

PROMPT = 200
"""Tokens of the prompt whose first answer token is timed."""
STREAM_SHARE = 0.8
"""What a read benchmark reaches of the theoretical bandwidth, where only the former is known."""
PLAIN_PREFILL = 0.42
"""Prefill of a codec that is not repacked (Q4_1) over one that is (Q4_0): 189 and 451 tok/s were
measured with the engine on x86-64. Only where the CPU has the instructions it is for."""

_REPACKS = {"dotprod", "i8mm", "avx2"}
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
    caution: str = ""
    """What makes the estimate doubtful: this machine was busy when it was measured."""


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
"""What `calibrate` finds in the shipped catalogue; `tests/devices/test_calibrate.py` repeats it."""


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
    if _REPACKS & set(device.cpu.isa):
        rate /= 1 - shape.plain_share + shape.plain_share / PLAIN_PREFILL
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
        caution=device.memory.origin.note if device.name == THIS else "",
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


def _margin(runs: int, known: float, unknown: float) -> float:
    if runs >= _FULL_TRUST:
        return known
    return unknown if runs == 0 else math.sqrt(known * unknown)
