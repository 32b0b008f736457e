"""Exported bytes are right by encoders that are not ours, and nothing happens in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import libgguf
import numpy as np
import numpy.typing as npt
import pytest
import tiny

from penjing.bundle.codecs import CODECS, Codec
from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.gguf_values import Value, ValueKind
from penjing.core.errors import BadInput, StorageError, UnknownName
from penjing.engine.llamacpp import LlamaCpp
from penjing.ggml.quantize import WEIGHTED
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import (
    WRITABLE,
    export_bytes,
    export_gguf,
    plan_for,
)

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
BY_GGUF = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "TQ1_0", "TQ2_0", "MXFP4")


def q2_0(weights: Floats) -> Bytes:
    """Q2_0 from its description: 64 weights, a half-float scale, 2 bits each for -1, 0, 1, 2.

    No package encodes it (gguf 0.19 and libgguf 0.2 do not know it), so this is the reference.
    """
    blocks = weights.reshape(-1, 64)
    scale = np.abs(blocks).max(axis=1, keepdims=True)
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    ratio = (blocks * inverse).astype(np.float64)  # wide enough that adding a half is exact
    rounded = np.sign(ratio) * np.floor(np.abs(ratio) + 0.5)  # half away from zero
    codes = np.clip(rounded + 1, 0, 3).astype(np.uint8).reshape(-1, 16, 4)
    packed = codes[..., 0] | codes[..., 1] << 2 | codes[..., 2] << 4 | codes[..., 3] << 6
    return np.hstack([scale.astype("<f2").view(np.uint8), packed]).reshape(-1)


def independently(codec: Codec, weights: Floats, imatrix: Floats | None = None) -> Bytes:
    """The bytes another encoder gives."""
    if codec.name == "Q2_0":
        return q2_0(weights)
    if imatrix is None and codec.name in WEIGHTED:
        imatrix = np.ones(weights.shape[-1], np.float32)
    if codec.name in BY_GGUF and imatrix is None:
        kind = gguf.GGMLQuantizationType(codec.type_id)
        return gguf.quants.quantize(weights, kind).reshape(-1).view(np.uint8)
    return np.asarray(libgguf.quantize_rows(weights, codec.type_id, imatrix)).reshape(-1)


@pytest.fixture(scope="module")
def model() -> Checkpoint:
    return tiny.checkpoint(hidden=256, ffn=256, layers=1)


@pytest.fixture(scope="module")
def imatrix(model: Checkpoint) -> dict[str, Floats]:
    noise = np.random.default_rng(5)
    return {
        name: noise.gamma(0.5, size=model.tensor(name).shape[-1]).astype(np.float32)
        for name in model.quantizable
    }


@pytest.mark.parametrize("codec", WRITABLE)
def test_bytes_are_an_independent_encoders(codec: str, model: Checkpoint, tmp_path: Path) -> None:
    export_gguf(model, tmp_path / "m.gguf", plan_for(model, codec))
    with GGUFFile.open(tmp_path / "m.gguf") as file:
        for name, source in model.tensors.items():
            wanted = CODECS[codec] if name in model.quantizable else CODECS["F32"]
            assert file.tensors[name].codec is wanted
            np.testing.assert_array_equal(file.raw(name), independently(wanted, source.load()))


@pytest.mark.parametrize("codec", [c for c in WRITABLE if CODECS[c].width > 1 and c != "Q2_0"])
def test_bytes_with_an_importance_matrix_too(
    codec: str, model: Checkpoint, imatrix: dict[str, Floats], tmp_path: Path
) -> None:
    name = "blk.0.ffn_down.weight"
    export_gguf(model, tmp_path / "m.gguf", {name: codec}, imatrix={name: imatrix[name]})
    weights = model.tensor(name).load()
    with GGUFFile.open(tmp_path / "m.gguf") as file:
        expected = independently(CODECS[codec], weights, imatrix[name])
        np.testing.assert_array_equal(file.raw(name), expected)
    if codec in ("Q4_0", "IQ4_NL", "Q4_K"):
        assert (expected != independently(CODECS[codec], weights)).any(), "the matrix had no say"


@pytest.mark.parametrize("codec", ["F16", "Q8_0", "Q5_1", "IQ4_NL", "Q2_0", "Q3_K", "Q6_K"])
def test_the_engine_runs_it_and_loses_little(codec: str, model: Checkpoint, tmp_path: Path) -> None:
    """Loads in the engine; the error of the logits shrinks as bits grow."""
    tokens = list(range(3, 35))
    logits = {}
    for name in ("F32", codec):
        export_gguf(model, tmp_path / f"{name}.gguf", plan_for(model, name))
        with LlamaCpp.open(tmp_path / f"{name}.gguf", context=64, threads=1) as engine:
            logits[name] = engine.score(tokens).copy()
    spread = logits["F32"].std()
    error = np.abs(logits[codec] - logits["F32"]).std() / spread
    assert error < {16: 0.02, 8.5: 0.05}.get(CODECS[codec].bits, 1.5)


def test_what_keeps_its_codec_keeps_its_bytes(model: Checkpoint, tmp_path: Path) -> None:
    first, second = tmp_path / "first.gguf", tmp_path / "second.gguf"
    plan = plan_for(model, "Q4_0") | {"token_embd.weight": "Q8_0"}
    export_gguf(model, first, plan)
    with Checkpoint.open(first) as checkpoint:
        changed = "blk.0.attn_q.weight"
        export_gguf(checkpoint, second, plan | {changed: "Q8_0"})
        with GGUFFile.open(second) as file:
            for name, source in checkpoint.tensors.items():
                same = np.array_equal(file.raw(name), source.raw())
                assert same == (name != changed)
            again = independently(CODECS["Q8_0"], checkpoint.tensor(changed).load())
            np.testing.assert_array_equal(file.raw(changed), again)


@pytest.mark.parametrize("codec", ["F32", "Q4_1", "Q6_K"])
def test_an_unchanged_plan_gives_the_same_file(
    codec: str, model: Checkpoint, tmp_path: Path
) -> None:
    plan = plan_for(model, codec)
    export_gguf(model, tmp_path / "a.gguf", plan)
    export_gguf(model, tmp_path / "b.gguf", plan)
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()
    assert (tmp_path / "a.gguf").stat().st_size == export_bytes(model, plan)
    with Checkpoint.open(tmp_path / "a.gguf") as checkpoint:
        export_gguf(checkpoint, tmp_path / "c.gguf", {})
        export_gguf(checkpoint, tmp_path / "d.gguf", plan)
    assert (tmp_path / "c.gguf").read_bytes() == (tmp_path / "a.gguf").read_bytes()
    assert (tmp_path / "d.gguf").read_bytes() == (tmp_path / "a.gguf").read_bytes()


def test_bytes_somebody_already_made_are_used(model: Checkpoint, tmp_path: Path) -> None:
    name, asked = "blk.0.ffn_up.weight", []
    ready = np.arange(CODECS["Q4_0"].nbytes(model.tensor(name).shape)).astype(np.uint8)

    def encoded(tensor: str, codec: Codec) -> Bytes | None:
        asked.append((tensor, codec.name))
        return ready if tensor == name else None

    export_gguf(model, tmp_path / "m.gguf", plan_for(model, "Q4_0"), encoded=encoded)
    with GGUFFile.open(tmp_path / "m.gguf") as file:
        np.testing.assert_array_equal(file.raw(name), ready)
        other = "blk.0.ffn_down.weight"
        expected = independently(CODECS["Q4_0"], model.tensor(other).load())
        np.testing.assert_array_equal(file.raw(other), expected)
    assert (other, "Q4_0") in asked
    assert ("output_norm.weight", "F32") in asked


def file_type(model: Checkpoint, plan: dict[str, str], path: Path) -> int:
    export_gguf(model, path, plan)
    with GGUFFile.open(path) as file:
        assert file.get("general.quantization_version") == 2
        return int(file.get("general.file_type"))


def test_the_file_says_what_it_mostly_is(model: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    for codec, number in (("F32", 0), ("F16", 1), ("Q4_0", 2), ("IQ4_NL", 25), ("Q6_K", 18)):
        assert file_type(model, plan_for(model, codec), path) == number
        assert number == gguf.LlamaFileType[{"F32": "ALL_F32"}.get(codec, f"MOSTLY_{codec}")].value
    mixed = plan_for(model, "Q8_0") | {"token_embd.weight": "Q4_0"}
    assert file_type(model, mixed, path) == 7


def test_a_file_type_that_is_still_true_stays(model: Checkpoint, tmp_path: Path) -> None:
    plan = plan_for(model, "Q4_K")
    said = {
        "general.file_type": Value(ValueKind.UINT32, 14),
        "quantize.imatrix.file": Value.text("old.dat"),
    }
    export_gguf(model, tmp_path / "a.gguf", plan)
    with Checkpoint.open(tmp_path / "a.gguf") as checkpoint:
        marked = checkpoint.replacing({}, said)
        export_gguf(marked, tmp_path / "b.gguf", {})
        export_gguf(marked, tmp_path / "c.gguf", {"token_embd.weight": "Q8_0"})
    with GGUFFile.open(tmp_path / "b.gguf") as file:
        assert file.get("general.file_type") == 14
        assert file.get("quantize.imatrix.file") == "old.dat"
    with GGUFFile.open(tmp_path / "c.gguf") as file:
        assert file.get("general.file_type") == 15
        assert "quantize.imatrix.file" not in file.metadata


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (
            {"blk.0.ffn_down.weight": "Q4_K"},
            r"ffn_down.weight' has rows of 96 and Q4_K needs .*256",
        ),
        ({"blk.1.attn_q.weight": "Q2_0", "blk.0.ffn_down.weight": "Q2_0"}, "rows of 96 and Q2_0"),
        ({"blk.0.attn_norm.weight": "Q8_0"}, "attn_norm.weight' stays F32"),
        ({"output_norm.weight": "F16"}, "stays F32"),
        ({"blk.7.attn_q.weight": "Q8_0"}, "has no tensor 'blk.7.attn_q.weight'"),
        ({"token_embd.weight": "Q8_1"}, "Q8_1 cannot be written"),
        ({"token_embd.weight": "I32"}, "I32 cannot be written"),
        ({"token_embd.weight": "NVFP4"}, "NVFP4 cannot be written"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_writing(
    plan: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=message):
        export_gguf(tiny.checkpoint(), tmp_path / "m.gguf", plan)
    assert list(tmp_path.iterdir()) == []


def test_importance_or_a_codec_that_cannot_be_is_refused(model: Checkpoint, tmp_path: Path) -> None:
    name, path = "token_embd.weight", tmp_path / "m.gguf"
    with pytest.raises(UnknownName, match=r"did you mean .*q4_0"):
        export_gguf(model, path, {name: "Q4_O"})
    with pytest.raises(BadInput, match="IQ1_S cannot be written: choose one of F32"):
        export_gguf(model, path, {name: "IQ1_S"})
    with pytest.raises(BadInput, match=r"rows of 256, its importance \(3,\)"):
        export_gguf(model, path, {name: "Q4_0"}, imatrix={name: np.ones(3, np.float32)})
    with pytest.raises(BadInput, match=r"tensor 'token_embd\.weight': importance was never filled"):
        export_gguf(model, path, {name: "Q4_0"}, imatrix={name: np.zeros(256, np.float32)})
    with pytest.raises(BadInput, match="has no tensor 'nose'"):
        export_gguf(model, path, {}, imatrix={"nose": np.ones(3, np.float32)})
    assert list(tmp_path.iterdir()) == []


def test_a_weight_that_is_no_number_is_named(tmp_path: Path) -> None:
    checkpoint = tiny.checkpoint()
    name = "blk.1.ffn_up.weight"
    weights = checkpoint.tensor(name).load()
    weights[3, 5] = np.nan
    with pytest.raises(BadInput, match=f"tensor '{name}': a weight is infinite or not a number"):
        export_gguf(checkpoint.replacing({name: weights}), tmp_path / "m.gguf", {name: "Q8_0"})
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_and_a_folder_in_the_way_leave_nothing(model: Checkpoint, tmp_path: Path) -> None:
    def interrupted(name: str, codec: Codec) -> None:
        if name == "blk.0.attn_v.weight":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_gguf(model, tmp_path / "m.gguf", {}, encoded=interrupted)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot write"):
        export_gguf(model, tmp_path / "file" / "m.gguf", {})


def test_progress_counts_every_byte(model: Checkpoint, tmp_path: Path) -> None:
    seen: dict[str, Any] = {"done": 0.0}

    class Watching:
        def task(self, label: str, total: float | None, *, unit: str = "") -> Watching:
            seen.update(label=label, total=total, unit=unit)
            return self

        def note(self, text: str) -> None:
            raise AssertionError(text)

        def advance(self, amount: float = 1.0) -> None:
            seen["done"] += amount

        def __enter__(self) -> Watching:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    path = tmp_path / "m.gguf"
    export_gguf(model, path, plan_for(model, "Q8_0"), progress=Watching())
    assert seen["done"] == seen["total"] == path.stat().st_size
    assert (seen["label"], seen["unit"]) == ("writing m.gguf", "B")


def test_a_gguf_reader_that_is_not_ours_agrees(
    tiny_checkpoint: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    checkpoint = tiny_checkpoint("gemma3", layers=7)
    export_gguf(checkpoint, tmp_path / "m.gguf", plan_for(checkpoint, "Q8_0"))
    reader = gguf.GGUFReader(tmp_path / "m.gguf")
    assert [t.name for t in reader.tensors] == list(checkpoint.tensors)
    for key, value in checkpoint.metadata.items():
        found = reader.fields[key].contents()
        assert (tuple(found) if isinstance(found, list) else found) == pytest.approx(value.plain)


@pytest.mark.model
def test_the_default_model_comes_back_bit_for_bit(default_model: Path, tmp_path: Path) -> None:
    with Checkpoint.open(default_model) as checkpoint:
        codecs = {name: source.codec.name for name, source in checkpoint.tensors.items()}
        assert {*codecs.values()} == {"F32", "Q4_1", "Q8_0"}
        export_gguf(checkpoint, tmp_path / "m.gguf", codecs)
    assert (tmp_path / "m.gguf").read_bytes() == default_model.read_bytes()


@pytest.mark.model
@pytest.mark.parametrize("codec", ["Q4_0", "IQ4_NL", "Q5_1", "Q2_0", "BF16"])
def test_the_default_models_weights_are_encoded_as_others_do(
    codec: str, default_model: Path, tmp_path: Path
) -> None:
    names = ("blk.3.attn_k.weight", "blk.17.ffn_down.weight")
    with Checkpoint.open(default_model) as checkpoint:
        export_gguf(checkpoint, tmp_path / "m.gguf", dict.fromkeys(names, codec))
        with GGUFFile.open(tmp_path / "m.gguf") as file:
            for name in names:
                expected = independently(CODECS[codec], checkpoint.tensor(name).load())
                np.testing.assert_array_equal(file.raw(name), expected)
