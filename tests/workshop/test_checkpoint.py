"""A checkpoint says what the file says, loads lazily, and refuses what does not fit together."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
import tiny

from penjing.bundle.gguf_values import Value, ValueKind
from penjing.core.errors import BadInput, FormatError
from penjing.workshop.architectures import ARCHITECTURES
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf, plan_for
from penjing.workshop.tensors import TensorSource

FAMILIES = sorted(ARCHITECTURES)


def saved(checkpoint: Checkpoint, path: Path, codec: str | None = None) -> Path:
    export_gguf(checkpoint, path, plan_for(checkpoint, codec) if codec else {})
    return path


def changed(checkpoint: Checkpoint, **metadata: Value) -> Checkpoint:
    family = checkpoint.architecture.name
    more = {f"{family}.{key.replace('__', '.')}": value for key, value in metadata.items()}
    return Checkpoint.of("changed", {**checkpoint.metadata, **more}, checkpoint.tensors)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_checkpoint_opens_as_it_was(family: str, tmp_path: Path) -> None:
    before = tiny.checkpoint(family, layers=7)
    with Checkpoint.open(saved(before, tmp_path / "m.gguf")) as after:
        assert after.config == before.config
        assert after.architecture is before.architecture
        assert list(after.tensors) == list(before.tensors)
        for name, source in before.tensors.items():
            np.testing.assert_array_equal(after.tensor(name).load(), source.load())
        kept = {k: v for k, v in after.metadata.items() if k in before.metadata}
        assert kept == dict(before.metadata)
        assert after.parameters == sum(t.parameters for t in before.tensors.values())


@pytest.mark.parametrize("codec", ["Q4_1", "Q8_0", "Q5_0", "Q6_K", "IQ4_NL", "BF16"])
def test_weights_are_dequantized_as_an_independent_reader_does(codec: str, tmp_path: Path) -> None:
    path = saved(tiny.checkpoint(hidden=256, ffn=512), tmp_path / "m.gguf", codec)
    theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    with Checkpoint.open(path) as checkpoint:
        for name, source in checkpoint.tensors.items():
            expected = gguf.quants.dequantize(theirs[name].data, theirs[name].tensor_type)
            np.testing.assert_array_equal(source.load(), expected.reshape(source.shape))
            assert source.codec.name == theirs[name].tensor_type.name


def test_the_numbers_of_each_family() -> None:
    llama, gemma = tiny.checkpoint("llama").config, tiny.checkpoint("gemma3", layers=7).config
    assert (llama.layers, llama.hidden, llama.ffn, llama.heads, llama.kv_heads) == (2, 64, 96, 4, 2)
    assert (llama.head_dim, llama.vocab, llama.context) == (16, 260, 512)
    assert (llama.window, llama.sliding, llama.embedding_scale) == (None, (False, False), 1.0)
    assert llama.tied
    assert llama.attention_scale == pytest.approx(0.25)
    assert gemma.window == 8
    assert gemma.sliding == (True,) * 5 + (False, True)
    assert gemma.embedding_scale == pytest.approx(8.0)
    assert gemma.rope_theta_local == 10_000.0


def test_a_pattern_in_the_file_wins_over_the_usual_one() -> None:
    pattern = Value.array(ValueKind.BOOL, [False, True])
    config = changed(tiny.checkpoint("gemma3"), attention__sliding_window_pattern=pattern).config
    assert config.sliding == (False, True)
    every = Value(ValueKind.UINT32, 2)
    config = changed(tiny.checkpoint("gemma3"), attention__sliding_window_pattern=every).config
    assert config.sliding == (True, False)


def test_a_head_of_its_own_is_not_tied() -> None:
    checkpoint = tiny.checkpoint()
    head = TensorSource.of("output.weight", checkpoint.tensor("token_embd.weight").load())
    untied = Checkpoint.of("x", checkpoint.metadata, {**checkpoint.tensors, head.name: head})
    assert checkpoint.config.tied
    assert not untied.config.tied
    assert "output.weight" in untied.quantizable


def test_opening_reads_no_weights_and_loading_reads_one_tensor(tmp_path: Path) -> None:
    path = saved(tiny.checkpoint(hidden=512, ffn=1024, layers=6), tmp_path / "m.gguf")
    assert path.stat().st_size > 30_000_000
    tracemalloc.start()
    try:
        checkpoint = Checkpoint.open(path)
        opened = tracemalloc.get_traced_memory()[1]
        weights = checkpoint.tensor("blk.0.ffn_up.weight").load()
        loaded = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert opened < 1_000_000
    assert loaded < opened + 2.5 * weights.nbytes


def test_nothing_is_read_until_asked_for() -> None:
    checkpoint = tiny.checkpoint()
    reads: list[str] = []

    def counting(source: TensorSource) -> TensorSource:
        def read() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
            reads.append(source.name)
            return source.raw()

        return TensorSource(source.name, source.shape, source.codec, read)

    watched = {name: counting(source) for name, source in checkpoint.tensors.items()}
    lazy = Checkpoint.of("lazy", checkpoint.metadata, watched)
    assert (lazy.parameters, lazy.quantizable) == (checkpoint.parameters, checkpoint.quantizable)
    assert reads == []
    lazy.tensor("output_norm.weight").load()
    assert reads == ["output_norm.weight"]


def test_the_signature_follows_the_weights_and_not_the_name(tmp_path: Path) -> None:
    checkpoint = tiny.checkpoint()
    renamed = Checkpoint.of(
        "other", {**checkpoint.metadata, "general.name": Value.text("other")}, checkpoint.tensors
    )
    with Checkpoint.open(saved(checkpoint, tmp_path / "m.gguf")) as reopened:
        assert reopened.sha256() == checkpoint.sha256() == renamed.sha256()
    norm = checkpoint.tensor("output_norm.weight").load()
    norm[3] = np.nextafter(norm[3], np.float32(9))
    assert checkpoint.replacing({"output_norm.weight": norm}).sha256() != checkpoint.sha256()
    tokens = {"tokenizer.ggml.pre": Value.text("gpt-2")}
    assert checkpoint.replacing({}, tokens).sha256() != checkpoint.sha256()


def test_replacing_leaves_the_first_as_it_was() -> None:
    before = tiny.checkpoint()
    name = "blk.1.attn_v.weight"
    after = before.replacing({name: before.tensor(name).load() * 2})
    np.testing.assert_array_equal(after.tensor(name).load(), before.tensor(name).load() * 2)
    with pytest.raises(FormatError, match="has the shape"):
        before.replacing({name: np.zeros((3, 3), np.float32)})
    with pytest.raises(BadInput, match="has no tensor 'nose'"):
        before.tensor("nose")


def test_a_family_nobody_knows_is_refused_by_name(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "mamba")
    writer.add_block_count(2)
    writer.add_tensor("token_embd.weight", np.zeros((4, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(FormatError, match=r"m.gguf: architecture 'mamba'.*llama, smollm3, gra"):
        Checkpoint.open(tmp_path / "m.gguf")


def test_files_that_are_no_whole_model_are_refused(tmp_path: Path) -> None:
    checkpoint = tiny.checkpoint()

    def attempt(**metadata: Value) -> None:
        more = {f"{key.replace('__', '.')}": value for key, value in metadata.items()}
        Checkpoint.of("x", {**checkpoint.metadata, **more}, checkpoint.tensors)

    with pytest.raises(FormatError, match="is of the kind adapter"):
        attempt(general__type=Value.text("adapter"))
    with pytest.raises(FormatError, match="does not say what model it is"):
        Checkpoint.of("x", {}, checkpoint.tensors)
    with pytest.raises(BadInput, match="cannot read"):
        Checkpoint.open(tmp_path / "nothing.gguf")
    with pytest.raises(BadInput, match=r"has no config\.json"):
        Checkpoint.open(tmp_path)


@pytest.mark.parametrize("name", ["blk.1.ffn_down.weight", "output_norm.weight"])
def test_a_missing_tensor_is_named(name: str) -> None:
    checkpoint = tiny.checkpoint()
    rest = {key: source for key, source in checkpoint.tensors.items() if key != name}
    with pytest.raises(FormatError, match=f"'{name}' is missing"):
        Checkpoint.of("x", checkpoint.metadata, rest)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("blk.2.attn_norm.weight", "beyond the 2 there are"),
        ("blk.0.ffn_gate_exps.weight", "not part of a llama model"),
        ("blk.0.attn_qkv.weight", "not part of a llama model"),
        ("blk.x.attn_norm.weight", "not part of a llama model"),
        ("blk.", "not part of a llama model"),
        ("blk.0.output_norm.weight", "not part of a llama model"),
        ("attn_norm.weight", "not part of a llama model"),
        ("v.patch_embd.weight", "not part of a llama model"),
    ],
)
def test_a_tensor_nobody_expects_is_refused(name: str, message: str) -> None:
    checkpoint = tiny.checkpoint()
    extra = TensorSource.of(name, np.ones(64, np.float32))
    with pytest.raises(FormatError, match=message):
        Checkpoint.of("x", checkpoint.metadata, {**checkpoint.tensors, name: extra})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("block_count", Value(ValueKind.UINT32, 0)),
        ("block_count", Value(ValueKind.UINT32, 2**31 - 1)),
        ("embedding_length", Value.text("64")),
        ("attention.head_count", Value.array(ValueKind.UINT32, [4, 4])),
        ("attention.head_count_kv", Value(ValueKind.UINT32, 3)),
        ("attention.key_length", Value(ValueKind.UINT32, 15)),
        ("attention.value_length", Value(ValueKind.UINT32, 32)),
        ("rope.dimension_count", Value(ValueKind.UINT32, 8)),
        ("attention.layer_norm_rms_epsilon", Value(ValueKind.FLOAT32, float("nan"))),
        ("rope.freq_base", Value(ValueKind.FLOAT32, 0.0)),
        ("context_length", Value(ValueKind.INT32, -1)),
        ("feed_forward_length", Value(ValueKind.BOOL, True)),
    ],
)
def test_a_number_no_model_can_have_is_refused(key: str, value: Value) -> None:
    checkpoint = tiny.checkpoint()
    with pytest.raises(FormatError, match=rf"llama\.{key} is "):
        Checkpoint.of("x", {**checkpoint.metadata, f"llama.{key}": value}, checkpoint.tensors)


def test_a_tokenizer_of_another_size_is_refused() -> None:
    checkpoint = tiny.checkpoint()
    tokens = {"tokenizer.ggml.tokens": Value.array(ValueKind.STRING, ["a", "b"])}
    with pytest.raises(FormatError, match="2 tokens for 260 rows"):
        checkpoint.replacing({}, tokens)
    rest = {k: v for k, v in checkpoint.metadata.items() if k != "tokenizer.ggml.tokens"}
    with pytest.raises(FormatError, match="no tokenizer"):
        Checkpoint.of("x", rest, checkpoint.tensors)


def test_experts_are_refused() -> None:
    with pytest.raises(FormatError, match="mixtures of experts"):
        changed(tiny.checkpoint(), expert_count=Value(ValueKind.UINT32, 8))


@pytest.mark.model
def test_the_default_model(default_model: Path) -> None:
    with Checkpoint.open(default_model) as checkpoint:
        assert checkpoint.parameters == 134_515_008
        assert (checkpoint.config.layers, checkpoint.config.vocab) == (30, 49_152)
        for name in ("blk.0.attn_q.weight", "blk.29.ffn_down.weight", "token_embd.weight"):
            source = checkpoint.tensor(name)
            kind = gguf.GGMLQuantizationType[source.codec.name]
            expected = gguf.quants.dequantize(source.raw().reshape(source.shape[0], -1), kind)
            np.testing.assert_array_equal(source.load(), expected)


def test_the_fixture_gives_the_same_model_twice(
    tiny_checkpoint: Callable[..., Checkpoint],
) -> None:
    assert tiny_checkpoint("qwen3").sha256() == tiny_checkpoint("qwen3").sha256()


@pytest.mark.parametrize("most", [1, 64, 65, 1000, 1 << 22])
def test_pieces_are_the_whole_and_no_larger_than_asked(most: int) -> None:
    checkpoint = tiny.checkpoint("llama")
    for source in checkpoint.tensors.values():
        row = source.shape[-1]
        pieces = list(source.pieces(most))
        assert all(piece.size <= max(most, row) for piece in pieces)
        assert np.array_equal(np.concatenate(pieces).reshape(source.shape), source.load())
