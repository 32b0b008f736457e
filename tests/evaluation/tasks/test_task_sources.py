"""Question sets become the prompts of lm-evaluation-harness; a person's own are checked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penjing.core.errors import BadInput, FormatError, UnknownName
from penjing.evaluation.tasks.questions import Task
from penjing.evaluation.tasks.sources import RECIPES, lettered, read_own, read_task


def lines(*rows: dict[str, Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def only(name: str, **row: Any) -> Task:
    return read_task(name, lines(row))


TWO = {"options": "A. water it\nB. burn it", "answer": "A. water it"}
FOUR = {"options": "A. one\nB. two\nC. three\nD. four", "answer": "C. three"}


@pytest.mark.parametrize(
    ("name", "row", "prompt", "choices", "gold"),
    [
        ("piqa", {"question": "keep a tree", **TWO}, "Question: keep a tree\nAnswer:",
         ("water it", "burn it"), 0),
        ("openbookqa", {"question": "Trees need ", **TWO}, "Trees need",
         ("water it", "burn it"), 0),
        ("siqa", {"passage": "Kim cut it.", "question": "Why?", **TWO}, "Q: Kim cut it. Why?\nA:",
         ("water it", "burn it"), 0),
        ("mmlu-sample", {"question": "How many?", **FOUR},
         "How many?\nA. one\nB. two\nC. three\nD. four\nAnswer:", tuple("ABCD"), 2),
        ("commonsenseqa", {"question": "How many?", **FOUR, "options": "\n" + FOUR["options"]},
         "Question: How many?\nA. one\nB. two\nC. three\nD. four\nAnswer:", tuple("ABCD"), 2),
        ("logiqa", {"passage": "P.", "question": "Which?\n", **FOUR},
         "Passage: P.\nQuestion: Which?\nChoices:\nA. one\nB. two\nC. three\nD. four\nAnswer:",
         ("one", "two", "three", "four"), 2),
        ("boolq", {"passage": "Pines.", "question": "is it a tree", "title": "", "answer": "True"},
         "Pines.\nQuestion: is it a tree?\nAnswer:", ("no", "yes"), 1),
    ],
)  # fmt: skip
def test_a_line_becomes_the_prompt_that_the_field_uses(
    name: str, row: dict[str, Any], prompt: str, choices: tuple[str, ...], gold: int
) -> None:
    task = only(name, **row)
    (question,) = task.questions
    assert (question.prompt, question.choices, question.gold) == (prompt, choices, gold)
    letters = name in ("boolq", "commonsenseqa", "mmlu-sample")
    assert task.metrics == (("acc",) if letters else ("acc", "acc_norm"))


def test_a_question_that_is_answered_in_words() -> None:
    task = only("truthfulqa", question="What is a penjing?", answer=["A  tree", "A small tree"])
    assert task.questions[0].references == ("A tree", "A small tree")
    assert task.questions[0].prompt.endswith("Spain.\n\nQ: What is a penjing?\nA:")
    assert task.metrics == ("exact_match", "f1")


def test_choices_that_begin_within_the_question() -> None:
    row = {"question": "Why\nA. new", "options": "\nB. old?", "answer": "B. old"}
    assert lettered(row) == ("Why", ["new", "old?"], 1)


def test_a_line_without_its_answer_is_left_out_and_counted() -> None:
    good = {"question": "keep a tree", **TWO}
    task = read_task("piqa", lines(good, {**good, "answer": "C. sell it"}, good))
    assert (len(task.questions), task.skipped) == (2, 1)


def test_what_is_no_question_set_is_said() -> None:
    with pytest.raises(FormatError, match="penjing pull piqa"):
        read_task("piqa", '{"no": "question"}')
    with pytest.raises(FormatError, match="holds no questions"):
        read_task("piqa", "\n")
    with pytest.raises(UnknownName, match="piqa"):
        read_task("pica", "")
    with pytest.raises(BadInput, match="line 2"):
        read_task("piqa", lines({"question": "a", **TWO}) + "\n[1]")


def test_the_fingerprint_is_of_all_that_is_asked() -> None:
    one, other = only("piqa", question="a", **TWO), only("piqa", question="b", **TWO)
    assert one.sha256 == only("piqa", question="a", **TWO).sha256 != other.sha256
    assert all(recipe.template for recipe in RECIPES.values())


# -- a person's own


def test_own_questions() -> None:
    rows = [
        {"question": "Which?", "choices": ["this", "that"], "answer": 1},
        {"question": "Which?", "context": "A story.", "choices": ["x", "y"], "answer": "x"},
        {"prompt": "The end is", "choices": ["near", "far"], "answer": "far", "id": 7},
    ]
    task = read_own("mine", lines(*rows))
    assert [one.gold for one in task.questions] == [1, 0, 1]
    assert [one.prompt for one in task.questions] == [
        "Question: Which?\nAnswer:", "A story.\nQuestion: Which?\nAnswer:", "The end is",
    ]  # fmt: skip
    written = read_own("mine", lines({"question": "Who?", "answers": ["Ada"]}))
    assert written.metrics == ("exact_match", "f1")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"choices": ["a", "b"], "answer": 0}, "needs a 'question'"),
        ({"question": "q"}, "needs 'choices'"),
        ({"question": "q", "choices": ["a"], "answer": 0}, "2 to 26"),
        ({"question": "q", "choices": ["a", "b"], "answer": 2}, "'answer' must"),
        ({"question": "q", "choices": ["a", "b"], "answer": True}, "'answer' must"),
        ({"question": "q", "choices": ["a", "b"], "answer": "c"}, "'answer' must"),
        ({"question": "q", "choices": ["a", "a"], "answer": "a"}, "'a' is given twice"),
        ({"question": "q", "choices": ["b", "a", " a"], "answer": 0}, "'a' is given twice"),
        ({"question": "q", "prompt": "p", "choices": ["a", "b"], "answer": 0}, "instead of 'qu"),
        ({"context": "c", "prompt": "p", "choices": ["a", "b"], "answer": 0}, "instead of 'con"),
        ({"question": "q", "choices": ["a", "b"], "answers": ["a"]}, "instead of 'choices'"),
        ({"question": "q", "answer": "a", "answers": ["a"]}, "instead of 'answer'"),
        ({"question": "q", "choices": "ab", "answer": 0}, "list of texts"),
        ({"question": "q", "choices": ["a", " "], "answer": 0}, "not empty"),
        ({"question": 3, "choices": ["a", "b"], "answer": 0}, "must be a text"),
        ({"question": "q", "choises": ["a", "b"], "answer": 0}, "unknown key 'choises'"),
    ],
)
def test_what_is_wrong_with_an_own_question_is_said_with_its_line(
    row: dict[str, Any], said: str
) -> None:
    good = {"question": "q", "choices": ["a", "b"], "answer": 0}
    with pytest.raises(BadInput, match="mine, line 2: .*" + said):
        read_own("mine", lines(good, row))
    with pytest.raises(BadInput, match=r"mine\.jsonl, line 2: .*" + said):
        read_own("mine", lines(good, row), "mine.jsonl")


def test_two_kinds_of_questions_are_two_files() -> None:
    rows = (
        {"question": "q", "choices": ["a", "b"], "answer": 0},
        {"question": "q", "answers": ["a"]},
    )
    with pytest.raises(BadInput, match="two files"):
        read_own("mine", lines(*rows))
    with pytest.raises(BadInput, match="no questions"):
        read_own("mine", "")
