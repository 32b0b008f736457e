"""A tokenizer.model alone cuts texts as transformers cuts them, and a bad one is one line."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

from penjing.core.errors import FormatError
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.huggingface.sentencepiece import read_pieces

TinyFolder = Callable[..., Path]
NORMAL, UNKNOWN, CONTROL, USER, BYTE = 1, 2, 3, 4, 6


def varint(number: int) -> bytes:
    out = b""
    number &= 2**64 - 1
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number: int, value: int | float | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def spelled(
    pieces: list[tuple[str, float, int]],
    trainer: dict[int, int] | None = None,
    cutting: dict[int, Any] | None = None,
) -> bytes:
    """A ModelProto."""
    out = b""
    for text, score, kind in pieces:
        inner = field(1, text.encode()) + field(2, score) + (field(3, kind) if kind != 1 else b"")
        out += field(1, inner)
    trained = {3: 2, 35: 1, 40: 0, 41: 1, 42: 2, 43: -1} | (trainer or {})
    out += field(2, b"".join(field(n, v) for n, v in trained.items()))
    cuts = {1: b"identity", 3: 1, 4: 0} | (cutting or {})
    return out + field(3, b"".join(field(n, v) for n, v in cuts.items()))


def vocabulary() -> list[tuple[str, float, int]]:
    """Three special pieces, the bytes, and what a trained tokenizer learnt."""
    trained = tiny.sentencepiece_tokenizer(space_prefix=True).get_vocab()
    learnt = [text for text, _ in sorted(trained.items(), key=lambda item: item[1])]
    texts = [t for t in learnt if not (t.startswith("<") and t.endswith(">")) and t != "\t"]
    special = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
    spelt = [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
    return special + spelt + [(text, -float(place), NORMAL) for place, text in enumerate(texts)]


def reference(pieces: list[tuple[str, float, int]]) -> Tokenizer:
    """As transformers makes one of a tokenizer.model."""
    vocab = {text: number for number, (text, _, _) in enumerate(pieces)}
    order = {text: score for text, score, _ in pieces}
    normal = {text for text, _, kind in pieces if kind == NORMAL}
    merges = [
        (order[text], len(text[:cut]), text[:cut], text[cut:])
        for text in normal
        for cut in range(1, len(text))
        if text[:cut] in vocab and text[cut:] in vocab
    ]
    merges.sort(key=lambda merge: merge[:2], reverse=True)
    made = Tokenizer(models.BPE(vocab, [m[2:] for m in merges], fuse_unk=True, byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace("▁", "first", split=False)
    names = ("<unk>", "<s>", "</s>")
    special = [AddedToken(text, special=True, normalized=False) for text in names]
    made.add_special_tokens(special)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return made


@pytest.fixture(scope="module")
def pieces() -> list[tuple[str, float, int]]:
    return vocabulary()


def folder_of(base: Path, out: Path, pieces: list[Any], model: bytes, **conf: Any) -> Path:
    """A model's folder with this tokenizer.model alone."""
    from safetensors.numpy import load_file, save_file

    shutil.copytree(base, out, ignore=shutil.ignore_patterns("tokenizer*"))
    weights = load_file(out / "model.safetensors")
    rows = len(pieces) + conf.pop("more", 0)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        weights[name] = weights[name][:1].repeat(rows, 0)
    save_file(weights, out / "model.safetensors")
    config = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps(config | {"vocab_size": rows}))
    (out / "tokenizer.model").write_bytes(model)
    if conf:
        (out / "tokenizer_config.json").write_text(json.dumps(conf))
    return out


@pytest.fixture(scope="module")
def pair(
    tiny_folder: TinyFolder, tmp_path_factory: pytest.TempPathFactory, pieces: list[Any]
) -> Iterator[tuple[LlamaCpp, Tokenizer]]:
    place = tmp_path_factory.mktemp("spm")
    folder = folder_of(tiny_folder("llama"), place / "m", pieces, spelled(pieces))
    with Checkpoint.open(folder) as checkpoint:
        export_gguf(checkpoint, place / "m.gguf", {})
    with LlamaCpp.open(place / "m.gguf", context=64, threads=1) as model:
        yield model, reference(pieces)


@pytest.mark.parametrize("text", [*tiny.TEXTS, " a", "  a", "▁a", "", "<s>hi</s> b", "x<s> <unk>"])
def test_the_same_tokens(pair: tuple[LlamaCpp, Tokenizer], text: str) -> None:
    ours, theirs = pair
    assert ours.tokenize(text, special=True) == theirs.encode(text).ids


PARTS = ["<s>", "</s>", " ", "  ", "tree", "▁", "é", "中", "7", "\n", "sm"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PARTS)).map("".join))
def test_the_same_tokens_of_any_text(pair: tuple[LlamaCpp, Tokenizer], text: str) -> None:
    ours, theirs = pair
    assert ours.tokenize(text, special=True) == theirs.encode(text).ids


