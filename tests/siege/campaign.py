"""One way, tried again and again until its time is over, in this process; and its outcome."""

from __future__ import annotations

import functools
import importlib
import itertools
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import ground as grounds
import trial
from ground import Ground
from trial import Ending
from way import Way

HERE = Path(__file__).parent
_KEPT = 20
"""Falls of one way that are written down; more only count."""


@dataclass
class Outcome:
    """What came of one way."""

    name: str
    tried: int = 0
    """Cases."""
    survived: int = 0
    """Of them."""
    slowest: float = 0.0
    """Seconds of the longest case."""
    memory: int = 0
    """Bytes of the largest process."""
    fenced: bool = False
    """Nothing could be written outside the scratch folder."""
    fallen: list[str] = field(default_factory=list)
    """What fell, with the case's number."""
    done: bool = False
    """It came to its end."""


def names() -> list[str]:
    """All ways there are, in the order of their files."""
    return sorted(path.stem for path in (HERE / "ways").glob("[a-z]*.py"))


def load(name: str) -> Way:
    """A way by its file's name."""
    way: Way = importlib.import_module(f"ways.{name}").WAY
    return way


def run(name: str, root: Path, seed: int, seconds: float, only: Sequence[int] = ()) -> Outcome:
    """Try a way for so many seconds, or just the cases of these numbers. Writes a line for each
    second to stderr."""
    ground = grounds.prepare(root, seed)
    way = load(name)
    outcome = Outcome(name, fenced=way.fenced and grounds.fence([root]) is None)
    state = way.prepare(ground)
    try:
        _cases(way, state, ground, outcome, _numbers(way, only, time.monotonic() + seconds))
    finally:
        ground.watched.clear()
        ended = way.finish(state)
    outcome.fallen += [*ended, *ground.touched()]
    outcome.done = True
    return outcome


def _numbers(way: Way, only: Sequence[int], end: float) -> Iterator[int]:
    if only or way.once:
        yield from only or [0]
        return
    for number in itertools.count():
        if time.monotonic() > end:
            return
        yield number


def _cases(way: Way, state: Any, ground: Ground, outcome: Outcome, numbers: Iterator[int]) -> None:
    told = time.monotonic()
    for number in numbers:
        ending = _one(way, state, ground, number)
        outcome.tried += 1
        outcome.survived += ending.fell is None
        outcome.slowest = max(outcome.slowest, ending.seconds)
        outcome.memory = max(outcome.memory, ending.memory)
        if ending.fell is not None and len(outcome.fallen) < _KEPT:
            outcome.fallen.append(f"case {number}: {ending.fell}")
        if time.monotonic() - told > 1:
            told = time.monotonic()
            print(f"{outcome.tried} {outcome.tried - outcome.survived}", file=sys.stderr)
        if ending.fell is not None and "is gone" in ending.fell:
            return


def _one(way: Way, state: Any, ground: Ground, number: int) -> Ending:
    folder = ground.folder("cases") / str(number)
    folder.mkdir()
    random = Random(f"{ground.seed}/{way.name}/{number}")
    case = functools.partial(way.case, state, random, folder)
    if way.forked:
        ending = trial.forked(case, way.seconds)
    else:
        ending = trial.here(case, way.seconds, ground.watched)
    if ending.fell is not None and not list(ground.folder("fallen").glob(f"{way.name}-*"))[_KEPT:]:
        kept = ground.folder("fallen") / f"{way.name}-{number}"
        shutil.move(folder, kept)
        (kept / "what-fell.txt").write_text(f"{ending.fell}\n", "utf-8")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return ending
