"""The engine cuts text as the tokenizers package does, for every way we claim to know."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import category

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from penjing.bundle.gguf_values import Value
from penjing.core.errors import BadInput, FormatError
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.huggingface.scores import scores_of
from penjing.workshop.huggingface.tokenizer import TokenType, tokenizer_metadata
from penjing.workshop.tensors import TensorSource

WAYS = (
    "smollm", "gpt-2", "llama-bpe", "dbrx", "tekken", "gpt-4o", "qwen2", "gemma", "llama-spm",
)  # fmt: skip
SPARE = 5
CASED = ("Lu", "Lt", "Ll", "Mn", "Mc", "Me")


@dataclass(frozen=True)
class Pair:
    """The same tokenizer twice."""

    way: str
    folder: Path
    theirs: Any
    ours: LlamaCpp

    def check(self, text: str) -> None:
        if self.way == "gemma":  # a run of spaces is stored as spaces: U+2581 itself is no space
            text = text.replace("▁", "")
        if self.way in ("tekken", "gpt-4o"):  # the engine's own pattern knows no other cases
            text = "".join(c for c in text if c.isascii() or category(c) not in CASED)
        assert self.ours.tokenize(text, special=True) == self.theirs.encode(text).ids


def with_tokenizer(folder: Path, rows: int, path: Path) -> Path:
    """A tiny GGUF that has the folder's tokenizer."""
    base = tiny.checkpoint()
    numbers = {k: v for k, v in base.metadata.items() if not k.startswith("tokenizer.")}
    metadata = numbers | tokenizer_metadata(folder, {}, rows)
    embedding = TensorSource.of("token_embd.weight", np.ones((rows, 64), np.float32))
    tensors = {**base.tensors, embedding.name: embedding}
    export_gguf(Checkpoint.of("tiny", metadata, tensors), path, {})
    return path


@pytest.fixture(scope="module", params=WAYS)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp(request.param)
    size = tiny.save_tokenizer(folder, request.param)
    path = with_tokenizer(folder, size + SPARE, folder / "m.gguf")
    with LlamaCpp.open(path, context=64, threads=1) as model:
        theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
        yield Pair(request.param, folder, theirs, model)


@pytest.mark.parametrize("text", tiny.TEXTS, ids=range(len(tiny.TEXTS)))
def test_the_same_tokens(pair: Pair, text: str) -> None:
    pair.check(text)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["<|im_start|>", "<bos>", "tree", "small", "  ", "\n\n", "\t", "▁", "'s"]
            ),
            st.text(st.sampled_from("abc XYZ 0123\n\r\t'.,!é中文🌲<|>_"), max_size=6),
            st.text(
                st.characters(codec="utf-8", exclude_categories=["Cs", "Cn", "Co"]), max_size=4
            ),
        ),
        max_size=8,
    ).map("".join)
)
def test_the_same_tokens_of_any_text(pair: Pair, text: str) -> None:
    pair.check(text)


def test_a_text_comes_back(pair: Pair) -> None:
    for text in tiny.SENTENCES:
        back = pair.ours.detokenize(pair.ours.tokenize(text, bos=False))
        if pair.way == "llama-spm":  # which puts a space before the text and after each run
            back, text = back.replace(" ", ""), text.replace(" ", "")  # noqa: PLW2901
        assert back == text


def test_what_a_person_types_is_not_a_marker(pair: Pair) -> None:
    marker = "<end_of_turn>" if pair.way in ("gemma", "llama-spm") else "<|im_end|>"
    number = pair.theirs.token_to_id(marker)
    assert pair.ours.tokenize(marker, special=True)[-1] == number
    assert number not in pair.ours.tokenize(marker, special=False)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("smollm", "gpt-2"), ("gpt-2", "smollm"), ("llama-bpe", "qwen2"), ("qwen2", "gpt-2")],
)
def test_another_way_of_cutting_would_be_seen(right: str, wrong: str, tmp_path: Path) -> None:
    """The negative control of the two tests above."""
    size = tiny.save_tokenizer(tmp_path, right)
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    path = with_tokenizer(tmp_path, size, tmp_path / "m.gguf")
    with Checkpoint.open(path) as checkpoint:
        cut = {"tokenizer.ggml.pre": Value.text(wrong)}
        export_gguf(checkpoint.replacing({}, cut), tmp_path / "wrong.gguf", {})
    with LlamaCpp.open(tmp_path / "wrong.gguf", context=64, threads=1) as model:
        texts = [unicodedata.normalize("NFC", text) for text in tiny.TEXTS + tiny.SENTENCES]
        assert any(model.tokenize(text, special=True) != theirs.encode(text).ids for text in texts)


