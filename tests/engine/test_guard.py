"""Files that make the engine abort are refused before it sees them; the rest reach it untouched.

Every case was seen to end the process (SIGABRT, SIGSEGV or a hang) with the guard taken out.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from penjing.bundle.codecs import codec
from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.gguf_values import Value, ValueKind
from penjing.bundle.gguf_writer import OutTensor, write_gguf
from penjing.core.errors import BadInput, EngineError, FormatError
from penjing.core.messages import GenerationSettings, Message
from penjing.engine.guard import require_survivable
from penjing.engine.llamacpp import LlamaCpp

FAMILIES = ("llama", "qwen2", "qwen3", "gemma3")
TOKENS = "tokenizer.ggml.tokens"


def count(number: int) -> Value:
    return Value(ValueKind.UINT32, number)


def real(number: float) -> Value:
    return Value(ValueKind.FLOAT32, number)


def counts(*numbers: int) -> Value:
    return Value.array(ValueKind.UINT32, numbers)


def model_file(
    path: Path,
    family: str = "llama",
    metadata: dict[str, Value] | None = None,
    tensors: dict[str, str] | None = None,
    weights: dict[str, Any] | None = None,
) -> Path:
    """A tiny model with other metadata, tensors of zeros in another codec, or other weights."""
    checkpoint = tiny.checkpoint(family)
    out = []
    for name, source in checkpoint.tensors.items():
        kind = codec((tensors or {}).get(name, "F32"))
        data = source.raw() if kind.name == "F32" else bytes(kind.nbytes(source.shape))
        if weights and name in weights:
            data = np.full(source.shape, weights[name], np.float32).tobytes()
        out.append(OutTensor(name, source.shape, kind, lambda data=data: data))
    write_gguf(path, {**checkpoint.metadata, **(metadata or {})}, out)
    return path


def guard(path: Path) -> None:
    with GGUFFile.open(path) as file:
        require_survivable(file)


def tokens_like(change: Callable[[list[str]], list[str]]) -> Value:
    value = tiny.checkpoint("llama").metadata[TOKENS]
    return Value.array(ValueKind.STRING, change(list(value.data)))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_sound_file_passes(tmp_path: Path, family: str) -> None:
    guard(model_file(tmp_path / "a.gguf", family))


@pytest.mark.parametrize(
    ("family", "key", "value", "words"),
    [
        ("llama", "block_count", count(0), "block_count is 0"),
        ("llama", "block_count", count(513), "block_count is 513"),
        ("llama", "context_length", count(0), "context_length is 0"),
        ("llama", "context_length", count(2**32 - 1), "context_length"),
        ("llama", "embedding_length", count(0), "embedding_length"),
        ("llama", "nextn_predict_layers", count(2**31), "nextn_predict_layers"),
        ("llama", "attention.layer_norm_rms_epsilon", real(float("nan")), "not a number"),
        ("llama", "attention.layer_norm_rms_epsilon", real(-1), "below zero"),
        ("llama", "rope.scaling.factor", real(float("nan")), "not a number"),
        ("llama", "rope.scaling.type", Value.text("llama3"), "not one of none, linear"),
        ("llama", "expert_count", count(1025), "expert_count is 1025"),
        ("llama", "expert_count", count(8), "0 of 8 experts"),
        ("llama", "expert_used_count", count(1), "1 of 0 experts"),
        ("llama", "expert_used_count", counts(0, 1), "1 of 0 experts"),
        ("llama", "expert_group_count", count(1), "cannot be 1 group"),
        ("gemma3", "rope.dimension_count", count(0), "rope.dimension_count is 0"),
        ("gemma3", "rope.dimension_count", count(3), "rope.dimension_count is 3"),
        ("gemma3", "rope.dimension_count", count(32), "a head is 16 wide"),
        ("qwen3", "rope.dimension_count", count(2), "rope.dimension_count is 2"),
        ("qwen2", "attention.key_length", count(0), "a head is 0 wide"),
        ("qwen2", "attention.head_count", count(2), "2 heads of 16 are not 64 wide"),
        ("gemma3", "attention.sliding_window", count(2**31), "sliding_window"),
        ("gemma3", "attention.sliding_window_pattern", count(1), "no layer that has it"),
        ("gemma3", "attention.sliding_window_pattern", counts(0, 0), "no layer that has it"),
    ],
)
def test_numbers(tmp_path: Path, family: str, key: str, value: Value, words: str) -> None:
    path = model_file(tmp_path / "a.gguf", family, {f"{family}.{key}": value})
    with pytest.raises(FormatError) as error:
        guard(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("groups", "chosen", "words"),
    [(2, 0, "of which 0"), (2, 2, "of which 2"), (3, 1, "3 groups"), (8, 1, "8 groups")],
)
def test_groups_of_experts(tmp_path: Path, groups: int, chosen: int, words: str) -> None:
    numbers = {"expert_count": 8, "expert_used_count": 2, "expert_group_count": groups,
               "expert_group_used_count": chosen}  # fmt: skip
    path = model_file(
        tmp_path / "a.gguf", metadata={f"llama.{k}": count(v) for k, v in numbers.items()}
    )
    with pytest.raises(FormatError, match=words):
        guard(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tokens: [*tokens[:-1], tokens[100]], "'a' twice"),
        (lambda tokens: [*tokens[:-1], "a\0b"], "'a' twice"),  # the engine sees "a"
        (lambda tokens: ["", *tokens[1:-1], "[EMPTY_0]"], "twice"),
        (lambda tokens: [*tokens[:-2], "x" * 300, "x" * 300], "twice"),
        (lambda tokens: [*tokens[:-1], "x" * 1025], "1025 bytes"),
    ],
)
def test_vocabularies(tmp_path: Path, change: Callable[[list[str]], list[str]], words: str) -> None:
    path = model_file(tmp_path / "a.gguf", metadata={TOKENS: tokens_like(change)})
    with pytest.raises(FormatError) as error:
        guard(path)
    assert words in str(error.value)


def test_unusual_vocabularies_pass(tmp_path: Path) -> None:
    value = tokens_like(lambda tokens: ["", "", *tokens[2:-2], "a\0", "x" * 1024])
    with pytest.raises(FormatError, match="'a' twice"):
        guard(model_file(tmp_path / "a.gguf", metadata={TOKENS: value}))
    value = tokens_like(lambda tokens: ["", "", *tokens[2:-2], "zz\0", "x" * 1024])
    guard(model_file(tmp_path / "b.gguf", metadata={TOKENS: value}))


def test_sentencepiece_needs_every_byte(tmp_path: Path) -> None:
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    spm = {"tokenizer.ggml.model": Value.text("llama")}

    def path(pieces: list[str]) -> Path:
        value = Value.array(ValueKind.STRING, ["<unk>", "<s>", "</s>", *pieces, "▁"])
        return model_file(tmp_path / "a.gguf", metadata={**spm, TOKENS: value})

    guard(path(bytes_))
    guard(path([piece.replace("<0x41>", "A") for piece in bytes_]))
    with pytest.raises(FormatError, match="no token for the byte 65"):
        guard(path([piece.replace("<0x41>", "<0x4Z>") for piece in bytes_]))


@pytest.mark.parametrize("kind", ["BF16", "F16", "Q8_0"])
@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("llama", "output_norm.weight"),
        ("qwen2", "blk.1.attn_q.bias"),
        ("gemma3", "blk.0.post_ffw_norm.weight"),
    ],
)
def test_norms_and_biases_are_f32(tmp_path: Path, family: str, name: str, kind: str) -> None:
    with pytest.raises(FormatError, match=f"{kind}, and norms and biases must be F32"):
        guard(model_file(tmp_path / "a.gguf", family, tensors={name: kind}))


@pytest.mark.parametrize("kind", ["I8", "I32", "F64"])
def test_weights_are_floats(tmp_path: Path, kind: str) -> None:
    with pytest.raises(FormatError, match=f"{kind}, which no layer computes with"):
        guard(model_file(tmp_path / "a.gguf", tensors={"blk.0.ffn_up.weight": kind}))


@pytest.mark.parametrize("kind", ["BF16", "Q8_0", "Q4_0"])
def test_matrices_may_be_anything_else(tmp_path: Path, kind: str) -> None:
    guard(model_file(tmp_path / "a.gguf", tensors={"blk.0.ffn_up.weight": kind}))


def test_the_engine_asks_the_guard(tmp_path: Path) -> None:
    path = model_file(tmp_path / "a.gguf", metadata={"llama.block_count": count(0)})
    with pytest.raises(FormatError, match="block_count"):
        LlamaCpp.open(path, threads=1)


def test_what_the_engine_refuses_itself_says_why(tmp_path: Path) -> None:
    path = model_file(tmp_path / "a.gguf", metadata={"llama.feed_forward_length": count(5)})
    with pytest.raises(FormatError, match=r"ffn_gate\.weight' has wrong shape"):
        LlamaCpp.open(path, threads=1)


def test_weights_that_are_no_numbers(tmp_path: Path) -> None:
    path = model_file(tmp_path / "a.gguf", weights={"output_norm.weight": np.nan})
    with LlamaCpp.open(path, threads=1) as model, pytest.raises(EngineError, match="NaN"):
        list(model.generate([Message.of("user", "hi")], GenerationSettings(max_tokens=2)))


def test_a_grammar_no_token_can_follow(tmp_path: Path) -> None:
    """The engine's own sampler would throw through C and end the process."""
    value = tokens_like(lambda tokens: [*tokens[:100], "☃", *tokens[101:]])  # nothing says "a"
    path = model_file(tmp_path / "a.gguf", metadata={TOKENS: value})
    settings = GenerationSettings(max_tokens=4, grammar='root ::= "a"+')
    with LlamaCpp.open(path, threads=1) as model, pytest.raises(BadInput, match="no text can"):
        list(model.generate([Message.of("user", "hi")], settings))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("llama.block_count", count(0), b"GGML_ASSERT"),
        ("tokenizer.ggml.model", Value.text("llama"), b"exception in its C++ code"),
    ],
)
def test_under_the_guard_is_a_net(tmp_path: Path, key: str, value: Value, words: bytes) -> None:
    """What nobody thought of ends in one line and status 1: no core dump, no backtrace."""
    path = model_file(tmp_path / "a.gguf", metadata={key: value})
    script = (
        "import sys; from pathlib import Path; from penjing.engine import llamacpp;"
        "llamacpp.require_survivable = lambda file: None;"
        "llamacpp.LlamaCpp.open(Path(sys.argv[1]), threads=1).tokenize('\\n A b \\u76c6')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, check=False
    )
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(b"penjing: the engine gave up")
    assert words in lines[0]
