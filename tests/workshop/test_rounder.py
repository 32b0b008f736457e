"""Weights that are encoded once are those of every other way, and no more is kept than may be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tiny
import torch

from penjing.bundle.codecs import CODECS
from penjing.core.errors import BadInput
from penjing.workshop.quantize.stored import encode, round_rows
from penjing.workshop.search.rounder import Rounder
from penjing.workshop.threads import workers

NAME = "blk.0.attn_q.weight"
PARTS = (slice(None), slice(3, 40), torch.tensor([5, 5, 0, 63]))


@pytest.fixture(scope="module")
def case():
    checkpoint, noise = tiny.checkpoint("llama"), np.random.default_rng(1)
    importance = {
        name: noise.uniform(0.5, 2, checkpoint.tensors[name].shape[-1]).astype(np.float32)
        for name in checkpoint.quantizable
    }
    return checkpoint, importance


@pytest.mark.parametrize("keep", [0, 10**6])
@pytest.mark.parametrize("codec", ["Q2_0", "Q4_1", "F32"])
def test_rows_are_those_of_the_rounded_whole(case, keep: int, codec: str) -> None:
    checkpoint, importance = case
    rounder = Rounder(checkpoint, importance, keep=keep)
    source = checkpoint.tensors[NAME]
    whole = round_rows(CODECS[codec], source, importance[NAME], slice(None))
    for _ in range(2):
        for part in PARTS:
            assert torch.equal(rounder(NAME, codec, part), whole[part])


def test_the_bytes_are_what_an_exporter_would_write(case) -> None:
    checkpoint, importance = case
    rounder = Rounder(checkpoint, importance, keep=10**6)
    expected = encode(CODECS["Q2_0"], checkpoint.tensors[NAME].load(), importance[NAME])
    np.testing.assert_array_equal(rounder.raw(NAME, CODECS["Q2_0"]), expected)
    own = rounder.raw(NAME, CODECS["F32"])
    np.testing.assert_array_equal(own, checkpoint.tensors[NAME].raw())


def test_each_is_encoded_once_while_there_is_room(case, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint, importance = case
    names = ["blk.0.attn_q.weight", "blk.0.attn_output.weight", "blk.1.attn_q.weight"]
    size = CODECS["Q4_0"].nbytes((64, 64))
    rounder, made = Rounder(checkpoint, importance, keep=2 * size), []
    whole = Rounder._encoded
    monkeypatch.setattr(
        Rounder, "_encoded", lambda self, name, kind: made.append(name) or whole(self, name, kind)
    )
    for name in (*names[:2], *names[:2]):
        rounder(name, "Q4_0", slice(0, 2))
    assert made == names[:2]
    rounder(names[0], "Q4_0", slice(0, 2))
    rounder(names[2], "Q4_0", slice(0, 2))  # the one used longest ago goes
    rounder(names[0], "Q4_0", slice(0, 2))
    rounder(names[1], "Q4_0", slice(0, 2))
    assert made == [names[0], names[1], names[2], names[1]]
    assert sum(each.nbytes for each in rounder._kept.values()) <= 2 * size


def test_threads_may_share_one(case) -> None:
    checkpoint, importance = case
    rounder = Rounder(checkpoint, importance, keep=5000)
    names = [name for name in checkpoint.quantizable if checkpoint.tensors[name].shape[-1] == 64]
    expected = {name: Rounder(checkpoint, importance)(name, "Q4_0", slice(None)) for name in names}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda name: (name, rounder(name, "Q4_0", slice(None))), names * 4))
    assert all(torch.equal(weights, expected[name]) for name, weights in found)


def test_importance_that_was_never_filled_is_an_error(case) -> None:
    checkpoint, importance = case
    broken = {**importance, NAME: np.zeros(64, np.float32)}
    for keep in (0, 10**6):
        with pytest.raises(BadInput, match="never filled"):
            Rounder(checkpoint, broken, keep=keep)(NAME, "Q2_0", slice(None))


@pytest.mark.parametrize("count", [1, 3])
def test_workers_keep_the_order_and_torch_as_it_was(count: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with workers() as side_by_side:
            assert torch.get_num_threads() == 1
            assert side_by_side(lambda i: i * i, range(50)) == [i * i for i in range(50)]
            inside = side_by_side(lambda _: torch.get_num_threads(), range(20))
            assert set(inside) == {1}
        assert torch.get_num_threads() == count
        with pytest.raises(ZeroDivisionError), workers() as side_by_side:
            side_by_side(lambda i: 1 // i, [1, 0])
        assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(before)
