"""A zip that is sent while it is written: bounded in memory, and no file that others could find."""

from __future__ import annotations

import io
import logging
import queue
import threading
from collections.abc import AsyncIterator, Callable
from typing import IO, cast

import anyio.to_thread
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from penjing.core.errors import PenjingError
from penjing.serve.answers import Closer
from penjing.serve.refusals import trace

log = logging.getLogger("penjing.serve")

_WAITING = 16
_PIECE = 64 * 1024


class _Pipe(io.RawIOBase):
    """What the writing thread writes to; it waits until its pieces are taken."""

    def __init__(self) -> None:
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._kept = bytearray()
        self.gone = threading.Event()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._kept += data
        if len(self._kept) >= _PIECE:
            self.hand_over()
        return len(data)

    def hand_over(self, last: bool = False) -> None:
        """What was written so far, and the end of it."""
        self._put(bytes(self._kept))
        self._kept.clear()
        if last:
            self._put(None)

    def take(self) -> bytes | None:
        """The next piece; None at the end. Blocks."""
        return self._pieces.get()

    def _put(self, piece: bytes | None) -> None:
        while not self.gone.is_set():
            try:
                return self._pieces.put(piece, timeout=1.0)
            except queue.Full:
                continue
        raise BrokenPipeError


class Archive(StreamingResponse):
    """A zip as an attachment. A failure halfway breaks the connection: half a zip does not open."""

    media_type = "application/zip"

    def __init__(self, write: Callable[[IO[bytes]], None], release: Closer) -> None:
        name = {"Content-Disposition": 'attachment; filename="about-me.zip"'}
        super().__init__(self._pieces(), headers=name)
        self._write = write
        self._release = release
        self._pipe = _Pipe()
        self._failed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        threading.Thread(target=self._run, name="an export", daemon=True).start()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._pipe.gone.set()
            self._release()

    def _run(self) -> None:
        try:
            self._write(cast("IO[bytes]", self._pipe))
        except BrokenPipeError:
            return
        except PenjingError as error:
            self._failed = True
            log.error("an export failed: %s", trace(error))
        self._pipe.hand_over(last=True)

    async def _pieces(self) -> AsyncIterator[bytes]:
        while (piece := await anyio.to_thread.run_sync(self._pipe.take)) is not None:
            if piece:
                yield piece
        if self._failed:
            raise PenjingError("an export failed: its cause is in the log")
