"""The fit: it repeats, it finds what is there, and its margins are what left-out runs say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields

import numpy as np
import pytest

from penjing.devices import calibrate as fitting
from penjing.devices.calibrate import Run, calibrate, runs_of
from penjing.devices.profile import load_devices, load_references
from penjing.devices.speed import CALIBRATION, Calibration


@pytest.fixture(scope="module")
def found() -> Calibration:
    return calibrate(load_devices().values(), load_references())


def test_the_constants_in_the_code_are_what_the_catalogue_says(found: Calibration) -> None:
    for field in fields(Calibration):
        kept, fresh = getattr(CALIBRATION, field.name), getattr(found, field.name)
        if isinstance(kept, Mapping):
            assert dict(kept) == pytest.approx(dict(fresh), rel=0.01), field.name
        else:
            assert kept == pytest.approx(fresh, rel=0.01), field.name


def test_the_efficiencies_are_physically_possible(found: Calibration) -> None:
    assert 0.3 < found.bandwidth < 1
    assert 0.01 < found.vector < found.matrix < 1
    assert 1e-5 < found.step < 1e-3
    assert 1 < found.decode_known < found.decode_unknown < 3
    assert 1 < found.prefill_known < found.prefill_unknown < 4


def test_gpu_runs_and_runs_marked_as_odd_are_left_out() -> None:
    decode, prefill = runs_of(load_devices().values(), load_references())
    assert max(1 / run.seconds for run in decode) < 300, "the CUDA runs are faster"
    rows = [
        row
        for device in load_devices().values()
        if device.family == device.name
        for row in device.measured
        if row.backend == "cpu" and row.calibrate
    ]
    assert len(decode) == sum(row.decode is not None for row in rows)
    assert len(prefill) == sum(row.prefill is not None for row in rows)


def synthetic(noise: float) -> list[Run]:
    """Runs of ten families that obey a known line."""
    rng = np.random.default_rng(7)
    runs = []
    for family in range(10):
        for _ in range(3):
            memory, compute = float(rng.uniform(0.001, 0.04)), float(rng.uniform(1e-4, 0.004))
            layers = int(rng.integers(10, 40))
            seconds = max(memory / 0.7, compute / 0.09) + layers * 2e-4
            factor = math.exp(noise * float(rng.standard_normal()))
            runs.append(Run(str(family), memory, compute, layers, seconds * factor))
    return runs


def test_a_known_line_is_found_again() -> None:
    line = fitting._fit(synthetic(0.0))
    assert line.bandwidth == pytest.approx(0.7, rel=0.05)
    assert line.compute == pytest.approx(0.09, rel=0.05)
    assert line.step == pytest.approx(2e-4, rel=0.25)


def test_noise_becomes_the_margin() -> None:
    quiet = fitting._unknown_margin(synthetic(0.02))
    loud = fitting._unknown_margin(synthetic(0.6))
    assert quiet <= 1.1
    assert loud > 1.3


def test_bandwidth_alone_explains_much_less() -> None:
    """Why there is a compute term: without it, families differ by a factor of two."""
    decode, _ = runs_of(load_devices().values(), load_references())
    blind = [Run(run.family, run.memory_seconds, 1e-12, 0, run.seconds) for run in decode]

    def spread(runs: list[Run]) -> float:
        means = fitting._means(runs, fitting._fit(runs))
        return math.sqrt(sum(mean**2 for mean in means.values()) / len(means))

    assert spread(blind) > 2 * spread(decode)
