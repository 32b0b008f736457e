"""Windows are those of llama.cpp's perplexity tool, spelled out here as that tool's own loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_model import TableModel, random_table

from penjing.core.errors import BadInput
from penjing.evaluation.reading import read, require_alike
from penjing.evaluation.windows import cut, read_tokens, start_token


def tool(tokens: list[int], n_ctx: int, bos: int | None) -> list[tuple[list[int], list[tuple]]]:
    """perplexity.cpp, `perplexity`, by hand: what is decoded and (row, predicted token) pairs."""
    found = []
    first = n_ctx // 2
    for i in range(len(tokens) // n_ctx):
        start = i * n_ctx
        batch = []
        for k in range(n_ctx):
            token = tokens[start + k]
            if k == 0 and bos is not None:
                token = bos
            batch.append(token)
        tokens_data = tokens[start + first :]
        pairs = [(first + j, tokens_data[j + 1]) for j in range(n_ctx - 1 - first)]
        found.append((batch, pairs))
    return found


@given(
    tokens=st.lists(st.integers(0, 999), min_size=16, max_size=400),
    context=st.integers(16, 90),
    bos=st.none() | st.just(1234),
)
def test_windows_are_those_of_the_tool(tokens: list[int], context: int, bos: int | None) -> None:
    expected = tool(tokens, context, bos)
    if not expected:
        with pytest.raises(BadInput, match=f"{len(tokens)} tokens and one window needs {context}"):
            cut(tokens, context, start=bos)
        return
    windows = cut(tokens, context, start=bos)
    assert len(windows) == len(expected)
    for window, (batch, pairs) in enumerate(expected):
        assert windows.tokens(window) == batch
        rows = range(windows.first, windows.first + windows.scored)
        assert list(zip(rows, windows.targets(window).tolist(), strict=True)) == pairs


def test_a_window_of_512_has_255_positions() -> None:
    windows = cut(range(1100), 512)
    assert (len(windows), windows.first, windows.scored) == (2, 256, 255)


def test_the_limit_keeps_the_beginning() -> None:
    assert cut(range(100), 16, limit=2).ids.tolist() == cut(range(32), 16).ids.tolist()
    assert len(cut(range(100), 16, limit=99)) == 6


@pytest.mark.parametrize(("context", "limit"), [(15, None), (0, None), (-1, 3), (16, 0)])
def test_silly_sizes_are_refused(context: int, limit: int | None) -> None:
    with pytest.raises(BadInput, match="at least"):
        cut(range(100), context, limit=limit)


def test_the_start_token_is_found_where_there_is_one() -> None:
    assert start_token(TableModel(random_table(9, 0))) == 0
    assert start_token(TableModel(random_table(9, 0), starts=False)) is None


class MergingModel(TableModel):
    """Tokens are words with the space before them, so a cut inside a word would show."""

    def tokenize(self, text: str, *, special: bool = False, bos: bool = True) -> list[int]:
        self.tokenized += len(text)
        return [0, *(1 + sum(map(ord, word)) % 900 for word in text.split(" "))]


@pytest.mark.parametrize("line_end", ["\n", " "])
def test_the_beginning_of_a_long_text_has_the_tokens_of_the_whole(line_end: str) -> None:
    rng = np.random.default_rng(3)
    text = line_end.join(
        " ".join("".join(rng.choice(list("abcdefgh"), rng.integers(1, 40))) for _ in range(30))
        for _ in range(300)
    )
    whole = MergingModel(np.zeros((2, 2))).tokenize(text)
    model = MergingModel(np.zeros((2, 2)))
    tokens = read_tokens(model, text, 16, limit=7)
    assert 7 * 16 <= len(tokens) < len(whole)
    assert tokens == whole[: len(tokens)]
    assert model.tokenized < len(text) / 2
    assert read_tokens(model, text, 16) == whole
    assert read_tokens(model, text, 16, limit=10**6) == whole


def test_models_that_read_alike_are_let_through_and_others_refused() -> None:
    text = "a text that is long enough for a window or two" * 3
    table = random_table(50, 0)
    one = read(TableModel(table, name="one"), text, 16)
    require_alike(one, read(TableModel(-table, name="two"), text, 16))
    with pytest.raises(BadInput, match="three and one split the text into different tokens"):
        require_alike(read(TableModel(table, name="three", shift=1), text, 16), one)
    with pytest.raises(BadInput, match="four and one split the text"):
        require_alike(read(TableModel(table, name="four", starts=False), text, 16), one)
    with pytest.raises(BadInput, match="five has a vocabulary of 49 tokens and one one of 50"):
        require_alike(read(TableModel(table[:49, :49], name="five"), text, 16), one)


def test_a_window_must_fit_the_model() -> None:
    with pytest.raises(BadInput, match="reads at most 20 tokens: give a --context"):
        read(TableModel(random_table(50, 0), context=20), "long enough" * 9, 32)
