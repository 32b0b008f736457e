"""A folder saved by transformers, exported and run by the engine, computes what transformers does.

This is the test of names, permutations, shifts, rotary settings and windows together: any of them
wrong moves logits by far more than the engine's 16-bit key cache does.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from safetensors.numpy import load_file, save_file

import penjing.workshop.huggingface as reading
import penjing.workshop.huggingface.config as reading_config
from penjing.core.errors import FormatError
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf, plan_for

TinyFolder = Callable[..., Path]
TOLERANCE = 0.03
"""Logits have a standard deviation near 1; the 16-bit key cache moves them by about 0.005."""
LENGTH = 90

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "llama with biases and wide heads": (
        "llama", {"attention_bias": True, "mlp_bias": True, "head_dim": 32},
    ),
    "llama, tied": ("llama", {"tie_word_embeddings": True}),
    "llama, linear positions": (
        "llama", {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}},
    ),
    "llama 3 positions": (
        "llama",
        {"rope_parameters": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64, "rope_theta": 500.0,
        }},
    ),
    "smollm3": ("smollm3", {"num_hidden_layers": 9}),
    "smollm3, tied, linear": (
        "smollm3",
        {"num_hidden_layers": 4, "tie_word_embeddings": True,
         "rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}},
    ),
    "granite": ("granite", {}),
    "granite, tied, with biases and odd sizes": (
        "granite",
        {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True,
         "intermediate_size": 104, "num_hidden_layers": 2, "logits_scaling": 0.8},
    ),
    "gemma2": ("gemma2", {"num_hidden_layers": 5}),
    "gemma2, odd sizes": (
        "gemma2",
        {"attn_logit_softcapping": 0.7, "final_logit_softcapping": 30.0,
         "intermediate_size": 104, "num_key_value_heads": 4, "query_pre_attn_scalar": 16,
         "head_dim": 16},
    ),
    "qwen2": ("qwen2", {}),
    "qwen3": ("qwen3", {}),
    "olmo2": ("olmo2", {}),
    "olmo2, linear, odd sizes": (
        "olmo2",
        {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0},
         "intermediate_size": 104, "num_key_value_heads": 4, "num_hidden_layers": 2},
    ),
    "phi3": ("phi3", {}),
    "phi4 mini: half of a head, stretched, tied": (
        "phi3",
        {"tie_word_embeddings": True, "intermediate_size": 104, "max_position_embeddings": 2048,
         "original_max_position_embeddings": 512,
         "rope_parameters": {
             "rope_type": "longrope", "rope_theta": 500.0, "partial_rotary_factor": 0.5,
             "original_max_position_embeddings": 512,
             "short_factor": [1.0, 1.5, 3.0, 7.0], "long_factor": [2.0, 3.0, 9.0, 17.0],
         }},
    ),
    "gemma3": ("gemma3", {}),
    "gemma3, usual pattern": ("gemma3", {"num_hidden_layers": 7, "layer_types": None}),
    "gemma3, linear far, softcap": (
        "gemma3",
        {"rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
        }, "final_logit_softcapping": 8.0},
    ),
}  # fmt: skip


def engine_logits(folder: Path, path: Path) -> tuple[list[int], np.ndarray[Any, Any]]:
    with Checkpoint.open(folder) as checkpoint:
        export_gguf(checkpoint, path, plan_for(checkpoint, "F32"))
    with LlamaCpp.open(path, context=512, threads=1) as model:
        tokens = model.tokenize("".join(tiny.TEXTS[:5] + tiny.SENTENCES[:3]))[:LENGTH]
        assert len(tokens) == LENGTH
        return tokens, model.score(tokens).copy()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_engine_computes_what_transformers_computes(
    case: str, tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    family, changes = CASES[case]
    folder = tiny_folder(family, **changes)
    tokens, ours = engine_logits(folder, tmp_path / "m.gguf")
    theirs = tiny.hf_logits(folder, tokens)
    assert theirs.std() > 0.5
    assert np.abs(ours - theirs).max() < TOLERANCE
    best = theirs.argmax(axis=1)
    sure = theirs.max(axis=1) - np.sort(theirs, axis=1)[:, -2] > 2 * TOLERANCE
    assert sure.sum() > LENGTH / 2
    np.testing.assert_array_equal(ours.argmax(axis=1)[sure], best[sure])


@pytest.mark.parametrize(
    ("case", "mistake"),
    [
        ("llama", "not interleaved"),
        ("llama with biases and wide heads", "not interleaved"),
        ("llama, linear positions", "no factor"),
        ("llama 3 positions", "no frequencies"),
        ("smollm3", "not interleaved"),
        ("gemma2", "attn_logit_softcapping"),
        ("gemma2", "final_logit_softcapping"),
        ("gemma2", "every layer sees all"),
        ("gemma2", "norms not shifted"),
        ("granite", "not interleaved"),
        ("granite", "attention_multiplier"),
        ("granite", "embedding_multiplier"),
        ("granite", "residual_multiplier"),
        ("granite", "logits_scaling"),
        ("olmo2, linear, odd sizes", "no factor"),
        ("phi4 mini: half of a head, stretched, tied", "short_factor"),
        ("phi4 mini: half of a head, stretched, tied", "attention_factor"),
        ("phi4 mini: half of a head, stretched, tied", "all of a head"),
        ("gemma3, linear far, softcap", "no softcap"),
        ("gemma3", "norms not shifted"),
        ("gemma3", "every layer sees all"),
        ("gemma3", "one rotary base"),
        ("gemma3", "another pattern"),
    ],
)
def test_each_mistake_would_be_seen(
    case: str,
    mistake: str,
    tiny_folder: TinyFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control of the test above."""
    family, changes = CASES[case]
    right = tiny_folder(family, **changes)
    folder = tmp_path / "copy"
    shutil.copytree(right, folder)
    config = json.loads((folder / "config.json").read_text())
    if mistake == "not interleaved":
        monkeypatch.setattr(reading, "reordered", lambda transform, stored, *_: stored)
    elif mistake == "norms not shifted":
        monkeypatch.setattr(reading, "shifted", lambda transform, weights: weights)
    elif mistake == "no frequencies":
        monkeypatch.setattr(reading, "rope_frequencies", lambda config: None)
    elif mistake == "no factor":
        config["rope_parameters"]["factor"] = 1.0
    elif mistake == "short_factor":
        config["rope_parameters"][mistake] = config["rope_parameters"]["long_factor"]
    elif mistake == "attention_factor":
        config["rope_parameters"][mistake] = 1.0
    elif mistake == "all of a head":
        monkeypatch.setattr(reading_config, "_partial", lambda config: {})
        monkeypatch.setattr(reading, "long_factors", lambda config: {})
    elif mistake in config:
        config[mistake] = 1.0
    elif mistake == "no softcap":
        del config["final_logit_softcapping"]
    elif mistake == "every layer sees all":
        config["sliding_window"] = 512
    elif mistake == "one rotary base":
        config["rope_parameters"]["sliding_attention"]["rope_theta"] = 1e6
    else:
        config["layer_types"] = [*config["layer_types"][1:], "full_attention"]
    (folder / "config.json").write_text(json.dumps(config))
    tokens, ours = engine_logits(folder, tmp_path / "m.gguf")
    theirs = tiny.hf_logits(right, tokens)
    assert np.abs(ours - theirs).max() > 3 * TOLERANCE


