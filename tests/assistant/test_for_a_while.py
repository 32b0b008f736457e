"""A colour, a level, a temperature or a volume for a while, and then what it was before: said in
English and Chinese, all stages on, to tools that can tell and to one that can not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from assisted import EXAMPLES, HOUSE, smart_tools
from dwelling import WEDNESDAY, done, planned, words
from rememberer import Rememberer

from penjing.assistant.build import build
from penjing.assistant.spec.parse import load
from penjing.assistant.stories import StoryClock, StoryPlanner
from penjing.core.dialogue import Confirm, Event
from penjing.vault.memory import MemoryStore

KITCHEN, LIVING, BEDROOM, AC = (
    "kitchen light", "living room light", "bedroom light", "air conditioner",
)  # fmt: skip


class Remembering:
    """A smart home whose lights, air conditioner and TV say how they are."""

    def __init__(self) -> None:
        spec = load(EXAMPLES / "smart-home/assistant.yaml")
        lights = HOUSE["lights", "light"]
        self.lights = Rememberer("lights", "light", {"light": lights})
        self.climate = Rememberer("climate", "device", {})
        self.tv = Rememberer("tv", "device", {})
        own = {one.name: one for one in (self.lights, self.climate, self.tv)}
        self.clock = StoryClock(WEDNESDAY.timestamp())
        self.planner = StoryPlanner(self.clock)
        tools = [*{**smart_tools(), **own}.values()]
        self.assistant = build(spec, tools, clock=self.clock, planner=self.planner)

    def afresh(self) -> None:
        self.store = MemoryStore()
        self.session = self.store.history.begin().id
        self.clock.at = WEDNESDAY.timestamp()
        self.planner.kept.clear()
        names = HOUSE["lights", "light"]
        self.lights.states = {one: {"on": True, "brightness": 80} for one in names}
        self.climate.states = {AC: {"on": True, "temperature": 21}}
        self.tv.states = {"TV": {"on": True, "volume": 15}}

    def say(self, text: str) -> list[Event]:
        said = self.assistant.reply("ann", self.store, self.session, text, role="owner")
        return list(said)

    def wait(self, seconds: float) -> None:
        self.clock.at += seconds
        self.planner.due(lambda one: self.assistant.carry_out("ann", one, role="owner"))


@pytest.fixture(scope="module")
def house() -> Remembering:
    return Remembering()


@pytest.fixture
def home(house: Remembering) -> Remembering:
    house.afresh()
    return house


Change = tuple[str, str, Mapping[str, Any]]
WHILES: list[tuple[str, Change, int]] = [
    (
        "make the living room light purple for twenty minutes",
        ("lights", LIVING, {"colour": "purple"}),
        1200,
    ),
    (
        "dim the kitchen light to 30 percent for ten minutes",
        ("lights", KITCHEN, {"brightness": 30}),
        600,
    ),
    (
        "for half an hour set the kitchen light to 20 percent",
        ("lights", KITCHEN, {"brightness": 20}),
        1800,
    ),
    ("turn the bedroom light red for an hour", ("lights", BEDROOM, {"colour": "red"}), 3600),
    ("set the ac to 25 degrees for two hours", ("climate", AC, {"temperature": 25}), 7200),
    ("把厨房灯调到百分之三十，十分钟", ("lights", KITCHEN, {"brightness": 30}), 600),
    ("卧室灯红色亮十五分钟", ("lights", BEDROOM, {"colour": "red"}), 900),
    ("空调二十三度吹半小时", ("climate", AC, {"temperature": 23}), 1800),
    ("把客厅灯变成蓝色二十分钟", ("lights", LIVING, {"colour": "blue"}), 1200),
    ("空调调到二十五度一个小时", ("climate", AC, {"temperature": 25}), 3600),
]


@pytest.mark.parametrize(("text", "change", "seconds"), WHILES)
def test_it_is_what_it_was_after_the_while(
    home: Remembering, text: str, change: Change, seconds: int
) -> None:
    tool, name, how = change
    states: dict[str, dict[str, Any]] = getattr(home, tool).states
    before = dict(states[name])
    events = home.say(text)
    if any(isinstance(one, Confirm) for one in events):
        events = home.say("yes")
    assert len(done(events)) == 1, words(events)
    assert [when.after for _, when in planned(events)] == [seconds]
    assert how.items() <= states[name].items()
    home.wait(seconds - 1)
    assert how.items() <= states[name].items()
    home.wait(2)
    assert states[name] == before
    assert home.planner.kept == []


@pytest.mark.parametrize(
    "text", ["make the kitchen light red for ten minutes", "把厨房灯变成红色十分钟"]
)
def test_what_somebody_changed_since_stays(home: Remembering, text: str) -> None:
    home.say(text)
    home.lights.states[KITCHEN]["colour"] = "green"
    home.wait(601)
    assert home.lights.states[KITCHEN]["colour"] == "green"


@pytest.mark.parametrize(
    ("text", "why"),
    [("make the kitchen light red for ten minutes", "did not work"),
     ("把厨房灯变成红色十分钟", "没有成功")],
)  # fmt: skip
def test_what_nobody_can_tell_is_not_changed(home: Remembering, text: str, why: str) -> None:
    del home.lights.states[KITCHEN]
    events = home.say(text)
    assert why in words(events)
    assert KITCHEN not in home.lights.states
    assert (planned(events), home.planner.kept) == ([], [])


def test_all_the_lights_each_as_it_was(home: Remembering) -> None:
    home.lights.states[BEDROOM] = {"on": False}
    before = {name: dict(how) for name, how in home.lights.states.items()}
    events = home.say("make all the lights red for ten minutes")
    assert len(done(events)) == 5, words(events)
    home.wait(601)
    assert home.lights.states == before


def test_at_a_time_for_a_while(home: Remembering) -> None:
    home.say("at 8 pm make the kitchen light red for ten minutes")
    home.lights.states[KITCHEN]["brightness"] = 10
    home.wait(4 * 3600 + 1)
    assert home.lights.states[KITCHEN] == {"on": True, "brightness": 10, "colour": "red"}
    home.wait(600)
    assert home.lights.states[KITCHEN] == {"on": True, "brightness": 10}


def test_it_says_what_it_will_undo(home: Remembering) -> None:
    assert "In 10 minutes I will undo “make the kitchen light red”" in words(
        home.say("make the kitchen light red for ten minutes")
    )
    home.afresh()
    assert "撤销“" in words(home.say("把厨房灯变成红色十分钟"))


def test_off_for_a_while_is_still_switched_on_again(home: Remembering) -> None:
    events = home.say("turn the tv off for half an hour")
    assert [call for call, _ in planned(events)] == [("tv", {"device": "TV", "on": True})]
    home.wait(1801)
    assert home.tv.states["TV"]["on"] is True
    assert home.tv.restored == []
