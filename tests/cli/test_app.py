"""The front door: every way a command can end, and how fast the door opens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import types
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from penjing import __version__
from penjing.cli import app
from penjing.core.errors import BadInput, NetworkError, PenjingError

PROBE = "penjing.cli._probe_for_tests"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Namespace], int]], None]:
    """Installs a command called `probe` that does what the test says."""

    def install(run: Callable[[Namespace], int]) -> None:
        module = types.ModuleType(PROBE)

        def register(parser: ArgumentParser, command: str) -> None:
            parser.add_argument("--size", type=int)

        vars(module).update(
            EXAMPLES={"probe": "penjing probe --size 3"}, register=register, run=run
        )
        monkeypatch.setitem(sys.modules, PROBE, module)
        commands = (*app.COMMANDS, app.Command("probe", PROBE, "tries things"))
        monkeypatch.setattr(app, "COMMANDS", commands)

    return install


def raising(error: BaseException) -> Callable[[Namespace], int]:
    def run(args: Namespace) -> int:
        raise error

    return run


def lines(text: str) -> list[str]:
    return text.splitlines()


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_help_names_every_command(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(argv) == 0
    out = capsys.readouterr().out
    assert all(f"  {command.name} " in out and command.help in out for command in app.COMMANDS)
    assert "example:" in out
    assert max(map(len, lines(out))) <= 90


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--version"]) == 0
    assert capsys.readouterr().out == f"penjing {__version__}\n"


@pytest.mark.parametrize("name", [command.name for command in app.COMMANDS])
def test_every_commands_help_shows_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = app.main([name, "--help"])
    shown = capsys.readouterr()
    assert status == 0, shown.err
    assert f"usage: penjing {name}" in shown.out
    assert f"example:\n  penjing {name}" in shown.out
    assert "--json" in shown.out


def test_help_word_shows_the_commands_help(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(lambda args: 0)
    assert app.main(["help", "probe"]) == 0
    assert "example:\n  penjing probe --size 3" in capsys.readouterr().out


def test_an_unknown_command_suggests_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["comprss"]) == 2
    assert capsys.readouterr().err == (
        "penjing: unknown command 'comprss': did you mean compress or compare?\n"
    )


def test_a_missing_module_matters_only_when_its_command_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ghost = app.Command("ghost", "penjing.cli.no_such_module", "is not there")
    monkeypatch.setattr(app, "COMMANDS", (*app.COMMANDS, ghost))
    assert app.main(["--help"]) == 0
    capsys.readouterr()
    assert app.main(["ghost"]) == 2
    assert lines(capsys.readouterr().err) == [
        "penjing: 'ghost' is not part of this installation: install a newer penjing"
    ]


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["probe", "--size", "many"], "invalid int value: 'many'"),
        (["probe", "--sizes", "3"], "unrecognized arguments: --sizes 3"),
        (["probe", "--siz", "3"], "unrecognized arguments: --siz 3"),
        (["probe", "a\nb"], r"unrecognized arguments: a\nb"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_2(
    argv: list[str], part: str, command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(lambda args: 0)
    assert app.main(argv) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(lines(shown.err)) == 1
    assert part in shown.err
    assert shown.err.endswith(": try penjing probe --help\n")


def test_an_option_before_the_command_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--json", "list"]) == 2
    assert "options come after the command" in capsys.readouterr().err


def test_run_gets_its_arguments_and_gives_its_status(command: Callable[..., None]) -> None:
    seen: list[Namespace] = []
    command(lambda args: seen.append(args) or 1)
    assert app.main(["probe", "--size", "3", "--json"]) == 1
    args = seen[0]
    assert (args.command, args.size, args.json, args.quiet) == ("probe", 3, True, False)


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (BadInput("no good: give another"), 2, "no good: give another"),
        (NetworkError("away: try later"), 1, "away: try later"),
        (PenjingError("two\n  lines\x1b[31m"), 1, r"two\n  lines\x1b[31m"),
        (KeyboardInterrupt(), 130, "stopped"),
        (
            MemoryError(),
            1,
            "not enough memory: close other programs, "
            "or choose a smaller model or a shorter context",
        ),
        (
            ValueError("odd"),
            1,
            "internal error: ValueError: odd (run again with PENJING_DEBUG=1 for the trace)",
        ),
        (
            AssertionError(),
            1,
            "internal error: AssertionError (run again with PENJING_DEBUG=1 for the trace)",
        ),
    ],
)
def test_every_failure_is_one_line_and_a_document_with_json(
    error: BaseException,
    status: int,
    line: str,
    command: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PENJING_DEBUG", raising=False)
    command(raising(error))
    assert app.main(["probe"]) == status
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"penjing: {line}\n")

    assert app.main(["probe", "--json"]) == status
    shown = capsys.readouterr()
    assert shown.err == f"penjing: {line}\n"
    document = json.loads(shown.out)["error"]
    assert document["message"] == line
    assert document["exit_code"] == status


def test_a_wrong_argument_is_a_document_too(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    command(lambda args: 0)
    assert app.main(["probe", "--json", "--size", "x"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "UsageError"


def test_debug_shows_the_trace(
    command: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PENJING_DEBUG", "1")
    command(raising(ValueError("odd")))
    assert app.main(["probe"]) == 1
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert "ValueError: odd" in err


def test_the_old_sigterm_handler_comes_back(command: Callable[..., None]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    during: list[object] = []
    command(lambda args: during.append(signal.getsignal(signal.SIGTERM)) or 0)
    app.main(["probe"])
    assert signal.getsignal(signal.SIGTERM) is before
    assert during[0] is not before


SCRIPT = """
import sys, types, time, pathlib
from penjing.cli import app

