"""What a command shows: documents that any JSON reader takes, progress that stays on stderr."""

from __future__ import annotations

import io
import json
import math
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.cli import output
from penjing.cli.output import Output, to_json
from penjing.core.progress import Silent


def strict(text: str) -> Any:
    """JSON as a strict reader takes it."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


words = st.text(st.characters(codec="utf-8"), max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(words, values, max_size=3))
def test_any_document_is_strict_json(document: dict[str, Any]) -> None:
    def without_nan(value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if isinstance(value, list):
            return [without_nan(item) for item in value]
        if isinstance(value, dict):
            return {key: without_nan(item) for key, item in value.items()}
        return value

    assert strict(to_json(document)) == without_nan(document)


def test_numpy_paths_and_chinese_are_plain() -> None:
    document = {
        "mean": np.float32(0.5),
        "n": np.int64(3),
        "ok": np.bool_(True),
        "per_layer": np.array([[1.0, np.nan], [np.inf, 2.0]]),
        "path": Path("/tmp/模型.gguf"),
        "pair": (1, 2),
        3: "three",
    }
    text = to_json(document)
    assert "模型" in text
    assert strict(text) == {
        "mean": 0.5,
        "n": 3,
        "ok": True,
        "per_layer": [[1.0, None], [None, 2.0]],
        "path": "/tmp/模型.gguf",
        "pair": [1, 2],
        "3": "three",
    }


def test_what_stdout_cannot_spell_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    text = to_json({"a": "模é😀"})
    assert text.isascii()
    assert strict(text) == {"a": "模é😀"}


def test_a_value_json_has_no_word_for_is_our_own_mistake() -> None:
    with pytest.raises(TypeError, match="set has no place"):
        to_json({"a": {1, 2}})


def test_json_prints_the_document_alone(capsys: pytest.CaptureFixture[str]) -> None:
    def human(console: Any) -> None:
        raise AssertionError("nobody is looking")

    Output(True).emit({"a": 1}, human)
    assert strict(capsys.readouterr().out) == {"a": 1}


def test_people_get_the_page_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Output(False).emit({"a": 1}, lambda console: console.print("hello 3"))
    assert capsys.readouterr().out == "hello 3\n"


def test_one_command_shows_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Output(True)
    shown.emit({"a": 1}, lambda console: None)
    with pytest.raises(RuntimeError, match="once"):
        shown.emit({"a": 2}, lambda console: None)
    assert strict(capsys.readouterr().out) == {"a": 1}


def test_a_pipe_has_room_for_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    Output(False).emit({}, lambda console: console.print("x" * 120))
    assert capsys.readouterr().out == "x" * 120 + "\n"


def test_quiet_is_silent() -> None:
    assert isinstance(Output(False, quiet=True).progress(), Silent)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Time that passes when the test says so."""
    now = [1000.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def test_a_log_gets_a_line_per_finished_task(
    clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Output(True).progress()
    with progress.task("downloading x", 98e6, unit="B") as task:
        for _ in range(10):
            clock(1)
            task.advance(9.8e6)
    with progress.task("in a moment", 3) as task:
        clock(0.4)
        task.advance(3)
    progress.note("a [note]")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "downloading x: 98.0 MB in 10 s\na [note]\n"


def test_a_log_hears_of_a_long_task_every_twenty_seconds(
    clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with Output(False).progress().task("measuring", 100, unit="windows") as task:
        for _ in range(100):
            clock(0.5)
            task.advance()
    assert capsys.readouterr().err.splitlines() == [
        "measuring: 40 of 100 windows, 2.0 windows/s, 30 s left",
        "measuring: 80 of 100 windows, 2.0 windows/s, 10 s left",
        "measuring: 100 windows in 50 s",
    ]


def test_a_failed_task_does_not_say_done(
    clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        with Output(False).progress().task("measuring", 100) as task:
            clock(3)
            task.advance()
            raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        fail()
    assert capsys.readouterr().err == "measuring: stopped after 3.0 s\n"


def test_a_task_of_unknown_length_is_counted(
    clock: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with Output(False).progress().task("reading", None, unit="lines") as task:
        clock(21)
        task.advance(42_000)
    assert capsys.readouterr().err.splitlines() == [
        "reading: 42.0K lines, 2000 lines/s",
        "reading: 42.0K lines in 21 s",
    ]


def on_a_terminal(code: str) -> tuple[str, str]:
    """Runs code with stderr on a pseudo terminal: what stdout and the terminal got."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from penjing.cli.output import *\nimport time\n" + code],
        stdout=subprocess.PIPE,
        stderr=slave,
        env={"TERM": "xterm", "PATH": "", "COLUMNS": "100"},
        text=True,
    )
    os.close(slave)
    seen = bytearray()

    def read() -> None:
        try:
            while piece := os.read(master, 65536):
                seen.extend(piece)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    out, _ = process.communicate(timeout=20)
    reader.join(5)
    os.close(master)
    assert process.returncode == 0, seen.decode()
    return out, seen.decode()


def test_a_terminal_sees_a_bar_only_for_work_that_takes_a_while() -> None:
    out, seen = on_a_terminal(
        "progress = Output(True).progress()\n"
        "with progress.task('outer', 4) as outer:\n"
        "    with progress.task('quick [x]', 3) as task: task.advance(3)\n"
        "    with progress.task('slow [x]', 2e6, unit='B') as task:\n"
        "        for _ in range(8): time.sleep(0.12); task.advance(2.5e5)\n"
        "    outer.advance(4)\n"
        "print('document')\n"
    )
    assert out == "document\n"
    assert "quick" not in seen
    assert "slow [x]" in seen
    assert "of 2.0 MB" in seen
    assert " left" in seen
    assert "slow [x]: 2.0 MB in 1." in seen
    assert seen.rstrip().endswith("\x1b[?25h"), "the cursor comes back"


def test_quick_work_leaves_a_terminal_untouched() -> None:
    _, seen = on_a_terminal(
        "with Output(False).progress().task('quick', 3) as task: task.advance(3)\n"
    )
    assert seen == ""


def test_ctrl_c_leaves_the_terminal_usable() -> None:
    _, seen = on_a_terminal(
        "try:\n"
        "    with Output(False).progress().task('slow', 3):\n"
        "        time.sleep(0.8)\n"
        "        raise KeyboardInterrupt\n"
        "except KeyboardInterrupt: pass\n"
    )
    assert "slow: stopped after 0." in seen
    assert seen.rstrip().endswith("\x1b[?25h")
