"""`penjing evaluate --tasks` from the command line to the document, on tiny real files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import tiny

from penjing.cli import app
from penjing.evaluation.append_log import Ledger
from penjing.workshop.export.gguf import export_gguf


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of random weights and a task of our own."""
    place = tmp_path_factory.mktemp("tasks")
    for seed in (0, 1):
        export_gguf(tiny.checkpoint(seed=seed), place / f"random{seed}.gguf", {})
    rng = np.random.default_rng(0)
    rows = [
        {
            "question": f"which of these is number {number}",
            "choices": ["one", "two", "three"],
            "answer": int(rng.integers(3)),
        }
        for number in range(240)
    ]
    (place / "own.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (place / "other.jsonl").write_text("\n".join(map(json.dumps, rows[:8])), "utf-8")
    twice = {"question": "q", "choices": ["a", "a"], "answer": 0}
    (place / "bad1.jsonl").write_text(json.dumps(twice), "utf-8")
    return place


@pytest.fixture
def here(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(files)
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("penjing.bundle.fetch.pull", None)
    return tmp_path


def evaluate(*words: str) -> int:
    return app.main(["evaluate", *words, "--threads", "1", "--quiet"])


OWN = ("random0.gguf", "--tasks", "own.jsonl", "--context", "256")


def document(capsys: pytest.CaptureFixture[str]) -> dict:
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_random_weights_guess_and_are_told_so(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The positive control."""
    assert evaluate(*OWN, "--json") == 0
    found = document(capsys)
    (task,) = found["outcomes"]
    assert (found["verdict"], found["broken"]) == ("guessing", ["own"])
    assert (task["task"], task["n"], task["of"], task["baseline"]) == ("own", 240, 240, None)
    assert task["score"]["measurements"][0]["low"] < task["chance"]
    assert (found["seed"], found["limit"], found["context"]) == (0, None, 256)
    assert task["template"].startswith("{{context}}")
    assert len(task["sha256"]) == len(found["hashes"]["model"]) == 64
    assert evaluate(*OWN) == 0
    assert "it guesses in every task" in " ".join(capsys.readouterr().out.split())


def test_few_questions_call_nothing_broken(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(*OWN, "--limit", "10", "--keep", "own.acc>=0%") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "too few questions to tell whether it guesses" in out
    assert "broken" not in out
    assert re.search(r"kept: own.acc>=0% \(acc \d+\.\d%\)", out)


def test_ctrl_c_says_what_is_kept_and_others_leave_it(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(after: int) -> str:
        """What is said when Ctrl-C comes after so many chunks."""
        with monkeypatch.context() as patch:
            whole, left = Ledger.append, [after]

            def append(ledger: Ledger, pieces: Iterable[np.ndarray]) -> None:
                if not left[0]:
                    raise KeyboardInterrupt
                left[0] -= 1
                whole(ledger, pieces)

            patch.setattr(Ledger, "append", append)
            assert evaluate(*OWN) == 130
        return capsys.readouterr().err

    assert "stopped before anything was kept: the same command begins anew" in stopped(0)
    assert "stopped, 64 of 240 questions kept: the same command goes on from there" in stopped(2)
    assert evaluate("random0.gguf", "--tasks", "other.jsonl", "--context", "256") == 0
    capsys.readouterr()
    assert "stopped, 64 of 240 questions kept" in stopped(0)
    assert app.main(["evaluate", *OWN, "--threads", "1"]) == 0
    assert "own with random0: 64 of 240 questions are answered already" in capsys.readouterr().err
    assert list((here / "home").rglob("*.rows")) == []


def test_the_same_file_twice_has_no_flips(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The negative control: both are really asked."""
    words = (*OWN, "--baseline", "random0.gguf", "--keep", "own>=-5pt", "--json")
    assert evaluate(*words) == 0
    found = document(capsys)
    for change in found["outcomes"][0]["changes"]:
        assert (change["lost"], change["won"], change["difference"]) == (0, 0, 0.0)
    (floor,) = found["floors"]
    assert floor["held"]
    assert list((here / "home").rglob("*.rows")) == []


def test_another_file_flips_and_a_missed_floor_is_exit_1(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (*OWN, "--baseline", "random1.gguf", "--limit", "50")
    assert evaluate(*words, "--keep", "own>=+60pt", "--json") == 1
    found = document(capsys)
    (task,) = found["outcomes"]
    assert (task["n"], task["of"]) == (50, 240)
    assert sum(change["lost"] + change["won"] for change in task["changes"]) > 0
    assert evaluate(*words, "--keep", "own>=+60pt") == 1
    out = capsys.readouterr().out
    assert "missed: own>=+60pt" in out
    assert "can show a difference of" in " ".join(out.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*OWN, "--keep", "piqa>=60%"), "--tasks own.jsonl,piqa"),
        ((*OWN, "--keep", "own>=150%"), "write 0 to 100%"),
        (("random0.gguf", "--tasks", "bad1.jsonl"), "bad1.jsonl, line 1: the choice 'a' is given"),
        (("random0.gguf", "--keep", "own>=1%"), "--tasks NAME"),
        ((*OWN, "--keep", "own>=-1pt"), "--baseline MODEL"),
        ((*OWN, "--keep", "own"), "is no floor"),
        (("random0.gguf", "--tasks", "pica"), "did you mean piqa"),
        (("random0.gguf", "--tasks", "no.jsonl"), "no.jsonl"),
        (("random0.gguf", "--tasks", ","), "no task is named"),
        (("random0.gguf", "--tasks", "own.jsonl,own.jsonl"), "given twice"),
        (("random0.gguf", "--text", "piqa"), "--tasks piqa"),
        ((*OWN, "--text", "encyclopedia"), "--text goes with a MODEL and no --tasks"),
        ((*OWN, "--windows", "all"), "--windows goes with"),
        ((*OWN, "--under", "random0.gguf"), "--under goes with --texts FILE"),
        (("--texts", "own.jsonl", "--baseline", "random0.gguf"), "--baseline goes with a MODEL"),
        (("--texts", "own.jsonl", "--tasks", "piqa"), "--tasks goes with a MODEL"),
        (("random0.gguf", "--texts", "own.jsonl"), "give a MODEL, or --texts"),
    ],
)
def test_mistakes_are_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert evaluate(*words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1