def run(args):
    try:
        print("ready", flush=True)
        {body}
    finally:
        pathlib.Path(sys.argv[1]).write_text("cleaned up")
    return 0

module = types.ModuleType("probe_module")
vars(module).update(EXAMPLES=dict(probe="penjing probe"), run=run, register=lambda p, c: None)
sys.modules["probe_module"] = module
app.COMMANDS = (app.Command("probe", "probe_module", "x"),)
sys.exit(app.main(["probe", *sys.argv[2:]]))
"""


def start(tmp_path: Path, body: str, *words: str, **kwargs: object) -> subprocess.Popen[str]:
    script = tmp_path / "probe.py"
    script.write_text(SCRIPT.format(body=body))
    return subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "mark"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kwargs,  # type: ignore[call-overload]
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_cleans_up_and_says_stopped(number: signal.Signals, tmp_path: Path) -> None:
    usual = lambda: signal.signal(number, signal.SIG_DFL)  # noqa: E731  tests run under nohup too
    process = start(
        tmp_path, "time.sleep(30)", preexec_fn=usual if number == signal.SIGHUP else None
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "penjing: stopped\n")
    assert (tmp_path / "mark").read_text() == "cleaned up"


def test_nohup_goes_on(tmp_path: Path) -> None:
    body = "import os, signal; os.kill(os.getpid(), signal.SIGHUP)"
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    process = start(tmp_path, body, preexec_fn=ignore)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_sigterm_ends_a_command_that_survives_ctrl_c(tmp_path: Path) -> None:
    body = "\n        ".join(
        [
            "while True:",
            "    try: print('waiting', flush=True); time.sleep(30)",
            "    except KeyboardInterrupt: print('still here', flush=True)",
        ]
    )
    process = start(tmp_path, body)
    assert process.stdout is not None
    while process.stdout.readline() != "waiting\n":  # only now is Ctrl-C caught
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "still here\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "penjing: stopped\n")


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    process = start(tmp_path, "[print('line', i) for i in range(200_000)]")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(10) == 141
    assert err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("size", [10, 200_000])
def test_a_full_disk_under_the_output_is_one_line(tmp_path: Path, size: int) -> None:
    script = tmp_path / "probe.py"
    script.write_text(SCRIPT.format(body=f"print('x' * {size})").replace(", flush=True", ""))
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, str(script), str(tmp_path / "mark")],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "penjing: cannot write the output: no space left on device\n"


@pytest.mark.alone
def test_help_is_quick_and_imports_only_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); from penjing.cli.app import main; main(['--help']);"
        "print(*sorted({n.split('.')[0] for n in set(sys.modules) - before}), file=sys.stderr)"
    )
    times = []
    for _ in range(5):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        times.append(time.perf_counter() - began)
    foreign = set(done.stderr.split()) - set(sys.stdlib_module_names) - {"penjing"}
    assert foreign == set()
    assert min(times) < 0.5, "60 ms on an idle machine; far more means a heavy import"


def test_only_the_chosen_commands_module_is_imported() -> None:
    code = (
        "import sys; from penjing.cli.app import main; main(['list', '--help']);"
        "print(*[n for n in sys.modules if n.startswith('penjing.')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name for name in done.stderr.split() if name.startswith("penjing.cli.")} == {
        "penjing.cli.app",
        "penjing.cli.models",
        "penjing.cli.output",
    }
    assert "penjing.bundle" not in done.stderr


def test_python_dash_m_is_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "penjing", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert done.stdout == f"penjing {__version__}\n"
