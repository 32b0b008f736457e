"""Shapes: the same numbers whether they come from a GGUF, a config.json or the catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from penjing.bundle.catalogue import load_catalogue
from penjing.core.errors import BadInput, FormatError, UnknownName
from penjing.devices.shape import ModelShape, shape_from_entry, shape_from_folder, shape_from_gguf

LAYERS, HIDDEN, FFN, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 2, 64, 128, 4, 2, 16, 96


def write_model(
    path: Path,
    *,
    tied: bool = True,
    kv_heads: int | list[int] = KV_HEADS,
    without: str = "",
    codec: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.Q4_0,
) -> Path:
    """A model file made by the reference writer."""
    writer = gguf.GGUFWriter(path, "llama")
    calls = {
        "block_count": lambda: writer.add_block_count(LAYERS),
        "context_length": lambda: writer.add_context_length(512),
        "embedding_length": lambda: writer.add_embedding_length(HIDDEN),
        "feed_forward_length": lambda: writer.add_feed_forward_length(FFN),
        "head_count": lambda: writer.add_head_count(HEADS),
        "head_count_kv": lambda: writer.add_head_count_kv(kv_heads),
    }
    for key, call in calls.items():
        if key != without:
            call()
    rng = np.random.default_rng(0)

    def add(name: str, rows: int, columns: int, kind: gguf.GGMLQuantizationType) -> None:
        data = rng.standard_normal((rows, columns)).astype(np.float32)
        writer.add_tensor(name, gguf.quantize(data, kind), raw_dtype=kind)

    q8 = gguf.GGMLQuantizationType.Q8_0
    if without != "token_embd":
        add("token_embd.weight", VOCAB, HIDDEN, q8)
    if not tied:
        add("output.weight", VOCAB, HIDDEN, q8)
    for layer in range(LAYERS):
        add(f"blk.{layer}.attn_q.weight", HIDDEN, HIDDEN, codec)
        add(f"blk.{layer}.attn_k.weight", KV_HEADS * HEAD_DIM, HIDDEN, codec)
        add(f"blk.{layer}.ffn_up.weight", FFN, HIDDEN, q8 if layer == 0 else codec)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_gguf_tells_its_shape(tmp_path: Path) -> None:
    shape = shape_from_gguf(write_model(tmp_path / "tiny.gguf"))
    blocks = LAYERS * (HIDDEN * HIDDEN + KV_HEADS * HEAD_DIM * HIDDEN + FFN * HIDDEN)
    ffn0 = FFN * HIDDEN
    assert shape == ModelShape(
        name="tiny",
        parameters=VOCAB * HIDDEN + blocks,
        weight_bytes=(VOCAB * HIDDEN + ffn0) // 32 * 34 + (blocks - ffn0) // 32 * 18,
        layers=LAYERS,
        kv_heads=KV_HEADS,
        head_dim=HEAD_DIM,
        vocab=VOCAB,
        hidden=HIDDEN,
        ffn=FFN,
        context_trained=512,
        plain_share=ffn0 / blocks,
    )
    assert shape.kv_bytes(100) == 100 * LAYERS * KV_HEADS * HEAD_DIM * 2 * 2
    assert shape.kv_bytes(100_000) == shape.kv_bytes(512), "no context is larger than trained for"


def test_an_untied_model_reads_one_row_of_its_table(tmp_path: Path) -> None:
    tied = shape_from_gguf(write_model(tmp_path / "tied.gguf"))
    free = shape_from_gguf(write_model(tmp_path / "free.gguf", tied=False))
    assert free.parameters == tied.parameters + VOCAB * HIDDEN
    assert free.read_bytes == tied.read_bytes
    assert free.read_parameters == tied.read_parameters
    assert free.prompt_parameters == tied.prompt_parameters


def test_layers_with_unlike_heads_are_averaged_upwards(tmp_path: Path) -> None:
    shape = shape_from_gguf(write_model(tmp_path / "m.gguf", kv_heads=[1, 2]))
    assert shape.kv_heads == 2


@pytest.mark.parametrize("key", ["block_count", "context_length", "embedding_length", "head_count"])
def test_a_gguf_that_does_not_say_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(FormatError, match=f"does not say .*{key}"):
        shape_from_gguf(write_model(tmp_path / "m.gguf", without=key))


def test_a_gguf_without_an_embedding_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no embedding table"):
        shape_from_gguf(write_model(tmp_path / "m.gguf", without="token_embd"))


def test_random_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(np.random.default_rng(1).bytes(4096))
    with pytest.raises(FormatError):
        shape_from_gguf(path)


def test_the_default_model_is_known_before_it_is_here() -> None:
    shape = shape_from_entry(load_catalogue().model("smollm2-135m-instruct"))
    assert shape.tied
    assert shape.weight_bytes == 98_362_432
    assert shape.plain_share == 1.0, "its file name says Q4_1, which is not repacked"
    assert shape.kv_bytes(2048) == 2048 * 30 * 3 * 64 * 2 * 2
    assert shape.prompt_parameters == pytest.approx(106_200_000, rel=0.01)


def test_an_entry_without_a_file_is_taken_as_its_repository_holds_it() -> None:
    entry = load_catalogue().model("qwen2.5-0.5b-instruct")
    assert shape_from_entry(entry).weight_bytes == 2 * entry.parameters
    small = shape_from_entry(entry, "q4_0")
    assert small.weight_bytes == pytest.approx(entry.parameters * 4.5 / 8, rel=1e-6)
    assert small.plain_share == 0.0
    with pytest.raises(UnknownName, match="codec"):
        shape_from_entry(entry, "Q4_9")


CONFIG: dict[str, Any] = {
    "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
    "hidden_size": 576, "intermediate_size": 1536, "vocab_size": 49152,
    "max_position_embeddings": 8192, "tie_word_embeddings": True,
}  # fmt: skip


def folder_with(tmp_path: Path, config: Any) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def test_a_folder_tells_the_same_as_the_catalogue(tmp_path: Path) -> None:
    shape = shape_from_folder(folder_with(tmp_path, CONFIG), "Q4_0")
    entry = shape_from_entry(load_catalogue().model("smollm2-135m-instruct"), "Q4_0")
    assert shape.parameters == entry.parameters == 134_515_008
    assert (shape.weight_bytes, shape.kv_bytes(999)) == (entry.weight_bytes, entry.kv_bytes(999))


def test_weights_that_lie_in_the_folder_are_weighed(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, CONFIG)
    assert shape_from_folder(folder).weight_bytes == 2 * 134_515_008
    (folder / "model.safetensors").write_bytes(bytes(1000))
    assert shape_from_folder(folder).weight_bytes == 1000


def test_the_language_half_of_a_vision_model_is_meant(tmp_path: Path) -> None:
    shape = shape_from_folder(folder_with(tmp_path, {"text_config": CONFIG}))
    assert shape.layers == 30


@pytest.mark.parametrize(
    "config", [[], {}, {**CONFIG, "hidden_size": 0}, {**CONFIG, "hidden_size": "big"}, "x"]
)
def test_a_folder_that_does_not_say_is_refused(tmp_path: Path, config: Any) -> None:
    with pytest.raises(FormatError):
        shape_from_folder(folder_with(tmp_path, config))


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read"):
        shape_from_folder(tmp_path)


def test_bytes_scale_and_keep_the_share_that_is_looked_up(tmp_path: Path) -> None:
    shape = shape_from_gguf(write_model(tmp_path / "free.gguf", tied=False))
    half = shape.with_bytes(shape.weight_bytes // 2)
    assert half.read_bytes / half.weight_bytes == pytest.approx(
        shape.read_bytes / shape.weight_bytes, rel=1e-3
    )
