"""The codec table against ggml itself and against the `gguf` package."""

from __future__ import annotations

import ctypes

import gguf
import pytest
from gguf.constants import GGML_QUANT_SIZES
from hypothesis import given
from hypothesis import strategies as st

from penjing.bundle.codecs import CODECS, codec, codec_by_id
from penjing.core.errors import FormatError, UnknownName
from penjing.ggml import library

ONE_OF_EACH = st.sampled_from(list(CODECS.values()))


@pytest.fixture(scope="module")
def ggml() -> ctypes.CDLL:
    # Our own handle: the prototypes below must not touch the one that the package uses.
    handle = ctypes.CDLL(library.load()._name)
    handle.ggml_type_name.restype = ctypes.c_char_p
    handle.ggml_type_size.restype = ctypes.c_size_t
    handle.ggml_blck_size.restype = ctypes.c_int64
    handle.ggml_row_size.restype = ctypes.c_size_t
    handle.ggml_row_size.argtypes = (ctypes.c_int, ctypes.c_int64)
    return handle


def test_the_table_is_ggmls_own_for_every_id(ggml: ctypes.CDLL) -> None:
    by_id = {codec.type_id: codec for codec in CODECS.values()}
    for type_id in range(43):
        width = ggml.ggml_blck_size(type_id)
        if width == 0:
            assert type_id not in by_id, f"ggml dropped {type_id}"
            continue
        known = by_id[type_id]
        assert known.name == ggml.ggml_type_name(type_id).decode().upper()
        assert (known.width, known.block_bytes) == (width, ggml.ggml_type_size(type_id))
    assert max(by_id) == 42


def test_the_table_agrees_with_the_gguf_package() -> None:
    for kind, (width, block_bytes) in GGML_QUANT_SIZES.items():
        if kind == gguf.GGMLQuantizationType.Q8_1:
            continue  # the package still has the 40 bytes of before 2023; no file stores it
        known = CODECS[gguf.GGMLQuantizationType(kind).name]
        assert (known.type_id, known.width, known.block_bytes) == (kind, width, block_bytes)


@given(ONE_OF_EACH, st.integers(1, 5), st.lists(st.integers(1, 9), max_size=3))
def test_a_shape_has_as_many_bytes_as_ggml_says(ggml, one, blocks, outer) -> None:
    row = blocks * one.width
    rows = 1
    for size in outer:
        rows *= size
    assert one.nbytes((*outer, row)) == rows * ggml.ggml_row_size(one.type_id, row)
    assert one.nbytes((*outer, row)) * 8 == pytest.approx(one.bits * rows * row)


@given(ONE_OF_EACH, st.integers(-300, 3000))
def test_only_whole_blocks_fit(one, row) -> None:
    assert one.fits(row) == (row > 0 and row % one.width == 0)
    if not one.fits(row):
        with pytest.raises(FormatError, match=f"multiple of {one.width}"):
            one.nbytes((2, row))


def test_a_scalar_shape_is_refused() -> None:
    with pytest.raises(FormatError):
        CODECS["F32"].nbytes(())


def test_bits_count_the_scales() -> None:
    assert (CODECS["Q4_0"].bits, CODECS["Q8_0"].bits, CODECS["F32"].bits) == (4.5, 8.5, 32)
    assert CODECS["Q2_0"].bits == 2.25


def test_names_are_found_in_either_case_and_near_ones_suggested() -> None:
    assert codec("q4_0") is codec("Q4_0") is CODECS["Q4_0"]
    assert codec("iq4_nl").name == "IQ4_NL"
    with pytest.raises(UnknownName, match=r"did you mean .*q4_k"):
        codec("Q4K")
    with pytest.raises(UnknownName, match="known: "):
        codec("zzzzzzzzzzz")


@pytest.mark.parametrize("type_id", [4, 5, 31, 33, 36, 38, 43, 2**32 - 1, -1])
def test_dropped_and_future_ids_are_refused(type_id) -> None:
    with pytest.raises(FormatError, match=str(type_id)):
        codec_by_id(type_id)


def test_every_id_finds_its_codec() -> None:
    assert all(codec_by_id(one.type_id) is one for one in CODECS.values())


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CODECS["F32"] = CODECS["F16"]  # type: ignore[index]
