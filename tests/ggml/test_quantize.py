"""The door to ggml's codecs: what it refuses, and that threads change no byte.

Bytes against independent encoders: `tests/workshop/test_export_gguf.py`.
"""

from __future__ import annotations

import numpy as np
import pytest

from penjing.bundle.codecs import CODECS
from penjing.core.errors import BadInput, FormatError
from penjing.ggml.quantize import dequantize, quantize

ROUNDED = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "Q2_0", "Q2_K", "Q3_K", "Q4_K")
NOISE = np.random.default_rng(0)


def weights(*shape: int) -> np.ndarray:
    return NOISE.normal(0, 0.1, shape).astype(np.float32)


@pytest.mark.parametrize("name", ROUNDED)
def test_threads_change_no_byte(name: str) -> None:
    big = weights(700, 512)  # more than one piece
    whole = quantize(CODECS[name], big)
    rows = [quantize(CODECS[name], big[i : i + 1]) for i in (0, 350, 511, 512, 513, 699)]
    each = whole.reshape(700, -1)
    for i, row in zip((0, 350, 511, 512, 513, 699), rows, strict=True):
        assert np.array_equal(each[i], row)
    back = dequantize(CODECS[name], whole, big.shape)
    assert np.array_equal(dequantize(CODECS[name], each[512], (1, 512))[0], back[512])


@pytest.mark.parametrize("name", ROUNDED)
def test_error_is_as_small_as_the_bits_allow(name: str) -> None:
    source = weights(64, 512)
    back = dequantize(CODECS[name], quantize(CODECS[name], source), source.shape)
    relative = float(np.square(back - source).mean() / np.square(source).mean())
    assert relative < 8.0 * 4.0 ** -(CODECS[name].bits - 0.5)


@pytest.mark.parametrize("name", ["Q4_0", "IQ4_NL", "Q4_K", "Q5_1"])
def test_importance_moves_the_error_to_where_it_does_not_matter(name: str) -> None:
    source = weights(256, 512)
    importance = np.where(np.arange(512) % 8 == 0, 100.0, 0.01).astype(np.float32)

    def error(matrix: np.ndarray | None) -> float:
        back = dequantize(CODECS[name], quantize(CODECS[name], source, matrix), source.shape)
        return float((np.square(back - source) * importance).sum())

    assert error(importance) < 0.9 * error(None)


def test_full_precision_is_exact() -> None:
    source = weights(3, 96)
    assert np.array_equal(
        dequantize(CODECS["F32"], quantize(CODECS["F32"], source), (3, 96)), source
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_damaged_weight_is_refused(bad: float) -> None:
    source = weights(2, 64)
    source[1, 5] = bad
    with pytest.raises(BadInput, match="not a number"):
        quantize(CODECS["Q4_0"], source)


def test_a_row_that_does_not_fit_is_refused_and_never_falls_back() -> None:
    with pytest.raises(BadInput, match="multiple of 256 and this row has 576"):
        quantize(CODECS["Q4_K"], weights(2, 576))


@pytest.mark.parametrize(
    ("importance", "words"),
    [
        (np.zeros(64, np.float32), "never filled"),
        (-np.ones(64, np.float32), "negative"),
        (np.full(64, np.nan, np.float32), "never filled"),
        (np.ones(32, np.float32), "rows of 64"),
    ],
)
def test_importance_that_cannot_be_is_refused(importance: np.ndarray, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        quantize(CODECS["IQ4_NL"], weights(2, 64), importance)


def test_bytes_that_do_not_fit_the_shape_are_refused() -> None:
    raw = quantize(CODECS["Q8_0"], weights(2, 64))
    with pytest.raises(FormatError, match="needs"):
        dequantize(CODECS["Q8_0"], raw[:-1], (2, 64))
