"""One app on one socket until it is asked to stop: uvicorn, with what a household needs around it.

Stopping is in steps: nothing new is accepted, what is being answered has its grace, what is left
is stopped (and what was said is kept), the door forgets its keys. A second Ctrl-C skips the grace.
When all of the grace is over the process ends, whatever still runs or waits in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from penjing.core.threads import Threads
from penjing.serve.ending import Ending
from penjing.serve.limits import Limits
from penjing.serve.lingering import Lingering

log = logging.getLogger("penjing.serve")

_IDLE = 30
"""Seconds that an open connection may wait for its next request."""
_HEADERS = 32 * 1024
_PULSE = 5.0
_LAST_WORDS = 0.5
"""Seconds for the last events of what is still being answered, before its connections are cut."""


@dataclass(frozen=True)
class Plan:
    """How to serve."""

    limits: Limits
    """For the grace."""
    protocol: Callable[..., Any] = H11Protocol
    """What speaks HTTP; the door's patience around uvicorn's own."""
    certificate: Path | None = None
    """PEM; None for no TLS."""
    key: Path | None = None
    """Of the certificate."""
    ready: Callable[[], None] = lambda: None
    """Called once requests are answered."""
    reload: Callable[[], None] | None = None
    """Called on SIGHUP, in a thread."""
    healthy: Callable[[], bool] = lambda: True
    """Whether a watchdog may be told that all is well."""
    cut: Callable[[], None] = lambda: None
    """Called on the loop when the time for answering is nearly over: answers say a last word."""
    end: Callable[[], object] = lambda: None
    """Ends the process, whatever still runs in it; called when the grace is over."""


def serve(app: ASGIApp, listening: socket.socket, plan: Plan) -> None:
    """Answer until SIGTERM or Ctrl-C."""
    with _quiet():
        asyncio.run(Server(app, plan).serve([listening]))


class Server(uvicorn.Server):
    """uvicorn's, with our signals."""

    def __init__(self, app: ASGIApp, plan: Plan) -> None:
        super().__init__(
            uvicorn.Config(
                Lingering(app),
                http=plan.protocol,  # type: ignore[arg-type]
                loop="asyncio",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                h11_max_incomplete_event_size=_HEADERS,
                timeout_keep_alive=_IDLE,
                timeout_graceful_shutdown=plan.limits.answering_seconds,  # type: ignore[arg-type]
                ssl_certfile=plan.certificate,
                ssl_keyfile=plan.key,
            )
        )
        self._plan = plan
        self._ending = Ending(plan.end)
        self._pulses, self._reloads = Threads("the pulse", 1), Threads("reading again", 1)
        self._tasks: set[asyncio.Task[Any]] = set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """On the loop, and not raised again: being asked to stop is no failure."""
        loop = asyncio.get_running_loop()
        handlers: Mapping[int, Callable[[], None]] = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            **({signal.SIGHUP: self._reload} if hasattr(signal, "SIGHUP") else {}),
        }
        taken = []
        for number, handler in handlers.items():
            with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
                loop.add_signal_handler(number, handler)  # ValueError: not the main thread
                taken.append(number)
        try:
            yield
        finally:
            for number in taken:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Stop with grace; asked again, without."""
        self.force_exit = self.should_exit
        self.should_exit = True
        limits = self._plan.limits
        rest = 0.0 if self.force_exit else limits.answering_seconds
        loop = asyncio.get_running_loop()
        loop.call_later(max(rest - _LAST_WORDS, rest / 2), self._plan.cut)
        self._ending.within(rest + limits.keeping_seconds)
        tell_manager("STOPPING=1")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        tell_manager("READY=1")
        self._keep(self._pulse())
        self._plan.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop in steps; in a hurry too, what was said is kept and keys are forgotten."""
        await super().shutdown(sockets)
        if self.force_exit:  # uvicorn has left that out
            await self.lifespan.shutdown()

    async def _pulse(self) -> None:
        """A manager that watches hears from us as long as the loop turns and the engine is well."""
        while True:
            if await self._pulses.run(self._plan.healthy):
                tell_manager("WATCHDOG=1")
            await asyncio.sleep(_PULSE)

    def _reload(self) -> None:
        if self._plan.reload is not None:
            self._keep(self._reloaded(self._plan.reload))

    async def _reloaded(self, reload: Callable[[], None]) -> None:
        tell_manager("RELOADING=1")
        await self._reloads.run(reload)
        tell_manager("READY=1")

    def _keep(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def tell_manager(state: str) -> None:
    """systemd's notification protocol; silent where nobody asked for it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    address = "\0" + address[1:] if address[0] == "@" else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.connect(address)
        line.sendall(state.encode("ascii"))


@contextmanager
def _quiet() -> Iterator[None]:
    """uvicorn's own log quotes exceptions, which may quote people; ours says what happened."""
    theirs = logging.getLogger("uvicorn.error")
    before = theirs.level
    theirs.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        theirs.setLevel(before)
