"""Files of a vault damaged, before every act: it works with everything, or is refused and keeps."""

from __future__ import annotations

from pathlib import Path
from random import Random

import damaging
from ground import Ground
from way import Way
from wreckage import DAMAGES, Wreckage

from penjing.vault import secrets


def _prepare(ground: Ground) -> Wreckage:
    vars(secrets)["stretch"] = (
        damaging.remembered
    )  # each passphrase once, before anything is forked
    wreck = Wreckage.make(ground.folder("wreckage"))
    with_all = ground.folder("tmp") / "first"
    damaging.fallen(wreck, with_all, "anna's spare", "emptied", damaging.rotate)
    return wreck


def _case(wreck: Wreckage, random: Random, folder: Path) -> str | None:
    file, damage = random.choice(list(wreck.files())), random.choice(list(DAMAGES))
    act = random.choice(damaging.ACTS)
    said = damaging.fallen(wreck, folder / "case", file, damage, act)
    return f"{file}, {damage}: {said}" if said else None


WAY = Way(
    "vault",
    "every file of a vault, damaged in every way, before every act: all of it, or refused and kept",
    _prepare,
    _case,
)
