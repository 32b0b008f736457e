"""Weights that are no numbers are named before any work; layers that do nothing are no damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from penjing.core.errors import FormatError
from penjing.core.progress import Silent
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress.prepare import check_weights
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.importance import collect
from penjing.workshop.quantize.whole import _Hessian
from penjing.workshop.tensors import TensorSource

TinyFolder = Callable[..., Path]
TinyCheckpoint = Callable[..., Checkpoint]


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    ("hf", "name", "place"),
    [
        ("model.embed_tokens.weight", "token_embd.weight", (-1, 3)),
        ("model.layers.2.self_attn.k_proj.weight", "blk.2.attn_k.weight", (0, 0)),
        ("model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight", (5,)),
        ("lm_head.weight", "output.weight", (7, -1)),
    ],
)
def test_a_folders_tensor_is_named(
    tiny_folder: TinyFolder, tmp_path: Path, odd: float, dtype: Any, hf: str, name: str, place: Any
) -> None:
    folder = shutil.copytree(tiny_folder("llama"), tmp_path / "m")
    weights = {k: v.to(dtype) for k, v in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors")
    with Checkpoint.open(folder) as checkpoint:
        check_weights(checkpoint, Silent())
    weights[hf][place] = odd
    save_file(weights, folder / "model.safetensors")
    with (
        Checkpoint.open(folder) as checkpoint,
        pytest.raises(FormatError, match=rf"tensor '{name}' \({hf}\) is NaN or infinite"),
    ):
        check_weights(checkpoint, Silent())


def test_a_rounded_tensor_is_named(tiny_checkpoint: TinyCheckpoint, tmp_path: Path) -> None:
    plain = tiny_checkpoint()
    plan = dict.fromkeys(plain.quantizable, "Q8_0")
    export_gguf(plain, tmp_path / "m.gguf", plan)
    with Checkpoint.open(tmp_path / "m.gguf") as checkpoint:
        check_weights(checkpoint, Silent())
        (file,) = checkpoint.file.parts
        offset = file.tensors["blk.1.ffn_up.weight"].offset + file.data_offset
    data = bytearray((tmp_path / "m.gguf").read_bytes())
    data[offset + 3 * 34 : offset + 3 * 34 + 2] = np.float16("nan").tobytes()
    (tmp_path / "m.gguf").write_bytes(data)
    with (
        Checkpoint.open(tmp_path / "m.gguf") as checkpoint,
        pytest.raises(FormatError, match=r"tensor 'blk\.1\.ffn_up\.weight' is NaN.*row 1\)"),
    ):
        check_weights(checkpoint, Silent())


@pytest.mark.parametrize(
    ("silent", "behind"),
    [
        ("blk.1.attn_v.weight", "blk.1.attn_output.weight"),
        ("blk.0.ffn_up.weight", "blk.0.ffn_down.weight"),
        ("blk.0.ffn_gate.weight", "blk.0.ffn_down.weight"),
        ("blk.1.ffn_norm.weight", "blk.1.ffn_gate.weight"),
    ],
)
def test_what_reads_nothing_but_zeros_has_every_channel_alike(
    tiny_checkpoint: TinyCheckpoint, tmp_path: Path, silent: str, behind: str
) -> None:
    plain = tiny_checkpoint()
    dead = plain.replacing({silent: np.zeros(plain.tensors[silent].shape, np.float32)})
    export_gguf(dead, tmp_path / "m.gguf", {})
    with LlamaCpp.open(tmp_path / "m.gguf", context=64, threads=1) as engine:
        found = collect(engine, [list(range(3, 60))], Silent())
    assert (found[behind] == 1).all()
    others = {n: row for n, row in found.items() if not (row == 1).all()}
    assert set(plain.quantizable) - {behind, "token_embd.weight"} - set(others) <= {
        "blk.1.ffn_up.weight", "blk.1.ffn_down.weight"
    }  # fmt: skip


def test_an_input_of_zeros_has_a_hessian() -> None:
    total = _Hessian()
    total.add(torch.zeros(4, 8))
    torch.testing.assert_close(total.mean(), torch.eye(8))
    total.add(torch.ones(4, 8))
    torch.testing.assert_close(total.mean(), torch.full((8, 8), 0.5))


def test_a_source_without_rows_to_blame() -> None:
    fine = TensorSource.of("x", np.ones((3, 4), np.float32))
    assert fine.first_odd_row() is None
