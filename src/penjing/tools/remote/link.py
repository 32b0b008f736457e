"""One server that is connected to when it is needed, in a thread and an event loop of its own.

Every wait has an end. A server that hangs, floods or dies is hung up on, and the next call starts
it anew; whatever the SDK raises becomes Failed here.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from penjing.tools.failed import ToolError
from penjing.tools.remote.bounds import Budget

if TYPE_CHECKING:
    from mcp import Client

T = TypeVar("T")
Transport = Callable[[Budget], AbstractAsyncContextManager[Any]]
_CLOSE_SECONDS = 6.0
_MOST_PAGES = 10


@dataclass(frozen=True)
class _Place:
    """Where a connection lives."""

    loop: asyncio.AbstractEventLoop
    """Its event loop."""
    stop: asyncio.Event
    """Set to end it."""
    task: asyncio.Task[Any]
    """What keeps it."""


class _Connection:
    """What lives as long as one connection does."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.changed = threading.Event()  # it is up, or it is over
        self.over = threading.Event()
        self.place: _Place | None = None
        self.client: Client | None = None
        self.error: BaseException | None = None


class Link:
    """One server. Thread-safe."""

    def __init__(self, name: str, transport: Transport, seconds: float, start: float) -> None:
        self._name, self._transport, self._seconds, self._start = name, transport, seconds, start
        self._now: _Connection | None = None
        self._count = 0
        self._lock = threading.Lock()

    def connect(self) -> int:
        """Connect if we are not, and which connection of ours this is. Raises ToolError."""
        with self._lock:
            self._connected()
            return self._count

    def tools(self) -> list[Any]:
        """What it offers, as the SDK has it. Raises ToolError."""
        import mcp_types as types

        async def ask(client: Client) -> list[Any]:
            found: list[Any] = []
            cursor = None
            for _ in range(_MOST_PAGES):
                page = types.PaginatedRequestParams(cursor=cursor) if cursor else None
                request = types.ListToolsRequest(params=page)
                answer = await client.session.send_request(request, types.ListToolsResult)
                found += answer.tools
                cursor = answer.next_cursor
                if not cursor:
                    break
            return found

        return self._run(ask)

    def call(self, tool: str, arguments: dict[str, Any]) -> Any:
        """What a tool answers, as the SDK has it. Raises ToolError."""
        import mcp_types as types

        params = types.CallToolRequestParams(name=tool, arguments=arguments)

        async def ask(client: Client) -> Any:
            # not `client.call_tool`: it would obey patterns of the server's own schema
            request = types.CallToolRequest(params=params)
            return await client.session.send_request(request, types.CallToolResult)

        return self._run(ask)

    def close(self) -> None:
        """Hang up. Calling it twice is harmless."""
        with self._lock:
            self._drop()

    def _run(self, ask: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        with self._lock:
            connection, client, loop = self._connected()
        connection.budget.renew()
        asking = ask(client)
        try:
            answer = asyncio.run_coroutine_threadsafe(asking, loop)
        except RuntimeError as error:  # the loop ended just now
            asking.close()
            raise self._died() from error
        end = time.monotonic() + self._seconds
        while True:
            try:
                return answer.result(timeout=0.05)
            except concurrent.futures.TimeoutError as error:
                if connection.over.is_set():
                    raise self._died(connection) from error
                if time.monotonic() > end:
                    answer.cancel()
                    self._hang_up(connection)
                    message = f"the server {self._name} did not answer in {self._seconds:g} s"
                    raise ToolError("timeout", f"{message}: it may have been done") from error
            except concurrent.futures.CancelledError as error:
                raise self._died(connection) from error
            except Exception as error:  # whatever the SDK makes of what the server said
                raise self._translated(error, connection) from error

    def _translated(self, error: Exception, connection: _Connection) -> ToolError:
        from mcp.shared.exceptions import MCPError
        from mcp_types import CONNECTION_CLOSED, METHOD_NOT_FOUND

        if connection.budget.spent or getattr(error, "code", None) == CONNECTION_CLOSED:
            self._hang_up(connection)
            return self._died(connection)
        if isinstance(error, MCPError) and error.code == METHOD_NOT_FOUND:
            return ToolError("not_supported", f"the server {self._name} cannot do that")
        if isinstance(error, MCPError):
            said = str(error)[:500]
            return ToolError("refused", f"the server {self._name} refuses it", said=said)
        return ToolError("wrong_answer", f"the server {self._name} answers what is not MCP")

    def _died(self, connection: _Connection | None = None) -> ToolError:
        if connection is not None and connection.budget.spent:
            return ToolError(
                "wrong_answer", f"the server {self._name} says too much: hung up on it"
            )
        message = f"the server {self._name} ended in the middle: it may have been done, or not"
        return ToolError("unconfirmed", message)

    def _connected(self) -> tuple[_Connection, Client, asyncio.AbstractEventLoop]:
        now = self._now
        if now is None or now.over.is_set():
            now = self._begun()
        if now.client is None or now.place is None:
            raise self._died(now)
        return now, now.client, now.place.loop

    def _begun(self) -> _Connection:
        self._drop()
        for noisy in ("mcp", "client", "httpx2"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)  # a stranger writes to no terminal
        connection = self._now = _Connection()
        self._count += 1
        run = threading.Thread(
            target=lambda: asyncio.run(self._live(connection)), name="mcp", daemon=True
        )
        run.start()
        up = connection.changed.wait(self._start)
        if not up or connection.client is None or connection.over.is_set():
            error = connection.error
            self._drop()
            if not up:
                message = f"the server {self._name} did not begin in {self._start:g} s"
                raise ToolError("timeout", message) from error
            message = f"the server {self._name} cannot be reached or does not speak MCP"
            raise ToolError("unreachable", f"{message}: is it installed and on?") from error
        return connection

    async def _live(self, connection: _Connection) -> None:
        from mcp import Client

        task = cast(
            "asyncio.Task[Any]", asyncio.current_task()
        )  # this is a coroutine: there is one
        place = connection.place = _Place(asyncio.get_running_loop(), asyncio.Event(), task)
        try:
            async with Client(self._transport(connection.budget)) as client:
                connection.client = client
                connection.changed.set()
                await place.stop.wait()
        except asyncio.CancelledError:  # we gave up waiting for it to begin
            pass
        except Exception as error:  # a group of anything: it is told by whoever waits for it
            connection.error = error
        finally:
            connection.over.set()
            connection.changed.set()

    def _hang_up(self, connection: _Connection) -> None:
        with self._lock:
            if self._now is connection:
                self._drop()

    def _drop(self) -> None:
        connection, self._now = self._now, None
        if connection is None or connection.place is None:
            return
        up = connection.client is not None
        end = connection.place.stop.set if up else connection.place.task.cancel
        try:
            connection.place.loop.call_soon_threadsafe(end)
        except RuntimeError:  # the loop is closed already
            return
        connection.over.wait(_CLOSE_SECONDS)
