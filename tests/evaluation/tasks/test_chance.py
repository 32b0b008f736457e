"""Chance: what knowing nothing brings, and blind rules beside it."""

from __future__ import annotations

import numpy as np

from penjing.evaluation.tasks.chance import beats, chance_of, near
from penjing.evaluation.tasks.questions import Question


def asked(*choices: str, gold: int) -> Question:
    return Question("?", choices, gold)


def test_the_commonest_place_is_no_knowledge() -> None:
    mostly_yes = [asked("no", "yes", gold=int(i < 62)) for i in range(100)]
    found = chance_of(mostly_yes)
    assert (found.level, found.blind) == (0.62, 0.62)
    assert not beats([62], 100, found.level)
    assert not beats([70], 100, found.level)
    assert beats([80], 100, found.level)


def test_a_blind_rule_is_named_and_is_not_chance() -> None:
    longest = [asked("aa", "bbbb", "c", "d", gold=1) for _ in range(50)]
    turned = [asked("aaaa", "bb", "c", "d", gold=0) for _ in range(50)]
    last = [asked("a", "bb", "c", "dddd", gold=3) for _ in range(50)]
    found = chance_of([*longest, *turned, *last])
    assert (found.blind, found.rule) == (1.0, "the longest choice")
    assert found.level == 1 / 3


def test_near_chance_takes_enough_questions() -> None:
    assert near([0.59, 0.55], 0.5, [0, 0])
    assert not near([0.59, 0.61], 0.5, [0, 0])
    assert not near([None], 0.5, [0])
    assert near([0.69], 0.5, [0.4])
    assert not near([0.71], 0.5, [0.4])


def test_guessing_is_seldom_called_knowledge() -> None:
    rng = np.random.default_rng(0)
    called = sum(beats(rng.binomial(400, 0.25, 2).tolist(), 400, 0.25) for _ in range(1000))
    assert called < 25
