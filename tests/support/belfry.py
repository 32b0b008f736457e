"""A household's server with alarms: vault, door and clock are real, and tests set the clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doorway import Doorway, doorway
from household import household
from tooling import MONDAY_NOON, SetClock

from penjing.app.assistants import load_spec
from penjing.app.serving.assistant import Around, served
from penjing.knowledge.desk import KnowledgeDesk
from penjing.serve.api.me import described
from penjing.serve.app import RequestLog, build_app
from penjing.serve.door.residents import VaultAccounts
from penjing.serve.people import VaultPeople
from penjing.serve.present import Present
from penjing.serve.services import Model, Services
from penjing.testing.scheduler import FakeScheduler
from penjing.vault.agenda import VaultAgenda
from penjing.vault.vault import Vault

SPEC = """\
assistant: Bell
languages: [en, zh]
tools:
  alarms: {who: [owner, member]}
  reminders: {who: [owner, member]}
slots:
  time: {type: time, ask: {en: "When?", zh: "几点？"}}
  about: {type: text, ask: {en: "What about?", zh: "什么事？"}}
intents:
  wake:
    sentences: {en: ["wake me at {time}"], zh: ["{time}叫我"]}
    do:
      - call: alarms
        with: {action: set, time: $time, label: dentist}
        describes: {en: "wake you at {time}", zh: "{time}叫您"}
      - answer: {en: "I will.", zh: 好的。}
  story:
    sentences: {en: ["tell me a story"], zh: ["讲个故事"]}
    do:
      - reply: model
  hush:
    sentences: {en: ["stop ringing"], zh: ["别响了"]}
    do:
      - call: alarms
        with: {action: stop}
      - answer: {en: "Quiet.", zh: 停了。}
"""


@dataclass
class Belfry:
    """A running server; its clock is set by tests."""

    way: Doorway
    vault: Vault
    clock: SetClock
    scheduler: FakeScheduler
    store: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.way.port}/"

    def link(self) -> str:
        return f"{self.url}#login={self.way.code()}"


def _reader(desk: KnowledgeDesk) -> Any:
    def read(_person: str, store: Any, document: str, start: int, end: int) -> str:
        return desk.text(store, document, start, end)

    return read


@contextmanager
def belfry(
    home: Path,
    clock: SetClock | None = None,
    spec: str = SPEC,
    desk: KnowledgeDesk | None = None,
    **fake: Any,
) -> Iterator[Belfry]:
    """One, as long as the block runs; another over the same home goes on where it ended."""
    clock = clock or SetClock(MONDAY_NOON)
    path = home / "assistant.yaml"
    path.write_text(spec, "utf-8")
    engine, present = FakeScheduler(name="fake", **fake), Present()
    with household(home) as vault:
        people = VaultPeople(vault)
        agenda = VaultAgenda(vault.accounts.database)
        around = Around(engine, people, present, desk, clock=clock, agenda=agenda)
        with served(str(path), load_spec(str(path)), around) as assistant:
            known = {"index": desk.index, "read": _reader(desk)} if desk else {}
            rings = assistant.rings
            services = Services(engine, Model("fake"), people, assistant, rings=rings, **known)
            app = build_app(services)

            def dressed(door: Any) -> Any:
                app.desk.aside = door.aside
                return RequestLog(door, app.desk.metrics)

            with doorway(
                VaultAccounts(vault), app=app, described=described(app.desk), around=dressed,
                present=present,
            ) as way:  # fmt: skip
                yield Belfry(way, vault, clock, engine)
    engine.close()
