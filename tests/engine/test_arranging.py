"""Templates that know fewer roles than there are: nothing said is lost, and nobody is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.errors import EngineError, UnreadableMessages
from penjing.core.messages import Message
from penjing.engine.arranging import arrangements
from penjing.engine.template import render, render_segments

BODY = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
ONLY_FIRST = (
    "{% for m in messages %}{% if m.role == 'system' and not loop.first %}"
    "{{ raise_exception('system comes first') }}{% endif %}{% endfor %}"
)
MISTRAL = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% elif m.role == 'assistant' %}{{ m.content }}"
    "{% else %}{{ raise_exception('only user and assistant') }}{% endif %}{% endfor %}"
)
SILENT = "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}"
LOOKED_UP = "{% set names = {'user': 'U: ', 'assistant': 'A: '} %}" + (
    "{% for m in messages %}{{ names[m.role] + m.content }}{% endfor %}"
)


def talk(*said: str) -> list[Message]:
    """talk("s Be brief.", "u hi")."""
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return [Message.of(roles[one[0]], one[2:]) for one in said]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("template", "said", "prompt"),
    [
        (BODY, ["s Be brief.", "u hi"], "<system>Be brief.<user>hi"),
        (NO_SYSTEM + BODY, ["s Be brief.", "u hi"], "<user>Be brief.\n\nhi"),
        (NO_SYSTEM + BODY, ["s ", "u hi"], "<user>hi"),
        (NO_SYSTEM + BODY, ["s Be brief."], "<user>Be brief."),
        (NO_SYSTEM + BODY, ["s A", "s B", "u hi"], "<user>A\n\nB\n\nhi"),
        (ONLY_FIRST + BODY, ["u hi", "s Be brief."], "<system>Be brief.<user>hi"),
        (ONLY_FIRST + BODY, ["s AA", "u XX", "a YY", "s BB", "u ZZ"],
         "<system>AA\n\nBB<user>XX<assistant>YY<user>ZZ"),
        (LOOKED_UP, ["s Be brief.", "u hi"], "U: Be brief.\n\nhi"),
        (MISTRAL, ["s Be brief.", "u hi"], "[INST] Be brief.\n\nhi [/INST]"),
        (MISTRAL, ["u a", "u b", "a c", "s D", "u e"],
         "[INST] a\n\nb [/INST]c[INST] D\n\ne [/INST]"),
        (MISTRAL, ["u a", "a b", "s C"], "[INST] a [/INST]b[INST] C [/INST]"),
    ],
)  # fmt: skip
def test_what_is_said_finds_a_role(template: str, said: list[str], prompt: str) -> None:
    messages = talk(*said)
    assert render(template, messages) == prompt
    segments = render_segments(template, messages)
    assert "".join(one.text for one in segments) == prompt
    trusted = "".join(one.text for one in segments if one.trusted)
    assert not any(word in trusted for text in said for word in text[2:].split())


def test_a_template_that_leaves_the_system_out_has_it_said_by_the_user() -> None:
    segments = render_segments(SILENT, talk("s Be brief.", "u hi"))
    assert "".join(one.text for one in segments) == "<user>Be brief.\n\nhi"


def test_a_template_that_takes_nothing_says_why_first() -> None:
    with pytest.raises(UnreadableMessages, match="roles must alternate"):
        render(MISTRAL, talk("a hello", "u hi"))
    with pytest.raises(EngineError, match="refused: never"):
        render_segments("{{ raise_exception('never') }}", talk("s x", "u y"))


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text(max_size=4))))
def test_no_word_is_lost_in_any_arrangement(said: list[tuple[str, str]]) -> None:
    messages = [Message.of(role, f"w{n} {text}") for n, (role, text) in enumerate(said)]  # type: ignore[arg-type]
    found = list(arrangements(messages))
    assert found[0] == tuple(messages)
    assert len(set(found)) == len(found)
    for arranged in found:
        words = " ".join(one.text for one in arranged).split()
        assert all(f"w{n}" in words for n in range(len(messages)))
    if messages:
        roles = [one.role for one in found[-1]]
        assert len(found) == 1 or all(a != b for a, b in pairwise(roles))
