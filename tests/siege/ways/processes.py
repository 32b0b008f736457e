"""Several processes on one vault, some of them killed; its backups restored elsewhere meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import crowd
from ground import Ground
from way import Way

_SECONDS = "2"


def _prepare(_: Ground) -> None:
    return None


def _case(_: None, random: Random, folder: Path) -> str | None:
    how = random.choice(([], ["kill"]))
    words = [sys.executable, crowd.__file__, str(folder), _SECONDS, str(random.randrange(10**6))]
    done = subprocess.run([*words, *how], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"it could not be told: {done.stderr.strip()[-300:]}"
    return "; ".join(json.loads(done.stdout)["wrong"])[:500] or None


WAY = Way(
    "processes",
    "nine processes on one vault, backups restored elsewhere: nothing acknowledged is lost",
    _prepare,
    _case,
    forked=False,
    seconds=20.0,
)
