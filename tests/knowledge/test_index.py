"""Vectors in few bytes, the index over them, and the fusion of two rankings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.history import Mark
from penjing.knowledge.index import dense
from penjing.knowledge.index.codes import is_of, pack, unpack
from penjing.knowledge.index.dense import DenseIndex
from penjing.knowledge.index.fusion import fused
from penjing.knowledge.index.words import WordIndex

DIMENSION = 384


def vectors(count: int, seed: int = 0) -> np.ndarray:
    """Unit vectors about one direction and of few kinds, as embedding models give them."""
    kinds = np.random.default_rng(7).normal(0, 1, (24, DIMENSION))
    rng = np.random.default_rng(seed)
    made = rng.normal(0, 1, (count, 24)) @ kinds + rng.normal(0, 1, (count, DIMENSION))
    made += np.linspace(0, 20, DIMENSION)
    unit: np.ndarray = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    return unit


def pairs(made: np.ndarray, first: int = 1) -> list[tuple[int, bytes]]:
    return list(enumerate(pack(made, "model"), start=first))


def test_eight_bits_cost_next_to_nothing() -> None:
    made = vectors(500)
    coded = unpack(pack(made, "model"), DIMENSION)
    back = coded.codes * coded.scales[:, None]
    assert np.abs(made @ made.T - back @ made.T).max() < 0.005
    assert pack(made, "model") == pack(made, "model")
    assert is_of(pack(made, "model")[0], "model", DIMENSION)
    assert not is_of(pack(made, "model")[0], "other", DIMENSION)
    assert not is_of(b"", "model", DIMENSION)
    zero = unpack(pack(np.zeros((1, DIMENSION), np.float32), "m"), DIMENSION)
    assert not zero.codes.any()


@pytest.mark.parametrize("count", [1, 50, 6000])
def test_the_nearest_are_found(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "CANDIDATES", 600)
    made = vectors(count)
    index = DenseIndex(DIMENSION)
    halves = {"a": pairs(made[: count // 2]), "b": pairs(made[count // 2 :], 10**6)}
    index.change(frozenset(), halves.items())
    numbers = [*range(1, count // 2 + 1), *range(10**6, 10**6 + count - count // 2)]
    assert len(index) == count
    shares = []
    for near in made[:20] + vectors(len(made[:20]), seed=1):
        query = near / np.linalg.norm(near)
        right = [numbers[at] for at in np.argsort(-(made @ query))[:10]]
        found = index.search(query, 10)
        assert [one.cosine for one in found] == sorted((one.cosine for one in found), reverse=True)
        shares.append(len({one.number for one in found} & set(right)) / len(right))
    assert np.mean(shares) > 0.9


def test_documents_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "EXACT", 10)
    monkeypatch.setattr(dense, "CANDIDATES", 5)
    made = vectors(30)
    index = DenseIndex(DIMENSION)
    assert index.search(made[0], 5) == []
    index.change(frozenset(), {"a": pairs(made[:10], 1), "b": pairs(made[10:20], 11)}.items())
    assert index.search(made[3], 1)[0].number == 4
    index.change(frozenset({"a"}), {"c": pairs(made[20:], 21), "empty": []}.items())
    assert index.documents == {"b", "c", "empty"}
    assert index.search(made[14], 1)[0].number == 15
    assert index.search(made[25], 1)[0].number == 26
    assert index.cosines(made[25], [4, 26]) == {26: pytest.approx(1.0, abs=0.01)}
    index.change(frozenset({"b", "c", "empty"}), {})
    assert len(index) == 0


def test_it_is_small() -> None:
    index = DenseIndex(384)
    made = np.random.default_rng(1).normal(0, 1, (5000, 384)).astype(np.float32)
    index.change(frozenset(), {"a": pairs(made)}.items())
    assert index.nbytes / 5000 <= 8 + 8 + 384 + 4 + 48


def test_words_are_weighed_as_the_textbook_says() -> None:
    index = WordIndex()
    assert index.search([[1]], 5) == []
    index.take("a", [Mark(1, 100, b""), Mark(2, 100, b""), Mark(3, 200, b"")])
    index.take("b", [Mark(number, 100, b"") for number in range(10, 30)])
    index.settle()
    assert index.search([[1, 3], [2, 2, 3]], 9) == [3, 2, 1]  # both words, then twice, then once
    assert index.search([[1, 3]], 9) == [1, 3]  # the shorter one
    assert index.search([[2, 999, 12]], 1) == [2]
    index.leave("a")
    index.settle()
    assert index.search([[1, 2, 3, 12]], 9) == [12]
    assert index.documents == {"b"}


@given(st.lists(st.integers(0, 30), unique=True), st.lists(st.integers(0, 30), unique=True))
def test_fusion_keeps_everything_and_loves_agreement(words: list[int], meaning: list[int]) -> None:
    scores = fused(words, meaning)
    assert set(scores) == {*words, *meaning}
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert all(0 < score <= 1 for score in scores.values())
    if words and words[:1] == meaning[:1]:
        assert scores[words[0]] == pytest.approx(1)
        assert next(iter(scores)) == words[0]
