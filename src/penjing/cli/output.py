"""What a command shows: one document or a page for people on stdout, progress on stderr.

Knows nothing of models. rich is imported when something is drawn, never at start-up.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from penjing.core.progress import Progress, Silent, Task
from penjing.core.terminal import clean
from penjing.core.units import format_count, format_duration, format_size

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

PATIENCE = 0.5
"""Seconds of work before a bar appears; shorter work is never mentioned."""
LINE_EVERY = 20.0
"""Seconds between two lines about one task where no bar can be drawn."""
_REDRAW = 0.1
_PIPE_WIDTH = 120


class Output:
    """How one run of one command talks to its caller."""

    def __init__(self, json: bool, *, quiet: bool = False) -> None:
        self._json = json
        self._quiet = quiet
        self._emitted = False

    @property
    def json(self) -> bool:
        """A program reads it."""
        return self._json

    def progress(self) -> Progress:
        """Bars on a terminal, lines elsewhere, nothing when quiet. Always on stderr."""
        if self._quiet or sys.stderr is None:
            return Silent()
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            return _Drawn()
        return _Lines()

    def emit(self, document: Mapping[str, Any], human: Callable[[Console], None]) -> None:
        """Show the result, once and last: the document with --json, else what `human` draws."""
        if self._emitted:
            raise RuntimeError("emit is called once: one command, one document")
        self._emitted = True
        if self._json:
            print(to_json(document), flush=True)
        else:
            human(self.console())

    def console(self) -> Console:
        """A rich console on stdout; a pipe is given room for a table."""
        from rich.console import Console

        wide = sys.stdout.isatty() or "COLUMNS" in os.environ
        return Console(file=sys.stdout, highlight=False, width=None if wide else _PIPE_WIDTH)


def to_json(document: Mapping[str, Any]) -> str:
    """One JSON document: NaN and infinities become null, what stdout cannot spell is escaped."""
    safe = _safe(document)
    text = json.dumps(safe, ensure_ascii=False, indent=2, allow_nan=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # another locale, or half of a surrogate pair in a file name
        text = json.dumps(safe, ensure_ascii=True, indent=2, allow_nan=False)
    return text


def _safe(value: Any) -> Any:
    """`value` in JSON's own types; numpy numbers and arrays by their `tolist`."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):
        return _safe(value.tolist())
    raise TypeError(f"{type(value).__name__} has no place in a JSON document")


class _Lines:
    """Progress for a log: a line when a task ends, and one now and then in a long one."""

    def task(self, label: str, total: float | None, *, unit: str = "") -> Task:
        return _Line(label, total, unit)

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class _Counted:
    """What is done of one task, in words."""

    def __init__(self, label: str, total: float | None, unit: str) -> None:
        self.label = label
        self.total = total
        self.unit = unit
        self.done = 0.0
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def amount(self) -> str:
        """ "12.1 MB of 98.4 MB, 3.0 MB/s"; empty before anything was counted."""
        if not self.done:
            return ""
        rate = ""
        if self.seconds > PATIENCE:
            rate = f", {self._count(self.done / self.seconds, whole=False)}/s"
        if self.total is None:
            return f"{self._count(self.done)}{rate}"
        begun = self._count(self.done, unit=self.unit == "B")
        return f"{begun} of {self._count(self.total)}{rate}"

    def left(self) -> str:
        """ "12 s left", when that can be guessed."""
        if not self.total or not 0 < self.done < self.total:
            return ""
        return f"{format_duration(self.seconds * (self.total - self.done) / self.done)} left"

    def ending(self, failed: bool) -> str:
        """The line that remains of a task."""
        if failed:
            return f"{self.label}: stopped after {format_duration(self.seconds)}"
        amount = f"{self._count(self.done)} in " if self.done else ""
        return f"{self.label}: {amount}{format_duration(self.seconds)}"

    def _count(self, number: float, *, whole: bool = True, unit: bool = True) -> str:
        if self.unit == "B":
            return format_size(number)
        if number >= 10_000:
            text = format_count(number)
        else:
            text = f"{number:.0f}" if whole or number >= 10 else f"{number:.1f}"
        return f"{text} {self.unit}" if self.unit and unit else text


class _Line:
    def __init__(self, label: str, total: float | None, unit: str) -> None:
        self._count = _Counted(label, total, unit)
        self._said = time.monotonic()

    def advance(self, amount: float = 1.0) -> None:
        self._count.done += amount
        now = time.monotonic()
        if now - self._said >= LINE_EVERY:
            self._said = now
            parts = [part for part in (self._count.amount(), self._count.left()) if part]
            print(f"{self._count.label}: {', '.join(parts)}", file=sys.stderr, flush=True)

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._count.seconds >= PATIENCE:
            print(self._count.ending(kind is not None), file=sys.stderr, flush=True)


class _Drawn:
    """Bars on a terminal. One set, however many tasks run inside each other."""

    def __init__(self) -> None:
        self._bars: Bars | None = None
        self._open = 0
        self._lock = threading.Lock()

    def task(self, label: str, total: float | None, *, unit: str = "") -> Task:
        return _Bar(self, _Counted(label, total, unit))

    def note(self, text: str) -> None:
        self.bars().console.print(text, markup=False)

    def bars(self) -> Bars:
        """The set, made when first needed."""
        if self._bars is None:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bars

            self._bars = Bars(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[detail]}", markup=False),
                console=Console(file=sys.stderr, highlight=False),
                transient=True,
            )
        return self._bars

    def opened(self) -> None:
        """A bar is shown: draw from now on."""
        with self._lock:
            self._open += 1
            if self._open == 1:
                self.bars().start()

    def closed(self) -> None:
        """A bar is gone: stop drawing after the last."""
        with self._lock:
            self._open -= 1
            if self._open == 0:
                self.bars().stop()


class _Bar:
    """One task on a terminal: silent for PATIENCE seconds, then a bar, at the end a line."""

    def __init__(self, drawn: _Drawn, count: _Counted) -> None:
        self._drawn = drawn
        self._count = count
        self._id: TaskID | None = None
        self._drawn_at = 0.0
        self._lock = threading.Lock()
        self._over = False
        self._timer = threading.Timer(PATIENCE, self._show)
        self._timer.daemon = True

    def advance(self, amount: float = 1.0) -> None:
        self._count.done += amount
        now = time.monotonic()
        if self._id is not None and now - self._drawn_at >= _REDRAW:
            self._drawn_at = now
            self._drawn.bars().update(self._id, completed=self._count.done, detail=self._detail())

    def __enter__(self) -> _Bar:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._id is None:
                return
            self._drawn.bars().remove_task(self._id)
            self._drawn.note(self._count.ending(kind is not None))
            self._drawn.closed()

    def _show(self) -> None:
        with self._lock:
            if self._over:
                return
            self._drawn.opened()
            self._id = self._drawn.bars().add_task(
                self._count.label,
                total=self._count.total,
                completed=int(self._count.done),
                detail=self._detail(),
            )

    def _detail(self) -> str:
        return "  ".join(part for part in (self._count.amount(), self._count.left()) if part)


def say(text: str) -> None:
    """A piece of an answer, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def tell(text: str) -> None:
    """A line that is not the answer."""
    if sys.stderr is not None:
        print(f"[{clean(text)}]", file=sys.stderr, flush=True)
