"""What every stage of a compression needs."""

from __future__ import annotations

from dataclasses import dataclass

from penjing.core.progress import Progress
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress.prepare import Forecast
from penjing.workshop.compress.settings import Settings
from penjing.workshop.compress.work import Work


@dataclass(frozen=True)
class Job:
    """One compression, or one comparison."""

    settings: Settings
    """What was asked for."""
    checkpoint: Checkpoint
    """The starting model."""
    work: Work
    """Where stages leave their results."""
    progress: Progress
    """Where they report to."""
    forecast: Forecast | None = None
    """What was said of it before it began."""
    teacher: Checkpoint | None = None
    """What the rounded model learns from; None: the starting model."""
