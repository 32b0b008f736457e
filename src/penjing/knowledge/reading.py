"""A stranger's bytes become plain text in a process of their own, with little memory and time.

No library that reads PDF or HTML promises how much it needs; the system's limits do. The child has
no part in the vault and no file of ours: bytes go in by a pipe, text comes out by another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from penjing.core.errors import BadInput, MissingExtra, PenjingError
from penjing.core.units import format_size
from penjing.knowledge.chunking import Chunk
from penjing.knowledge.formats import FORMATS
from penjing.knowledge.plain import MOST_CHARACTERS, Plain, Section

MOST_BYTES = 100 * 2**20
"""Of one file."""
_MOST_ANSWER = 8 * MOST_CHARACTERS
_ONE = threading.Lock()
"""At a time: memory and cores are promised of this process, and not of each document."""


@dataclass(frozen=True)
class Limits:
    """What reading one document may take."""

    memory: int = 512 * 2**20
    """Bytes of address space."""
    seconds: int = 60
    """Of the processor; five times that on the clock. The last line: formats refuse sooner what is
    hostile, and only a long PDF needs as many."""


def format_of(name: str, media: str = "") -> str:
    """Which format a document is in: by its ending, else its media type. Raises BadInput."""
    lower = name.lower()
    for word, marks in FORMATS.items():
        if lower.endswith(tuple(mark for mark in marks if mark.startswith("."))):
            return word
    for word, marks in FORMATS.items():
        if media in marks:
            return word
    known = ", ".join(FORMATS)
    raise BadInput(f"{name[:100]} is none of {known}: convert it, or give it the right ending")


def require_size(name: str, size: int) -> None:
    """Refuse what is too large before it is read. Raises BadInput."""
    if size > MOST_BYTES:
        most = format_size(MOST_BYTES)
        raise BadInput(f"{name[:100]} has {format_size(size)} and {most} are the most: split it")


@dataclass(frozen=True)
class Read:
    """A document as it was read."""

    plain: Plain
    """Its text."""
    passages: tuple[Chunk, ...]
    """Which are all of it, in order."""


def read(name: str, media: str, data: bytes, limits: Limits | None = None) -> Plain:
    """The document's plain text. Raises BadInput with its name, whatever the bytes are."""
    return read_and_cut(name, media, data, limits).plain


def read_and_cut(name: str, media: str, data: bytes, limits: Limits | None = None) -> Read:
    """The document's plain text and its passages, both made in the other process."""
    form = format_of(name, media)
    require_size(name, len(data))
    try:
        with _ONE:
            return _in_child(form, data, limits or Limits())
    except MissingExtra:
        raise
    except PenjingError as error:
        raise BadInput(f"{name[:100]} cannot be read: {error}") from error


def _in_child(form: str, data: bytes, limits: Limits) -> Read:
    command = [sys.executable, "-P", "-m", "penjing.knowledge.child"]
    numbers = map(str, (limits.memory, limits.seconds, os.getpid()))
    child = subprocess.Popen(
        [*command, form, *numbers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    late = threading.Timer(5 * limits.seconds, child.kill)
    late.start()
    try:
        into, out = child.stdin, child.stdout
        if into is None or out is None:
            raise RuntimeError("a pipe that was asked for is not there")
        threading.Thread(target=_feed, args=(into, data), daemon=True).start()
        with out:
            answer = out.read(_MOST_ANSWER)
            overflows = bool(out.read(1))
    finally:
        late.cancel()
        child.kill()
        child.wait()
    if overflows or not answer:
        raise BadInput(
            f"it needs more than {format_size(limits.memory)} of memory or {limits.seconds} s: "
            "split it, or save it anew"
        )
    return _answered(answer)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    with suppress(OSError):  # it has heard enough
        pipe.write(data)
    with suppress(OSError):
        pipe.close()


def _answered(answer: bytes) -> Read:
    """What the child says is believed as little as the bytes it read."""
    try:
        said = json.loads(answer)
        if "missing" in said:
            raise MissingExtra(str(said["missing"])[:200], "knowledge")
        if "error" in said:
            raise BadInput(str(said["error"])[:300])
        text = str(said["text"])
        sections = [
            Section(int(start), tuple(map(str, heading)), str(place))
            for start, heading, place in said["sections"]
        ]
        passages = tuple(Chunk(int(a), int(b), str(where)) for a, b, where in said["passages"])
        remark = " ".join(str(said["remark"])[:300].split())
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput("reading it was cut off: save it anew") from error
    starts = [section.start for section in sections]
    if starts != sorted(starts) or (starts and not 0 <= starts[0] <= starts[-1] <= len(text)):
        raise BadInput("reading it went wrong: save it anew")
    ends = [0, *(one.end for one in passages)]
    if ends[-1] != len(text) or any(
        one.start != end or one.end <= end for one, end in zip(passages, ends, strict=False)
    ):
        raise BadInput("reading it went wrong: save it anew")
    return Read(Plain(text, tuple(sections), remark), passages)
