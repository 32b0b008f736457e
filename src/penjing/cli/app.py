"""The front door of `penjing`: finds the command, runs it, and turns every ending into one line.

Only the standard library is imported here, and only the chosen command's own module after that:
`penjing --help` answers before a person notices. It knows no room but core.

To add a command, write a line in COMMANDS and a module in this folder with these three names:

    EXAMPLES: Mapping[str, str]                      command -> an example that can be pasted
    def register(parser: ArgumentParser, command: str) -> None    adds the command's own arguments
    def run(args: Namespace) -> int                  does it; the exit status (0 done, 1 failed)

A module may serve several commands: `command`, later `args.command`, says which. `--json` and
`--quiet` are already there as `args.json` and `args.quiet`. `run` raises PenjingError for what goes
wrong, and shows what it found with `Output(args.json, quiet=args.quiet)` from `cli/output.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any, NoReturn

from penjing import __version__
from penjing.core.errors import (
    Cancelled,
    PenjingError,
    StorageError,
    UnknownName,
    UsageError,
    one_line,
)


@dataclass(frozen=True)
class Command:
    """One line of `penjing --help`."""

    name: str
    """What is typed after `penjing`."""
    module: str
    """Where it lives; imported only when the command is chosen."""
    help: str
    """What it does, in one line."""


COMMANDS = (
    Command("pull", "penjing.cli.models", "download a model or a text by name"),
    Command("list", "penjing.cli.models", "show the models and texts that have a name"),
    Command("remove", "penjing.cli.models", "delete a downloaded model or text"),
    Command("devices", "penjing.cli.devices", "show the devices a model can be made to fit"),
    Command(
        "fit", "penjing.cli.devices", "say whether a model fits a device, and how fast it runs"
    ),
    Command("compress", "penjing.cli.compress", "make a model small enough and prove what it kept"),
    Command("prune", "penjing.cli.prune", "leave channels, heads, layers or tokens out of a model"),
    Command("distill", "penjing.cli.distill", "train a model to say what another says"),
    Command("compare", "penjing.cli.compare", "compare methods at several sizes with controls"),
    Command("evaluate", "penjing.cli.evaluate", "measure what a model or a bundle kept"),
    Command("chat", "penjing.cli.chat", "talk to a model on this machine"),
    Command("serve", "penjing.cli.serve", "answer a browser and programs on this machine"),
    Command("seal", "penjing.cli.sealing", "encrypt a model to devices or a passphrase"),
    Command("open", "penjing.cli.sealing", "open a sealed model in memory and say what it holds"),
    Command("sign", "penjing.cli.signing", "sign a model with a key pair"),
    Command("verify", "penjing.cli.signing", "check a model's hashes, and who signed it"),
    Command("mark", "penjing.cli.mark", "write an owner's code into a model's weights, or read it"),
    Command("assistant", "penjing.cli.assistant", "check an assistant's spec and run its stories"),
    Command("knowledge", "penjing.cli.knowledge", "keep documents and search them"),
    Command("tools", "penjing.cli.tools", "show, try and offer the tools of an assistant"),
    Command("vault", "penjing.cli.vault", "keep what people say encrypted, each with an own key"),
    Command("doctor", "penjing.cli.doctor", "look whether all is well, and whether anything leaks"),
)

_BROKEN_PIPE = 141
"""What a shell reports for a program that a closed pipe ended."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    # Threads that wait asleep: spinning ones fall to a third of their speed when another program
    # wants a core, and gain nothing measurable when none does. Read when OpenMP is first loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with _ends_cleanly():
        try:
            _require_streams()
            status = _run(words)
            _flush()
        except (BrokenPipeError, SystemExit):  # rich makes the one into the other
            status = _leave_pipe()
        except BaseException as error:  # the last line of defence: never a traceback
            if argv is None and isinstance(error, KeyboardInterrupt | Cancelled):
                _stop_listening()
            status = _report(error, words)
    return status


