"""What the passport says of a training and of its course."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from penjing.workshop.compress.build import Training
from penjing.workshop.compress.passport import MOST_STEPS, course, trained


def trained_for(*kl: float, after: float = 0.1) -> Training:
    return Training(len(kl), 1000, 0.2, after, kl)


def test_few_steps_are_told_one_by_one() -> None:
    found = course(trained_for(0.3, 0.2, 0.1))
    assert found == [{"step": 1, "kl": 0.3}, {"step": 2, "kl": 0.2}, {"step": 3, "kl": 0.1}]
    assert course(None) == course(trained_for()) == []


@pytest.mark.parametrize("count", [200, 201, 399, 1000, 12_345])
def test_many_steps_are_told_in_means_that_leave_none_out(count: int) -> None:
    kl = np.random.default_rng(0).lognormal(-2, 0.3, count)
    found = course(trained_for(*kl))
    assert len(found) == MOST_STEPS
    steps = np.array([point["step"] for point in found])
    assert (np.diff(steps) > 0).all()
    assert 1 <= steps[0] <= steps[-1] <= count
    ends = [i * count // MOST_STEPS for i in range(MOST_STEPS + 1)]
    shares = np.diff(ends) / count
    mean = sum(point["kl"] * share for point, share in zip(found, shares, strict=True))
    assert mean == pytest.approx(kl.mean())


def test_numbers_that_are_none_are_left_out() -> None:
    """What broke down is told in strict JSON all the same."""
    broken = trained_for(0.3, math.nan, math.inf, 0.1, after=math.nan)
    assert [point["step"] for point in course(broken)] == [1, 4]
    told = json.loads(json.dumps(trained(broken), allow_nan=False))
    assert told == {"steps": 4, "tokens": 1000, "before": 0.2, "after": None, "domains": []}
    assert trained(None) is None


def test_every_domain_is_told() -> None:
    found = replace(trained_for(0.3), domains={"code": (0.4, 0.2), "Chinese": (0.6, math.nan)})
    told = trained(found)
    assert told is not None
    assert told["domains"] == [
        {"name": "code", "before": 0.4, "after": 0.2},
        {"name": "Chinese", "before": 0.6, "after": None},
    ]