def metadata(folder: Path, rows: int = 2000, **config: Any) -> dict[str, Any]:
    found = tokenizer_metadata(folder, config, rows)
    return {key.removeprefix("tokenizer."): value.plain for key, value in found.items()}


@pytest.fixture
def edit(tmp_path: Path) -> Callable[..., Path]:
    """A folder whose tokenizer.json was changed by a function, or whose settings were."""

    def make(way: str, change: Callable[[Any], None] | None = None, **settings: Any) -> Path:
        tiny.save_tokenizer(tmp_path, way)
        path = tmp_path / "tokenizer.json"
        data = json.loads(path.read_text())
        if change:
            change(data)
        path.write_text(json.dumps(data))
        path = tmp_path / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | settings))
        return tmp_path

    return make


def test_every_id_has_a_token_and_every_token_a_type(edit: Callable[..., Path]) -> None:
    found = metadata(edit("gemma"), 900)
    tokens, types = found["ggml.tokens"], found["ggml.token_type"]
    assert len(tokens) == len(types) == len(found["ggml.scores"]) == 900
    assert len(set(tokens)) == 900
    kinds = dict(zip(tokens, types, strict=True))
    assert kinds["<bos>"] == kinds["<end_of_turn>"] == TokenType.CONTROL
    assert kinds["<unk>"] == TokenType.UNKNOWN
    assert kinds["\n\n"] == kinds["   "] == TokenType.USER_DEFINED
    assert kinds["<0x0A>"] == TokenType.BYTE
    assert kinds["\t"] == kinds["t"] == TokenType.NORMAL
    assert kinds["[PAD899]"] == TokenType.UNUSED
    assert "<0x09>" not in kinds


def test_scores_are_the_order_of_merges(edit: Callable[..., Path]) -> None:
    folder = edit("gemma")
    data = json.loads((folder / "tokenizer.json").read_text())
    merges = data["model"]["merges"]
    added = {token["content"] for token in data["added_tokens"]}
    found = metadata(folder)
    scores = dict(zip(found["ggml.tokens"], found["ggml.scores"], strict=True))
    pieces = list(dict.fromkeys(a + b for a, b in merges if a + b not in added))
    assert len(pieces) > 100
    assert [scores[p] for p in pieces] == sorted((scores[p] for p in pieces), reverse=True)
    assert scores["<bos>"] == -1000.0


def test_scores_that_cannot_say_the_same_are_refused() -> None:
    vocab = ["a", "b", "c", "ab", "abc", "bc"]
    whole = [("a", "b"), ("b", "c"), ("ab", "c"), ("a", "bc")]
    assert scores_of(vocab, whole, ()) == {"ab": 0.0, "bc": -1.0, "abc": -2.0}
    with pytest.raises(FormatError, match="no merge of 'a' and 'bc'"):
        scores_of(vocab, whole[:3], ())
    with pytest.raises(FormatError, match="make 'abc' do not stand together"):
        scores_of([*vocab, "ac"], [*whole[:3], ("a", "c"), whole[3]], ())
    with pytest.raises(FormatError, match="no merge of 'b' and 'c'"):
        scores_of(vocab, [whole[0], *whole[2:]], ())
    # cut out beforehand, so never merged
    assert scores_of(vocab, whole[:2], ("abc",)) == {"ab": 0.0, "bc": -1.0}


def test_start_and_end_tokens(edit: Callable[..., Path]) -> None:
    gemma = metadata(edit("gemma"))
    assert gemma["ggml.add_bos_token"] is True
    assert gemma["ggml.add_eos_token"] is False
    assert gemma["ggml.add_space_prefix"] is False
    assert gemma["ggml.bos_token_id"] == 2
    assert gemma["ggml.eos_token_id"] == 1
    assert gemma["ggml.padding_token_id"] == 0
    smollm = metadata(edit("smollm", unk_token={"content": "<|endoftext|>", "special": True}))
    assert smollm["ggml.add_bos_token"] is False
    assert (smollm["ggml.bos_token_id"], smollm["ggml.eos_token_id"]) == (0, 2)
    assert smollm["ggml.unknown_token_id"] == 0
    assert metadata(edit("smollm", add_bos_token=True))["ggml.add_bos_token"] is True
    # what the post-processor does beats what the settings say
    assert metadata(edit("gemma", add_bos_token=False))["ggml.add_bos_token"] is True


