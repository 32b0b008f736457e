"""What tools are given by whoever builds an assistant: nothing here is found by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.tools.entries import Due, Tell
from penjing.tools.home.houses import Houses
from penjing.tools.keep import Kept, in_file, in_memory
from penjing.tools.schedule import Schedule

if TYPE_CHECKING:
    from penjing.core.protocols import Scheduler

Clock = Callable[[], float]
"""Seconds since 1970."""


@dataclass(frozen=True)
class Given:
    """One for all tools of an assistant."""

    folder: Path
    """Where the spec lies: relative paths in it start here."""
    kept: Kept
    """A person's settings, by their id; raises NotFound while their store is closed."""
    schedule: Schedule
    """The clock that rings."""
    writer: Scheduler | None = None
    """The model, for a tool that needs words."""
    clock: Clock = time.time
    """What time it is."""
    houses: Houses = field(default_factory=Houses)
    """Connections that tools share."""


def nobody(_due: Due) -> bool:
    """Nobody listens here: it is told by the next program that welcomes the person."""
    return False


def on_disk(folder: Path, path: Path, tell: Tell = nobody, clock: Clock = time.time) -> Given:
    """All in one plain file, for the one person of a machine without a vault."""
    kept = in_file(path)
    return Given(folder, kept, Schedule(kept, tell, clock), clock=clock)


def in_this_process(folder: Path, tell: Tell = nobody, clock: Clock = time.time) -> Given:
    """All in memory, and gone with the process: to talk at a terminal, to check a spec."""
    kept = in_memory()
    return Given(folder, kept, Schedule(kept, tell, clock), clock=clock)
