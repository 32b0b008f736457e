"""Circles under a grammar: found where they are, and nowhere else."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.messages import GenerationSettings, Message
from penjing.engine.llamacpp import LlamaCpp
from penjing.engine.loops import going_round


@pytest.mark.parametrize("circle", [[7], [1, 2], [1, 2, 3, 4, 5], [*range(96)]])
def test_a_circle_is_found_with_what_would_go_on(circle) -> None:
    written = [99, 98, *itertools.islice(itertools.cycle(circle), 500)]
    again = going_round(written)
    assert again == circle[(len(written) - 2) % len(circle)]


@given(st.lists(st.integers(0, 3), max_size=47))
def test_what_is_short_is_no_circle(written) -> None:
    assert going_round(written) is None


def test_three_alike_parts_are_no_circle() -> None:
    part = [*range(30)]
    assert going_round([*part, *part, *part]) is None
    assert going_round([*part, *part, *part, 5]) is None
    assert going_round([*range(300)]) is None


def test_a_list_under_a_grammar_does_not_go_round_for_ever(default_model: Path) -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    settings = GenerationSettings(max_tokens=700, json_schema=schema, repeat_penalty=1.0)
    said = [Message.of("user", "List the colours of a rainbow as JSON.")]
    with LlamaCpp.open(default_model, context=2048, threads=1) as model:
        text = "".join(chunk.text for chunk in model.generate(said, settings))
        # it went on to the limit with the same lines before; now it may end, and repeats less
        parts = text.split('", "')
        assert len(set(parts)) > len(parts) / 6, text[:400]
        try:
            json.loads(text)
        except ValueError:
            assert len(parts) > 20
