"""Timeouts: connections that send nothing, send headers drop by drop, or do not read.

uvicorn has no time limit of its own until a request's headers are whole. A `patient` protocol
stands in front of its own one and hands everything on; it must not read what passes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from h11 import LocalProtocolError

from penjing.serve.door.throttle import neighbourhood

CONNECTIONS = 64
"""At the same time, from one address."""
ALTOGETHER = 512


@dataclass(frozen=True)
class Limits:
    """How long is waited."""

    headers: float = 10.0
    """Seconds in which a request's headers must be whole."""
    stalled: float = 60.0
    """Seconds for which somebody may leave unread what waits for them."""


class Crowd:
    """How many connections there are, by address."""

    def __init__(self, each: int = CONNECTIONS, altogether: int = ALTOGETHER) -> None:
        self._each, self._altogether = each, altogether
        self._by_address: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Count one more, if there is room for it."""
        full = self._by_address.total() >= self._altogether
        if full or self._by_address[address] >= self._each:
            return False
        self._by_address[address] += 1
        return True

    def leave(self, address: str) -> None:
        """One less."""
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]


class Patient:
    """An asyncio protocol around uvicorn's: the same calls, and a clock while it waits for them."""

    def __init__(self, inner: Any, crowd: Crowd, limits: Limits) -> None:
        self._inner, self._crowd = inner, crowd
        self._transport: Any = None
        self._address: str | None = None
        self._headers = _Timer(limits.headers, self._give_up)
        self._reading = _Timer(limits.stalled, self._give_up)

    def connection_made(self, transport: Any) -> None:
        """Somebody connected."""
        peer = transport.get_extra_info("peername")
        address = neighbourhood(str(peer[0])) if isinstance(peer, tuple) else "unix"
        self._transport = transport
        if not self._crowd.enter(address):
            transport.abort()
            return
        self._address = address
        self._inner.connection_made(transport)
        self._headers.start()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if self._address is None:
            return
        try:
            self._inner.data_received(data)
        except LocalProtocolError:  # no HTTP behind an answer that is being written: none is owed
            self._transport.abort()
            return
        if self._awaits_headers():
            self._headers.start()
        else:
            self._headers.stop()

    def eof_received(self) -> None:
        """They will send nothing more."""
        if self._address is not None:
            self._inner.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """They are gone."""
        self._headers.stop()
        self._reading.stop()
        if self._address is not None:
            self._crowd.leave(self._address)
            self._inner.connection_lost(error)
            self._address = None

    def pause_writing(self) -> None:
        """They read too slowly; not at all for long, and they are given up."""
        self._inner.pause_writing()
        self._reading.start()

    def resume_writing(self) -> None:
        """They read again."""
        self._reading.stop()
        self._inner.resume_writing()

    def _awaits_headers(self) -> bool:
        cycle = self._inner.cycle
        return cycle is None or bool(cycle.response_complete)

    def _give_up(self) -> None:
        self._transport.abort()


class _Timer:
    """One clock that runs or does not."""

    def __init__(self, seconds: float, then: Callable[[], None]) -> None:
        self._seconds, self._then = seconds, then
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """From now on; one that runs is not set back."""
        if self._handle is None:
            loop = asyncio.get_running_loop()
            self._handle = loop.call_later(self._seconds, self._then)

    def stop(self) -> None:
        """It was in time."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def patient(
    protocol: Callable[..., Any], crowd: Crowd | None = None, limits: Limits | None = None
) -> Callable[..., Any]:
    """What to give uvicorn as `http`, made of the protocol it would use."""
    everybody, waits = crowd or Crowd(), limits or Limits()

    def made(*args: Any, **names: Any) -> Any:
        return Patient(protocol(*args, **names), everybody, waits)

    return made
