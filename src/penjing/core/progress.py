"""How long work tells how far it is. Rooms report; only the command line draws."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol


class Task(Protocol):
    """One bar: a context manager that is advanced."""

    def advance(self, amount: float = 1.0) -> None:
        """So much more is done."""
        ...

    def __enter__(self) -> Task: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Progress(Protocol):
    """Where work reports to."""

    def task(self, label: str, total: float | None, *, unit: str = "") -> Task:
        """Begin a bar. `total=None`: unknown length. unit "B": bytes."""
        ...

    def note(self, text: str) -> None:
        """Say one line that is not a bar."""
        ...


class _SilentTask:
    def advance(self, amount: float = 1.0) -> None:
        pass

    def __enter__(self) -> _SilentTask:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Silent:
    """Progress that nobody watches."""

    def task(self, label: str, total: float | None, *, unit: str = "") -> Task:  # noqa: ARG002
        return _SilentTask()

    def note(self, text: str) -> None:
        pass
