"""Will it fit: the properties that must hold for any model, and numbers that were measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.bundle.catalogue import load_catalogue
from penjing.core.errors import BudgetError
from penjing.devices.fit import TIGHT, fit, largest_bytes, ram_needed
from penjing.devices.profile import DeviceProfile, load_devices
from penjing.devices.shape import ModelShape, shape_from_entry

DEVICES = load_devices()
SMOLLM = shape_from_entry(load_catalogue().model("smollm2-135m-instruct"))
ORDER = {"no": 0, "tight": 1, "yes": 2}

shapes = st.builds(
    ModelShape,
    name=st.just("m"),
    parameters=st.integers(10**8, 10**10),
    weight_bytes=st.integers(10**6, 10**10),
    layers=st.integers(1, 100),
    kv_heads=st.integers(1, 32),
    head_dim=st.sampled_from([64, 128, 256]),
    vocab=st.integers(256, 262_144),
    hidden=st.just(64),
    ffn=st.integers(64, 20_000),
    context_trained=st.integers(1, 131_072),
)
devices = st.sampled_from(list(DEVICES.values()))
contexts = st.integers(1, 200_000)


def with_ram(device: DeviceProfile, app_bytes: int) -> DeviceProfile:
    return replace(device, memory=replace(device.memory, app_bytes=app_bytes))


@given(shapes, devices, contexts, st.integers(0, 10**11))
def test_more_ram_never_makes_a_fit_worse(
    shape: ModelShape, device: DeviceProfile, context: int, more: int
) -> None:
    before = fit(shape, device, context)
    after = fit(shape, with_ram(device, device.memory.app_bytes + more), context)
    assert ORDER[after.fits] >= ORDER[before.fits]
    assert after.headroom == before.headroom + more


@given(shapes, contexts, contexts)
def test_a_longer_context_never_needs_less(shape: ModelShape, one: int, two: int) -> None:
    short, long = sorted((one, two))
    assert ram_needed(shape, short).total <= ram_needed(shape, long).total


@given(shapes, devices, contexts, st.integers(1, 10**10))
def test_more_weights_never_fit_better(
    shape: ModelShape, device: DeviceProfile, context: int, more: int
) -> None:
    heavier = shape.with_bytes(shape.weight_bytes + more)
    assert ORDER[fit(heavier, device, context).fits] <= ORDER[fit(shape, device, context).fits]


@given(shapes, devices, contexts)
def test_the_largest_weights_fit_and_a_little_more_does_not_fit_as_well(
    shape: ModelShape, device: DeviceProfile, context: int
) -> None:
    try:
        budget = largest_bytes(device, shape, context)
    except BudgetError:
        assert fit(shape.with_bytes(1), device, context).fits != "yes"
        return
    assert budget > 0
    assert fit(shape.with_bytes(budget), device, context).fits == "yes"
    assert fit(shape.with_bytes(budget + 2), device, context).fits != "yes"


@given(shapes, devices, contexts)
def test_the_parts_add_up_and_the_verdict_says_the_same(
    shape: ModelShape, device: DeviceProfile, context: int
) -> None:
    found = fit(shape, device, context)
    ram = found.ram
    assert ram.total == ram.weights + ram.kv + ram.compute + ram.process
    assert found.headroom == found.ram_usable - ram.total
    assert found.verdict.startswith("Does not fit") == (found.fits == "no")
    assert ("tightly" in found.verdict) == (found.fits == "tight")
    if found.fits == "yes":
        assert ram.total <= TIGHT * found.ram_usable
    assert "\n" not in found.verdict


@pytest.mark.parametrize(("context", "mebibytes"), [(512, 178), (2048, 212), (8192, 347)])
def test_memory_agrees_with_the_resident_set_that_was_measured(
    context: int, mebibytes: int
) -> None:
    """SmolLM2 Q4_1 in the engine on Linux, without the terminal's 26 MiB."""
    expected = ram_needed(SMOLLM, context).total - 26 * 2**20
    assert expected == pytest.approx(mebibytes * 2**20, rel=0.08)


def test_the_default_model_fits_the_smallest_board() -> None:
    found = fit(SMOLLM, DEVICES["pi-zero-2w"], 2048)
    assert found.fits == "yes"
    assert "of 330.0 MB usable RAM" in found.verdict
    assert "tok/s" in found.verdict


def test_a_model_that_is_too_large_says_by_how_much() -> None:
    big = shape_from_entry(load_catalogue().model("qwen3-0.6b"))
    found = fit(big, DEVICES["pi-zero-2w"], 2048)
    assert found.fits == "no"
    assert found.headroom < 0
    assert found.verdict == (
        "Does not fit: it needs 1.6 GB of 330.0 MB usable RAM, 1.3 GB too much."
    )


def test_a_card_that_is_too_small_is_a_misfit_of_its_own() -> None:
    device = DEVICES["pi-5-16gb"]
    small = replace(device, storage=replace(device.storage, bytes=10**6))
    found = fit(SMOLLM, small, 2048)
    assert (found.fits, found.storage_fits) == ("no", False)
    assert "storage" in found.verdict
    unknown = replace(device, storage=replace(device.storage, bytes=None))
    assert fit(SMOLLM, unknown, 2048).fits == "yes"
    assert largest_bytes(small, SMOLLM, 2048) == 10**6


def test_an_unknown_speed_is_said() -> None:
    device = DEVICES["pi-5-8gb"]
    dark = replace(device, compute=replace(device.compute, gops_int8=None))
    found = fit(SMOLLM, dark, 2048)
    assert found.speed is None
    assert found.verdict.endswith("its speed is unknown.")


def test_no_room_for_any_weights_is_refused_with_what_helps() -> None:
    device = with_ram(DEVICES["pi-zero-2w"], 50_000_000)
    with pytest.raises(BudgetError, match="choose a shorter context or a larger device"):
        largest_bytes(device, SMOLLM, 2048)


@pytest.mark.parametrize(
    ("gbs", "words"),
    [
        (0.01, "every few seconds"),
        (0.25, "slower than a person speaks"),
        (0.6, "about as fast as a person speaks"),
        (1.2, "as fast as a person reads"),
        (100.0, "faster than a person reads"),
    ],
)
def test_the_pace_is_told_in_human_terms(gbs: float, words: str) -> None:
    device = DEVICES["macbook-air-m2"]
    slow = replace(device, memory=replace(device.memory, bandwidth_gbs=gbs))
    assert words in fit(SMOLLM, slow, 512).verdict
