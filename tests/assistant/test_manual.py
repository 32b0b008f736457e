"""Questions to the manual of customer service, in other words than its own: what is cited."""

from __future__ import annotations

import pytest
from assisted import DATA, EXAMPLES

from penjing.assistant.generate.extractive_answers import asked_about, quotes
from penjing.assistant.generate.shelf import shelf


@pytest.mark.parametrize(("language", "cited", "declined"), [("en", 25, 7), ("zh", 20, 8)])
def test_so_many_questions_are_answered_and_declined(
    language: str, cited: int, declined: int
) -> None:
    """What is measured, so that it does not get worse unseen: of 40, and of 10 that it lacks."""
    manual = shelf(EXAMPLES / "customer-service", ["manual.md", "manual.zh.md"])
    lines = (DATA / f"manual-questions.{language}.tsv").read_text("utf-8").splitlines()
    found = {"cited": 0, "declined": 0}
    for question, answer in (line.split("\t") for line in lines):
        told = [one.passage.text for one in quotes(question, manual.search(question))]
        found["cited"] += answer != "-" and any(answer in one for one in told)
        found["declined"] += answer == "-" and not told
    assert len(lines) == 50
    assert found["cited"] >= cited
    assert found["declined"] >= declined


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("How many watts does it use?", {"watt"}),
        ("保修几年？", {"保修"}),
        ("what is it", set()),
    ],
)
def test_what_a_question_is_about(question: str, about: set[str]) -> None:
    assert asked_about(question) == about


def test_who_asks_how_much_is_told_a_number() -> None:
    manual = shelf(EXAMPLES / "customer-service", ["manual.md", "manual.zh.md"])
    question = "How much water fits into the tank?"
    assert "1.8 litres" in quotes(question, manual.search(question))[0].passage.text
