"""What a measurement says: a value, how sure it is, and everything needed to take it again.

Pure values. Knows nothing of how they are measured (`evaluation`) or shown (`cli`, the passport).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from penjing.core.errors import FormatError


@dataclass(frozen=True)
class Measurement:
    """One number with its 95% confidence interval."""

    metric: str
    """What was measured, for example "kld_mean"."""
    value: float
    """The number on the measured text."""
    low: float | None
    """Lower end of the interval; None: the data set no lower limit."""
    high: float | None
    """Upper end of the interval; None: the data set no upper limit."""
    n: int
    """Positions it comes from."""
    unit: str = ""
    """ "nats", "share" (0 to 1), or empty for a plain number."""


@dataclass(frozen=True)
class Report:
    """What a model kept of a baseline on a text, or how well it does alone."""

    model: str
    """The model that was measured."""
    baseline: str | None
    """The model it was compared with; None when it was measured alone."""
    text: str
    """The held-out text."""
    context: int
    """Tokens in a window."""
    windows: int
    """Windows of the text that were read."""
    seed: int
    """Seed of the intervals; the values do not depend on it."""
    engine: str
    """The runtime that computed the logits."""
    measurements: tuple[Measurement, ...]
    """The numbers."""
    hardware: Mapping[str, Any] = field(default_factory=dict)
    """The machine, as plain facts."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """sha256 of the files it was measured on: "model", "baseline", "text"."""

    def find(self, metric: str) -> Measurement:
        """The measurement of that name. Raises KeyError."""
        for measurement in self.measurements:
            if measurement.metric == metric:
                return measurement
        raise KeyError(metric)

    def document(self) -> dict[str, Any]:
        """The report as plain data for JSON."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        plain["measurements"] = [asdict(item) for item in self.measurements]
        plain["hardware"] = dict(self.hardware)
        plain["hashes"] = dict(self.hashes)
        return plain

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Report:
        """The report a document holds. Raises FormatError when it is none."""
        try:
            items = tuple(Measurement(**item) for item in document["measurements"])
            return cls(**{**document, "measurements": items})
        except (TypeError, KeyError) as error:
            raise FormatError(f"this is not a report: {error}") from error
