"""`penjing assistant` and `penjing chat SPEC`: one document, no model for commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from assisted import CLERK as SPEC

from penjing.app import assistants
from penjing.cli.app import main


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    path = tmp_path / "assistant.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def test_a_command_is_done_and_told(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", str(spec), "--once", "计时十分钟", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (action,) = document["actions"]
    assert (action["tool"], action["arguments"]) == ("timers", {"action": "set", "seconds": 600})
    assert action["outcome"]["ok"] is True
    (understood,) = document["understood"]
    assert understood["slots"] == [{"name": "duration", "value": 600, "text": "十分钟"}]
    assert document["answer"] == "开始计时10分钟。"


def test_what_is_set_rings_while_one_talks_and_is_not_forgotten_silently(spec: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "penjing", "chat", str(spec)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write("计时1秒\n")
        process.stdin.flush()
        while "计时结束" not in (line := process.stderr.readline()):
            assert line  # "" would be its end
        told = process.communicate("set a timer for one hour\n", timeout=60)[1]
        assert process.returncode == 0
    assert "[1 set here and not kept, so nothing will ring: penjing serve keeps them]" in told


@pytest.mark.parametrize("line", ["/bye", "/quit", " /exit"])
def test_a_line_that_leaves_ends_the_talk(spec: Path, line: str) -> None:
    talk = subprocess.run(
        [sys.executable, "-m", "penjing", "chat", str(spec), "--json"],
        input=f"{line}\nset a timer for ten minutes\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    turns = json.loads(talk.stdout)["turns"]
    said = [] if not line.startswith(" ") else ["/exit", "set a timer for ten minutes"]
    assert [one["prompt"] for one in turns] == said


def test_one_question_says_that_nothing_will_ring(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chat", str(spec), "--once", "set a timer for one hour", "--json"]) == 0
    (remark,) = json.loads(capsys.readouterr().out)["remarks"]
    assert "penjing serve" in remark


def test_plain_words_without_json(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", str(spec), "--once", "set a timer for one minute"]) == 0
    assert capsys.readouterr().out == "It runs for 1 minute.\n"


@pytest.mark.parametrize(("long", "said"), [(0.0, True), (60.0, False)])
def test_who_waits_for_a_spec_is_told_once_what_for(
    spec: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    long: float,
    said: bool,
) -> None:
    monkeypatch.setattr(assistants, "_LONG", long)
    assert main(["chat", str(spec), "--once", "set a timer for one minute", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["answer"] == "It runs for 1 minute."
    assert err.count("ready: its sentences are checked") == said
    assert main(["chat", str(spec), "--once", "计时一分钟", "--quiet"]) == 0
    assert "ready" not in capsys.readouterr().err


def test_a_models_options_are_refused(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", str(spec), "--once", "hi", "--system", "You are a cat."]) == 2
    assert "--system" in capsys.readouterr().err


def test_check_says_what_is_wrong(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assistant", "check", str(spec)]) == 0
    spec.write_text(SPEC.replace("seconds: $duration", "second: $duration"), "utf-8")
    capsys.readouterr()
    assert main(["assistant", "check", str(spec), "--json"]) == 2
    (wrong,) = json.loads(capsys.readouterr().out)["wrong"]
    assert wrong.startswith("assistant.yaml:11: ")
    assert "'second' is no argument" in wrong
    assert main(["chat", str(spec), "--once", "hi"]) == 2


def test_stories_pass_and_fail(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["assistant", "test", str(spec)]) == 2  # there are none
    turn = "{say: set a timer for one minute, calls: [{timers: {action: set, seconds: %d}}]}"
    stories = spec.with_name("stories.yaml")
    stories.write_text(f"- story: one\n  turns:\n    - {turn % 60}\n")
    assert main(["assistant", "test", str(spec)]) == 0
    stories.write_text(f"- story: one\n  turns:\n    - {turn % 61}\n")
    assert main(["assistant", "test", str(spec)]) == 1
    assert "stories.yaml:3: calls should be" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["assistant", "check", "nowhere.yaml"], ["chat", "nowhere.yaml", "--once", "x"]]
)
def test_a_spec_that_is_not_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "nowhere.yaml" in capsys.readouterr().err
