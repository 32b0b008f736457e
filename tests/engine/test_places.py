"""Whose words lie where: nobody's row is ever a beginning for anybody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penjing.engine.places import Place, Places

PROMPTS = st.lists(st.integers(0, 1), min_size=1, max_size=60)
ACTS = st.lists(st.tuples(st.sampled_from("abc"), PROMPTS, st.booleans()), max_size=30)


def write(places: Places, owner: str, tokens: list[int]) -> Place:
    place = places.take(start := places.choose(owner, tokens), owner, start.common)
    place.tokens = list(tokens)
    return place


@given(st.integers(1, 4), ACTS)
def test_a_beginning_is_always_ones_own(count, acts) -> None:
    places = Places(count)
    busy: list[Place] = []
    for owner, prompt, keep in acts:
        if len(busy) == count:
            places.release(busy.pop(0))
        start = places.choose(owner, prompt)
        assert not start.place.busy
        held = start.source or start.place
        if start.common:
            assert held.owner == owner
            assert held.tokens[: start.common] == prompt[: start.common]
            assert start.common < len(prompt)  # the last one says what comes next
        assert start.source is not start.place
        place = places.take(start, owner, start.common)
        assert place.tokens == prompt[: start.common]
        place.tokens = list(prompt)
        if keep:
            busy.append(place)
        else:
            places.release(place)


def test_the_next_turn_goes_on_in_the_same_row() -> None:
    places = Places(3)
    places.release(first := write(places, "a", [1] * 40))
    start = places.choose("a", [1] * 40 + [2] * 9)
    assert (start.place, start.common, start.source) == (first, 40, None)


def test_another_conversation_leaves_a_long_one_alone() -> None:
    places = Places(3)
    places.release(first := write(places, "a", [1] * 20 + [2] * 200))
    start = places.choose("a", [1] * 20 + [3] * 20)
    assert start.place is not first
    assert (start.common, start.source) == (20, first)


def test_a_busy_row_is_copied() -> None:
    places = Places(2)
    first = write(places, "a", [1] * 30)
    start = places.choose("a", [1] * 35)
    assert (start.common, start.source) == (30, first)


def test_a_short_beginning_is_not_worth_it() -> None:
    places = Places(2)
    places.release(write(places, "a", [1] * 10))
    assert places.choose("a", [1] * 30).common == 0


def test_the_longest_unused_row_is_given_up_first() -> None:
    places = Places(2)
    for owner in "ab":
        places.release(write(places, owner, [1] * 40))
    assert places.choose("c", [1] * 40).place.owner == "a"
    assert places.choose("c", [1] * 40).common == 0


def test_forgetting_empties_what_is_free() -> None:
    places = Places(3)
    places.release(write(places, "a", [1] * 40))
    places.release(write(places, "b", [1] * 40))
    assert places.forget("a") == [0]
    assert places.choose("a", [1] * 40).common == 0
    assert places.choose("b", [1] * 40).common == 39


def test_what_is_busy_when_its_owner_is_forgotten_is_a_beginning_no_more() -> None:
    places = Places(3)
    first = write(places, "a", [1] * 40)
    assert places.forget("a") == []
    assert first.leaving
    assert places.choose("a", [1] * 40).common == 0
