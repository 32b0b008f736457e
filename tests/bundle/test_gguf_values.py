"""Metadata values: what a kind takes, what it refuses, and when two values are the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.bundle.gguf_values import StringArray, Value, ValueKind
from penjing.core.errors import FormatError

K = ValueKind


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (K.UINT8, 256), (K.UINT8, -1), (K.INT8, 128), (K.UINT64, 2**64), (K.INT64, -(2**63) - 1),
        (K.UINT32, 1.0), (K.UINT32, "1"), (K.UINT32, True), (K.BOOL, 1), (K.FLOAT32, 1e300),
        (K.FLOAT32, "1"), (K.STRING, 5), (K.STRING, b"x"), (K.STRING, "\ud800"), (K.UINT8, None),
        (K.ARRAY, [1]),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_kind_is_refused(kind, data) -> None:
    with pytest.raises(FormatError):
        Value(kind, data)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (K.UINT8, [1, 256]), (K.INT8, np.array([-129])), (K.UINT64, [-1]), (K.UINT64, [2**64]),
        (K.INT32, [1.5]), (K.INT32, ["1"]), (K.INT32, [[1]]), (K.BOOL, [0, 1]),
        (K.FLOAT32, [1e300]), (K.FLOAT32, ["x"]), (K.STRING, ["a", 1]), (K.STRING, ["\udfff"]),
        (K.ARRAY, [1]), (K.ARRAY, [Value(K.UINT8, 1)]), (K.INT32, [True]), (K.INT32, [True, 2]),
        (K.BOOL, [True, 1]), (K.INT32, np.array([1.0])), (K.UINT8, np.array([256])),
        (K.FLOAT32, np.array([1e300])),
        (K.BOOL, np.array([1])), (K.INT8, np.array([True])), (K.INT8, np.zeros((1, 1), int)),
        (K.INT32, [[1], [2, 3]]),
    ],
)  # fmt: skip
def test_items_that_do_not_fit_their_kind_are_refused(kind, data) -> None:
    with pytest.raises(FormatError):
        Value.array(kind, data)


def test_large_and_mixed_numbers_keep_their_values() -> None:
    assert Value.array(K.UINT64, [0, 2**64 - 1]).plain == (0, 2**64 - 1)
    assert Value.array(K.INT64, [-(2**63), 2**63 - 1]).plain == (-(2**63), 2**63 - 1)
    assert Value.array(K.FLOAT64, [1, 0.5, np.float32(2)]).plain == (1.0, 0.5, 2.0)
    assert Value.array(K.FLOAT32, np.arange(3)).plain == (0.0, 1.0, 2.0)
    assert Value.array(K.INT16, (np.int64(n) for n in (1, 2))).plain == (1, 2)


def test_an_item_kind_belongs_to_arrays_only() -> None:
    with pytest.raises(FormatError):
        Value(K.UINT8, 1, K.UINT8)


def test_values_are_equal_when_their_bytes_are() -> None:
    nan = Value(K.FLOAT32, float("nan"))
    assert nan == Value(K.FLOAT32, float("nan"))
    assert hash(nan) == hash(Value(K.FLOAT32, float("nan")))
    assert Value(K.FLOAT32, 0.0) != Value(K.FLOAT32, -0.0)
    assert Value(K.FLOAT32, 0.1) == Value(K.FLOAT32, float(np.float32(0.1)))
    assert Value(K.UINT8, 1) != Value(K.INT8, 1)
    assert Value(K.UINT8, 1) != 1
    arrays = [Value.array(kind, []) for kind in (K.UINT8, K.INT8, K.STRING)]
    assert all(a != b for a, b in itertools.combinations(arrays, 2))
    assert Value.array(K.STRING, ["ab"]) != Value.array(K.STRING, ["a", "b"])


def test_an_array_value_cannot_be_changed_from_outside() -> None:
    given_array = np.array([1, 2, 3], dtype=np.int32)
    value = Value.array(K.INT32, given_array)
    given_array[0] = 9
    assert value.plain == (1, 2, 3)
    with pytest.raises(ValueError, match="read-only"):
        value.data[0] = 9


def test_string_arrays_are_sequences() -> None:
    words = StringArray.of(["a", "盆景", ""])
    assert len(words) == 3
    assert words[1] == words[-2] == "盆景"
    assert words[1:] == ("盆景", "")
    assert words == ["a", "盆景", ""]
    assert words != ["a", "盆景"]
    assert words != StringArray.of(["a"])
    assert "盆景" in words
    assert list(StringArray.of([])) == []
    with pytest.raises(IndexError):
        words[3]


@given(
    st.lists(st.text(st.sampled_from("ab盆\0"), max_size=12) | st.text(max_size=30), max_size=30)
)
def test_a_repeated_text_is_found(texts) -> None:
    array = StringArray.of(texts)
    found = array.repeated()
    assert (found is None) == (len(set(texts)) == len(texts))
    assert found is None or texts.count(found) > 1
    assert array.lengths().tolist() == [len(text.encode()) for text in texts]


def test_texts_with_equal_ends_are_told_apart() -> None:
    texts = ["12345678" + middle + "12345678" for middle in ("a", "b", "c")]
    assert StringArray.of(texts).repeated() is None
    assert StringArray.of([*texts, texts[1]]).repeated() == texts[1]