def _require_streams() -> None:
    """Fill closed descriptors, or C code that warns would write into the next file we open."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free: this one
    if sys.stdout is None:
        raise UsageError("standard output is closed: send it somewhere, for example > /dev/null")


def _run(words: list[str]) -> int:
    if words[:1] == ["help"]:
        words = [*words[1:2], "--help"]
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if words[0] in ("-V", "--version"):
        print(f"penjing {__version__}")
        return 0
    command = _command(words[0])
    module = _module(command)
    try:
        args = parser_of(command).parse_args(words[1:])
    except SystemExit:  # after --help; mistakes are a UsageError
        return 0
    args.command = command.name
    return int(module.run(args) or 0)


def parser_of(command: Command) -> argparse.ArgumentParser:
    """All that may be typed after a command's name; `--help` and the reference are made of it."""
    module = _module(command)
    parser = _Parser(
        prog=f"penjing {command.name}",
        description=command.help[0].upper() + command.help[1:] + ".",
        epilog=_example(module, command.name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        conflict_handler="resolve",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    module.register(parser, command.name)
    return parser


def _command(name: str) -> Command:
    if name.startswith("-"):
        raise UsageError(
            f"unknown option '{name}': options come after the command, try penjing --help"
        )
    for command in COMMANDS:
        if command.name == name:
            return command
    raise UnknownName("command", name, [command.name for command in COMMANDS])


def _module(command: Command) -> ModuleType:
    try:
        return importlib.import_module(command.module)
    except ModuleNotFoundError as error:
        if error.name != command.module:
            raise
        raise UsageError(
            f"'{command.name}' is not part of this installation: install a newer penjing"
        ) from error


def _overview() -> str:
    width = max(len(command.name) for command in COMMANDS)
    lines = [f"  {command.name:<{width}}  {command.help}" for command in COMMANDS]
    return "\n".join(
        [
            "usage: penjing COMMAND ...",
            "",
            "Makes a language model small enough for a device, proves what it kept, runs it there.",
            "",
            *lines,
            "",
            "penjing COMMAND --help says more and shows an example; penjing --version.",
            "",
            "example:",
            '  penjing chat --once "What is the capital of France?"',
        ]
    )


def _example(module: ModuleType, name: str) -> str:
    example: str = module.EXAMPLES[name]
    return "example:\n" + "\n".join(f"  {line.strip()}" for line in example.strip().splitlines())


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line and an exception."""

    def print_help(self, file: Any = None) -> None:
        """To a full disk too: argparse's own keeps quiet about it."""
        print(self.format_help(), end="", file=file)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}: try {self.prog} --help")


def _stop_listening() -> None:
    """We are ending: a second Ctrl-C has nothing left to stop and would end in a traceback."""
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Terminated(BaseException):
    """SIGTERM or SIGHUP arrived. No KeyboardInterrupt: a chat must end, not only its sentence."""


_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextlib.contextmanager
def _ends_cleanly() -> Iterator[None]:
    """A signal to end, or a terminal that closes, leaves nothing half-made; nohup stays nohup."""

    def terminate(_signal: int, _frame: FrameType | None) -> None:
        raise _Terminated

    before = {one: signal.getsignal(one) for one in _ENDING}
    ours = [one for one in _ENDING if before[one] is not signal.SIG_IGN or one == signal.SIGTERM]
    try:
        for one in ours:
            signal.signal(one, terminate)
    except ValueError:  # not the main thread: signals are somebody else's
        yield
        return
    try:
        yield
    finally:
        for one in ours:
            signal.signal(one, before[one])


def _report(error: BaseException, words: Sequence[str]) -> int:
    """Say one line on stderr (and one document on stdout with --json); the exit status."""
    known = _translated(error)
    line = one_line(str(known) or type(known).__name__)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if os.environ.get("PENJING_DEBUG") == "1":
            traceback.print_exception(error)
        print(f"penjing: {line}", file=sys.stderr, flush=True)
    if "--json" in words:
        kind = type(known if isinstance(known, Cancelled) else error).__name__
        document = {"error": {"kind": kind, "message": line, "exit_code": known.exit_code}}
        with contextlib.suppress(OSError, ValueError, AttributeError):
            print(json.dumps(document))
    return _quiet_flush(known.exit_code)


def _translated(error: BaseException) -> PenjingError:
    if isinstance(error, PenjingError):
        return error
    if isinstance(error, KeyboardInterrupt | _Terminated):
        return Cancelled("stopped")
    if isinstance(error, MemoryError):
        advice = "close other programs, or choose a smaller model or a shorter context"
        return PenjingError(f"not enough memory: {advice}")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = error.filename or "the output"
        return StorageError(f"cannot write {where}: {os.strerror(error.errno).lower()}")
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    advice = "run again with PENJING_DEBUG=1 for the trace"
    return PenjingError(f"internal error: {what} ({advice})")


def _flush() -> None:
    if sys.stdout is not None:  # None when started with a closed output
        sys.stdout.flush()


def _quiet_flush(status: int) -> int:
    try:
        _flush()
    except BrokenPipeError:
        return _leave_pipe()
    except OSError:
        _close_stdout()
    return status


def _leave_pipe() -> int:
    _close_stdout()
    return _BROKEN_PIPE


def _close_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's own last flush stays quiet."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


if __name__ == "__main__":
    sys.exit(main())
