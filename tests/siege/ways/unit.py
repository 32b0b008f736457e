"""The systemd unit that is shipped, judged by systemd's own tool."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from random import Random

from ground import Ground
from way import Way

_UNIT = Path(__file__).parents[3] / "deploy/penjing.service"
_MOST = 20
"""Tenths of systemd's exposure level: 0 is none, 100 is all."""


def _case(_: Ground, random: Random, folder: Path) -> str | None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        return "systemd-analyze is missing: apt-get install systemd"
    unit = folder / "penjing.service"
    text = _UNIT.read_text("utf-8")
    unit.write_text(text.replace("/opt/penjing/bin/penjing", shutil.which("true") or "/bin/true"))
    verified = subprocess.run(
        [tool, "verify", str(unit)], capture_output=True, text=True, check=False
    )
    if verified.returncode != 0 or "penjing.service" in verified.stderr:
        return f"systemd does not take it: {verified.stderr.strip()[-300:]}"
    judged = subprocess.run(
        [tool, "security", "--offline=true", f"--threshold={_MOST}", "--json=short", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if judged.returncode != 0:
        bad = [one["name"] for one in json.loads(judged.stdout or "[]") if one.get("set") is False]
        return f"systemd finds it exposed: {', '.join(bad)[:300]} {judged.stderr.strip()[-200:]}"
    return None


def _prepare(ground: Ground) -> Ground:
    return ground


WAY = Way(
    "unit",
    "the systemd unit: systemd itself accepts it and finds it closed",
    _prepare,
    _case,
    once=True,
    forked=False,
    fenced=False,
)
