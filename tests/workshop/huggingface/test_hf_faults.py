"""Folders as people bring them: something is left over, missing, doubled or said elsewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_torch
from safetensors.torch import save_file as save_torch

from penjing.core.errors import FormatError
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf

TinyFolder = Callable[..., Path]
Copy = Callable[..., Path]


@pytest.fixture
def copy(tiny_folder: TinyFolder, tmp_path: Path) -> Copy:
    """A tiny model's folder that may be spoilt: copy("llama", tie_word_embeddings=True)."""

    def make(family: str, **changes: Any) -> Path:
        return Path(shutil.copytree(tiny_folder(family, **changes), tmp_path / family))

    return make


def edit(path: Path, **keys: Any) -> None:
    data = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps(data | keys), "utf-8")


def signature(folder: Path) -> str:
    with Checkpoint.open(folder) as checkpoint:
        return checkpoint.sha256()


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("model.layers.0.self_attn.rotary_emb.inv_freq", torch.ones(8, dtype=torch.float64)),
        ("model.rotary_emb.inv_freq", torch.ones(8, dtype=torch.float64)),
        ("model.layers.1.self_attn.rotary_emb.cos_cached", torch.ones(4, 8, dtype=torch.float64)),
        ("model.layers.1.self_attn.masked_bias", torch.tensor(-1e4)),
        ("model.embed.position_ids", torch.arange(6).reshape(1, 6)),
    ],
)
def test_buffers_of_any_type_are_left_alone(copy: Copy, name: str, tensor: Any) -> None:
    folder = copy("llama")
    before = signature(folder)
    weights = load_torch(folder / "model.safetensors")
    save_torch(weights | {name: tensor}, folder / "model.safetensors", {"format": "pt"})
    assert signature(folder) == before


def test_eyes_may_hold_anything(copy: Copy) -> None:
    folder = copy("gemma3")
    before = signature(folder)
    eyes = {
        "vision_tower.norm.num_batches_tracked": np.array(3, np.int64),
        "vision_tower.mask": np.zeros((2, 2), np.bool_),
        "multi_modal_projector.table": np.zeros((2, 2), np.uint8),
        "vision_tower.none": np.zeros((0, 2), np.float32),
    }
    save_file(load_file(folder / "model.safetensors") | eyes, folder / "model.safetensors")
    assert signature(folder) == before


def test_a_weight_of_another_type_is_refused_by_name(copy: Copy) -> None:
    folder = copy("llama")
    weights = load_file(folder / "model.safetensors")
    name = "model.layers.1.mlp.up_proj.weight"
    save_file(weights | {name: weights[name].astype(np.float64)}, folder / "model.safetensors")
    with pytest.raises(FormatError, match=r"layers\.1\.mlp\.up_proj\.weight' is F64: only F32"):
        Checkpoint.open(folder)
    packed = {"model.layers.0.mlp.up_proj.qweight": np.zeros((4, 4), np.int32)}
    save_file(weights | packed, folder / "model.safetensors")
    with pytest.raises(FormatError, match=r"qweight' is I32: only F32, F16, BF16"):
        Checkpoint.open(folder)


