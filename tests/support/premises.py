"""The whole server, as it runs for a household: a vault, the real app, the door, real sockets.

Only the engine is made of nothing: it says back what it was asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doorway import Caller, Doorway, doorway
from household import household, login

from penjing.core.assistants import Assistant
from penjing.serve.api.me import described
from penjing.serve.app import RequestLog, build_app
from penjing.serve.door.residents import VaultAccounts
from penjing.serve.limits import Limits
from penjing.serve.people import VaultPeople
from penjing.serve.services import Model, Services
from penjing.testing.scheduler import FakeScheduler
from penjing.vault.vault import Vault


@dataclass
class Premises:
    """A running server and what it stands on."""

    way: Doorway
    vault: Vault
    home: Path
    scheduler: FakeScheduler
    app: Any

    @property
    def port(self) -> int:
        return self.way.port

    def caller(self, name: str | None = None) -> Caller:
        """A browser, logged in as somebody or as nobody."""
        caller = self.way.caller()
        if name is not None:
            assert caller.enter("/api/login", login(name)).status == 200
        return caller

    def id_of(self, name: str) -> str:
        return self.vault.accounts.require(name).id


@contextmanager
def premises(
    home: Path, limits: Limits | None = None, assistant: Assistant | None = None, **more: Any
) -> Iterator[Premises]:
    """One, as long as the block runs; without an assistant the plain model answers."""
    scheduler = FakeScheduler(delay=0.001, piece=64)
    with household(home) as vault:
        services = Services(scheduler, Model("fake"), VaultPeople(vault), assistant)
        app = build_app(services, limits)

        def around(door: Any) -> Any:
            app.desk.aside = door.aside
            return RequestLog(door, app.desk.metrics)

        with doorway(
            VaultAccounts(vault), app=app, described=described(app.desk), around=around, **more
        ) as way:
            yield Premises(way, vault, home, scheduler, app)
    scheduler.close()


def spoken(caller: Caller, text: str, session: str | None = None) -> str:
    """Say something in a session (a new one, unless named), hear it out; the session's id."""
    if session is None:
        session = caller.ask("POST", "/api/sessions", {}).json["id"]
    reply = caller.ask("POST", f"/api/sessions/{session}/turns", {"text": text})
    assert reply.status == 200
    assert b'"finished"' in reply.body
    return session
