"""The scores by name, and what each of them must be told.

A new score is a file beside `magnitude.py` with a function `scores`, and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch

from penjing.core.errors import UnknownName
from penjing.workshop.prune import magnitude, random_control, taylor, wanda
from penjing.workshop.prune.evidence import Evidence


@dataclass(frozen=True)
class Score:
    """One way of telling what a weight is worth."""

    scores: Callable[[torch.Tensor, Evidence], torch.Tensor]
    """Weights [rows, columns] -> what each is worth."""
    needs: Literal["nothing", "inputs", "gradients"]
    """What must be measured on calibration text."""
    per_row: bool = False
    """Whether weights are compared within a row, and not within the tensor."""
    by_reader: bool = False
    """Whether a structure is worth what its readers' weights are."""


SCORES: Mapping[str, Score] = MappingProxyType(
    {
        "magnitude": Score(magnitude.scores, "nothing"),
        "wanda": Score(wanda.scores, "inputs", per_row=True, by_reader=True),
        "taylor": Score(taylor.scores, "gradients"),
        "random": Score(random_control.scores, "nothing"),
    }
)
"""Of structures the sum of it over their weights counts (`importance_sum.py`)."""


def score_of(name: str) -> Score:
    """The score of this name; UnknownName otherwise."""
    if name not in SCORES:
        raise UnknownName("score", name, SCORES)
    return SCORES[name]
