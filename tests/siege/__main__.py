"""A siege of Penjing, by its own people: everything a stranger sends, for as long as you like.

    python tests/siege [--minutes 10] [--seed 1] [--only gguf,door] [--into DIR]
    python tests/siege --list
    python tests/siege --again gguf:1234 [--seed 1]

Each way of attacking runs in a process of its own, on a scratch folder of its own, behind a fence
(Landlock) that lets it write nowhere else, with limits on memory, processes and time. All chance
comes from the seed: any case that fell can be tried again alone. What fell lies in DIR, with the
files that did it. With a DIR that was begun already, ways that are done there are not done again.

Prints a table of cases tried and survived; exit status 1 when anything fell.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import campaign  # noqa: E402
import trial  # noqa: E402
from campaign import Outcome  # noqa: E402

_AFTER = 90.0
"""Seconds in which a way has to come to its end once its time is over."""
_PROCESSES = 64
_TOGETHER = 4 * 2**30
"""Bytes of one way's processes together, above which they are ended."""


def main(words: Sequence[str] | None = None) -> int:
    """Do it and say what came out."""
    args = _parser().parse_args(words)
    if args.list:
        for name in campaign.names():
            print(f"{name:14} {campaign.load(name).what}")
        return 0
    if args.way:
        return _inside(args)
    if args.again:
        name, _, number = args.again.partition(":")
        args.only, args.number = name, number
    into = args.into or Path(tempfile.mkdtemp(prefix="penjing-siege-"))
    into.mkdir(parents=True, exist_ok=True)
    outcomes = _all(args, into.resolve())
    print(table(outcomes))
    fallen = [f"{one.name}: {line}" for one in outcomes for line in one.fallen]
    for line in fallen:
        print(f"- {line}", file=sys.stderr)
    if fallen:
        print(f"what fell lies in {into}", file=sys.stderr)
    return 1 if fallen else 0


def table(outcomes: Sequence[Outcome]) -> str:
    """What came out, for people."""
    lines = [
        "| attacked | cases | survived | slowest | most memory | fenced |",
        "|---|---|---|---|---|---|",
    ]
    for one in outcomes:
        memory = f"{one.memory / 2**20:.0f} MiB" if one.memory else ""
        lines.append(
            f"| {one.name} | {one.tried:,} | {one.survived:,} | {one.slowest:.2f} s | {memory} | "
            f"{'yes' if one.fenced else 'no'} |"
        )
    tried, survived = sum(one.tried for one in outcomes), sum(one.survived for one in outcomes)
    return "\n".join([*lines, f"| together | {tried:,} | {survived:,} | | | |"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="siege", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="names of ways, with commas between")
    parser.add_argument("--into", type=Path)
    parser.add_argument("--list", action="store_true", help="what is attacked, and what must hold")
    parser.add_argument("--again", metavar="WAY:NUMBER", help="one case alone")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--number", default="", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=60.0, help=argparse.SUPPRESS)
    return parser


def _all(args: argparse.Namespace, into: Path) -> list[Outcome]:
    names = [name for name in args.only.split(",") if name] or campaign.names()
    if unknown := sorted(set(names) - set(campaign.names())):
        raise SystemExit(f"siege: no way is called {', '.join(unknown)}: see --list")
    book = into / "siege.jsonl"
    done = {} if args.number else _done(book)
    ways = {name: campaign.load(name) for name in names}
    shares = sum(0.0 if way.once else way.share for way in ways.values()) or 1.0
    outcomes = []
    for place, (name, way) in enumerate(ways.items(), 1):
        seconds = args.minutes * 60 * way.share / shares
        if name not in done:
            try:
                done[name] = _besiege(args, name, into, seconds, f"[{place}/{len(ways)}]")
            except KeyboardInterrupt:
                print("siege: stopped; with the same --into it goes on", file=sys.stderr)
                break
            with book.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(done[name])) + "\n")
        outcomes.append(done[name])
    return outcomes


def _done(book: Path) -> dict[str, Outcome]:
    if not book.exists():
        return {}
    lines = [json.loads(line) for line in book.read_text("utf-8").splitlines()]
    return {line["name"]: Outcome(**line) for line in lines}


def _besiege(
    args: argparse.Namespace, name: str, into: Path, seconds: float, place: str
) -> Outcome:
    """One way in a process of its own, watched from outside."""
    told = into / name / "outcome.json"
    told.unlink(missing_ok=True)
    with (into / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, str(HERE), "--way", name, "--seed", str(args.seed)),
                *("--seconds", str(seconds), "--into", str(into), "--number", args.number),
            ],
            stdout=log,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    guard = _Guard(process, time.monotonic() + seconds + _AFTER)
    last = ["0", "0"]
    lines: list[str] = []
    try:
        for line in process.stderr or ():
            if len(words := line.split()) == 2 and all(word.isdecimal() for word in words):
                last = words
                left = max(0.0, guard.end - _AFTER - time.monotonic())
                text = f"{place} {name}: {int(last[0]):,} tried, {last[1]} fell, {left:.0f} s left"
                print(f"\r{text:70}", end="", file=sys.stderr, flush=True)
            else:
                lines = [*lines[-20:], line.rstrip()]
    finally:
        guard.finish()
        print(f"\r{'':70}\r", end="", file=sys.stderr)
    with contextlib.suppress(OSError, ValueError):
        return Outcome(**json.loads(told.read_text("utf-8")))
    why = guard.why or f"it ended with status {process.returncode}: {' / '.join(lines[-3:])[-400:]}"
    return Outcome(name, int(last[0]), int(last[0]) - int(last[1]), fallen=[f"no outcome: {why}"])


class _Guard:
    """Ends a way that runs on, holds too much, or multiplies."""

    def __init__(self, process: subprocess.Popen[str], end: float) -> None:
        self.end, self.why = end, ""
        self._process, self._over = process, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """It has ended, or has to."""
        self._over.set()
        self._thread.join()
        self._kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            everybody = list(trial.tree(self._process.pid))
            if time.monotonic() > self.end:
                self.why = "it did not come to its end"
            elif len(everybody) > _PROCESSES:
                self.why = f"it had {len(everybody)} processes"
            elif sum(map(_held, everybody)) > _TOGETHER:
                self.why = "its processes held too much memory together"
            if self.why:
                self._kill()
                return

    def _kill(self) -> None:
        for pid in reversed(list(trial.tree(self._process.pid))):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _held(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _inside(args: argparse.Namespace) -> int:
    """In the process of one way."""
    root = args.into / args.way
    root.mkdir(parents=True, exist_ok=True)
    only = [int(args.number)] if args.number else []
    outcome = campaign.run(args.way, root, args.seed, args.seconds, only)
    told = root / "outcome.json"
    told.write_text(json.dumps(asdict(outcome)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
