"""A short siege of everything; and the frame notices each kind of fall."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import campaign  # noqa: E402
import trial  # noqa: E402

from penjing.core.egress import kernel  # noqa: E402
from penjing.core.errors import BadInput  # noqa: E402

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
MINUTES = "1.5"


@pytest.mark.alone
def test_a_short_siege_is_survived(tmp_path: Path) -> None:
    words = [sys.executable, str(HERE), "--minutes", MINUTES, "--into", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}"
    for name in campaign.names():
        assert f"| {name} |" in done.stdout


def _raises() -> None:
    raise KeyError("x")


def _refuses() -> None:
    raise BadInput("that is no model: give another")


def _rambles() -> None:
    raise BadInput("word " * 1000)


def _dies() -> None:
    os.abort()


def _grows() -> None:
    held = bytearray(550 * 2**20)
    held[::4096] = b"x" * len(held[::4096])


def _dawdles() -> None:
    time.sleep(0.5)


@pytest.mark.parametrize(
    ("case", "what"),
    [
        (_raises, "foreign KeyError"),
        (_rambles, "no line"),
        (_dies, "died (SIGABRT)"),
        (_grows, "held "),
        (_dawdles, "took"),
        (lambda: "it told a secret", "it told a secret"),
    ],
)
def test_every_kind_of_fall_is_noticed(case: trial.Case, what: str) -> None:
    ending = trial.forked(case, 0.4 if case is _dawdles else 5.0)
    assert ending.fell is not None
    assert what in ending.fell


def test_a_refusal_in_one_line_holds() -> None:
    assert trial.forked(_refuses, 5.0).fell is None
    assert trial.here(_refuses, 5.0, ()).fell is None


def test_what_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_WAIT", 0.5)
    assert "hung" in (trial.forked(lambda: time.sleep(60), 5.0).fell or "")
    assert "hung" in (trial.here(lambda: time.sleep(60), 5.0, ()).fell or "")


def test_what_is_watched_must_live() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        time.sleep(0.5)  # it has ended and nobody has waited for it
        ending = trial.here(lambda: None, 5.0, [process.pid])
    assert "is gone" in (ending.fell or "")


_FENCED = """
import os, pathlib, sys
sys.path.insert(0, sys.argv[1])
import ground
root = pathlib.Path(sys.argv[2])
made = ground.prepare(root / "in", 1)
assert ground.fence([made.root]) is None
(made.root / "tmp/x").write_text("x")
(made.root / "tmp/link").symlink_to(root / "outside")
for act in (
    lambda: (made.root / "tmp/link").write_text("x"),
    lambda: (root / "new").mkdir(),
    lambda: (root / "outside").unlink(),
    lambda: os.truncate(root / "outside", 0),
    lambda: os.rename(made.root / "tmp/x", root / "y"),
):
    try:
        act()
    except OSError:
        continue
    raise SystemExit("it got out")
assert made.touched() == []
(made.decoys / "passwd").write_text("x")
assert made.touched() == ["the decoy passwd was changed"]
"""


@pytest.mark.skipif(kernel.this_machine() is None, reason="a kernel we do not know")
def test_nothing_is_written_outside_the_fence(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("as it was")
    words = [sys.executable, "-c", _FENCED, str(HERE), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "outside").read_text() == "as it was"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in", "outside"]


def test_the_same_seed_makes_the_same_case(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path[:0] = sys.argv[1:3]; from random import Random; import pathlib;"
        "import ways.templates as one; folder = pathlib.Path(sys.argv[3]);"
        "text = ''.join(one._statement(Random('1/templates/7'), 3) for _ in range(3));"
        "sys.stdout.write(text)"
    )
    words = [sys.executable, "-c", script, str(HERE), str(HERE.parent / "support"), str(tmp_path)]
    first = subprocess.run(words, capture_output=True, check=True).stdout
    assert first
    assert first == subprocess.run(words, capture_output=True, check=True).stdout