def test_a_bfloat16_folder_in_shards_keeps_its_bits(
    tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    import torch

    hf = tiny.transformers()
    model = hf.AutoModelForCausalLM.from_pretrained(tiny_folder("llama"), dtype=torch.bfloat16)
    folder = tmp_path / "bf16"
    shutil.copytree(tiny_folder("llama"), folder, ignore=shutil.ignore_patterns("*.safetensors"))
    model.save_pretrained(folder, max_shard_size="100KB")
    assert (folder / "model.safetensors.index.json").is_file()
    with Checkpoint.open(folder) as checkpoint:
        name = "blk.2.ffn_up.weight"
        assert checkpoint.tensor(name).codec.name == "BF16"
        expected = model.model.layers[2].mlp.up_proj.weight.float().detach().numpy()
        np.testing.assert_array_equal(checkpoint.tensor(name).load(), expected)
    tokens, ours = engine_logits(folder, tmp_path / "m.gguf")
    assert np.abs(ours - tiny.hf_logits(folder, tokens)).max() < TOLERANCE


def test_the_text_part_of_a_model_that_also_sees(tiny_folder: TinyFolder, tmp_path: Path) -> None:
    plain = tiny_folder("gemma3")
    config = json.loads((plain / "config.json").read_text())
    weights = load_file(plain / "model.safetensors")
    for prefix in ("language_model.model.", "model.language_model."):
        folder = tmp_path / prefix.replace(".", "-")
        shutil.copytree(plain, folder)
        renamed = {prefix + k.removeprefix("model."): v for k, v in weights.items()}
        eyes = {"vision_tower.patch.weight": np.ones(4, np.float32)}
        save_file(renamed | eyes, folder / "model.safetensors")
        wrapped = {"architectures": ["Gemma3ForConditionalGeneration"], "text_config": config}
        (folder / "config.json").write_text(json.dumps(wrapped))
        with Checkpoint.open(folder) as checkpoint, Checkpoint.open(plain) as expected:
            assert checkpoint.sha256() == expected.sha256()


def test_a_folder_whose_parts_do_not_belong_together(
    tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    plain = tiny_folder("llama")
    weights = load_file(plain / "model.safetensors")

    def attempt(message: str, *, drop: str = "", add: str = "", **config: Any) -> None:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        shutil.copytree(plain, folder)
        parts = {name: weight for name, weight in weights.items() if name != drop}
        if add:
            parts[add] = np.ones(4, np.float32)
        save_file(parts, folder / "model.safetensors")
        said = json.loads((folder / "config.json").read_text()) | config
        (folder / "config.json").write_text(json.dumps(said))
        with pytest.raises(FormatError, match=message) as caught:
            Checkpoint.open(folder)
        assert str(folder) in str(caught.value)

    attempt("lm_head.weight is missing", drop="lm_head.weight")
    attempt("'blk.1.attn_k.weight' is missing", drop="model.layers.1.self_attn.k_proj.weight")
    attempt("'model.layers.0.mlp.router.weight' is not", add="model.layers.0.mlp.router.weight")
    attempt("is not part of a llama model of 2 layers", num_hidden_layers=2)
    attempt("'blk.3.attn_norm.weight' is missing", num_hidden_layers=4)
    rows = weights["model.embed_tokens.weight"].shape[0]
    attempt(f"has {rows} rows and config.json says 999999999", vocab_size=999_999_999)
    attempt("has the shape", intermediate_size=97)
    attempt("has the shape", num_attention_heads=2)


def test_files_of_old_that_everyone_computes_are_skipped(
    tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    folder = tmp_path / "old"
    shutil.copytree(tiny_folder("llama"), folder)
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = np.ones(8, np.float32)
    save_file(weights, folder / "model.safetensors")
    with Checkpoint.open(folder) as old, Checkpoint.open(tiny_folder("llama")) as new:
        assert old.sha256() == new.sha256()


def test_mistral_with_a_window_is_read_as_far_as_it_sees(tmp_path: Path) -> None:
    hf = tiny.transformers()
    rows = tiny.save_tokenizer(tmp_path / "m", "smollm")
    config = hf.MistralConfig(
        vocab_size=rows, hidden_size=64, intermediate_size=96, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
        sliding_window=48, tie_word_embeddings=False,
    )  # fmt: skip
    model = hf.MistralForCausalLM(config).eval()
    for name, weight in model.named_parameters():
        weight.data.normal_(1.0 if "norm" in name else 0.0, 0.2)
    model.save_pretrained(tmp_path / "m")
    with Checkpoint.open(tmp_path / "m") as checkpoint:
        assert checkpoint.config.context == 48
        export_gguf(checkpoint, tmp_path / "m.gguf", plan_for(checkpoint, "F32"))
    with LlamaCpp.open(tmp_path / "m.gguf", context=512, threads=1) as engine:
        assert engine.context_length == 48
        tokens = engine.tokenize("".join(tiny.SENTENCES))[:48]
        ours = engine.score(tokens).copy()
    theirs = tiny.hf_logits(tmp_path / "m", tokens)
    assert np.abs(ours - theirs).max() < TOLERANCE * theirs.std()