def heads(folder: Path, **tensors: Any) -> None:
    weights = load_torch(folder / "model.safetensors")
    kept = {k: v for k, v in (weights | tensors).items() if v is not None}
    save_torch(kept, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma3"])
def test_a_head_that_was_trained_apart_counts_whatever_the_flag_says(
    copy: Copy, family: str, tmp_path: Path
) -> None:
    folder = copy(family, tie_word_embeddings=True)
    table = load_torch(folder / "model.safetensors")["model.embed_tokens.weight"]
    trained = table.clone()
    trained[-1, -1] += 3.0  # one number, at the far end
    heads(folder, **{"lm_head.weight": trained})
    tokens = [5, 300, 7, 42, 100]
    with Checkpoint.open(folder) as checkpoint:
        assert not checkpoint.config.tied
        export_gguf(checkpoint, tmp_path / "m.gguf", dict.fromkeys(checkpoint.quantizable, "F32"))
    with LlamaCpp.open(tmp_path / "m.gguf", context=64, threads=1) as engine:
        ours = engine.score(tokens).copy()
    edit(folder / "config.json", tie_word_embeddings=False)
    theirs = tiny.hf_logits(folder, tokens)
    assert np.abs(ours - theirs).max() < 0.03


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_head_that_repeats_the_embedding_is_the_embedding(copy: Copy, dtype: Any) -> None:
    folder = copy("llama", tie_word_embeddings=True)
    rough = load_torch(folder / "model.safetensors")["model.embed_tokens.weight"].bfloat16()
    table = (rough * 0.5).half().bfloat16()  # exact in all three
    heads(folder, **{"model.embed_tokens.weight": table.float()})
    before = signature(folder)
    heads(folder, **{"lm_head.weight": table.to(dtype)})
    assert signature(folder) == before
    heads(folder, **{"model.embed_tokens.weight": None, "lm_head.weight": table.float()})
    assert signature(folder) == before


def test_a_tied_head_of_another_shape_is_a_contradiction(copy: Copy) -> None:
    folder = copy("llama", tie_word_embeddings=True)
    heads(folder, **{"lm_head.weight": torch.ones(7, 64)})
    with pytest.raises(FormatError, match=r"'output\.weight' has the shape \(7, 64\)"):
        Checkpoint.open(folder)


def test_tokens_that_only_a_neighbour_adds_need_rows_too(copy: Copy) -> None:
    folder = copy("qwen2")
    rows = load_file(folder / "model.safetensors")["model.embed_tokens.weight"].shape[0]
    decoder = {str(rows): {"content": "<tool>"}, str(rows + 1): {"content": "<|end|>"}}
    edit(folder / "tokenizer_config.json", added_tokens_decoder=decoder)
    with pytest.raises(FormatError, match=r"tokens '<tool>', '<\|end\|>': call resize_token_emb"):
        Checkpoint.open(folder)
    edit(folder / "tokenizer_config.json", added_tokens_decoder={})
    (folder / "added_tokens.json").write_text(json.dumps({"<old>": rows + 4, "<here>": rows - 1}))
    with pytest.raises(FormatError, match="tokens '<old>': call"):
        Checkpoint.open(folder)
    (folder / "added_tokens.json").write_text(json.dumps({"<here>": rows - 1}))
    with Checkpoint.open(folder) as checkpoint:
        assert checkpoint.metadata["tokenizer.ggml.tokens"].plain[rows - 1] == "<here>"


def exported(folder: Path, path: Path) -> Path:
    with Checkpoint.open(folder) as checkpoint:
        export_gguf(checkpoint, path, {})
    return path


@pytest.mark.parametrize("where", ["generation_config.json", "config.json"])
@pytest.mark.parametrize("named", [[300], [301, 302], [303, 300, 301, 302, 2]])
def test_every_end_token_of_the_generation_config_ends_an_answer(
    copy: Copy, where: str, named: list[int], tmp_path: Path
) -> None:
    folder = copy("llama")
    own = 2  # <|im_end|>, the tokenizer's
    edit(folder / where, eos_token_id=named[0] if len(named) == 1 else named)
    if where == "config.json":
        (folder / "generation_config.json").unlink(missing_ok=True)
    with LlamaCpp.open(exported(folder, tmp_path / "m.gguf"), context=64, threads=1) as engine:
        ends = {token for token in range(250, engine.vocabulary) if engine.ends(token)}
        assert ends == set(named) - {own}
        assert engine.ends(own)


def test_end_tokens_that_are_none_are_passed_over(copy: Copy, tmp_path: Path) -> None:
    folder = copy("llama")
    edit(folder / "generation_config.json", eos_token_id=[10**6, -1, None, "x", True])
    with Checkpoint.open(folder) as checkpoint:
        assert "penjing.end_tokens" not in checkpoint.metadata
        assert "tokenizer.ggml.eot_token_id" not in checkpoint.metadata


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"]
)
def test_a_byte_order_mark_is_no_part_of_a_file(copy: Copy, name: str) -> None:
    folder = copy("qwen2")
    edit(folder / "generation_config.json", eos_token_id=[2])
    before = signature(folder)
    path = folder / name
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert signature(folder) == before


def test_a_template_from_windows_is_the_template(copy: Copy) -> None:
    folder = copy("llama")
    text = "{% for m in messages %}\n{{ m['content'] }}\n{% endfor %}\n"
    (folder / "chat_template.jinja").write_bytes(
        b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
    )
    with Checkpoint.open(folder) as checkpoint:
        assert checkpoint.metadata["tokenizer.chat_template"].plain == text


@pytest.mark.parametrize("text", ["Việt Nam", "Größe é ü", "한국어 e\u0301\u0323", "<tool>\u0338x"])
def test_composed_texts_are_cut_as_transformers_cuts_them(
    copy: Copy, text: str, tmp_path: Path
) -> None:
    import unicodedata

    from tokenizers import Tokenizer

    for family in ("qwen2", "llama"):  # one composes, the other does not
        folder = copy(family)
        path = folder / "tokenizer.json"
        data = json.loads(path.read_text("utf-8"))
        added = {"special": False, "normalized": False, "lstrip": False, "rstrip": False}
        at = len(data["model"]["vocab"])
        more = [
            {"id": at, "content": "<tool>", "single_word": False, **added},
            {"id": at + 1, "content": "e\u0301\u0323", "single_word": False, **added},
        ]
        data["added_tokens"] += more
        path.write_text(json.dumps(data), "utf-8")
        theirs = Tokenizer.from_file(str(path))
        gguf = exported(folder, tmp_path / f"{family}.gguf")
        with LlamaCpp.open(gguf, context=64, threads=1) as engine:
            for form in ("NFC", "NFD"):
                typed = text if "\u0323" in text else unicodedata.normalize(form, text)
                assert engine.tokenize(typed, bos=False) == theirs.encode(typed).ids
