"""Requests made from the server's own OpenAPI document, right ones and wrong ones (schemathesis).

A short run of every operation; a long one by hand, for as many minutes:
    PENJING_FUZZ=10 python -m pytest tests/serve/test_fuzz.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from letters import Letters
from serving import serving

from penjing.serve.limits import Limits
from penjing.serve.who import OWNER
from penjing.testing.scheduler import FakeScheduler

SUPPORT = Path(__file__).parents[1] / "support"
SAYS_MORE = "positive_data_acceptance"
"""A schema cannot say all: that a result belongs to a call, or that this model sees no pictures."""


def fuzz(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run it against a fresh server."""
    limits = Limits(per_minute=10**9, grace_seconds=1)
    program = Path(sys.executable).with_name("schemathesis")
    with (
        FakeScheduler(queue=64) as scheduler,
        serving(scheduler, embedder=Letters(), limits=limits, names={OWNER}) as running,
    ):
        return subprocess.run(
            [
                *(str(program), "run", f"{running.url}/openapi.json"),
                *("--header", "Authorization: Bearer owner", "--exclude-checks", SAYS_MORE),
                *options,
            ],
            cwd=folder,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "fuzz_hooks", "PYTHONPATH": str(SUPPORT)},
            capture_output=True,
            text=True,
            check=False,
        )


def test_what_the_document_promises_is_kept(tmp_path: Path) -> None:
    short = ("--phases", "fuzzing", "--max-examples", "4", "--seed", "1", "--no-shrink")
    minutes = os.environ.get("PENJING_FUZZ")
    done = fuzz(tmp_path, *(("--max-time", str(60 * int(minutes))) if minutes else short))
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested is not None
    assert int(tested[1]) > 35  # operations
