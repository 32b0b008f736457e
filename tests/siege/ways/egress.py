"""Every way out that native code, old sockets and children know, with the shutter closed."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Literal

from ground import Ground
from way import Way

from penjing.core.egress import trial


def _case(_: Ground, random: Random, folder: Path) -> str | None:
    kinds: list[Literal["open", "nothing", "list"]] = ["nothing", "list", "nothing", "list", "open"]
    kind = random.choice(kinds)
    found = trial._trial(kind)
    if kind == "open":
        closed = [one.name for one in found.attempts if not one.reached]
        return f"never open, so that it proves nothing: {', '.join(closed)}" if closed else None
    if found.leaks:
        return f"closed to {kind}: out by {', '.join(one.name for one in found.leaks)}"
    return f"what is allowed was refused: {found.missed}" if found.missed else None


def _prepare(ground: Ground) -> Ground:
    return ground


WAY = Way(
    "egress",
    "every way out with the shutter closed, sockets from before among them: nothing leaves",
    _prepare,
    _case,
    forked=False,
    share=0.3,
    seconds=20.0,
)