def test_a_tokenizer_that_transformers_saved_again_is_the_same(
    pair: tuple[LlamaCpp, Tokenizer], tiny_folder: TinyFolder, tmp_path: Path, pieces: list[Any]
) -> None:
    ours, theirs = pair
    settings = {"bos_token": "<s>", "eos_token": "</s>"}
    folder = folder_of(tiny_folder("llama"), tmp_path / "m", pieces, spelled(pieces), **settings)
    theirs.save(str(folder / "tokenizer.json"))
    with Checkpoint.open(folder) as checkpoint:
        export_gguf(checkpoint, tmp_path / "m.gguf", {})
    with LlamaCpp.open(tmp_path / "m.gguf", context=64, threads=1) as again:
        for text in (*tiny.TEXTS, *tiny.SENTENCES):
            assert again.tokenize(text, special=True) == ours.tokenize(text, special=True)


def keys(tiny_folder: TinyFolder, out: Path, pieces: list[Any], **conf: Any) -> dict[str, Any]:
    model = conf.pop("model", None) or spelled(pieces)
    with Checkpoint.open(folder_of(tiny_folder("llama"), out, pieces, model, **conf)) as found:
        return {key.removeprefix("tokenizer.ggml."): v.plain for key, v in found.metadata.items()}


def test_what_its_neighbours_say_counts(
    tiny_folder: TinyFolder, tmp_path: Path, pieces: list[Any]
) -> None:
    plain = keys(tiny_folder, tmp_path / "a", pieces)
    assert (plain["bos_token_id"], plain["eos_token_id"], plain["unknown_token_id"]) == (1, 2, 0)
    assert plain["add_bos_token"] is True
    assert plain["penjing.space_prefix"] == "first"
    old = keys(tiny_folder, tmp_path / "b", pieces, legacy=True, add_bos_token=False)
    assert (old["add_space_prefix"], old["add_bos_token"]) == (True, False)
    assert "penjing.space_prefix" not in old
    decoder = {str(len(pieces)): {"content": "<|im_end|>", "special": True}}
    told = {"added_tokens_decoder": decoder, "eos_token": "<|im_end|>", "more": 1}
    added = keys(tiny_folder, tmp_path / "c", pieces, **told)
    assert added["eos_token_id"] == len(pieces)
    assert added["tokens"][-1] == "<|im_end|>"
    assert added["token_type"][-1] == CONTROL


def test_what_a_maker_typed_into_texts_is_found_there(
    tiny_folder: TinyFolder, tmp_path: Path, pieces: list[Any]
) -> None:
    more = [*pieces, ("▁▁▁▁▁▁▁▁▁", 0.0, USER), ("<|end|>", -1.0, NORMAL)]
    found = keys(tiny_folder, tmp_path / "m", more, model=spelled(more))
    assert found["tokens"][-2:] == (" " * 9, "<|end|>")
    assert found["token_type"][-2:] == (USER, CONTROL)


@pytest.mark.parametrize(
    ("trainer", "cutting", "says"),
    [
        ({3: 1}, {}, "SentencePiece model of Unigram, and only BPE"),
        ({3: 4}, {}, "of characters, and only BPE"),
        ({35: 0}, {}, "it spells no bytes"),
        ({24: 1}, {}, "puts spaces behind words"),
        ({}, {2: b"charsmap"}, "rewrites texts before it cuts them"),
        ({}, {4: 1}, "takes white space away"),
    ],
)
def test_what_the_engine_cannot_do_is_refused(
    tmp_path: Path, pieces: list[Any], trainer: Any, cutting: Any, says: str
) -> None:
    path = tmp_path / "tokenizer.model"
    path.write_bytes(spelled(pieces, trainer, cutting))
    with pytest.raises(FormatError, match=f"{says}.*tokenizer.json, or a GGUF"):
        read_pieces(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"IQ== 0\nIg== 1\n",
        b"\x0a",
        b"\x0a\xff\xff\xff\xff\x0f",
        b"\xff" * 20,
        field(1, field(1, b"\xff\xfe")),
        field(1, field(1, b"a") + field(3, 9)),
        field(1, field(1, b"a") + field(2, float("nan"))),
        field(1, b""),
        b"\x0b",
    ],
)
def test_what_is_no_such_file_is_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "tokenizer.model"
    path.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        read_pieces(path)
    assert str(path) in str(caught.value)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_file_that_is_cut_or_changed_is_read_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    whole = bytearray(spelled([("<unk>", 0.0, UNKNOWN), ("a", -1.0, NORMAL)]))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("cut") / "tokenizer.model"
    path.write_bytes(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    try:
        read_pieces(path)
    except FormatError:
        return
