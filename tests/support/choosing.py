"""Tables of choices for the budget solver, as hypothesis draws them."""

from __future__ import annotations

from hypothesis import strategies as st

from penjing.workshop.search.choice import Choice

ROWS = st.lists(
    st.builds(
        Choice,
        codec=st.sampled_from(["a", "b", "c", "d"]),
        nbytes=st.integers(1, 60),
        loss=st.floats(0, 10, allow_nan=False),
    ),
    min_size=1,
    max_size=5,
)


def tables(most: int) -> st.SearchStrategy[dict[str, list[Choice]]]:
    """Up to so many groups with their choices."""
    return st.dictionaries(st.sampled_from("uvwxyz"), ROWS, min_size=1, max_size=most)
