"""A file that is of no use is called broken, and what a budget or an embedding costs is said."""

from __future__ import annotations

import io
from typing import Any

import pytest
import tiny
from rich.console import Console

from penjing.bundle.codecs import CODECS
from penjing.workshop.compress import advice as data
from penjing.workshop.report import print_passport, render_report
from penjing.workshop.report.advice import broken, faults, left, vocabulary
from penjing.workshop.report.reading import Measure, read_passport
from penjing.workshop.search.choice import Allocation, Choice


def passport(same: float, ratio: float, **more: Any) -> dict[str, Any]:
    values = {"kld_mean": 1.5, "same_top": same, "perplexity_ratio": ratio}
    return {
        "schema": 1,
        "model": "tiny",
        "budget": {"bytes": 142_400_000},
        "baseline": {"name": "start.gguf", "bytes": 253_113_024},
        "file": {"name": "model.gguf", "bytes": 122_000_000},
        "measurements": [{"metric": name, "value": value} for name, value in values.items()],
        **more,
    }


def printed(document: dict[str, Any]) -> str:
    stream = io.StringIO()
    print_passport(document, Console(file=stream, width=200, color_system=None))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("same", "ratio", "count"),
    [(0.42, 4.2, 2), (0.4999, 1.5, 1), (0.9, 3.01, 1), (0.5, 3.0, 0), (0.97, 0.99, 0)],
)
def test_broken_is_half_the_answers_or_three_times_the_perplexity(
    same: float, ratio: float, count: int
) -> None:
    found = read_passport(passport(same, ratio))
    assert len(faults(found.ours.measures)) == count
    assert bool(broken(found)) == bool(count)


def test_a_perplexity_without_end_is_broken_and_one_that_is_missing_is_not() -> None:
    assert faults({"perplexity_ratio": Measure("perplexity_ratio", float("inf"))})
    assert faults({}) == []


def test_a_start_that_prefers_nothing_loses_nothing_by_other_top_tokens() -> None:
    same = Measure("same_top", 0.45)
    assert faults({"same_top": same, "kld_mean": Measure("kld_mean", 0.05)}) == []
    assert faults({"same_top": same, "kld_mean": Measure("kld_mean", 1.0)})


def test_broken_is_said_on_terminal_and_page_and_names_a_size() -> None:
    document = passport(0.42, 4.2, advice={"sound_bytes": 155_000_000})
    says = "This file is broken: it gives the same next token only 42.0% of the time and its"
    assert says in printed(document)
    assert "about 155.0 MB would not be" in printed(document)
    assert says in render_report(document, {})
    assert "broken" not in printed(passport(0.9, 1.1)).lower()
    assert "broken" not in render_report(passport(0.9, 1.1), {}).lower()
    assert "make a larger one" in printed(passport(0.1, 9.0))  # a recipe's: nobody searched


def test_what_is_left_of_a_budget_is_explained_where_it_is_more_than_a_little() -> None:
    document = passport(0.9, 1.1, advice={"left": "every tensor is as good as it came"})
    says = "20.4 MB of the budget are left: every tensor is as good as it came."
    assert left(read_passport(document)) == says
    assert says in printed(document)
    assert says.split(" ", 2)[2] in render_report(document, {})
    document["file"]["bytes"] = 142_000_000
    assert left(read_passport(document)) == ""


TABLE = {
    "a": [Choice("x", 100, 0.5), Choice("y", 160, 0.1), Choice("z", 400, 0.0)],
    "b": [Choice("x", 100, 0.5), Choice("y", 200, 0.0)],
}


def chosen(a: int, b: int) -> Allocation:
    return Allocation({"a": TABLE["a"][a], "b": TABLE["b"][b]})


def test_why_bytes_are_left() -> None:
    assert data.why_left(TABLE, chosen(2, 1), 10**6) == "every tensor is as good as it came"
    words = data.why_left(TABLE, chosen(0, 1), 59)
    assert words == "the smallest step that keeps more, a in y, takes 60 B"
    assert "measured" in data.why_left(TABLE, chosen(0, 1), 60)


def test_what_the_vocabulary_costs_is_counted() -> None:
    checkpoint = tiny.checkpoint("gemma3", layers=1, ffn=64)
    name = "token_embd.weight"
    source = checkpoint.tensors[name]
    found = data.vocabulary(checkpoint, {name: "Q4_0"})
    assert found is not None
    assert found["bytes"] == CODECS["Q4_0"].nbytes(source.shape)
    assert found["half_bytes"] * 2 == found["bytes"]
    other = CODECS[found["split_codec"]]
    assert other.bits < CODECS["Q4_0"].bits
    assert found["split_bytes"] * 2 == found["bytes"] - other.nbytes(source.shape)
    words = vocabulary(read_passport(passport(0.9, 1.1, advice={"vocabulary": found})))
    assert f"vocabulary of {checkpoint.config.vocab:,} tokens" in words
    assert "in Q4_0" in words
    assert vocabulary(read_passport(passport(0.9, 1.1))) == ""


def test_a_small_vocabulary_is_not_worth_a_word() -> None:
    assert data.vocabulary(tiny.checkpoint("llama", layers=4, ffn=512), {}) is None
