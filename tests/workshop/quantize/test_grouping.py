"""Cutting a tensor into groups and putting it together: the numbers of numpy's plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.core.errors import BadInput, UnknownName
from penjing.workshop.quantize.grouping import (
    PER_CHANNEL,
    PER_TENSOR,
    Grouping,
    merge,
    per_group,
    split,
)

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4)


def counted(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.arange(int(np.prod(shape))).reshape(shape)


@given(shapes, st.sampled_from([1, 2, 3]))
@settings(max_examples=40, deadline=None)
def test_groups_are_runs_of_a_row_and_come_together_again(shape: list[int], group: int) -> None:
    shape[-1] *= group
    x = counted(tuple(shape))
    rows = split(x, per_group(group))
    lines = x.numpy().reshape(-1, shape[-1])
    expected = [line[i : i + group] for line in lines for i in range(0, len(line), group)]
    np.testing.assert_array_equal(rows, np.stack(expected))
    assert torch.equal(merge(rows, x.shape), x)


@given(shapes)
@settings(max_examples=40, deadline=None)
def test_a_channel_is_one_index_of_the_first_side(shape: list[int]) -> None:
    x = counted(tuple(shape))
    rows = split(x, PER_CHANNEL)
    expected = [x.numpy()] if x.dim() == 1 else [each.ravel() for each in x.numpy()]
    np.testing.assert_array_equal(rows, np.stack(expected))
    assert torch.equal(merge(rows, x.shape), x)
    assert split(x, PER_TENSOR).tolist() == [list(range(x.numel()))]


@pytest.mark.parametrize("grouping", [PER_TENSOR, PER_CHANNEL, per_group(1)])
def test_a_number_is_one_group(grouping: Grouping) -> None:
    rows = split(torch.tensor(3.0), grouping)
    assert rows.shape == (1, 1)
    assert merge(rows, torch.Size()).shape == ()


def test_a_transposed_tensor_is_cut_as_it_reads() -> None:
    x = counted((4, 6)).T
    assert split(x, per_group(2))[0].tolist() == [0, 6]
    assert torch.equal(merge(split(x, per_group(2)), x.shape), x)


@pytest.mark.parametrize(("shape", "group"), [((4, 6), 4), ((6, 4), 3), ((), 2), ((4, 6), 12)])
def test_a_group_that_does_not_divide_the_row_is_refused(
    shape: tuple[int, ...], group: int
) -> None:
    with pytest.raises(BadInput, match="divides the row"):
        split(torch.zeros(shape), per_group(group))


def test_groupings_that_cannot_be_are_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean channel"):
        Grouping("chanel")
    with pytest.raises(BadInput, match="only then"):
        Grouping("channel", 32)
    with pytest.raises(BadInput, match="only then"):
        Grouping("group")
    with pytest.raises(BadInput, match="at least 1"):
        per_group(0)
