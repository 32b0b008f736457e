"""A trimmed vocabulary: kept tokens say what they said, kept texts are cut as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from penjing.bundle.gguf_values import END_TOKENS_KEY, Value, ValueKind
from penjing.core.errors import BadInput, BudgetError, FormatError
from penjing.core.messages import GenerationSettings, Message
from penjing.core.progress import Silent
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.forward import TorchModel
from penjing.workshop.prune.agreement import agreement
from penjing.workshop.prune.merges import merges_of
from penjing.workshop.prune.vocabulary import Trimmed, trim

TEXT = tiny.SENTENCES[0] + " " + tiny.SENTENCES[3]
OTHERS = (*tiny.SENTENCES, *tiny.TEXTS)
FAMILIES = ("llama", "qwen2", "gemma3")
"""One for each way of cutting: digits apart, words by a pattern, pieces with scores."""


@dataclass(frozen=True)
class Case:
    before: LlamaCpp
    after: LlamaCpp
    checkpoint: Checkpoint
    trimmed: Trimmed


@pytest.fixture(scope="module", params=FAMILIES)
def case(
    request: pytest.FixtureRequest,
    tiny_folder: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("trimmed")
    with Checkpoint.open(tiny_folder(request.param)) as untouched:
        every = range(untouched.vocabulary)
        # the engine multiplies whole groups of rows, and a rest in another order
        checkpoint = trim(untouched, every, TEXT, len(every)).checkpoint
        export_gguf(checkpoint, folder / "before.gguf", {})
        with LlamaCpp.open(folder / "before.gguf", threads=1, context=512) as before:
            tokens = before.tokenize(TEXT, bos=False)
            trimmed = trim(checkpoint, tokens, TEXT, checkpoint.vocabulary - 64)
            export_gguf(trimmed.checkpoint, folder / "after.gguf", {})
            with LlamaCpp.open(folder / "after.gguf", threads=1, context=512) as after:
                yield Case(before, after, checkpoint, trimmed)


def test_it_is_smaller_and_reads_again_as_the_same_model(case: Case) -> None:
    small = case.trimmed.checkpoint
    assert 256 < small.vocabulary < case.checkpoint.vocabulary
    assert small.parameters < case.checkpoint.parameters
    with Checkpoint.open(case.after.path) as again:
        assert again.sha256() == small.sha256()
        assert again.vocabulary == small.vocabulary == again.config.vocab


def test_a_text_of_kept_tokens_is_cut_as_before(case: Case) -> None:
    new, met = case.trimmed.new_ids(), 0
    pieces = [TEXT, *TEXT.split(), "The pine has pruned the rock 30 years.", "今天的盆景"]
    for text in pieces:
        old = case.before.tokenize(text)
        if all(token in new for token in old):
            met += 1
            assert case.after.tokenize(text) == [new[token] for token in old]
    assert met > len(TEXT.split())


def test_any_other_text_is_still_cut_and_comes_back(case: Case) -> None:
    for text in OTHERS:
        expected = case.before.detokenize(case.before.tokenize(text, bos=False))
        assert case.after.detokenize(case.after.tokenize(text, bos=False)) == expected


def test_kept_tokens_have_the_logits_they_had_to_the_bit(case: Case) -> None:
    old = case.before.tokenize(TEXT)
    new = case.trimmed.new_ids()
    before = case.before.score(old).copy()
    after = case.after.score([new[token] for token in old])
    np.testing.assert_array_equal(after, before[:, case.trimmed.kept])


def test_our_own_forward_pass_says_so_too(case: Case) -> None:
    whole, small = TorchModel.load(case.checkpoint), TorchModel.load(case.trimmed.checkpoint)
    new = case.trimmed.new_ids()
    old = case.before.tokenize(TEXT)
    with torch.no_grad():
        before = whole.normed(whole.hidden_from(0, whole.embed(torch.tensor([old]))))
        ids = torch.tensor([[new[token] for token in old]])
        after = small.normed(small.hidden_from(0, small.embed(ids)))
    assert torch.equal(before, after)  # what the head multiplies: its rows are copies


def test_special_tokens_are_where_the_file_says(case: Case) -> None:
    before, after = case.checkpoint.metadata, case.trimmed.checkpoint.metadata
    keys = [key for key in before if key.startswith("tokenizer.ggml.") and key.endswith("token_id")]
    assert keys
    for key in keys:
        texts = [m["tokenizer.ggml.tokens"].data[m[key].data] for m in (before, after)]
        assert texts[0] == texts[1]


def test_it_chats(case: Case) -> None:
    asked = [Message.of("user", "The pine")]
    said = list(case.after.generate(asked, GenerationSettings(max_tokens=4, seed=1)))
    assert said[-1].usage is not None


def test_a_model_agrees_with_itself_and_less_with_one_that_lost_its_words(case: Case) -> None:
    windows = [TEXT, *tiny.SENTENCES[5:]]
    itself = agreement(case.before, case.before, windows, Silent())
    assert (itself.same_top.value, itself.cut_alike) == (1.0, 1.0)
    other = agreement(case.before, case.after, windows, Silent())
    assert other.positions == itself.positions
    assert other.same_top.value < 1.0
    assert other.cut_alike < 1.0


# -- in memory


def bytes_only(**more: Value) -> Checkpoint:
    plain = tiny.checkpoint(vocab=300)
    return Checkpoint.of("bytes", {**plain.metadata, **more}, plain.tensors)


def test_tokens_nobody_trained_go_and_every_id_follows() -> None:
    ends = Value.array(ValueKind.UINT32, [2])
    count = Value(ValueKind.UINT32, 300)
    before = bytes_only(**{END_TOKENS_KEY: ends, "llama.vocab_size": count})
    made = trim(before, [3, 4], "ab", 260).checkpoint
    assert made.vocabulary == made.config.vocab == made.metadata["llama.vocab_size"].data
    texts = list(made.metadata["tokenizer.ggml.tokens"].data)
    assert texts[made.metadata[END_TOKENS_KEY].data[0]] == "<|im_end|>"
    assert made.metadata["tokenizer.ggml.merges"].data == []


def test_rows_keep_their_stored_bytes(tmp_path: Path) -> None:
    export_gguf(bytes_only(), tmp_path / "q.gguf", {"token_embd.weight": "Q4_1"})
    with Checkpoint.open(tmp_path / "q.gguf") as before:
        made = trim(before, [259], "he", None)
        old, new = (c.tensors["token_embd.weight"] for c in (before, made.checkpoint))
        assert new.codec.name == "Q4_1"
        rows = old.raw().reshape(old.shape[0], -1)
        np.testing.assert_array_equal(new.raw().reshape(len(made.kept), -1), rows[made.kept])


def test_as_many_as_asked_for_and_the_frequent_first(tiny_folder: Callable[..., Path]) -> None:
    with Checkpoint.open(tiny_folder("llama")) as checkpoint:
        texts = list(checkpoint.metadata["tokenizer.ggml.tokens"].data)
        often, rarely = texts.index("Ġthe"), texts.index("Ġis")
        counts = [often] * 9 + [rarely]
        made = trim(checkpoint, counts, "the tree is small", 320)
        assert len(made.kept) <= 320
        assert often in made.kept.tolist()
        parts = [texts.index(piece) for piece in merges_of(checkpoint.metadata).path("Ġthe")]
        assert set(parts) <= set(made.kept.tolist())


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="no tokens"):
        trim(bytes_only(), [], "", None)
    with pytest.raises(BudgetError, match="100 tokens are too few"):
        trim(bytes_only(), [3], "a", 100)
    with pytest.raises(FormatError, match="kind bert cannot be cut down"):
        trim(bytes_only(**{"tokenizer.ggml.model": Value.text("bert")}), [3], "a", None)
