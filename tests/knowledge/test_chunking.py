"""Passages tile a text, end with sentences and stay within their size, in Chinese as well."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.knowledge.chunking import Chunk, chunks, tokens
from penjing.knowledge.plain import Plain, Section

SENTENCES = (
    "A bonsai is a small tree. It wants light! Does it want water? 盆景要浇水。要光照！真的？\n"
)


def pieces(text: str, aim: int = 20, most: int = 40, *sections: Section) -> list[str]:
    return [text[one.start : one.end] for one in chunks(Plain(text, sections), aim, most)]


@given(
    st.text(alphabet="ab .!?。！？\n盆景", max_size=800),
    st.lists(st.integers(0, 800), max_size=6),
    st.integers(1, 60),
)
def test_they_are_all_of_the_text_and_none_is_too_long(
    text: str, starts: list[int], aim: int
) -> None:
    sections = tuple(Section(at, (str(at),)) for at in sorted(starts) if at <= len(text))
    made = chunks(Plain(text, sections), aim, 2 * aim)
    assert [one.start for one in made] == [0, *(one.end for one in made[:-1])][: len(made)]
    assert (made[-1].end if made else 0) == len(text)
    for one in made:
        assert one.end > one.start
        assert tokens(text[one.start : one.end].strip()) <= 2 * aim + 12


def test_sentences_stay_whole() -> None:
    for piece in pieces(SENTENCES * 20):
        assert piece.rstrip()[-1] in ".!?。！？"
        assert piece[0] in "AID盆要真"


def test_a_heading_alone_goes_with_what_is_under_it() -> None:
    text = "Care\nWater\n" + "Give it water every day in summer. " * 3
    sections = (Section(0, ("Care",)), Section(5, ("Care", "Water")))
    assert chunks(Plain(text, sections)) == [Chunk(0, len(text), "Care › Water")]


def test_headings_part_passages_and_give_their_place() -> None:
    one, two = "First things are said here, at some length. " * 2, "Then others are said here. " * 3
    sections = (Section(0, ("1",)), Section(len(one), ("2",), "page 2"))
    assert [(c.start, c.location) for c in chunks(Plain(one + two, sections))] == [
        (0, "1"),
        (len(one), "2 › page 2"),
    ]


def test_a_sentence_without_an_end_is_cut_between_words() -> None:
    made = pieces("word " * 500)
    assert len(made) > 10
    assert all(piece.endswith("word ") for piece in made)
    assert max(map(tokens, pieces("x" * 5000))) <= 40
    assert max(map(tokens, pieces("树" * 5000))) <= 40


def test_a_long_text_takes_a_short_time() -> None:
    made = chunks(Plain(SENTENCES * 20_000, ()))
    assert sum(one.end - one.start for one in made) == len(SENTENCES) * 20_000


@pytest.mark.parametrize(
    "piece", ["word and words ", "\n ", "x", "树", "a\n", ". ", "\N{REPLACEMENT CHARACTER}"]
)
def test_four_times_the_text_takes_four_times_as_long(piece: str) -> None:
    """In the server's own process: no line, run of spaces or row of ends is counted twice."""

    def cost(length: int) -> float:
        plain = Plain(piece * (length // len(piece)), ())
        began = time.process_time()
        made = chunks(plain)
        assert made[-1].end == len(plain.text)
        return time.process_time() - began

    assert cost(1_600_000) < 12 * cost(400_000) + 0.5
