"""Stderr capture: grammar parsers written in C explain themselves only there.

Knows file descriptors; must not know what is being parsed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO


@contextmanager
def overheard() -> Iterator[list[str]]:
    """A list that holds, once the block ended, the lines that were written to descriptor 2.

    Whatever else writes to stderr meanwhile is caught too: keep the block short. Where nothing can
    be caught (stderr is closed, there is no temporary folder) the list stays empty.
    """
    said: list[str] = []
    try:
        file = _sheet()
        kept = os.dup(2)
    except OSError:
        yield said
        return
    os.dup2(file.fileno(), 2)
    try:
        yield said
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        with file:
            file.seek(0)
            text = file.read(2**16).decode("utf-8", "replace")
        said += [line.strip() for line in text.splitlines() if line.strip()]


def _sheet() -> IO[bytes]:
    """Somewhere to write: in memory where that can be had, for what is caught may be private."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("overheard"), "w+b")  # noqa: PTH123
    return tempfile.TemporaryFile()  # not a pipe: it might fill up
