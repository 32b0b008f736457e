"""Bayesian optimisation of a few whole-valued dimensions: what to measure next, by Optuna.

The tree-structured Parzen estimator with several goals and constraints (Bergstra et al. 2011;
Ozaki et al. 2020; Watanabe and Hutter 2023, arXiv:2211.14411). Everything that was measured lies
in a journal of plain JSON; the sampler is begun anew for every trial, from
the seed, its number and the trials before it, so that a search that was killed goes on as it would
have. (Optuna's own journals pickle snapshots.) Must not know what the dimensions mean.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, FormatError, PenjingError
from penjing.core.files import write_text
from penjing.core.plain_json import read_json
from penjing.core.progress import Progress
from penjing.workshop.search.front import front

_MOST_BYTES = 16 * 2**20
_WARM = 6
"""Trials before the estimator is asked: until then points are drawn by chance."""
_DRAWS = 20
"""Times a point that was measured already is drawn before one is taken in order."""
_WORST = 1e6
"""Stands for what is infinite, since no sampler can reckon with that."""

Point = Mapping[str, int]
"""Which of a dimension's values, by its name."""


@dataclass(frozen=True)
class Dimension:
    """One thing to choose."""

    name: str
    """What it is called."""
    values: tuple[float, ...]
    """What it can be, in order."""


@dataclass(frozen=True)
class Finding:
    """What a point turned out to be."""

    goals: tuple[float, ...]
    """Less is better, in each."""
    missed: Mapping[str, float] = field(default_factory=dict)
    """Of each condition by how much it is missed; 0 or less: it is met."""
    told: Mapping[str, float] = field(default_factory=dict)
    """More numbers, for whoever reads the journal."""

    @property
    def fits(self) -> bool:
        """Whether every condition is met."""
        return all(by <= 0 for by in self.missed.values())

    @property
    def short(self) -> float:
        """By how much they are missed together."""
        return sum(by for by in self.missed.values() if by > 0)


@dataclass(frozen=True)
class Trial:
    """A point and what it turned out to be."""

    point: Point
    """What was chosen."""
    found: Finding
    """What was measured."""


def explore(
    dimensions: Sequence[Dimension],
    measure: Callable[[Point], Finding],
    *,
    first: Sequence[Point],
    count: int,
    seed: int,
    journal: Path,
    progress: Progress,
) -> list[Trial]:
    """`count` different points, `first` among them; fewer where there are no more.

    What lies in `journal` is not measured again; FormatError where that is of another search.
    """
    if not dimensions or not all(each.values for each in dimensions):
        raise BadInput("there is nothing to choose from: give a dimension with values")
    done = _restored(journal, dimensions)
    most = min(count, math.prod(len(each.values) for each in dimensions))
    with progress.task("shapes are tried", max(0, most - len(done)), unit="shapes") as task:
        while len(done) < most:
            known = [dict(trial.point) for trial in done]
            fresh = [dict(point) for point in first if dict(point) not in known]
            point = fresh[0] if fresh else _next(dimensions, done, seed)
            done.append(Trial(point, measure(point)))
            _keep(journal, dimensions, done)
            task.advance(1)
    return done


def best(trials: Sequence[Trial]) -> Trial:
    """The least first goal of those that meet all conditions; if none does, the nearest to it."""
    return min(
        trials,
        key=lambda trial: (trial.found.short if not trial.found.fits else 0.0, trial.found.goals),
    )


def pareto(trials: Sequence[Trial]) -> list[int]:
    """Places of those on the front."""
    return front([trial.found.goals for trial in trials])


def _next(dimensions: Sequence[Dimension], done: Sequence[Trial], seed: int) -> dict[str, int]:
    """A point that was not measured yet."""
    known = [dict(trial.point) for trial in done]
    for draw in range(_DRAWS):
        point = _asked(dimensions, done, seed + 1000 * len(done) + draw)
        if point not in known:
            return point
    return next(point for point in _every(dimensions) if point not in known)


def _asked(dimensions: Sequence[Dimension], done: Sequence[Trial], seed: int) -> dict[str, int]:
    """What Optuna would measure next."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = {
        each.name: optuna.distributions.IntDistribution(0, len(each.values) - 1)
        for each in dimensions
    }
    goals = len(done[0].found.goals) if done else 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=_WARM, multivariate=True, seed=seed % 2**31
        )
        study = optuna.create_study(directions=["minimize"] * goals, sampler=sampler)
        for trial in done:
            study.add_trial(_frozen(optuna, trial, space))
        asked = study.ask(dict(space))
    return {name: int(asked.params[name]) for name in space}


def _frozen(optuna: Any, trial: Trial, space: Mapping[str, Any]) -> Any:
    made = optuna.trial.create_trial(
        params=dict(trial.point),
        distributions=dict(space),
        values=[float(min(value, _WORST)) for value in trial.found.goals],
    )
    for name, by in trial.found.missed.items():
        made.set_constraint(name, float(min(by, _WORST)))
    return made


def _every(dimensions: Sequence[Dimension]) -> Sequence[dict[str, int]]:
    points: list[dict[str, int]] = [{}]
    for each in dimensions:
        points = [{**p, each.name: place} for p in points for place in range(len(each.values))]
    return points


def _keep(path: Path, dimensions: Sequence[Dimension], done: Sequence[Trial]) -> None:
    document = {
        "schema": 1,
        "dimensions": [asdict(each) for each in dimensions],
        "trials": [
            {"point": dict(trial.point), "goals": list(trial.found.goals),
             "missed": dict(trial.found.missed), "told": dict(trial.found.told)}
            for trial in done
        ],
    }  # fmt: skip
    write_text(path, json.dumps(document))


def _restored(path: Path, dimensions: Sequence[Dimension]) -> list[Trial]:
    if not path.exists():
        return []
    try:
        data = read_json(path, limit=_MOST_BYTES, constants=True)
        known = [Dimension(d["name"], tuple(d["values"])) for d in data["dimensions"]]
        trials = [
            Trial(
                {name: int(place) for name, place in item["point"].items()},
                Finding(tuple(map(float, item["goals"])), item["missed"], item["told"]),
            )
            for item in data["trials"]
        ]
    except (PenjingError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatError(f"{path} is damaged: delete it") from error
    if known != list(dimensions):
        raise FormatError(f"{path} is of another search: delete it")
    return trials
