"""Kill -9 at random moments of everything. All 1,000: `benchmarks/vault.py`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import killing
import pytest

KILLS = 40


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="children are forked")
def test_no_acknowledged_turn_is_lost_and_every_vault_opens(tmp_path: Path) -> None:
    words = [sys.executable, killing.__file__, str(tmp_path), str(KILLS), "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["wrong"] == []
    assert sum(report["kills"].values()) == KILLS
    assert set(report["kills"]) == set(killing.ACTIONS)
    assert report["turns"] > 0
