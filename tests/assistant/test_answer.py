"""A worded answer is told sentence by sentence, and says the same however it comes in pieces."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from penjing.assistant.answer import finished
from penjing.assistant.generate.extractive_answers import sentences_of


@given(
    st.text(alphabet="ab 1.!?。[]2\n", max_size=40)
    | st.lists(st.sampled_from(["It is. ", "So? ", "好的。", "[1]", " [2]", "[12] ", "x"])).map(
        "".join
    ),
    st.lists(st.integers(1, 5)),
)
def test_pieces_make_the_same_sentences(text: str, sizes: list[int]) -> None:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    assert list(finished([*pieces, text[at:]])) == sentences_of(text)


def test_a_sentence_is_told_once_the_next_has_begun() -> None:
    read: list[str] = []

    def pieces() -> Iterator[str]:
        for piece in ("The filter is blue", ". [", "1]", " Clean", " it.", " [2] It", " is old."):
            read.append(piece)
            yield piece

    sentences = finished(pieces())
    assert next(sentences) == "The filter is blue. [1]"
    assert len(read) == 4
    assert next(sentences) == "Clean it. [2]"
    assert len(read) == 6
