"""Choosing tokens in numpy, against definitions written out the slow way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.messages import GenerationSettings
from penjing.engine.sampler import Chooser, _candidates, likely

LOGITS = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).normal(0, 4, 1300).astype(np.float32)
)


def free(**wanted) -> GenerationSettings:
    return GenerationSettings(**{"repeat_penalty": 1.0, "top_p": 1.0, "top_k": 0, **wanted})


@given(LOGITS, st.integers(1, 1300))
def test_the_likeliest_are_found(row, count) -> None:
    tokens, logits = _candidates(row, count)
    best = sorted(range(len(row)), key=lambda token: (-row[token], token))[:count]
    assert tokens.tolist() == best
    assert logits.tolist() == row[best].tolist()


@given(LOGITS, st.integers(0, 1299), st.integers(0, 5))
def test_logprobs_are_of_the_whole_vocabulary(row, token, count) -> None:
    found = likely(row, token, count)
    total = math.log(sum(math.exp(float(x)) for x in row))
    assert found.logprob == pytest.approx(float(row[token]) - total, abs=1e-4)
    assert [t for t, _ in found.top] == np.argsort(-row, kind="stable")[:count].tolist()


def test_greedy_is_the_largest() -> None:
    row = np.array([1, 5, 3], np.float32)
    assert Chooser(free()).choose(row) == 1


def test_penalties_as_llama_cpp_has_them() -> None:
    chooser = Chooser(free(repeat_penalty=2.0, frequency_penalty=0.5, presence_penalty=0.25))
    for token in (0, 1, 1):
        chooser.accept(token)
    row = np.array([4, -4, 1], np.float32)
    chooser.penalize(row)
    assert row.tolist() == [4 / 2 - 0.5 - 0.25, -4 * 2 - 1.0 - 0.25, 1]


def test_penalties_look_back_on_64_tokens() -> None:
    chooser = Chooser(free(repeat_penalty=2.0))
    for token in (0, *[1] * 64):
        chooser.accept(token)
    row = np.array([4, 4], np.float32)
    chooser.penalize(row)
    assert row.tolist() == [4, 2]


def drawn(row, settings, count: int = 4000) -> np.ndarray:
    chooser = Chooser(settings)
    return np.bincount([chooser.choose(row) for _ in range(count)], minlength=len(row)) / count


ROW = np.log(np.array([0.4, 0.3, 0.2, 0.1], np.float32))


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (free(temperature=1.0), [0.4, 0.3, 0.2, 0.1]),
        (free(temperature=1.0, top_k=2), [4 / 7, 3 / 7, 0, 0]),
        (free(temperature=1.0, top_p=0.75), [4 / 9, 3 / 9, 2 / 9, 0]),
        (free(temperature=1.0, min_p=0.6), [4 / 7, 3 / 7, 0, 0]),
        (free(temperature=0.5), [16 / 30, 9 / 30, 4 / 30, 1 / 30]),
        # top-p is asked before the temperature
        (free(temperature=0.5, top_p=0.6), [16 / 25, 9 / 25, 0, 0]),
    ],
)
def test_draws_fall_as_they_should(settings, wanted) -> None:
    settings = GenerationSettings(**{**settings.__dict__, "seed": 1})
    # 4000 draws: four standard deviations are 0.032
    assert np.abs(drawn(ROW, settings) - wanted).max() < 0.032


def test_a_seed_repeats_and_none_does_not() -> None:
    row = np.zeros(1000, np.float32)

    def draws(seed: int | None) -> list[int]:
        chooser = Chooser(free(temperature=1.0, seed=seed))
        return [chooser.choose(row) for _ in range(20)]

    assert draws(7) == draws(7) != draws(8)
    assert draws(None) != draws(None)


@pytest.mark.parametrize("settings", [free(temperature=1.0, top_k=40), free(temperature=0)])
def test_what_is_forbidden_is_never_chosen(settings) -> None:
    row = np.full(500, -np.inf, np.float32)
    row[77] = -50.0
    assert {Chooser(settings).choose(row) for _ in range(20)} == {77}
