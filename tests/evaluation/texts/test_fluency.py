"""Fluency on a model that knows the alphabet; relevance with an embedder that counts words."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from table_model import TableModel

from penjing.evaluation.tasks.likelihood import OneByOne
from penjing.evaluation.texts.fluency import fluency, shuffled
from penjing.evaluation.texts.nearness import relevance
from penjing.testing.embedder import FakeEmbedder


def knowing() -> TableModel:
    """After a letter it expects the next of the alphabet."""
    table = np.zeros((40, 40))
    table[np.arange(39), np.arange(1, 40)] = 4
    return TableModel(table, name="knowing", starts=False)


def under(lines: list[str]) -> tuple[float, float]:
    model = knowing()
    found = fluency(model, OneByOne(model), lines, seed=0)
    assert found is not None
    return found[0].value, found[1].value


def test_what_is_in_order_ranks_first_and_above_its_shuffled_words() -> None:
    ordered, control = under(["abc def ghi", "klm nop qrs"])
    mixed, _ = under(["cba fed ihg", "mlk pon srq"])
    assert ordered < mixed
    assert ordered < 30
    assert control >= ordered


def test_perplexity_by_hand() -> None:
    logs = 4 - math.log(math.exp(4) + 39)
    found, _ = under(["abcd", "ab"])
    assert found == pytest.approx(math.exp(-logs), rel=1e-5)
    model = knowing()
    assert fluency(model, OneByOne(model), ["a", ""], seed=0) is None


def test_words_are_shuffled_and_kept() -> None:
    lines = ["one two three four five six seven", "eight nine"]
    found = shuffled(lines, 0)
    assert [sorted(one.split()) for one in found] == [sorted(one.split()) for one in lines]
    assert found[0] != lines[0]
    assert sorted(shuffled(["一棵小松树"], 0)[0]) == sorted("一棵小松树")


QUESTIONS = ["where does the pine grow", "how much water", "who wrote the book", "what is copper"]
ANSWERS = [
    "the pine grows on a rock",
    "a cup of water",
    "the book is by a woman",
    "copper is metal",
]


def test_answers_to_their_own_questions_are_nearer() -> None:
    found, control = relevance(FakeEmbedder(), ANSWERS, QUESTIONS, seed=0)
    own, nearer = found
    assert own.value > control[0].value
    assert nearer.value > 0.9
    turned = [*ANSWERS[1:], ANSWERS[0]]
    swapped, _ = relevance(FakeEmbedder(), turned, QUESTIONS, seed=0)
    assert swapped[0].value < own.value
    assert swapped[1].value < 0.5
