"""Whose turn it is: nobody is starved, nobody can fill the queue, nothing is kept for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penjing.engine.line import Line

OWNERS = st.sampled_from("abc")


def filled(*owners: str) -> Line[str]:
    line: Line[str] = Line(100)
    for number, owner in enumerate(owners):
        line.add(owner, f"{owner}{number}")
    return line


def test_owners_take_turns_and_each_in_order() -> None:
    line = filled("a", "a", "a", "b", "c", "b")
    assert [line.next() for _ in range(7)] == ["a0", "b3", "c4", "a1", "b5", "a2", None]


def test_among_equals_who_was_given_less_comes_first() -> None:
    line = filled("a", "b", "a", "b")
    assert [line.next(), line.next()] == ["a0", "b1"]
    line.give("a", 500)
    line.give("b", 20)
    line.over("a")
    line.over("b")
    assert line.next() == "b3"


def test_having_been_away_is_no_credit() -> None:
    line = filled("a", "a")
    line.next()
    line.give("a", 1000)
    line.add("b", "new")
    assert line.given("b") == 1000


def test_an_interrupted_one_comes_before_its_owners_others() -> None:
    line = filled("a", "a", "b")
    first = line.next()
    assert first == "a0"
    line.again("a", first)
    line.over("a")
    line.next()
    assert line.next() == "b2"
    assert line.next() == "a1"


def test_the_one_with_two_places_makes_room_for_the_one_with_none() -> None:
    line = filled("a", "a", "b")
    line.next()
    line.next()  # b's
    assert line.crowding() is None  # each has one
    line = filled("a", "a")
    line.next()
    line.next()
    assert line.crowding() is None  # nobody waits
    line.add("b", "b")
    assert line.crowding() == "a"


def test_the_queue_stays_open_for_others() -> None:
    line: Line[int] = Line(8)
    taken = 0
    while line.has_room("greedy", free=0):
        line.add("greedy", taken)
        taken += 1
    assert taken == 4
    assert line.has_room("modest", free=0)
    assert not line.has_room("greedy", free=0)
    assert line.has_room("greedy", free=5)  # it would not have to wait


@given(st.lists(st.tuples(st.sampled_from(["add", "next", "over", "remove"]), OWNERS)))
def test_nothing_is_lost_and_nobody_is_remembered(acts) -> None:
    line: Line[int] = Line(1000)
    waiting: list[tuple[str, int]] = []
    running: list[tuple[str, int]] = []
    for number, (act, owner) in enumerate(acts):
        if act == "add":
            line.add(owner, number)
            waiting.append((owner, number))
        elif act == "next" and waiting:
            got = line.next()
            (one,) = [pair for pair in waiting if pair[1] == got]
            counts = {other: sum(o == other for o, _ in running) for other, _ in waiting}
            assert counts[one[0]] == min(counts.values())
            waiting.remove(one)
            running.append(one)
            line.give(one[0], number)
        elif act == "over" and running:
            line.over(running.pop(0)[0])
        elif act == "remove" and waiting:
            one = waiting.pop()
            assert line.remove(*one)
            assert not line.remove(*one)
        assert len(line) == len(waiting)
        assert sorted(line.waiting()) == sorted(n for _, n in waiting)
    while waiting:
        line.remove(*waiting.pop())
    while running:
        line.over(running.pop()[0])
    assert (line._given, line._running, line._waiting) == ({}, {}, {})
