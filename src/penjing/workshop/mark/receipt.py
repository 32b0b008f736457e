"""The receipt of a weight mark: which weights were moved, where they were, and the key.

Secret: whoever has it can read the mark, and take it out. Read as a stranger's file all the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.core.errors import FormatError
from penjing.core.files import write_text
from penjing.core.plain_json import is_whole, read_json

SCHEMA = 1
_MOST = 64 * 2**20
_KEY = 32
_AGAIN = "get it again, as penjing mark write made it"


@dataclass(frozen=True)
class MarkedTensor:
    """The marked weights of one tensor."""

    shape: tuple[int, ...]
    """numpy order."""
    places: npt.NDArray[np.int64]
    """[weights] their order in the row-major tensor."""
    ranks: npt.NDArray[np.int64]
    """[weights] their number among all of the file, which says chip and bit."""
    before: npt.NDArray[np.float64]
    """[weights] what they were."""
    steps: npt.NDArray[np.float64]
    """[weights] by how much they were moved, without sign."""


@dataclass(frozen=True)
class Receipt:
    """What is needed to read a mark."""

    key: bytes = field(repr=False)
    """32 bytes; decides the chips."""
    code: int
    """The 64 bits."""
    name: str
    """Of the model."""
    tensors: Mapping[str, MarkedTensor] = field(repr=False)
    """By name."""

    @property
    def count(self) -> int:
        """Marked weights."""
        return sum(len(one.places) for one in self.tensors.values())


def write_receipt(path: Path, receipt: Receipt) -> None:
    """For its owner alone (0600)."""
    tensors = {
        name: {
            "shape": list(one.shape),
            "places": one.places.tolist(),
            "ranks": one.ranks.tolist(),
            "before": one.before.tolist(),
            "steps": one.steps.tolist(),
        }
        for name, one in receipt.tensors.items()
    }
    document = {
        "schema": SCHEMA, "key": receipt.key.hex(), "code": f"{receipt.code:016x}",
        "name": receipt.name, "tensors": tensors,
    }  # fmt: skip
    write_text(path, json.dumps(document) + "\n", private=True)


def read_receipt(path: Path) -> Receipt:
    """FormatError for what is none."""
    found = read_json(path, limit=_MOST, remedy=_AGAIN)
    try:
        return _receipt(found)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise FormatError(f"{path} is no receipt of a mark: {_AGAIN}") from error


def _receipt(found: Any) -> Receipt:
    if not is_whole(found["schema"]) or found["schema"] != SCHEMA or len(found["code"]) != 16:
        raise ValueError
    key = bytes.fromhex(found["key"])
    if len(key) != _KEY or not isinstance(found["name"], str):
        raise ValueError
    tensors = {name: _tensor(one) for name, one in found["tensors"].items()}
    ranks = np.sort(np.concatenate([one.ranks for one in tensors.values()]))
    if not np.array_equal(ranks, np.arange(len(ranks))):
        raise ValueError
    return Receipt(key, int(found["code"], 16), found["name"], tensors)


def _tensor(found: Any) -> MarkedTensor:
    shape = tuple(found["shape"])
    if not 1 <= len(shape) <= 4 or not all(is_whole(side) and 0 < side < 2**40 for side in shape):
        raise ValueError
    places, ranks = (np.array(found[name], np.int64) for name in ("places", "ranks"))
    before, steps = (np.array(found[name], np.float64) for name in ("before", "steps"))
    size = int(np.prod(np.array(shape, object)))
    same = len(places) == len(ranks) == len(before) == len(steps) > 0
    if not same or places.ndim != 1 or places.min() < 0 or places.max() >= size:
        raise ValueError
    if not (np.isfinite(before).all() and np.isfinite(steps).all() and (steps > 0).all()):
        raise ValueError
    return MarkedTensor(shape, places, ranks, before, steps)
