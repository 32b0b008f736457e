"""A door with a small app behind it, on a real server here, and a client that may lie."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from penjing.serve.door.accounts import Accounts, OneOwner
from penjing.serve.door.door import Door
from penjing.serve.door.settings import DoorSettings
from penjing.serve.door.timeouts import Crowd, Limits, patient
from penjing.serve.who import Who, who_of

TOKEN = "t" * 43


async def small_app(scope: Any, receive: Any, send: Any) -> None:
    """Says who it was let in with, and how long a body was; /stream takes its time."""
    if scope["type"] != "http":
        return
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RuntimeError("the sender is gone")
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    who = scope["state"].get("who")
    document = {"who": who and who_of(scope).person, "role": who and who.role, "bytes": size}
    if scope["path"].startswith("/stream"):
        await asyncio.sleep(float(scope["query_string"] or 1))
        document["sessions"] = len(who.store.history.sessions())
    body = json.dumps(document).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"access-control-allow-origin", b"*"),
        (b"content-security-policy", b"default-src *"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def describe(who: Who) -> dict[str, Any]:
    return {"person": who.person, "name": who.name, "role": who.role, "csrf": who.csrf}


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Caller:
    """A client that keeps cookies like a browser, and says whatever it is told to."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str | None = None
    address: str = "127.0.0.1"

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str | None] | None = None,
        timeout: float = 30.0,
    ) -> Reply:
        """One request; a header that is None is left out."""
        source = (self.address, 0) if self.address != "127.0.0.1" else None
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=timeout, source_address=source
        )
        about: dict[str, str | None] = {"Host": f"127.0.0.1:{self.port}"}
        data = body
        if body is not None and not isinstance(body, bytes):
            data = json.dumps(body).encode()
            about["Content-Type"] = "application/json"
        if self.cookies:
            about["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.csrf is not None:
            about["X-CSRF-Token"] = self.csrf
        about |= headers or {}
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in about.items():
                if value is not None:
                    connection.putheader(name, value)
            if data is not None:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            reply = connection.getresponse()
            got = Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
            self._remember(reply.msg.get_all("set-cookie") or [])
            return got
        finally:
            connection.close()

    def _remember(self, cookies: list[str]) -> None:
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)

    def enter(self, path: str, body: Any) -> Reply:
        """Log in and keep the CSRF token, as the page does."""
        reply = self.ask("POST", path, body)
        if reply.status == 200 and "csrf" in reply.json:
            self.csrf = reply.json["csrf"]
        return reply


@dataclass
class Doorway:
    """A running server."""

    door: Door
    port: int
    loop: asyncio.AbstractEventLoop

    def caller(self, address: str = "127.0.0.1") -> Caller:
        return Caller(self.port, address=address)

    def code(self) -> str:
        return self.door.code.fresh()

    def wait(self, work: Any) -> Any:
        """Run a coroutine where the door lives."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)


@contextmanager
def doorway(
    accounts: Accounts | None = None,
    settings: DoorSettings | None = None,
    *,
    app: Any = small_app,
    described: Any = describe,
    around: Any = lambda door: door,
    limits: Limits | None = None,
    crowd: Crowd | None = None,
    listening: socket.socket | None = None,
    tls: tuple[Path, Path] | None = None,
    closes: bool = True,
    **more: Any,
) -> Iterator[Doorway]:
    """A door on a port of its own, in a thread, as long as the block runs."""
    listening = listening or socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1] if listening.family == socket.AF_INET else 0
    made: dict[str, Any] = {}
    ready = threading.Event()

    async def serve() -> None:
        chosen = settings or DoorSettings(port=port or None, tls=tls is not None)
        door = Door(app, accounts or OneOwner(), chosen, described, token=TOKEN, **more)
        config = uvicorn.Config(
            around(door),
            http=patient(H11Protocol, crowd, limits),  # type: ignore[arg-type]
            ws="none",
            lifespan="auto",
            access_log=False,
            log_level="critical",
            h11_max_incomplete_event_size=32 * 1024,
            proxy_headers=False,
            server_header=False,
            ssl_certfile=tls and tls[0],
            ssl_keyfile=tls and tls[1],
        )
        server = uvicorn.Server(config)
        made.update(door=door, server=server, loop=asyncio.get_running_loop())
        ready.set()
        await server.serve([listening])
        if closes:
            await door.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    while not made["server"].started:
        time.sleep(0.005)
    try:
        yield Doorway(made["door"], port, made["loop"])
    finally:
        made["server"].should_exit = True
        thread.join(20)
        listening.close()
