"""Weights exchanged in a loaded model compute what a file with them computes, to the bit."""

from __future__ import annotations

from pathlib import Path

import families
import numpy as np
import pytest

from penjing.bundle.codecs import codec
from penjing.core.errors import EngineError
from penjing.engine.llamacpp import LlamaCpp
from penjing.engine.weights import Exchange, uses
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.quantize.stored import encode_stored
from penjing.workshop.surveyed import open_surveyed

TOKENS = np.random.default_rng(5).integers(3, 260, 40).tolist()


@pytest.mark.parametrize("name", ["qwen3moe", "falcon-h1", "gpt-oss", "deepseek2"])
@pytest.mark.parametrize("kind", ["Q4_0", "Q8_0"])
def test_equals_the_exported_file(name: str, kind: str, tmp_path: Path) -> None:
    path = families.write(tmp_path / "m.gguf", name)
    chosen = codec(kind)
    with open_surveyed(path, threads=1) as checkpoint:
        smaller = [n for n in checkpoint.quantizable
                   if checkpoint.tensors[n].codec.bits > chosen.bits]  # fmt: skip
        made = {n: encode_stored(chosen, checkpoint.tensors[n], None) for n in smaller}
        export_gguf(
            checkpoint, tmp_path / "x.gguf", dict.fromkeys(smaller, kind),
            encoded=lambda name, _: made.get(name),
        )  # fmt: skip
        names = checkpoint.quantizable
    with LlamaCpp.open(tmp_path / "x.gguf", threads=1, repack=False) as file:
        expected = file.score(TOKENS).copy()
    with LlamaCpp.open(path, threads=1, repack=False) as model:
        before = model.score(TOKENS).copy()
        exchange = Exchange(uses(model, names))
        for tensor, raw in made.items():
            exchange.put(tensor, chosen, raw)
        assert np.array_equal(model.score(TOKENS), expected)
        assert not np.array_equal(expected, before)
        exchange.restore()
        exchange.restore()
        assert np.array_equal(model.score(TOKENS), before)


def test_the_graph_tells_products_from_other_uses(tmp_path: Path) -> None:
    path = families.write(tmp_path / "m.gguf", "mamba")
    names = {"token_embd.weight", "blk.0.ssm_in.weight", "blk.0.ssm_conv1d.weight",
             "blk.0.attn_norm.weight", "not.there"}  # fmt: skip
    with LlamaCpp.open(path, threads=1, repack=False) as model:
        found = uses(model, names)
        exchange = Exchange(found)
        with pytest.raises(EngineError, match="ssm_conv1d"):
            exchange.put("blk.0.ssm_conv1d.weight", codec("F32"), np.zeros(4, np.uint8))
        with pytest.raises(EngineError, match="no tensor of the shape"):
            exchange.put("blk.0.ssm_in.weight", codec("Q8_0"), np.zeros(64, np.uint8))
    assert set(found) == names - {"not.there"}
    assert found["token_embd.weight"].operations == {"GET_ROWS", "MUL_MAT"}
    assert found["blk.0.ssm_in.weight"].operations == {"MUL_MAT"}
    assert not found["blk.0.ssm_conv1d.weight"].is_matrix
    assert not found["blk.0.attn_norm.weight"].is_matrix


def test_what_shares_an_input_is_told(tmp_path: Path) -> None:
    path = families.write(tmp_path / "m.gguf", "smollm3")
    names = [f"blk.0.{n}.weight" for n in ("attn_q", "attn_k", "ffn_gate", "ffn_up", "ffn_down")]
    with LlamaCpp.open(path, threads=1, repack=False) as model:
        found = uses(model, names)
    reads = [found[name].inputs for name in names]
    assert reads[0] == reads[1]
    assert reads[2] == reads[3]
    assert len({reads[0], reads[2], reads[4]}) == 3
