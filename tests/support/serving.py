"""A server on loopback in a thread of this process, with a door that believes every name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import openai
from starlette.types import ASGIApp, Receive, Scope, Send

from penjing.core.assistants import Assistant
from penjing.core.protocols import Embedder, Scheduler, Store
from penjing.serve.app import App, RequestLog, build_app
from penjing.serve.door.public import is_open
from penjing.serve.door.replies import refuse
from penjing.serve.door.visit import Refusal, Visit
from penjing.serve.limits import Limits
from penjing.serve.people import Alone
from penjing.serve.run import Plan, Server
from penjing.serve.services import Indexer, Model, People, Reader, Services
from penjing.serve.sockets import on_port
from penjing.serve.who import OWNER, Who
from penjing.vault.memory import MemoryStore


async def _anything(_: str) -> None:
    """Any passphrase is theirs."""


class OpenDoor:
    """Sets who a request is from: `Authorization: Bearer NAME`, everybody an owner.

    `names`: whom it knows; without them it knows everybody.
    """

    def __init__(self, app: ASGIApp, store: Store, names: Collection[str] = ()) -> None:
        self.app = app
        self.names = names
        self.stores: dict[str, Store] = {OWNER: store}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            name = (
                dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
            )
            state = {**scope.get("state", {})}
            if name:
                store = self.stores.setdefault(name, MemoryStore())
                state["who"] = Who(name, name, "owner", store, None, scopes=None, prove=_anything)
            scope = {**scope, "state": state}
            known = not self.names or name in self.names
            if not known and not is_open(scope["method"], scope["path"]):
                await refuse(Visit(scope), send, Refusal(401, "nobody is logged in: log in"))
                return
        await self.app(scope, receive, send)


@dataclass
class Running:
    """A server that answers."""

    url: str
    app: App
    server: Server
    store: Store
    thread: threading.Thread
    lines: ExitStack = field(default_factory=ExitStack)
    """What `openai` opened, closed with the server."""

    def client(self, name: str = OWNER, **more: Any) -> httpx.Client:
        """Somebody's HTTP client."""
        headers = {"Authorization": f"Bearer {name}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, **more)

    def openai(self, name: str = OWNER) -> openai.OpenAI:
        """Somebody's OpenAI client, which does not try again."""
        client = openai.OpenAI(base_url=f"{self.url}/v1", api_key=name, max_retries=0, timeout=30)
        return self.lines.enter_context(client)

    def stop(self) -> None:
        """As SIGTERM does."""
        loop = self.server.servers[0].get_loop()
        loop.call_soon_threadsafe(self.server.stop)


@contextmanager
def serving(
    scheduler: Scheduler,
    *,
    limits: Limits | None = None,
    assistant: Assistant | None = None,
    embedder: Embedder | None = None,
    people: People | None = None,
    index: Indexer | None = None,
    read: Reader | None = None,
    names: Collection[str] = (),
    also: tuple[str, ...] = (),
    also_embedder: tuple[str, ...] = (),
) -> Iterator[Running]:
    """A server for as long as the block runs."""
    store = MemoryStore()
    services = Services(
        scheduler=scheduler,
        model=Model(scheduler.name, {"name": scheduler.name}, None, "a test", also=also),
        people=people or Alone(store),
        assistant=assistant,
        embedder=embedder,
        embedder_also=also_embedder,
        index=index,
        read=read,
    )
    limits = limits or Limits(grace_seconds=2)
    app = build_app(services, limits)
    listening = on_port("127.0.0.1", 0)
    ready = threading.Event()
    plan = Plan(limits, ready=ready.set, cut=app.desk.cut)
    server = Server(RequestLog(OpenDoor(app, store, names), app.desk.metrics), plan)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    assert ready.wait(10)
    running = Running(f"http://127.0.0.1:{listening.getsockname()[1]}", app, server, store, thread)
    try:
        with running.lines:
            yield running
    finally:
        server.force_exit = server.should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive()
