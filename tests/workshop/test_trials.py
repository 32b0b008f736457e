"""The search: no point twice, a killed one goes on as it would have, the front is the front."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.errors import BadInput, FormatError
from penjing.core.progress import Silent
from penjing.workshop.search.front import front
from penjing.workshop.search.trials import Dimension, Finding, Point, Trial, best, explore, pareto

SPACE = [Dimension("a", tuple(range(17))), Dimension("b", (1.0, 0.5, 0.25)), Dimension("c", (0, 1))]
FIRST = [{"a": 0, "b": 0, "c": 0}, {"a": 4, "b": 1, "c": 0}]


class Stop(Exception):
    """A kill."""


class Bowl:
    """Least at a = 11, b = 1; too small an `a` misses a condition."""

    def __init__(self, stop_after: int = 1000) -> None:
        self.asked: list[Point] = []
        self.left = stop_after

    def __call__(self, point: Point) -> Finding:
        if not self.left:
            raise Stop
        self.left -= 1
        self.asked.append(point)
        loss = (point["a"] - 11) ** 2 + 9 * (point["b"] - 1) ** 2 + point["c"]
        return Finding((loss, point["a"]), {"speed": 8.0 - point["a"]}, {"bytes": 1.0})


def run(path: Path, bowl: Bowl, count: int = 24) -> list[Trial]:
    return explore(SPACE, bowl, first=FIRST, count=count, seed=3, journal=path, progress=Silent())


def test_no_point_is_tried_twice_and_a_good_one_is_found(tmp_path: Path) -> None:
    bowl = Bowl()
    found = run(tmp_path / "j.json", bowl)
    assert bowl.asked[:2] == FIRST
    assert len({tuple(sorted(point.items())) for point in bowl.asked}) == len(found) == 24
    assert best(found).found.goals[0] <= 4
    assert best(found).found.fits


@pytest.mark.parametrize("killed", [0, 1, 5, 13])
def test_a_killed_search_goes_on_as_it_would_have(tmp_path: Path, killed: int) -> None:
    whole = run(tmp_path / "whole.json", Bowl(), 16)
    with pytest.raises(Stop):
        run(tmp_path / "killed.json", Bowl(killed), 16)
    assert run(tmp_path / "killed.json", bowl := Bowl(), 16) == whole
    assert len(bowl.asked) == 16 - killed
    assert json.loads((tmp_path / "killed.json").read_text())["schema"] == 1


def test_a_small_space_is_tried_as_a_whole(tmp_path: Path) -> None:
    space = [Dimension("a", (0, 1)), Dimension("b", (0, 1))]
    found = explore(
        space, lambda p: Finding((float(p["a"]),)), first=[], count=50, seed=0,
        journal=tmp_path / "j.json", progress=Silent(),
    )  # fmt: skip
    assert len(found) == 4


@pytest.mark.parametrize("text", ["", "{}", '{"dimensions": [], "trials": [1]}', "[1e400]"])
def test_a_damaged_journal_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "j.json").write_text(text)
    with pytest.raises(FormatError):
        run(tmp_path / "j.json", Bowl())


def test_the_journal_of_another_search_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "j.json", Bowl(), 2)
    with pytest.raises(FormatError, match="another search"):
        explore(
            SPACE[:2], Bowl(), first=[], count=2, seed=0,
            journal=tmp_path / "j.json", progress=Silent(),
        )  # fmt: skip
    with pytest.raises(BadInput):
        explore([], Bowl(), first=[], count=2, seed=0, journal=tmp_path / "k", progress=Silent())


def test_what_fits_is_better_than_what_is_better_and_does_not() -> None:
    def trial(loss: float, missed: float) -> Trial:
        return Trial({}, Finding((loss,), {"speed": missed}))

    assert best([trial(1, 0.5), trial(3, -1), trial(2, 0)]).found.goals == (2,)
    assert best([trial(1, 0.5), trial(3, 0.1)]).found.goals == (3,)
    assert pareto([trial(2, 0), trial(1, 0), trial(1, 9)]) == [1]


points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12)


@given(points)
def test_the_front_is_what_nothing_beats(found: list[tuple[int, int]]) -> None:
    kept = front(found)
    for place, (a, b) in enumerate(found):
        beaten = any((x <= a and y <= b and (x, y) != (a, b)) for x, y in found)
        assert (found[place] in [found[k] for k in kept]) == (not beaten)
    assert len({found[k] for k in kept}) == len(kept)
