"""What one way of attacking is: the values that every file in `ways/` gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ground import Ground


def _nothing(_: Any) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Way:
    """One way in, and what must hold while somebody tries it."""

    name: str
    """What it is called in the table and after `--only`."""
    what: str
    """What is sent, and what must hold: one line."""
    prepare: Callable[[Ground], Any]
    """Called once; what it gives is handed to every case. Processes it starts are `watch`ed."""
    case: Callable[[Any, Random, Path], str | None]
    """One try, all of its chance from the `Random`, its files in the folder. None: it held. A text
    says what fell. A PenjingError of one line is a refusal, and held; any other exception fell."""
    forked: bool = True
    """Each case in a process of its own, with limits; False for what talks to a running server."""
    finish: Callable[[Any], Sequence[str]] = _nothing
    """Called once at the end: what fell without a case that noticed. Stops what was started."""
    share: float = 1.0
    """Of the time, beside the others."""
    seconds: float = 5.0
    """A case that takes longer hangs."""
    fenced: bool = True
    """False for what needs a tool that writes where it likes, and sends nothing hostile."""
    once: bool = False
    """The same every time: one case is enough."""
