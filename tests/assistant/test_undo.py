"""What was done is taken back from its card: once, by who may, never over another's change."""

from __future__ import annotations

from pathlib import Path

import pytest
from rememberer import Rememberer

from penjing.assistant.build import build
from penjing.assistant.spec.parse import loads
from penjing.assistant.turn import SpecAssistant
from penjing.core.dialogue import Acted, Event, Finished, Outcome, Said, Standing, Undone
from penjing.core.errors import NotFound
from penjing.vault.memory import MemoryStore

LAMP = "desk lamp"
SPEC = """\
assistant: Desk
languages: [en, zh]
tools:
  lights: {who: [owner, member]}
slots:
  light: {type: entity, tool: lights, parameter: light, ask: {en: "Which?", zh: "哪一个？"}}
intents:
  light_on:
    sentences: {en: ["turn on the {light}"], zh: ["打开{light}"]}
    do:
      - call: lights
        with: {light: $light, on: true}
        describes: {en: "turn on the {light}", zh: "打开{light}"}
      - answer: {en: "It is on.", zh: 开了。}
"""


class Desk:
    """A smart home whose lamps say how they are."""

    def __init__(self, cache: Path) -> None:
        self.cache, self.store = cache, MemoryStore()
        self.session = self.store.history.begin().id
        self.lights = Rememberer("lights", "light", {"light": (LAMP,)})
        self.lights.states = {LAMP: {"on": False}}
        self.assistant = self.fresh()

    def fresh(self) -> SpecAssistant:
        return build(loads(SPEC), [self.lights], cache=self.cache)

    def acted(self, text: str) -> Acted:
        said = self.assistant.reply("p", self.store, self.session, text, role="owner")
        (one,) = [event for event in said if isinstance(event, Acted)]
        return one

    def undo(self, action: str, role: Standing = "owner") -> list[Event]:
        return list(self.assistant.undo("p", self.store, self.session, action, role=role))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("intents")


def undone(events: list[Event]) -> Outcome:
    (one,) = [event for event in events if isinstance(event, Undone)]
    return one.outcome


def test_a_lamp_is_as_it_was(cache: Path) -> None:
    desk = Desk(cache)
    done = desk.acted("turn on the desk lamp")
    assert done.undoable
    events = desk.undo(done.action.id)
    assert [type(one) for one in events] == [Undone, Said, Finished]
    assert undone(events).ok
    assert desk.lights.states[LAMP] == {"on": False}
    last = desk.store.history.turns(desk.session)[-1].message
    assert last.text == "Undone."
    assert [one["action"]["id"] for one in last.notes("undone")] == [done.action.id]


def test_it_is_undone_once_and_after_a_restart_too(cache: Path) -> None:
    desk = Desk(cache)
    done = desk.acted("打开desk lamp")
    desk.assistant = desk.fresh()
    events = desk.undo(done.action.id)
    assert undone(events).ok
    assert "".join(one.text for one in events if isinstance(one, Said)) == "已撤销。"
    for gone in (done.action.id, "something"):
        with pytest.raises(NotFound):
            desk.undo(gone)


@pytest.mark.parametrize("role", ["guest", "talker"])
def test_who_may_not_use_a_tool_undoes_nothing(cache: Path, role: Standing) -> None:
    desk = Desk(cache)
    done = desk.acted("turn on the desk lamp")
    assert not undone(desk.undo(done.action.id, role)).ok
    assert desk.lights.states[LAMP]["on"] is True


def test_what_was_changed_since_stays(cache: Path) -> None:
    desk = Desk(cache)
    done = desk.acted("turn on the desk lamp")
    desk.lights.states[LAMP]["brightness"] = 3
    events = desk.undo(done.action.id)
    assert undone(events).data == {"reason": "changed_since", "left": [LAMP]}
    assert desk.lights.states[LAMP] == {"on": True, "brightness": 3}
    desk.lights.states[LAMP].pop("brightness")
    assert undone(desk.undo(done.action.id)).ok  # what came to nothing may be tried again


def test_what_cannot_be_told_cannot_be_undone(cache: Path) -> None:
    desk = Desk(cache)
    desk.lights.states = {}
    done = desk.acted("turn on the desk lamp")
    assert done.outcome.ok
    assert not done.undoable
    with pytest.raises(NotFound):
        desk.undo(done.action.id)
