"""What a comparison found, as frozen values. Computes nothing.

A `Result` is one file's part and lies in the work folder as JSON from the moment it is measured: a
run that goes on does not make or measure that file again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.core.errors import FormatError
from penjing.core.files import write_text
from penjing.core.report import Measurement
from penjing.engine.speed import Speed
from penjing.workshop.compress.methods import Method
from penjing.workshop.compress.work import read_json


@dataclass(frozen=True)
class Result:
    """One file that was made and measured, or why it could not be made."""

    method: str
    """How."""
    budget: int
    """Bytes it was allowed; of a control, its method's."""
    impossible: str = ""
    """Why there is no file, in one line; empty when there is."""
    file: str = ""
    """Where it lies, relative to the work folder."""
    bytes: int = 0
    """Its exact size; where it is counted, what its own packing would take."""
    counted: bool = False
    """No engine has its format: it was measured in a 16-bit file, and has no speed of its own."""
    sha256: str = ""
    """Its hash: equal files are timed once."""
    plan: Mapping[str, str] = field(default_factory=dict)
    """The codec of each tensor."""
    measurements: Sequence[Measurement] = ()
    """What it kept of the starting model."""
    training: Mapping[str, Any] | None = None
    """What was trained, of a distilled one."""
    kld: Sequence[Sequence[float]] = ()
    """KLD of every position [windows, positions], nats: what paired comparisons need."""

    def find(self, metric: str) -> Measurement:
        """The measurement of that name. Raises KeyError."""
        for measurement in self.measurements:
            if measurement.metric == metric:
                return measurement
        raise KeyError(metric)

    def positions(self) -> npt.NDArray[np.float64]:
        """`kld` as an array."""
        return np.array(self.kld, dtype=np.float64)

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        write_text(path, json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Result:
        """Read what `save` wrote; FormatError when it is damaged."""
        data = read_json(path)
        try:
            rows = tuple(Measurement(**row) for row in data.pop("measurements"))
            found = cls(**data, measurements=rows)
            if found.positions().ndim != 2 - bool(found.impossible):
                raise ValueError("no table")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{path} is damaged: delete it") from error
        return found


@dataclass(frozen=True)
class Beside:
    """A control and how the method compares with it."""

    control: Method
    """Which control."""
    result: Result
    """Its file, at no more bytes than the method's."""
    above: Measurement | None
    """Its mean KLD minus the method's, position by position; None without a file."""

    def same_file(self, method: Result) -> bool:
        """Whether it came out as the very same file, and so is no control."""
        return bool(self.result.sha256) and self.result.sha256 == method.sha256


@dataclass(frozen=True)
class Row:
    """A method at a size."""

    method: Method
    """Which method."""
    size: int
    """Bytes it was allowed."""
    result: Result
    """Its file."""
    controls: tuple[Beside, ...]
    """Its controls; empty where there is no file."""


@dataclass(frozen=True)
class Lead:
    """The method that kept most at a size, against the others."""

    size: int
    """Bytes that were allowed."""
    first: Result
    """The smallest mean KLD."""
    others: tuple[tuple[Result, Measurement], ...]
    """The others, and their mean KLD minus the first's, position by position; nearest first."""


@dataclass(frozen=True)
class Start:
    """The starting model, which everything is measured against."""

    name: str
    """What to call it."""
    bytes: int
    """Its file."""
    sha256: str
    """Its hash."""
    note: str
    """What a reader must know about it; empty when nothing."""
    speed: Speed
    """How fast it is here."""


@dataclass(frozen=True)
class Setting:
    """Everything needed to take the numbers again."""

    held_out: Mapping[str, Any]
    """name, sha256, tokens, windows, context."""
    text_sha256: str | None
    """The user's calibration text."""
    effort: str
    """How much work was spent."""
    seed: int
    """Of calibration, shuffling and intervals."""
    threads: int
    """Cores used."""
    hardware: Mapping[str, Any]
    """cpu, cores, ram_bytes."""
    created: str
    """ISO time."""
    seconds: float
    """Time of this run."""
    resumed: bool
    """Whether an earlier run did a part of it."""
    peak_bytes: int
    """Most memory this process had."""
    kept_files: bool
    """Whether the model files stay."""


@dataclass(frozen=True)
class Comparison:
    """The whole of it."""

    start: Start
    """The starting model."""
    methods: Sequence[Method]
    """What was named, then the controls."""
    sizes: Sequence[int]
    """Smallest first."""
    rows: Sequence[Row]
    """By size, then as the methods were named."""
    leads: Sequence[Lead]
    """For each size with two methods."""
    speeds: Mapping[str, Speed]
    """By the file's sha256."""
    setting: Setting
    """How it was measured."""

    def results(self) -> list[Result]:
        """Every file once, methods and controls."""
        found = [r for row in self.rows for r in (row.result, *(b.result for b in row.controls))]
        made = [result for result in found if not result.impossible]
        return list({(r.method, r.sha256): r for r in made}.values())
