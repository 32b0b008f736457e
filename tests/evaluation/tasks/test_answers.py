"""Exact match and F1 beside SQuAD's own definition."""

from __future__ import annotations

import pytest

from penjing.evaluation.tasks.answers import exact_match, f1


@pytest.mark.parametrize(
    ("answer", "references", "exact", "shared"),
    [
        ("The Beatles!", ["beatles"], True, 1.0),
        ("John and Paul", ["Paul", "George"], False, 0.5),
        ("a cat sat", ["the cat sat down"], False, 0.8),
        ("", ["nothing"], False, 0.0),
        ("nothing alike", ["quite other"], False, 0.0),
        ("盆景是树", ["盆景"], False, 2 / 3),
        ("盆景。", ["盆景"], True, 1.0),
    ],
)
def test_known_cases(answer: str, references: list[str], exact: bool, shared: float) -> None:
    assert exact_match(answer, references) is exact
    assert f1(answer, references) == pytest.approx(shared)


def test_the_nearer_answer_ranks_first() -> None:
    references = ["Fortune cookies originated in California"]
    said = ["in California", "they originated in California", "in China", "I do not know"]
    scores = [f1(one, references) for one in said]
    assert scores[1] > scores[0] > scores[2] > scores[3] == 0.0
