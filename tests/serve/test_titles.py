"""What a conversation is called: its subject, in the person's own words."""

from __future__ import annotations

import pytest

from penjing.serve.titles import numbered, subject


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hello! Can you please tell me how to water a bonsai?", "How to water a bonsai"),
        ("what is the capital of France?", "The capital of France"),
        ("I'd like to know why the sky is blue. Thanks", "Why the sky is blue"),
        ("switch on the lamp", "switch on the lamp"),
        ("Could you explain photosynthesis?", "Photosynthesis"),
        ("你好，请问什么是量子计算？", "量子计算"),
        ("光合作用是什么意思？", "光合作用"),
        ("明天早上七点叫我", "明天早上七点叫我"),
        ("what are you", "what are you"),
        ("what is that?", "what is that"),
        ("what is an elm?", "An elm"),
        ("who are they", "who are they"),
        ("什么是我们？", "什么是我们"),
        ("please", "please"),
        ("hi there", ""),
        ("你好！", ""),
        ("Good morning!", ""),
        ("", ""),
        ("?!…", ""),
    ],
)
def test_it_names_what_it_is_about(text: str, title: str) -> None:
    assert subject(text) == title


@pytest.mark.parametrize("text", ["many words " * 40, "很多字" * 60, "x" * 500, "请" * 5000])
def test_it_is_short(text: str) -> None:
    title = subject(text)
    assert title.endswith("…")
    assert len(title) <= 49


def test_numbers_are_not_taken_twice() -> None:
    assert numbered("elms", ["elms"]) == "elms (2)"
    assert numbered("elms (2)", ["elms", "elms (2)"]) == "elms (3)"
    assert numbered("", [""]) == ""
