"""No citation is shown that the retriever did not make, and the model is not taught to make any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.assistant.answer import Told, Voice, opened, quoted
from penjing.assistant.generate.prompt import Memory
from penjing.assistant.generate.uncited import Uncited, unframed, unmarked
from penjing.assistant.spec.parse import loads
from penjing.core.dialogue import Cited, Passage, Said
from penjing.core.manner import Manner
from penjing.core.messages import Chunk, GenerationSettings, Message


def filtered(*pieces: str) -> str:
    taken = Uncited()
    said = [taken.take(piece, last=at + 1 == len(pieces)) for at, piece in enumerate(pieces)]
    return "".join(said)


SAID = [
    ("“羊毛衣服用多少转？” [3]", "羊毛衣服用多少转？"),
    ("It is 800 rpm [1].", "It is 800 rpm."),
    ("It is so [1, 2] and so [3-5].", "It is so and so."),
    ("It is so【2】。", "It is so。"),
    ("[1] It is so.", " It is so."),
    ("He said “yes” and left.", "He said “yes” and left."),
    ("“Take out the sieve.”[12] “Rinse it.” [2]", "Take out the sieve. Rinse it."),
    ("use `a[3]` and a[3] and [1](http://x) and [^2]", "use `a[3]` and a[3] and [1](http://x) and"),
    ("```\nx = [1]\n``` so [1]", "```\nx = [1]\n``` so"),
    ("a list: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]", "a list: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]"),
    ("one `open [1] tick\nnext [2]", "one `open [1] tick\nnext"),
    ("The filter[1] is blue[2].", "The filter is blue."),
    ("过滤网[1]每月清洗[2]。", "过滤网每月清洗。"),
    ("items[0], x[1], self.rows[2], my_list[3]", "items, x[1], self.rows[2], my_list[3]"),
    ("[x] [ ] [TODO] [2026]", "[x] [ ] [TODO] [2026]"),
    ("spaces stay  \nhere ", "spaces stay  \nhere "),
    ("“never closed [1]", "“never closed"),
]


@pytest.mark.parametrize(("written", "said"), SAID)
def test_brackets_and_frames_of_the_models_own_go(written: str, said: str) -> None:
    assert filtered(written) == said
    assert filtered(*written, "") == said


@given(
    st.lists(
        st.sampled_from(["“a b” ", "[1]", " [23]", "`x`", "“", "”", "[", "]", "4", " ", "c", "\n"])
    ).map("".join),
    st.lists(st.integers(1, 4)),
)  # fmt: skip
def test_pieces_make_the_same_words(text: str, sizes: list[int]) -> None:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    assert filtered(*pieces, text[at:]) == filtered(text)


def test_a_word_is_said_as_soon_as_it_cannot_be_a_citation() -> None:
    taken = Uncited()
    assert taken.take("It is") == "It is"
    assert taken.take(" 800 [") == " 800"
    assert taken.take("1") == ""
    assert taken.take("] rpm") == " rpm"


def test_what_is_remembered_is_the_words_alone() -> None:
    turn = "“The deposit is 500 euros.” [1] “It is returned [2] in May.” [2]"
    assert unframed(turn) == "The deposit is 500 euros. It is returned in May."
    assert unframed("a[3] `b[4]` [5](x)") == "a[3] `b[4]` [5](x)"
    memory = Memory().with_more("user", turn).with_more("assistant", turn)
    assert [one.text for one in memory.messages] == [turn, unframed(turn)]


def test_a_documents_own_brackets_cite_nothing() -> None:
    said = "The deposit[2] is 500 euros.[1] See [12]."
    marked = unmarked(said)
    assert "[1]" not in marked
    assert "[12]" not in marked
    assert marked.replace("\u2060", "") == said
    passage = Passage(said, "d", "lease.pdf", "page 1", 0, len(said), 1.0)
    events = list(quoted("What is the deposit?", "en", [passage]))
    text = "".join(one.text for one in events if isinstance(one, Said))
    assert [text.count(f"[{n}]") for n in (1, 2, 12)] == [1, 0, 0]
    assert [one.passage for one in events if isinstance(one, Cited)] == [
        replace(passage, text="The deposit[2] is 500 euros.[1]", end=31)
    ]


class Imitates:
    """A writer that has seen too many quotations."""

    context_length = 1000

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return 10 * len(messages)

    def write(
        self,
        owner: str,
        messages: Sequence[Message],
        settings: GenerationSettings,
        begun: str = "",
    ) -> Iterator[Chunk]:
        for piece in ("“", "The lamp", " is on.", "” ", "[", "3", "]", " Yes [1]."):
            yield Chunk(piece)
        yield Chunk("", "stop")

    def close(self) -> None:
        pass


def test_an_open_answer_cites_nothing() -> None:
    spec = loads("assistant: x\nlanguages: [en]\nunknown: [model]\n", "a.yaml")
    told = Told(Memory().with_more("user", "hello"))
    events = list(opened(spec, Voice("p", "en", Manner()), told, Imitates()))
    assert "".join(one.text for one in events if isinstance(one, Said)) == "The lamp is on. Yes."
