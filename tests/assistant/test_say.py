"""The spec's sentences with values in them."""

from __future__ import annotations

import pytest

from penjing.assistant.generate.say import fill


@pytest.mark.parametrize(
    ("template", "error", "said"),
    [
        ("That did not work: {error}.", "nobody answers", "That did not work: nobody answers."),
        ("That did not work: {error}.", "is it on?", "That did not work: is it on?"),
        ("That did not work: {error}.", "start it first.", "That did not work: start it first."),
        ("没有成功：{error}。", "找不到灯。", "没有成功：找不到灯。"),
        ("没有成功：{error}。", "找不到灯", "没有成功：找不到灯。"),
        ("{error}. Try again.", "gone!", "gone! Try again."),
        ("{error}.", None, "."),
    ],
)
def test_one_sentence_ends_once(template: str, error: str | None, said: str) -> None:
    assert fill(template, {"error": error}, "en") == said


def test_a_value_is_not_a_template() -> None:
    assert fill("{a} {b}", {"a": "{b}.", "b": "x"}, "en") == "{b}. x"


@pytest.mark.parametrize("value", ["a\x1b[2Jb", "a\u202eb", "a\x00b"])
def test_a_value_does_nothing_to_a_terminal(value: str) -> None:
    assert fill("{a}", {"a": value}, "en").isprintable()


def test_a_long_value_is_cut() -> None:
    assert len(fill("{a}!", {"a": "x" * 5000}, "en")) == 601
