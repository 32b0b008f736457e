"""Forks: choices that share a beginning score as each does when read by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import families
import numpy as np
import pytest
import tiny

from penjing.core.continuations import Fork
from penjing.core.errors import BadInput
from penjing.engine import forks as forks_module
from penjing.engine.forks import Forks
from penjing.engine.llamacpp import LlamaCpp
from penjing.evaluation.tasks.likelihood import OneByOne, log_likelihoods
from penjing.workshop.export.gguf import export_gguf


@pytest.fixture(scope="module", params=["llama", "gemma2"])
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LlamaCpp]:
    path = tmp_path_factory.mktemp("forks") / "a.gguf"
    export_gguf(tiny.checkpoint(request.param), path, {})
    with LlamaCpp.open(path, context=256, threads=1) as opened:
        yield opened


def drawn(*shape: tuple[int, tuple[int, ...]], seed: int = 0) -> list[Fork]:
    """Forks of so many prefix tokens and branches of so many."""
    noise = np.random.default_rng(seed)

    def some(count: int) -> tuple[int, ...]:
        return tuple(noise.integers(3, 260, count).tolist())

    return [Fork(some(prefix), tuple(map(some, branches))) for prefix, branches in shape]


SHAPES = (
    (5, (3, 1, 7)),
    (1, (1, 1)),
    (40, (2, 9, 4, 4, 6)),
    (200, (30, 55, 2)),
    (12, (5,) * 70),
    (3, (250, 1, 200, 90)),
)


def test_side_by_side_is_as_alone(model: LlamaCpp) -> None:
    forks = drawn(*SHAPES)
    with Forks(model) as opened:
        found = log_likelihoods(opened, forks)
    wanted = log_likelihoods(OneByOne(model), forks)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.sums, other.sums, rtol=1e-3, atol=0.05)
        assert one.greedy.tolist() == other.greedy.tolist()


def test_every_token_is_foretold_once_in_batches_that_are_bounded(
    model: LlamaCpp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks_module, "_LOGITS", 0)  # 64 rows of logits
    forks = drawn(*SHAPES)
    seen = []
    with Forks(model) as opened:
        for step in opened.steps(forks):
            assert len(step.logits) <= 64
            assert {pick.row for pick in step.picks} == set(range(len(step.logits)))
            seen += [(pick.fork, pick.branch, pick.token) for pick in step.picks]
    wanted = [
        (number, at, token)
        for number, fork in enumerate(forks)
        for at, branch in enumerate(fork.branches)
        for token in branch
    ]
    assert sorted(seen) == sorted(wanted)


def test_swapped_branches_swap_their_numbers(model: LlamaCpp) -> None:
    """The control: it is the branch's own tokens that are scored."""
    (fork,) = drawn((9, (4, 4, 4)))
    turned = Fork(fork.prefix, fork.branches[::-1])
    other = Fork(fork.prefix[::-1], fork.branches)
    with Forks(model) as opened:
        found, back, elsewhere = log_likelihoods(opened, [fork, turned, other])
    np.testing.assert_allclose(found.sums, back.sums[::-1], atol=0.02)
    assert np.abs(found.sums - elsewhere.sums).max() > 0.1
    assert np.ptp(found.sums) > 0.1


def test_what_is_too_long_is_refused(model: LlamaCpp) -> None:
    with Forks(model) as opened, pytest.raises(BadInput, match="context of 256"):
        list(opened.steps(drawn((250, (9,)))))


def test_what_is_written_is_the_likeliest(model: LlamaCpp) -> None:
    prompts = [fork.prefix for fork in drawn((5, (1,)), (9, (1,)), (30, (1,)))]
    with Forks(model) as opened:
        found = opened.write(prompts, 6)
    plain = OneByOne(model).write(prompts, 6)
    for one, other in zip(found, plain, strict=True):
        ended = next((i for i, token in enumerate(other) if model.ends(token)), 6)
        assert one == other[:ended]


def test_a_memory_that_cannot_be_shared_is_read_branch_by_branch(tmp_path: Path) -> None:
    path = families.write(tmp_path / "m.gguf", "mamba")
    forks = drawn((5, (3, 1, 7)), (20, (2, 2)))
    with LlamaCpp.open(path, context=256, threads=1) as model, Forks(model) as opened:
        found = log_likelihoods(opened, forks)
        wanted = log_likelihoods(OneByOne(model), forks)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.sums, other.sums, rtol=1e-3, atol=0.05)
