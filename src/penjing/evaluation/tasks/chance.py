"""Chance level of a task: what a file that knows nothing scores, and whether a model beats it.

Chance is the mean of 1/choices, or the share of the commonest place of the right answer where that
is more: a broken file that always says "yes" is right on BoolQ 62 times in 100. Beside it stands
what blind rules reach (the longest choice, the shortest): a model below these has shown nothing but
a liking for length, though it is not broken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penjing.evaluation.tasks.mcnemar import at_least
from penjing.evaluation.tasks.questions import Question

SURE = 0.01
"""A score counts as above chance when chance reaches it less often than this."""
NEAR = 0.1
"""A file guesses when it is not above chance and no score of it may be this far above; beside a
baseline also when none may reach half of that one's lead."""


@dataclass(frozen=True)
class Chance:
    """What knowing nothing brings."""

    level: float
    """Share that guessing gets right."""
    blind: float
    """Share that the best blind rule gets right."""
    rule: str
    """Which rule that is."""


def chance_of(questions: Sequence[Question]) -> Chance:
    """Of multiple choice."""
    gold = np.array([one.gold for one in questions])
    guessing = float(np.mean([1 / len(one.choices) for one in questions]))
    places = Counter(gold.tolist())
    lengths = [[len(choice) for choice in one.choices] for one in questions]
    rules = {
        "guessing": guessing,
        "always the same place": max(places.values()) / len(gold),
        "the shortest choice": float(np.mean([int(np.argmin(one)) for one in lengths] == gold)),
        "the longest choice": float(np.mean([int(np.argmax(one)) for one in lengths] == gold)),
    }
    rule = max(rules, key=rules.__getitem__)
    level = max(guessing, rules["always the same place"])
    return Chance(level, rules[rule], rule)


def near(highs: Sequence[float | None], level: float, leads: Sequence[float]) -> bool:
    """Whether so many questions show no score far above chance: upper ends of 95% intervals, and
    how far the baseline is above (0 without one). What neither beats chance nor is near it: too
    few questions to tell.
    """
    return all(
        high is not None and high < level + max(NEAR, lead / 2)
        for high, lead in zip(highs, leads, strict=True)
    )


def beats(right: Sequence[int], n: int, level: float) -> bool:
    """Whether any of several scores of one task is above chance (Bonferroni's correction)."""
    return any(at_least(one, n, level) < SURE / len(right) for one in right)
