"""Ctrl-C in the middle of each long step: 130, one line, nothing half-written, and it goes on.

Not here: a download (tests/bundle/test_fetch.py) and an answer (tests/cli/test_chat.py).
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from place import Place
from presser import Ending, Presser, alive

from penjing.bundle.folder import verify
from penjing.bundle.gguf_reader import GGUFFile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

STAGES = (
    ("the model writes its calibration text", 1),
    ("importance of every channel", 2),
    ("rounding errors of every codec", 1),
    ("effect of every codec on the output", 2),
    ("measuring the assembly", 2),
    ("rounding, errors made up for", 3),
    ("writing gptq.gguf", 10),
    ("writing plain.gguf", 10),
    ("writing searched.gguf", 10),
    ("writing shuffled.gguf", 10),
    ("reading with tiny", 3),
    ("comparing gptq", 3),
    ("comparing shuffled", 3),
    ("speed and memory", 2),
    ("speed and memory", "child"),
    ("the same questions to both", 1),
)
"""Progress label, and at which of its advances Ctrl-C comes; in the order of a compression."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("interrupts"))


@pytest.fixture(scope="module")
def presser(place: Place) -> Iterator[Presser]:
    with Presser(place.folder / "home") as presser:
        yield presser


@pytest.fixture(scope="module")
def whole(place: Place, presser: Presser) -> dict[str, Any]:
    """The passport of a compression nobody stopped."""
    ended = presser.run(place.words("whole"))
    assert (ended.status, ended.err) == (0, "")
    found: dict[str, Any] = json.loads(ended.out)
    return found


def require_stopped(ended: Ending, words: str) -> None:
    assert ended.status == 130
    assert len(ended.lines) == 1
    assert ended.lines[0].startswith("penjing: stopped")
    assert words in ended.lines[0]
    document = json.loads(ended.out)  # exactly one
    assert document["error"]["kind"] == "Cancelled"
    assert document["error"]["exit_code"] == 130


def require_whole_files(folder: Path) -> None:
    """No temporary file is left, and what has a name can be read."""
    for path in folder.rglob("*"):
        assert path.suffix != ".tmp"
        if path.suffix == ".gguf":
            GGUFFile.open(path).close()
        if path.suffix == ".json":
            json.loads(path.read_text())
        if path.suffix == ".npz":
            np.load(path)


def test_compress_stopped_in_every_stage(
    place: Place, presser: Presser, whole: dict[str, Any]
) -> None:
    """The same work, stopped in every stage and gone on with as often, gives the same bytes."""
    out = place.folder / "stopped"
    shutil.rmtree(place.folder / "home" / "work")  # what is measured once for all budgets
    more: tuple[str, ...] = ()
    for stage, at in STAGES:
        ended = presser.run(place.words("stopped", *more), stage, at=at)
        require_stopped(ended, "--resume")
        assert [item.name for item in out.iterdir()] == [".work"], stage
        require_whole_files(out)
        assert bool(ended.children) == (at == "child")
        assert not any(map(alive, ended.children))
        more = ("--resume",)
    ended = presser.run(place.words("stopped", *more))
    assert (ended.status, ended.err) == (0, "")
    passport = json.loads(ended.out)
    assert passport["resumed"] is True
    assert passport["file"]["sha256"] == whole["file"]["sha256"]
    assert passport["measurements"] == whole["measurements"]
    assert passport["controls"] == whole["controls"]
    verify(out)
    assert not (out / ".work").exists()


def test_a_terminal_stops_the_children_too(place: Place, presser: Presser) -> None:
    """Ctrl-C at a terminal reaches the whole group: still one line, still no orphan."""
    ended = presser.run(place.words("group"), "speed and memory", at="child", group=True)
    require_stopped(ended, "--resume")
    assert ended.children
    assert not any(map(alive, ended.children))
    assert presser.run(place.words("group", "--resume")).status == 0


def test_a_bundle_is_complete_or_none(place: Place, presser: Presser) -> None:
    """Stopped when the files of the bundle have their names: all are whole, none is promised."""
    stage = "penjing.workshop.compress.run:write_manifest"
    require_stopped(presser.run(place.words("last"), stage), "--resume")
    out = place.folder / "last"
    require_whole_files(out)
    assert (out / "model.gguf").exists()
    assert not (out / "bundle.json").exists()
    assert presser.run(place.words("last", "--resume")).status == 0
    verify(out)


@pytest.mark.parametrize(
    ("stage", "baseline"),
    [("reading with tiny", False), ("reading with tiny", True), ("comparing other", True)],
)
def test_evaluate(place: Place, presser: Presser, stage: str, baseline: bool) -> None:
    other = place.folder / "other.gguf"
    other.write_bytes(place.model.read_bytes())
    model, against = (other, ["--baseline", str(place.model)]) if baseline else (place.model, [])
    words = ["evaluate", str(model), *against, "--text", str(place.held), "--context", "128",
             "--threads", "1", "--json", "--quiet"]  # fmt: skip
    work = place.folder / "home" / "work" / "evaluate"
    require_stopped(presser.run(words, stage, at=3), "goes on from there")
    assert list(work.glob("*/*.rows"))
    gone_on = presser.run(words, stage, at=1000)
    assert gone_on.status == 0
    assert not list(work.iterdir())
    afresh = presser.run(words)
    assert json.loads(gone_on.out)["measurements"] == json.loads(afresh.out)["measurements"]
