"""The power goes, or somebody kills it, while the vault is being written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import killing
from ground import Ground
from way import Way

_KILLS = 3


def _case(_: None, random: Random, folder: Path) -> str | None:
    actions = random.sample(sorted(set(killing.ACTIONS)), _KILLS)
    seed = str(random.randrange(10**6))
    done = subprocess.run(
        [sys.executable, killing.__file__, str(folder), str(_KILLS), seed, *actions],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        return f"it could not be told: {done.stderr.strip()[-300:]}"
    wrong = json.loads(done.stdout)["wrong"]
    return "; ".join(wrong)[:500] or None


def _prepare(_: Ground) -> None:
    return None


WAY = Way(
    "kills",
    "kill -9 at a random moment of every act of the vault: nothing acknowledged is lost",
    _prepare,
    _case,
    forked=False,
    seconds=20.0,
)
