"""Prices of weights are found again from files whose times they made."""

from __future__ import annotations

import pytest
import tiny

from penjing.bundle.codecs import CODECS
from penjing.workshop.compress.timing import _uniform
from penjing.workshop.search.groups import Group, expand, groups_of
from penjing.workshop.search.times import Timed, fit

TRUE = {"F16": 3e-5, "Q8_0": 2e-5, "Q4_1": 1.7e-5, "IQ4_NL": 1e-5, "Q2_0": 4e-5}


@pytest.fixture(params=["llama", "qwen3"])
def groups(request: pytest.FixtureRequest) -> tuple[Group, ...]:
    return groups_of(tiny.checkpoint(request.param))


def took(groups: tuple[Group, ...], plan: dict[str, str], looked_up: tuple[str, ...]) -> float:
    sizes = {s.name: s.parameters for g in groups for s in g.members if s.name not in looked_up}
    return sum(size * TRUE.get(plan[name], 1e-5) for name, size in sizes.items())


def test_prices_come_back(groups: tuple[Group, ...]) -> None:
    looked_up = (
        ("token_embd.weight",)
        if any(s.name == "output.weight" for g in groups for s in g.members)
        else ()
    )
    own = expand(groups, {g.name: g.own for g in groups})
    plans = [own, *_uniform(groups).values()]
    assert len(plans) > 3
    times = fit(groups, [Timed(plan, took(groups, plan, looked_up)) for plan in plans], noise=1e-6)
    for codec, price in times.price.items():
        assert price == pytest.approx(TRUE.get(codec, 1e-5), rel=1e-3)
    mixed = {
        g.name: list(_uniform(groups))[i % 2] if i % 3 else g.own for i, g in enumerate(groups)
    }
    whole = {name: codec for g in groups for name, codec in g.plan(mixed[g.name]).items()}
    predicted = sum(times.of(g, mixed[g.name]) for g in groups)
    assert predicted == pytest.approx(took(groups, whole, looked_up), rel=1e-3)


def test_noise_gives_no_codec_away(groups: tuple[Group, ...]) -> None:
    """A file that shows little of a codec, timed a little too fast, does not make it free."""
    small = min(groups, key=lambda g: sum(s.parameters for s in g.members))
    own = expand(groups, {g.name: g.own for g in groups})
    mixed = expand(groups, {g.name: "Q8_0" if g is small else g.own for g in groups})
    assert list(mixed.values()).count("Q8_0") < len(mixed) / 2
    times = fit(groups, [Timed(own, 1.0), Timed(mixed, 0.9)])
    kept = next(codec for codec in own.values() if codec != "Q8_0")
    by_bytes = times.price[kept] * CODECS["Q8_0"].bits / CODECS[kept].bits
    assert 0.5 * by_bytes < times.price["Q8_0"] < 1.5 * by_bytes
