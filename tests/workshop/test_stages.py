"""Which windows a training reads."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penjing.workshop.compress.settings import CONTEXT
from penjing.workshop.compress.stages import others


@given(st.integers(1, 40), st.integers(1, 50), st.sets(st.integers(0, 39), max_size=40))
def test_no_window_is_read_twice(cut: int, count: int, given: set[int]) -> None:
    """One that was trained on and kept apart as well would praise what only remembers it."""
    tokens = list(range(cut * CONTEXT + 7))
    before = [tokens[i * CONTEXT : (i + 1) * CONTEXT] for i in sorted(given) if i < cut]
    found = others(tokens, before, count)
    everything = [tuple(window) for window in (*before, *found)]
    assert len(set(everything)) == len(everything)
    assert len(found) == min(count, cut - len(before))
    assert all(len(window) == CONTEXT for window in found)
