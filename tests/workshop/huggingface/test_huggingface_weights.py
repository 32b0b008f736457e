"""Safetensors are read as the safetensors package reads them, and hostile ones are refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from penjing.core.errors import BadInput, FormatError
from penjing.ggml.quantize import dequantize
from penjing.workshop.huggingface.layout import deinterleave, interleave
from penjing.workshop.huggingface.weights import read_header, stored_tensors


def raw_file(path: Path, header: Any, data: bytes = b"", *, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    path.write_bytes(length.to_bytes(8, "little") + text + data)
    return path


def entry(shape: list[Any], begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@settings(max_examples=30)
@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=1, max_dims=2, max_side=7),
        elements=st.floats(-100, 100, width=32),
    )
)
def test_any_float32_comes_back(tmp_path_factory: Any, weights: npt.NDArray[np.float32]) -> None:
    path = tmp_path_factory.mktemp("st") / "model.safetensors"
    save_file({"a": weights, "b": weights.astype(np.float16)}, path)
    found = read_header(path)
    np.testing.assert_array_equal(found["a"].read(), weights)
    np.testing.assert_array_equal(found["b"].read(), weights.astype(np.float16))


def test_bfloat16_is_read_as_torch_reads_it(tmp_path: Path) -> None:
    weights = torch.randn(5, 6, generator=torch.Generator().manual_seed(1)).to(torch.bfloat16)
    save_torch({"w": weights}, tmp_path / "model.safetensors")
    found = stored_tensors(tmp_path)["w"]
    assert found.codec.name == "BF16"
    raw = np.ascontiguousarray(found.read()).reshape(-1).view(np.uint8)
    np.testing.assert_array_equal(dequantize(found.codec, raw, (5, 6)), weights.float().numpy())


def test_shards_are_found_through_the_index(tmp_path: Path) -> None:
    save_file({"a": np.ones((2, 3), np.float32)}, tmp_path / "one.safetensors")
    save_file({"b": np.zeros(4, np.float32)}, tmp_path / "two.safetensors")
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    found = stored_tensors(tmp_path)
    assert {name: tensor.shape for name, tensor in found.items()} == {"a": (2, 3), "b": (4,)}


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"a": "../one.safetensors"}}, "not a safetensors file beside it"),
        ({"weight_map": {"a": "/etc/passwd"}}, "not a safetensors file beside it"),
        ({"weight_map": {"a": "one.bin"}}, "not a safetensors file beside it"),
        ({"weight_map": {"a": 3}}, "not a safetensors file beside it"),
        ({"weight_map": {"c": "one.safetensors"}}, "lacks the tensor 'c'"),
        ({"weight_map": {"a": "gone.safetensors"}}, "cannot read"),
        ({"weight_map": {}}, "has no weight_map"),
        ({}, "has no weight_map"),
        ([], "holds a list"),
    ],
)
def test_a_bad_index_is_refused(index: Any, message: str, tmp_path: Path) -> None:
    save_file({"a": np.ones(2, np.float32)}, tmp_path / "one.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises((FormatError, BadInput), match=message):
        stored_tensors(tmp_path)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
def test_pickled_weights_are_refused_unread(name: str, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (exec, (f"open({str(tmp_path / 'boom')!r}, 'w')",))

    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(FormatError, match=f"pickled weights only .{name}.*safetensors"):
        stored_tensors(tmp_path)
    assert not (tmp_path / "boom").exists()


def test_a_pickle_under_the_right_name_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(pickle.dumps({"w": list(range(100))}))
    with pytest.raises(FormatError, match="claims a header of"):
        stored_tensors(tmp_path)


def test_a_folder_without_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"has no model\.safetensors"):
        stored_tensors(tmp_path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"w": entry([2, 2], 0, 15)}, "has 15 bytes"),
        ({"w": entry([2, 2], 0, 32, "F32")}, "has 32 bytes"),
        ({"w": entry([4], 16, 0)}, "has -16 bytes"),
        ({"w": entry([2**40, 2**40], 0, 16)}, "has 16 bytes"),
        ({"w": entry([-2, -2], 0, 16)}, "has the shape"),
        ({"w": entry([True, 4], 0, 16)}, "has the shape"),
        ({"w": entry([1] * 9, 0, 4)}, "has the shape"),
        ({"w": entry([4], 0, 16, "F8_E4M3")}, "has 16 bytes"),
        ({"w": entry([4], 0, 16, "F7")}, "is F7, which is no type of numbers"),
        ({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0]}}, "lies at"),
        ({"w": {"dtype": "F32", "shape": [4], "data_offsets": "0:16"}}, "lies at"),
        ({"w": {"shape": [4], "data_offsets": [0, 16]}}, "is None"),
        ({"w": 5}, "no object"),
        ({"w": entry([2], 0, 8)}, "has 16 bytes of weights and describes 8"),
        ({"w": entry([4], 8, 24)}, "leave a gap"),
        ({"w": entry([4], 0, 16), "v": entry([4], 0, 16)}, "overlap"),
        (b'{"w": 1, "w": 2}', "a key appears twice"),
        (b"[]", "holds a list"),
        (b"{", "not sound JSON"),
        (b'{"w": "\xff"}', "not sound JSON"),
        (b"[" * 90_000, "not sound JSON"),
    ],
)
def test_a_header_that_lies_is_refused(header: Any, message: str, tmp_path: Path) -> None:
    path = raw_file(tmp_path / "model.safetensors", header, bytes(16))
    with pytest.raises(FormatError, match=message):
        read_header(path)


@pytest.mark.parametrize("length", [2**63, 2**40, 200])
def test_a_header_longer_than_the_file_is_refused_before_it_is_read(
    length: int, tmp_path: Path
) -> None:
    path = raw_file(tmp_path / "model.safetensors", b"{}", bytes(100), length=length)
    with pytest.raises(FormatError, match="cut short or no safetensors"):
        read_header(path)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(tmp_path_factory: Any, data: bytes) -> None:
    path = tmp_path_factory.mktemp("st") / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(FormatError):
        read_header(path)


@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 3), st.integers(0, 9))
def test_interleaving_is_a_permutation_with_an_inverse(
    heads: int, half: int, columns: int, seed: int
) -> None:
    rows = np.random.default_rng(seed).normal(size=(heads * 2 * half, columns))
    moved = interleave(rows, heads)
    np.testing.assert_array_equal(deinterleave(moved, heads), rows)
    head = rows[: 2 * half]
    np.testing.assert_array_equal(moved[: 2 * half : 2], head[:half])
    np.testing.assert_array_equal(moved[1 : 2 * half : 2], head[half:])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (entry([2, 8], 0, 16, "F8_E4M3"), "is F8_E4M3: only F32, F16, BF16"),
        (entry([2], 0, 16, "F64"), "is F64: only F32"),
        (entry([16], 0, 16, "BOOL"), "is BOOL: only F32"),
        (entry([4, 8], 0, 16, "F4"), "is F4: only F32"),
    ],
)
def test_what_is_no_weight_is_refused_only_when_it_is_taken_for_one(
    given: Any, message: str, tmp_path: Path
) -> None:
    path = raw_file(tmp_path / "model.safetensors", {"w": given}, bytes(16))
    found = read_header(path)["w"]
    with pytest.raises(FormatError, match=message):
        _ = found.codec


@pytest.mark.parametrize("shape", [[], [0], [3, 0]])
def test_a_weight_without_numbers_is_refused(shape: list[int], tmp_path: Path) -> None:
    size = 0 if 0 in shape else 4
    path = raw_file(tmp_path / "model.safetensors", {"w": entry(shape, 0, size)}, bytes(size))
    with pytest.raises(FormatError, match="has the shape"):
        _ = read_header(path)["w"].codec
