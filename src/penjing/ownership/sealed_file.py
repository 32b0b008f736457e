"""The file format of a sealed model: who opens it in clear, everything else encrypted.

    PJSEAL1\\n | length, 4 bytes | header, JSON: schema, plain bytes, ways | its SHA-256 | chunks

The chunks (`stream.py`) hold a table of files, then the files one after the other. Their key is
derived from a random one that each way (`recipients.py`) wraps; the whole head is bound to each.
The SHA-256 only tells damage from a wrong key. What lies in clear: how many may open it, of which
kind they are, and how long it is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penjing.bundle.lookalikes import SEALED
from penjing.core.errors import FormatError, IntegrityError
from penjing.core.files import require_space, writing
from penjing.core.memory_file import MemoryFile
from penjing.core.plain_json import is_whole, parse_json
from penjing.core.strangers import open_plain, read_errors
from penjing.core.units import counted
from penjing.ownership.recipients import checked_ways
from penjing.ownership.stream import CHUNK, open_stream, seal_stream, sealed_bytes
from penjing.vault.envelope import Key, derive

SUFFIX = ".sealed"
SCHEMA = 1
_MOST_HEADER = 2**20
_MOST_TABLE = 4 * 2**20
_MOST_FILES = 10_000
_MOST_DOCUMENT = 16 * 2**20
_PURPOSE = "sealed file 1, chunks"


@dataclass(frozen=True)
class SealedHead:
    """What a sealed file says to everybody. Not to be believed before it is opened."""

    path: Path
    """Where it lies."""
    ways: tuple[Mapping[str, Any], ...]
    """Each of them opens it; see `recipients.py`."""
    length: int
    """Plain bytes."""
    offset: int
    """Where the chunks begin."""
    digest: bytes
    """Of all that is before them; bound to each."""


@dataclass(frozen=True)
class SealedFiles:
    """What was in it."""

    model: MemoryFile
    """The GGUF, in memory; the caller closes it."""
    documents: Mapping[str, bytes]
    """What was kept of the others, by name."""
    files: Mapping[str, int]
    """Bytes of every file, by name."""


def write_sealed(
    path: Path,
    key: Key,
    ways: Sequence[Mapping[str, Any]],
    files: Mapping[str, Path],
    *,
    on_bytes: Callable[[int], None] | None = None,
) -> int:
    """Seal files, in order; the size of what was written. Whole or not at all."""
    sizes = {name: each.stat().st_size for name, each in files.items()}
    table = json.dumps({"files": [{"name": n, "bytes": size} for n, size in sizes.items()]})
    start = len(table.encode()).to_bytes(4, "big") + table.encode()
    length = len(start) + sum(sizes.values())
    head = _head_bytes(ways, length)
    require_space(path.parent, len(head) + sealed_bytes(length))
    inner, about = Key(derive(key, _PURPOSE)), hashlib.sha256(head).digest()
    written = len(head)
    with writing(path) as file:
        file.write(head)
        for chunk in seal_stream(inner, about, _pieces(start, files), length):
            written += file.write(chunk)
            if on_bytes:
                on_bytes(len(chunk))
    return written


def read_head(path: Path) -> SealedHead:
    """What is in clear. FormatError for no sealed file, IntegrityError for a damaged one."""
    with read_errors(path), open_plain(path) as file:
        size, begin = os.fstat(file.fileno()).st_size, file.read(len(SEALED) + 4)
        if begin[: len(SEALED)] != SEALED or len(begin) < len(SEALED) + 4:
            raise FormatError(f"{path} is not a sealed model: seal one with penjing seal")
        count = int.from_bytes(begin[len(SEALED) :], "big")
        header = file.read(count) if count <= _MOST_HEADER else b""
        check = file.read(hashlib.sha256().digest_size)
    if hashlib.sha256(header).digest() != check:
        raise IntegrityError(f"the head of {path} is damaged: copy it again")
    try:
        ways, length = _parsed(header)
    except FormatError as error:
        raise FormatError(f"{path} is no sealed model that can be opened: {error}") from error
    whole = begin + header + check
    head = SealedHead(path, ways, length, len(whole), hashlib.sha256(whole).digest())
    _require_size(head, size)
    return head


def open_sealed(
    head: SealedHead,
    key: Key,
    *,
    keep: Sequence[str] = (),
    name: Callable[[Mapping[str, bytes]], str] | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> SealedFiles:
    """Decrypt into memory, and authenticate every chunk, before anybody sees any of it.

    `keep` names documents to be kept beside the model. IntegrityError for what was changed.
    """
    inner = Key(derive(key, _PURPOSE))
    with read_errors(head.path), open_plain(head.path) as file:
        file.seek(head.offset)
        chunks = open_stream(inner, head.digest, file, head.length, str(head.path))
        return _unpacked(_Pieces(chunks, on_bytes), head, keep, name)


def _unpacked(
    pieces: _Pieces,
    head: SealedHead,
    keep: Sequence[str],
    name: Callable[[Mapping[str, bytes]], str] | None,
) -> SealedFiles:
    files = _table(pieces, head)
    documents: dict[str, bytes] = {}
    model: MemoryFile | None = None
    try:
        for each, size in files.items():
            if model is None and each.endswith(".gguf"):
                model = MemoryFile(name(documents) if name else each.removesuffix(".gguf"))
                for piece in pieces.take(size):
                    model.write(piece)
            elif each in keep and size <= _MOST_DOCUMENT:
                documents[each] = b"".join(map(bytes, pieces.take(size)))
            else:
                for _ in pieces.take(size):
                    pass
        pieces.require_end()
        if model is None:
            raise FormatError(f"{head.path} holds no GGUF model: seal one that does")
        model.freeze()
    except BaseException:
        if model is not None:
            model.close()
        raise
    return SealedFiles(model, documents, files)


def _table(pieces: _Pieces, head: SealedHead) -> dict[str, int]:
    """Names and sizes. From whoever knew a key of ours, which may be anybody: checked."""
    size = int.from_bytes(b"".join(map(bytes, pieces.take(4))), "big")
    broken = FormatError(f"{head.path} was sealed by no Penjing that this one knows: seal it again")
    if not 2 <= size <= min(_MOST_TABLE, head.length):
        raise broken
    found = parse_json(b"".join(map(bytes, pieces.take(size))))
    listed = found.get("files") if isinstance(found, dict) else None
    if not isinstance(listed, list) or not 1 <= len(listed) <= _MOST_FILES:
        raise broken
    files: dict[str, int] = {}
    for one in listed:
        if not isinstance(one, dict) or set(one) != {"name", "bytes"}:
            raise broken
        name, count = one["name"], one["bytes"]
        plain = isinstance(name, str) and 0 < len(name) <= 255 and name.isprintable()
        if not plain or name in files or not is_whole(count) or count < 0:
            raise broken
        files[name] = count
    if 4 + size + sum(files.values()) != head.length:
        raise broken
    return files


class _Pieces:
    """Plain bytes taken as many as are wanted, without joining them."""

    def __init__(
        self, chunks: Iterator[memoryview], on_bytes: Callable[[int], None] | None
    ) -> None:
        self._chunks, self._on_bytes = chunks, on_bytes
        self._left = memoryview(b"")

    def take(self, count: int) -> Iterator[memoryview]:
        while count:
            if not self._left:
                self._left = next(self._chunks)
                if self._on_bytes:
                    self._on_bytes(len(self._left))
            piece, self._left = self._left[:count], self._left[count:]
            count -= len(piece)
            yield piece

    def require_end(self) -> None:
        """Read on to the end, which must be here; IntegrityError from the stream if it is not."""
        for _ in self._chunks:
            raise FormatError("a sealed file is longer than its table: seal it again")


def _head_bytes(ways: Sequence[Mapping[str, Any]], length: int) -> bytes:
    document = {"schema": SCHEMA, "bytes": length, "ways": [dict(way) for way in ways]}
    header = json.dumps(document, sort_keys=True).encode()
    return SEALED + len(header).to_bytes(4, "big") + header + hashlib.sha256(header).digest()


def _parsed(header: bytes) -> tuple[tuple[Mapping[str, Any], ...], int]:
    found = parse_json(header)
    if not isinstance(found, dict) or set(found) != {"schema", "bytes", "ways"}:
        raise FormatError("its head is not of our making")
    if not is_whole(found["schema"]) or found["schema"] != SCHEMA:
        raise FormatError("it is of another version: use a newer Penjing")
    if not is_whole(found["bytes"]) or not 0 < found["bytes"] < 2**62:
        raise FormatError("its length is none")
    return checked_ways(found["ways"]), found["bytes"]


def _require_size(head: SealedHead, size: int) -> None:
    expected = head.offset + sealed_bytes(head.length)
    if size < expected:
        raise IntegrityError(
            f"{head.path} is cut short by {counted(expected - size, 'byte')}: copy it again"
        )
    if size > expected:
        raise IntegrityError(
            f"{head.path} goes on for {counted(size - expected, 'byte')} behind its end: "
            "copy it again"
        )


def _pieces(start: bytes, files: Mapping[str, Path]) -> Iterator[bytes]:
    yield start
    for path in files.values():
        with read_errors(path), open_plain(path) as file:
            while piece := file.read(CHUNK):
                yield piece
