"""What is pressed beside the conversation passes the same gate as a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from assisted import RecordingTool

from penjing.assistant.build import build
from penjing.assistant.spec.parse import loads
from penjing.assistant.turn import SpecAssistant
from penjing.core.assistants import PressRequest
from penjing.core.dialogue import Standing
from penjing.core.errors import BadInput, NotFound
from penjing.core.showing import Press, Thing

SPEC = """\
assistant: House
languages: [en, zh]
tools:
  lights: {who: [owner, member]}
  covers: {who: [owner]}
slots:
  light: {type: entity, tool: lights, parameter: light, ask: {en: "Which?", zh: "哪一个？"}}
intents:
  light_on:
    sentences: {en: ["turn on the {light}"], zh: ["打开{light}"]}
    do:
      - call: lights
        with: {light: $light, on: true}
        describes: {en: "turn on the {light}", zh: "打开{light}"}
"""


class Shown(RecordingTool):
    """A tool with one thing."""

    thing: Thing

    def shown(self, person: str) -> Sequence[Thing]:
        return [self.thing]


def tool(name: str, thing: Thing, *, careful: bool = False, **schema: Any) -> Shown:
    made = Shown(name, schema, careful=careful)
    made.thing = thing
    return made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[SpecAssistant, Shown, Shown]:
    dim = Press({"light": "lamp"}, "brightness")
    lamp = Thing("light", "lamp", presses={"on": Press({"light": "lamp", "on": True}), "dim": dim})
    door = Thing("cover", "door", "d1", presses={"open": Press({"cover": "door"})})
    percent = {"type": "integer", "minimum": 0, "maximum": 100}
    lights = tool(
        "lights", lamp, light={"type": "string"}, on={"type": "boolean"}, brightness=percent
    )
    covers = tool("covers", door, careful=True, cover={"type": "string"})
    cache = tmp_path_factory.mktemp("intents")
    return build(loads(SPEC), [lights, covers], cache=cache), lights, covers


Place = tuple[SpecAssistant, Shown, Shown]
ON = PressRequest("lights", "light", "lamp", "on")
OPEN = PressRequest("covers", "cover", "d1", "open")


def test_who_may_sees_and_presses(place: Place) -> None:
    home, lights, _ = place
    assert [one.thing.name for one in home.panel.shown("p", "owner")] == ["lamp", "door"]
    assert [one.thing.name for one in home.panel.shown("p", "member")] == ["lamp"]
    assert home.panel.press("p", "member", ON).ok
    assert lights.calls.pop() == ({"light": "lamp", "on": True}, "p")


@pytest.mark.parametrize("role", ["guest", "talker"])
def test_who_may_not_sees_nothing(place: Place, role: Standing) -> None:
    home, lights, _ = place
    assert home.panel.shown("p", role) == []
    with pytest.raises(NotFound):
        home.panel.press("p", role, ON)
    assert lights.calls == []


@pytest.mark.parametrize(
    "pressed",
    [
        PressRequest("lights", "light", "other lamp", "on"),
        PressRequest("lights", "light", "lamp", "explode"),
        PressRequest("heating", "light", "lamp", "on"),
        PressRequest("covers", "light", "lamp", "on"),
    ],
)
def test_only_what_is_offered_is_pressed(place: Place, pressed: PressRequest) -> None:
    with pytest.raises(NotFound):
        place[0].panel.press("p", "owner", pressed)
    assert place[1].calls == place[2].calls == []


@pytest.mark.parametrize("value", [101, -1, "bright", 2.5, None, True])
def test_a_value_fits_the_schema(place: Place, value: Any) -> None:
    home, lights, _ = place
    outcome = home.panel.press("p", "owner", PressRequest("lights", "light", "lamp", "dim", value))
    assert (outcome.ok, outcome.data) == (False, {"reason": "arguments"})
    assert lights.calls == []
    assert home.panel.press("p", "owner", PressRequest("lights", "light", "lamp", "dim", 40)).ok
    assert lights.calls.pop() == ({"light": "lamp", "brightness": 40}, "p")


def test_what_moves_waits_until_its_person_is_sure(place: Place) -> None:
    home, _, covers = place
    with pytest.raises(BadInput):
        home.panel.press("p", "owner", OPEN)
    assert covers.calls == []
    sure = PressRequest("covers", "cover", "d1", "open", sure=True)
    assert home.panel.press("p", "owner", sure).ok
    assert covers.calls.pop() == ({"cover": "door"}, "p")
