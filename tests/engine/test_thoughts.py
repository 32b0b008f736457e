"""Thoughts are told apart from the answer, however the text arrives."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.messages import Chunk, GenerationSettings
from penjing.engine.thinker import Thinker, switches_of
from penjing.engine.thoughts import KNOWN, Markers, Thoughts

THINK = KNOWN[0]
HARMONY = KNOWN[-2:]


def heard(text: str, *cuts: int, opened: Markers | None = None, all_of: Any = KNOWN) -> Any:
    """(thought, answer) of a text that arrives in pieces."""
    thoughts = Thoughts(all_of, opened)
    places = [0, *sorted(cuts), len(text)]
    said = [thoughts.feed(text[a:b]) for a, b in pairwise(places)]
    said.append(thoughts.feed("", last=True))
    return "".join(one.thought for one in said), "".join(one.answer for one in said)


CASES = [
    ("<think>\nHm, two.\n</think>\n\nIt is 2.", "Hm, two.", "It is 2."),
    ("\n<think>a < b</think>c < d", "a < b", "c < d"),
    ("<think></think>\nB", "", "B"),
    ("<think>\n\n</think>\n\nB  ", "", "B  "),
    ("<think>never ends </thin", "never ends </thin", ""),
    ("It is <think>not</think> here.", "", "It is <think>not</think> here."),
    ("  indented", "", "  indented"),
    ("<thinner", "", "<thinner"),
    ("<th", "", "<th"),
    ("", "", ""),
    (" \n", "", " \n"),
    ("[THINK]hm[/THINK]yes [THINK]", "hm", "yes [THINK]"),
    ("◁think▷想一想◁/think▷好。", "想一想", "好。"),
    ("<seed:think>x</seed:think>y", "x", "y"),
    ("<|START_THINKING|>x<|END_THINKING|>y", "x", "y"),
    (
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes",
        "Hm.",
        "Yes",
    ),
    ("<|channel|>final<|message|>Yes", "", "Yes"),
    ("<think>a</think><think>b</think>", "a", "<think>b</think>"),
]


@pytest.mark.parametrize(("text", "thought", "answer"), CASES)
def test_any_piece_at_a_time(text: str, thought: str, answer: str) -> None:
    assert heard(text) == (thought, answer)
    assert heard(text, *range(len(text))) == (thought, answer)
    for cut in range(len(text)):
        assert heard(text, cut) == (thought, answer)


@given(st.sampled_from(CASES), st.lists(st.integers(0, 80)))
def test_pieces_of_any_length(case: tuple[str, str, str], cuts: list[int]) -> None:
    text, thought, answer = case
    assert heard(text, *(min(cut, len(text)) for cut in cuts)) == (thought, answer)


def test_a_prompt_may_have_begun_the_thought() -> None:
    assert heard("A</think>\n\nB", opened=THINK) == ("A", "B")
    assert heard("\nA", opened=THINK) == ("A", "")
    assert heard("<think>A</think>B", opened=THINK) == ("<think>A", "B")
    assert heard(" Yes", opened=HARMONY[1], all_of=HARMONY) == ("", "Yes")


def test_what_is_certain_is_said_at_once() -> None:
    thoughts = Thoughts(KNOWN)
    assert thoughts.feed("<think>one ").thought == "one"
    assert thoughts.feed("two <").thought == " two"
    assert thoughts.feed("/think>").answer == ""
    assert thoughts.feed("\n\nYes").answer == "Yes"
    assert thoughts.answering


class Letters:
    """A vocabulary of letters, and of markers that are tokens."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = tokens

    def tokenize(self, text: str, *, special: bool, bos: bool) -> list[int]:
        assert special
        assert not bos
        out = []
        while text:
            found = next((t for t in self._tokens if text.startswith(t)), text[0])
            out.append(1000 + self._tokens.index(found) if found in self._tokens else ord(found))
            text = text[len(found) :]
        return out

    def piece(self, token: int, *, special: bool = False) -> bytes:
        assert special
        return (self._tokens[token - 1000] if token >= 1000 else chr(token)).encode()

    def skipping(self, template: str, prompt: str, settings: GenerationSettings) -> str:
        thinker = Thinker(template, self)
        tokens = self.tokenize(prompt, special=True, bos=False)
        return b"".join(
            self.piece(token, special=True) for token in thinker.skipping(tokens, settings)
        ).decode()


OFF = GenerationSettings(thinking=False)
FORMED = GenerationSettings(json_schema={})
TOKENS = Letters("<think>", "</think>")


@pytest.mark.parametrize(
    ("template", "prompt", "settings", "added"),
    [
        ("... <think>", "assistant\n<think>\n", OFF, "\n\n</think>\n\n"),
        ("... <think>", "assistant\n<think>", FORMED, "\n\n</think>\n\n"),
        ("... <think>", "assistant\n<think>", GenerationSettings(thinking=True), ""),
        ("... <think>", "assistant\n<think>", GenerationSettings(), ""),
        ("split('</think>')", "assistant\n", OFF, "<think>\n\n</think>\n\n"),
        ("split('</think>')", "assistant\n", FORMED, ""),
        ("{% if enable_thinking %}</think>", "assistant\n", OFF, ""),
        ("{% if thinking %}</think>", "assistant\n", OFF, ""),
        ("nothing", "assistant\n", OFF, ""),
        ("".join(one.opens for one in HARMONY), "assistant", OFF, "<|channel|>final<|message|>"),
    ],
)
def test_how_thinking_is_switched_off(
    template: str, prompt: str, settings: GenerationSettings, added: str
) -> None:
    assert TOKENS.skipping(template, prompt, settings) == added


def test_who_has_no_markers_has_no_thoughts() -> None:
    assert Thinker("plain", Letters()).thoughts([1, 2]) is None
    assert Thinker("plain", TOKENS).thoughts([65]) is not None
    assert Thinker("... <think>", Letters()).thoughts([65]) is not None


def test_what_a_template_is_told() -> None:
    assert switches_of(GenerationSettings()) == {}
    assert switches_of(OFF) == {"enable_thinking": False, "thinking": False}
    told = switches_of(GenerationSettings(thinking=True, switches={"reasoning_effort": "high"}))
    assert told == {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"}
    assert switches_of(FORMED)["thinking"] is False


def test_a_chunk_carries_both() -> None:
    assert Chunk("Yes", thought="Hm") != Chunk("Yes")
