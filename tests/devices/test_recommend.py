"""The ranking of devices: what fits first, then what keeps the limits, then the stated measure."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.bundle.catalogue import load_catalogue
from penjing.devices.profile import load_devices
from penjing.devices.recommend import Limits, recommend
from penjing.devices.shape import shape_from_entry

DEVICES = load_devices()
SMOLLM = shape_from_entry(load_catalogue().model("smollm2-135m-instruct"))
HUGE = SMOLLM.with_bytes(10**13)

limits = st.builds(
    Limits,
    ram=st.none() | st.integers(10**8, 10**11),
    price=st.none() | st.floats(1, 3000),
    watts=st.none() | st.floats(1, 200),
    min_decode=st.none() | st.floats(0.1, 500),
)


@given(limits, st.integers(10**7, 10**11))
def test_the_order_is_the_rule(wanted: Limits, size: int) -> None:
    found = recommend(SMOLLM.with_bytes(size), wanted)
    choices = found.choices
    assert sorted(choice.estimate.device.name for choice in choices) == sorted(DEVICES)
    fits = [choice.estimate.fits != "no" for choice in choices]
    assert fits == sorted(fits, reverse=True)
    suits = [choice.suits for choice in choices]
    assert suits == sorted(suits, reverse=True)
    for first, second in pairwise(choices):
        if first.suits and second.suits and first.estimate.fits == second.estimate.fits:
            assert first.score >= second.score
    assert found.closest == choices[0]
    assert found.best == (choices[0] if choices[0].suits else None)


@given(limits)
def test_what_suits_keeps_every_limit(wanted: Limits) -> None:
    for choice in recommend(SMOLLM, wanted).choices:
        if not choice.suits:
            continue
        device, speed = choice.estimate.device, choice.estimate.speed
        assert choice.estimate.fits != "no"
        assert wanted.price is None or (device.price.usd or 0) <= wanted.price
        assert wanted.watts is None or (device.power.load_watts or 0) <= wanted.watts
        assert speed is not None
        assert wanted.min_decode is None or speed.decode_start.mid >= wanted.min_decode


def test_a_tight_budget_finds_the_smallest_board() -> None:
    found = recommend(SMOLLM, Limits(price=20, watts=3))
    assert found.best is not None
    assert found.best.estimate.device.name == "pi-zero-2w"
    assert "about $15" in found.summary


def test_four_gb_means_a_four_gb_board() -> None:
    found = recommend(SMOLLM, Limits(ram=4 * 10**9))
    kept = {choice.estimate.device.name for choice in found.choices if choice.suits}
    assert "pi-4-4gb" in kept
    assert "pi-4-8gb" not in kept


@pytest.mark.parametrize(
    ("wanted", "measure"),
    [
        (Limits(price=100), "speed per dollar"),
        (Limits(price=100, watts=10), "speed per dollar"),
        (Limits(watts=10), "speed per watt"),
        (Limits(min_decode=10), "speed"),
        (Limits(), "speed per dollar"),
    ],
)
def test_the_measure_follows_what_is_limited(wanted: Limits, measure: str) -> None:
    found = recommend(SMOLLM, wanted)
    assert found.measure == measure
    assert measure in found.rule


def test_when_nothing_suits_the_closest_is_named_and_why() -> None:
    found = recommend(SMOLLM, Limits(price=20, min_decode=10_000))
    assert found.best is None
    assert "No device suits" in found.summary
    assert "But it" in found.summary
    assert len(found.closest.misses) == 1


def test_when_nothing_fits_the_one_that_misses_least_is_named() -> None:
    found = recommend(HUGE)
    assert found.best is None
    assert found.closest.estimate.device.name == "jetson-agx-orin"
    assert "comes closest: Does not fit" in found.summary


def test_unknown_facts_never_pass_a_limit() -> None:
    device = DEVICES["pi-5-8gb"]
    dark = replace(
        device,
        price=replace(device.price, usd=None),
        power=replace(device.power, load_watts=None),
        compute=replace(device.compute, gops_int8=None),
    )
    wanted = Limits(price=1e6, watts=1e6, min_decode=0.001)
    (choice,) = recommend(SMOLLM, wanted, devices=[dark]).choices
    assert choice.misses == (
        "its price is unknown",
        "its power is unknown",
        "its speed is unknown",
    )
    assert choice.score == 0.0
