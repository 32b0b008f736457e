"""Prices of weights are found again from files whose times they made."""

from __future__ import annotations

import pytest
import tiny

from penjing.bundle.codecs import CODECS
from penjing.workshop.compress.timing import heads, reading_prices, uniform
from penjing.workshop.search.choice import Choice
from penjing.workshop.search.groups import Group, codecs_of, expand, groups_of
from penjing.workshop.search.times import TimedFile, fit, head_of, without_codecs

TRUE = {"F16": 3e-5, "Q8_0": 2e-5, "Q4_1": 1.7e-5, "IQ4_NL": 1e-5, "Q2_0": 4e-5}
HEAD = 1.5
"""Prices of the head by those of the blocks."""


@pytest.fixture(params=["llama", "qwen3"])
def groups(request: pytest.FixtureRequest) -> tuple[Group, ...]:
    return groups_of(tiny.checkpoint(request.param))


def priced(tensor: str, codec: str, head: str) -> float:
    if tensor == head:
        return HEAD * TRUE.get(codec, 1e-5)
    return 0.0 if tensor == "token_embd.weight" else TRUE.get(codec, 1e-5)


def took(groups: tuple[Group, ...], plan: dict[str, str]) -> float:
    sources, head = [source for group in groups for source in group.members], head_of(groups)
    return sum(s.parameters * priced(s.name, plan[s.name], head) for s in sources)


def test_times_of_plans_that_were_not_timed_come_out(groups: tuple[Group, ...]) -> None:
    """Not prices: what every head has more and all blocks have less shows in no file."""
    own = expand(groups, {g.name: g.own for g in groups})
    alike = uniform(groups)
    assert len(alike) > 3
    files = [TimedFile(plan, took(groups, plan)) for plan in (own, *alike, *heads(groups))]
    times = fit(groups, files, noise=1e-6)
    assert {kind.split()[0] for kind in times.price} == {"head", "blocks"}
    for first in range(5):
        mixed = {
            g.name: (choices := codecs_of(g))[(first + 3 * i) % len(choices)]
            for i, g in enumerate(groups)
        }
        predicted = sum(times.of(g, mixed[g.name]) for g in groups)
        assert predicted == pytest.approx(took(groups, expand(groups, mixed)), rel=2e-3)


def test_noise_gives_no_codec_away(groups: tuple[Group, ...]) -> None:
    """A file that shows little of a codec, timed a little too fast, does not make it free."""
    small = min(groups, key=lambda g: sum(s.parameters for s in g.members))
    own = expand(groups, {g.name: g.own for g in groups})
    mixed = expand(groups, {g.name: "Q8_0" if g is small else g.own for g in groups})
    assert list(mixed.values()).count("Q8_0") < len(mixed) / 2
    times = fit(groups, [TimedFile(own, 1.0), TimedFile(mixed, 0.9)])
    kept = next(codec for codec in own.values() if codec != "Q8_0")
    by_bytes = times.price[f"blocks {kept}"] * CODECS["Q8_0"].bits / CODECS[kept].bits
    assert 0.5 * by_bytes < times.price["blocks Q8_0"] < 1.5 * by_bytes


def test_an_embedding_that_is_only_looked_up_takes_nothing() -> None:
    groups = groups_of(tiny.checkpoint("qwen3"))
    names = {source.name for group in groups for source in group.members}
    head = head_of(groups)
    assert head == ("output.weight" if "output.weight" in names else "token_embd.weight")
    own = expand(groups, {g.name: g.own for g in groups})
    times = fit(groups, [TimedFile(own, 1.0)])
    for group in groups:
        looked_up = head != "token_embd.weight" and group.members[0].name == "token_embd.weight"
        assert (times.of(group, group.own) == 0) == looked_up


def test_choices_without_a_codec_multiply_by_no_weight_in_it(groups: tuple[Group, ...]) -> None:
    rows = {
        g.name: [Choice(codec, 100 - i, float(i)) for i, codec in enumerate(codecs_of(g))]
        for g in groups
    }
    left = without_codecs(groups, rows, frozenset({"Q2_0"}))
    for group in groups:
        names = [choice.codec for choice in left[group.name]]
        assert names[0] == group.own
        used = {n: k for name in names for n, k in group.plan(name).items() if k == "Q2_0"}
        assert {*used} <= {"token_embd.weight"} - {head_of(groups)}
    assert sum(map(len, left.values())) < sum(map(len, rows.values()))
    own = frozenset(group.own for group in groups)
    assert all(rows[0].codec in own for rows in without_codecs(groups, rows, own).values())


def test_reading_prices_give_back_the_times_they_came_from(groups: tuple[Group, ...]) -> None:
    own = expand(groups, {group.name: group.own for group in groups})
    plan = expand(groups, {g.name: "Q4_0" if "Q4_0" in codecs_of(g) else g.own for g in groups})
    found = reading_prices(groups, {"Q4_0": (plan, 0.6)})

    def whole(of: dict[str, str]) -> float:
        return sum(
            found.price.get(f"blocks {of[s.name]}", 0.0) * s.parameters
            for g in groups if g.layer is not None for s in g.members
        )  # fmt: skip

    assert whole(own) == pytest.approx(1.0)
    assert whole(plan) == pytest.approx(0.6)