def test_special_tokens_come_from_config_json_when_nothing_else_names_them(
    edit: Callable[..., Path],
) -> None:
    folder = edit("qwen2", bos_token=None, eos_token=None)
    with pytest.raises(FormatError, match="no end token"):
        metadata(folder)
    found = metadata(folder, eos_token_id=[2, 0], bos_token_id=99_999)
    assert found["ggml.eos_token_id"] == 2
    assert found["ggml.bos_token_id"] == 2  # never the engine's own guess, token 11
    (folder / "special_tokens_map.json").write_text(json.dumps({"bos_token": "<|im_start|>"}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>"}))
    assert metadata(folder)["ggml.bos_token_id"] == 1


def test_chat_templates(edit: Callable[..., Path]) -> None:
    folder = edit("smollm")
    assert metadata(folder)["chat_template"] == tiny.TEMPLATE
    named = [{"name": "default", "template": "A"}, {"name": "tools", "template": "B"}]
    found = metadata(edit("smollm", chat_template=named))
    assert (found["chat_template"], found["chat_template.tools"]) == ("A", "B")
    assert found["chat_templates"] == ("tools",)
    assert "chat_template" not in metadata(edit("smollm", chat_template=None))
    (folder / "chat_template.jinja").write_text("C", encoding="utf-8")
    assert metadata(edit("smollm", chat_template="A"))["chat_template"] == "C"
    (folder / "chat_template.jinja").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="not UTF-8"):
        metadata(folder)
    (folder / "chat_template.jinja").unlink()
    for wrong in ([{"name": "x"}], 5, [{"name": "tools", "template": "B"}]):
        with pytest.raises(FormatError, match="chat template"):
            metadata(edit("smollm", chat_template=wrong))


def test_older_spellings_are_read(edit: Callable[..., Path]) -> None:
    new = metadata(edit("llama-bpe"))

    def old(data: Any) -> None:
        data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
        del data["model"]["type"]
        data["post_processor"] = {"type": "ByteLevel", "trim_offsets": True}

    assert metadata(edit("llama-bpe", old)) == new


def test_a_marker_its_maker_forgot_to_call_special(edit: Callable[..., Path]) -> None:
    def forget(data: Any) -> None:
        for token in data["added_tokens"]:
            token["special"] = False
        data["added_tokens"].append(
            {"id": 600, "content": "<tool>", "special": False, "normalized": False}
        )

    found = metadata(edit("qwen2", forget))
    kinds = dict(zip(found["ggml.tokens"], found["ggml.token_type"], strict=True))
    assert kinds["<|im_end|>"] == TokenType.CONTROL
    assert kinds["<tool>"] == TokenType.USER_DEFINED


def test_added_tokens_without_rows_are_named(edit: Callable[..., Path]) -> None:
    def add(data: Any) -> None:
        for at, text in enumerate(("<image>", "<sound>", "<tool>")):
            data["added_tokens"].append({"id": 2000 + at, "content": text, "special": at < 2})

    folder = edit("gemma", add)
    with pytest.raises(FormatError, match="'<image>', '<sound>', '<tool>': call resize_token_emb"):
        metadata(folder, 2000)
    with pytest.raises(FormatError, match="for the added tokens '<tool>':"):
        metadata(folder, 2002)
    assert metadata(folder, 2003)["ggml.tokens"][2002] == "<tool>"
    seeing = tokenizer_metadata(folder, {}, 2000, rowless=("<image>", "<sound>", "<tool>"))
    assert "<image>" not in seeing["tokenizer.ggml.tokens"].plain
    with pytest.raises(FormatError, match="tokens '<sound>', '<tool>':"):
        tokenizer_metadata(folder, {}, 2000, rowless=("<image>",))


def set_in(**changes: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for path, value in changes.items():
            *parents, last = path.split("__")
            inner = data
            for parent in parents:
                inner = inner[parent]
            inner[last] = value

    return change


STRANGE_FRAME = {
    "type": "TemplateProcessing",
    "single": [
        {"SpecialToken": {"id": "<bos>", "type_id": 0}},
        {"SpecialToken": {"id": "<bos>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ],
}


@pytest.mark.parametrize(
    ("way", "change", "message"),
    [
        ("smollm", set_in(model__type="Unigram"), "holds a Unigram model: only BPE"),
        ("smollm", set_in(model=None), "holds a None model"),
        ("smollm", set_in(model__dropout=0.1), "dropout is set"),
        ("smollm", set_in(model__end_of_word_suffix="</w>"), "end_of_word_suffix is set"),
        ("smollm", set_in(pre_tokenizer=None), "cuts text by nothing"),
        (
            "smollm",
            set_in(pre_tokenizer={"type": "Whitespace"}),
            r"cuts text by Other\(type='White",
        ),
        ("gpt-2", set_in(pre_tokenizer__add_prefix_space=True), r"ByteLevel\(prefix=True"),
        ("smollm", set_in(normalizer={"type": "Lowercase"}), "normalizer Lowercase is not one"),
        ("smollm", set_in(normalizer={"type": "Sequence"}), "without normalizers"),
        ("tekken", set_in(model__ignore_merges=False), "like tekken with ignore_merges false"),
        ("gpt-2", set_in(model__ignore_merges=True), "like gpt-2 with ignore_merges true"),
        ("gemma", set_in(normalizer=None), "no SentencePiece the engine knows"),
        ("gemma", set_in(normalizer={"type": "NFKC"}), "no SentencePiece the engine knows"),
        ("gemma", set_in(pre_tokenizer={"type": "Whitespace"}), "no SentencePiece the engine"),
        ("gemma", set_in(post_processor=STRANGE_FRAME), "frames texts as"),
        ("gemma", set_in(post_processor={"type": "BertProcessing"}), "BertProcessing is not one"),
        ("gemma", set_in(post_processor=[]), "post_processor is no object"),
        ("smollm", set_in(model__vocab={}), "has no vocabulary"),
        ("smollm", set_in(model__vocab__the=-1), "has the id -1"),
        ("smollm", set_in(model__vocab__the=1.5), "has the id 1.5"),
        ("smollm", set_in(model__vocab__zzz=70), "gives the id 70 to two tokens"),
        ("smollm", set_in(model__vocab__zzz=2001), "id 2001 and the model 2000 rows"),
        ("smollm", set_in(model__vocab={"[PAD3]": 1, "a": 0}, model__merges=[]), "two tokens|ids"),
        ("smollm", set_in(model__merges=None), "has no merges"),
        ("smollm", set_in(model__merges=[["q", "zz"]]), "which are no tokens"),
        ("smollm", set_in(model__merges=["a"]), "is not a merge"),
        ("smollm", set_in(model__merges=[["a", 3]]), "which are no tokens"),
        ("smollm", set_in(added_tokens=[{"id": 1}]), "has no content"),
        ("smollm", set_in(added_tokens=[{"content": "x"}]), "no id or no text"),
        ("smollm", set_in(added_tokens=[{"id": 1, "content": "x", "lstrip": True}]), "has lstrip"),
        ("smollm", set_in(added_tokens=[{"id": 9, "content": "<|im_end|>"}]), "two ids"),
        ("smollm", set_in(added_tokens={}), None),
    ],
)
def test_what_cannot_be_carried_over_is_refused(
    edit: Callable[..., Path], way: str, change: Callable[[Any], None], message: str | None
) -> None:
    folder = edit(way, change)
    if message is None:
        metadata(folder)
        return
    with pytest.raises(FormatError, match=message):
        metadata(folder)


def test_a_sentencepiece_without_all_bytes_is_refused(edit: Callable[..., Path]) -> None:
    def drop(data: Any) -> None:
        data["model"]["vocab"].pop("<0xE4>")

    with pytest.raises(FormatError, match="no token for the byte 0xE4"):
        metadata(edit("gemma", drop))


def test_a_folder_without_tokenizer_json_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"has no tokenizer\.json: save the tokenizer again"):
        metadata(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"\x0a")
    with pytest.raises(FormatError, match="no sound SentencePiece model: get the model with its"):
        metadata(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(FormatError, match="not sound JSON"):
        metadata(tmp_path)


@pytest.mark.model
def test_the_default_models_tokenizer_survives_the_trip(
    default_model: Path, tmp_path: Path
) -> None:
    """GGUF -> tokenizer.json by the tokenizers package -> GGUF keys: the same, and so are ids."""
    with Checkpoint.open(default_model) as checkpoint:
        said = {key: value.plain for key, value in checkpoint.metadata.items()}
    tokens, types = said["tokenizer.ggml.tokens"], said["tokenizer.ggml.token_type"]
    markers = [t for t, kind in zip(tokens, types, strict=True) if kind == TokenType.CONTROL]
    merges = [tuple(pair.split(" ")) for pair in said["tokenizer.ggml.merges"]]
    vocab = {text: number for number, text in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in markers])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    settings = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    found = tokenizer_metadata(tmp_path, {}, len(tokens))
    for key in ("model", "pre", "tokens", "token_type", "merges", "bos_token_id", "eos_token_id"):
        assert found[f"tokenizer.ggml.{key}"].plain == said[f"tokenizer.ggml.{key}"]
    with LlamaCpp.open(default_model, context=64, threads=1) as model:
        for text in tiny.TEXTS + tiny.SENTENCES:
            assert model.tokenize(text, special=True) == tokenizer.encode(text).ids
