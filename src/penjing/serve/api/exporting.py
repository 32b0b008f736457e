"""A zip that is sent while it is written: bounded in memory, and no file that others could find."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import IO, cast

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
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Semaphore(_WAITING)
        self._kept = bytearray()
        self.gone = threading.Event()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._kept += data
        if len(self._kept) >= _PIECE:
            self.hand_over()
        return len(data)

    def hand_over(self) -> None:
        """What was written so far."""
        self._put(bytes(self._kept))
        self._kept.clear()

    def end(self) -> None:
        """Nothing more comes."""
        self._put(None)

    async def take(self) -> bytes | None:
        """The next piece; None at the end."""
        piece = await self._pieces.get()
        self._room.release()
        return piece

    def _put(self, piece: bytes | None) -> None:
        while not self._room.acquire(timeout=1.0):
            if self.gone.is_set():
                raise BrokenPipeError
        try:
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)
        except RuntimeError:  # the loop has ended
            raise BrokenPipeError from None


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
            try:
                self._write(cast("IO[bytes]", self._pipe))
                self._pipe.hand_over()
            except BrokenPipeError:
                raise
            except Exception as error:  # a bug too: nobody is to wait for the rest for ever
                self._failed = True
                log.error("an export failed: %s", trace(error))
            self._pipe.end()
        except BrokenPipeError:  # whoever wanted it is gone
            pass

    async def _pieces(self) -> AsyncIterator[bytes]:
        while (piece := await self._pipe.take()) is not None:
            if piece:
                yield piece
        if self._failed:
            raise PenjingError("an export failed: its cause is in the log")
