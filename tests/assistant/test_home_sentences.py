"""What people say in a home, all stages on: groups, changes, corrections, questions about state.

Sentences by the author of these parts, written while they were made. On each side: what must be
done exactly, and what is near it and must not be done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from assisted import EXAMPLES, RecordingTool, smart_tools

from penjing.assistant.build import build
from penjing.assistant.spec.parse import load, loads
from penjing.assistant.turn import SpecAssistant
from penjing.core.dialogue import Acted, Confirm, Event, Outcome, Said
from penjing.vault.memory import MemoryStore

LIGHTS = ("kitchen light", "living room light", "bedroom light", "hallway light", "desk lamp")
TOGETHER = ("lights", "light", "lamps", "lamp", "all lights")
"""What a tool calls all of them: names, and no things."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("intents")


def home_with(
    cache: Path, names: Sequence[str], states: Outcome | None = None, lights: Outcome | None = None
) -> SpecAssistant:
    tools = smart_tools()
    tools["lights"]._names = {"light": names}
    for name, answer in (("states", states), ("lights", lights)):
        if answer is not None:
            tools[name]._answers = (answer,)
    spec = load(EXAMPLES / "smart-home/assistant.yaml")
    return build(spec, list(tools.values()), cache=cache)


@pytest.fixture(scope="module")
def home(cache: Path) -> SpecAssistant:
    state = {"on": True, "brightness": 40, "temperature": 23}
    return home_with(cache, (*LIGHTS, *TOGETHER), states=Outcome(True, state))


def told(assistant: SpecAssistant, said: str) -> list[Event]:
    """What came of the last of some sentences, parted by slashes."""
    store = MemoryStore()
    session = store.history.begin().id
    for text in said.split(" / "):
        events = list(assistant.reply("p", store, session, text, role="owner"))
    return events


def calls(events: Sequence[Event]) -> list[Mapping[str, Any]]:
    return [
        {"tool": one.action.tool, **one.action.arguments}
        for one in events
        if isinstance(one, Acted)
    ]


def words(events: Sequence[Event]) -> str:
    return "".join(one.text for one in events if isinstance(one, Said))


def lights_but(*excepted: str, **wanted: Any) -> list[Mapping[str, Any]]:
    return [{"tool": "lights", "light": one, **wanted} for one in LIGHTS if one not in excepted]


KITCHEN = {"tool": "lights", "light": "kitchen light"}
AC = {"tool": "climate", "device": "air conditioner"}
TV = {"tool": "tv", "device": "TV"}
OFF = {"on": False}
GROUPS: Mapping[str, list[Mapping[str, Any]]] = {
    "turn off all lights": lights_but(on=False),
    "turn all the lights on": lights_but(on=True),
    "please switch off the lights": lights_but(on=False),
    "turn on every lamp": lights_but(on=True),
    "dim all the lights to thirty percent": lights_but(brightness=30),
    "turn off all lights except the kitchen light": lights_but("kitchen light", on=False),
    "turn all lights off apart from the desk lamp": lights_but("desk lamp", on=False),
    "it is late, turn off all the lights": lights_but(on=False),
    "turn off all but the kitchen": lights_but("kitchen light", on=False),
    "except for the desk lamp, turn off all the lights": lights_but("desk lamp", on=False),
    "turn off the lights but leave the hallway light on": lights_but("hallway light", on=False),
    "turn off all the lights except the kitchen and the bedroom": lights_but(
        "kitchen light", "bedroom light", on=False
    ),
    "turn off everything": [*lights_but(on=False), {**AC, **OFF}, {**TV, **OFF}],
    "turn everything off": [*lights_but(on=False), {**AC, **OFF}, {**TV, **OFF}],
    "turn off everything except the bedroom light": [
        *lights_but("bedroom light", on=False), {**AC, **OFF}, {**TV, **OFF},
    ],
    "turn off everything but the TV": [*lights_but(on=False), {**AC, **OFF}],
    "everything but the desk lamp off": [
        *lights_but("desk lamp", on=False), {**AC, **OFF}, {**TV, **OFF},
    ],
    "turn off the light / all of them": lights_but(on=False),
    "turn off all lights / turn them on again": lights_but(on=True),
    "turn off all lights / no, only the bedroom": [],
    "把灯都关了": lights_but(on=False),
    "打开所有的灯": lights_but(on=True),
    "把所有灯调到百分之三十": lights_but(brightness=30),
    "所有灯变成红色": lights_but(colour="red"),
    "除了卧室灯都关掉": lights_but("bedroom light", on=False),
    "把除了卧室灯以外的灯都关掉": lights_but("bedroom light", on=False),
    "除了厨房灯和台灯，其他灯都关掉": lights_but("kitchen light", "desk lamp", on=False),
    "把灯都关了，除了走廊灯": lights_but("hallway light", on=False),
    "關掉所有的燈，除了廚房燈": lights_but("kitchen light", on=False),
    "除了厨房灯，打开所有灯": lights_but("kitchen light", on=True),
    "把所有设备都关掉，除了电视": [*lights_but(on=False), {**AC, **OFF}],
    "turn off the tv and the kitchen light": [{**KITCHEN, **OFF}, {**TV, **OFF}],
    "turn off all the lights and the tv": [*lights_but(on=False), {**TV, **OFF}],
    "卧室灯以外的灯都关掉": lights_but("bedroom light", on=False),
    "把电视和空调都关了": [{**AC, **OFF}, {**TV, **OFF}],
    "关灯 / 全部": lights_but(on=False),
    "关灯 / 所有的灯": lights_but(on=False),
}  # fmt: skip
NO_GROUP = (
    "turn off all lights except the bathroom light", "turn off the outside lights",
    "turn off all lights except the kitchen light and the bathroom light",
    "turn off the bathroom lights", "turn off all the lights in the bathroom",
    "don't turn off all the lights", "turn off all the lights if it rains",
    "turn off all the other lights", "turn off both lights", "turn off two lights",
    "turn off all lights except one", "turn on the tv and the kitchen light and the fan",
    "turn off the kitchen light and the tv except the desk lamp",
    "did Ben turn off all the lights",
    "Ben says turn off all the lights", "turn off everything upstairs", "turn off all the fans",
    "除了浴室灯都关掉", "把浴室的灯都关了", "窗都关掉", "别把灯都关了", "把其他灯都关了",
    "哪些灯关掉",
    "妈妈说把灯都关了", "把灯都关了一半", "除了厨房灯和浴室灯都关掉", "楼上的灯都关掉",
    "谁把灯都关了",
)  # fmt: skip
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "dim the kitchen light by 20 percent": {**KITCHEN, "brightness_change": -20},
    "increase the kitchen light by ten percent": {**KITCHEN, "brightness_change": 10},
    "make the kitchen light a bit brighter": {**KITCHEN, "brightness_change": 10},
    "make the kitchen light darker": {**KITCHEN, "brightness_change": -10},
    "turn the kitchen light down a little": {**KITCHEN, "brightness_change": -10},
    "raise the brightness of the kitchen light by 15%": {**KITCHEN, "brightness_change": 15},
    "two degrees warmer": {**AC, "temperature_change": 2},
    "a bit cooler please": {**AC, "temperature_change": -1},
    "turn the temperature up by two degrees": {**AC, "temperature_change": 2},
    "lower the temperature by 1.5 degrees": {**AC, "temperature_change": -1.5},
    "turn on the kitchen light / make it a bit brighter": {**KITCHEN, "brightness_change": 10},
    "把厨房灯调亮一点": {**KITCHEN, "brightness_change": 10},
    "把厨房灯调暗百分之十": {**KITCHEN, "brightness_change": -10},
    "厨房灯再亮一点": {**KITCHEN, "brightness_change": 10},
    "厨房灯暗点": {**KITCHEN, "brightness_change": -10},
    "厨房灯调低三成": {**KITCHEN, "brightness_change": -30},
    "把厨房灯的亮度提高百分之二十": {**KITCHEN, "brightness_change": 20},
    "温度调高两度": {**AC, "temperature_change": 2},
    "空调调低一点": {**AC, "temperature_change": -1},
    "有点热，调低两度": {**AC, "temperature_change": -2},
    "再暖和一点": {**AC, "temperature_change": 1},
    "打开厨房灯 / 再亮一点": {**KITCHEN, "brightness_change": 10},
    "set the kitchen light to half brightness": {**KITCHEN, "brightness": 50},
    "set the kitchen light to 33.3%": {**KITCHEN, "brightness": 33},
    "把厨房灯调到百分之三十三点三": {**KITCHEN, "brightness": 33},
    "把厨房灯调到一半": {**KITCHEN, "brightness": 50},
    "厨房灯亮度三成": {**KITCHEN, "brightness": 30},
    "把厨房灯调亮到百分之八十": {**KITCHEN, "brightness": 80},
}
NO_CHANGE = (
    "don't make the kitchen light brighter", "is the kitchen light a bit darker",
    "make the kitchen light brighter if it rains", "make the bathroom light a bit brighter",
    "turn up the kitchen light by 150 percent", "set the kitchen light to 150 percent",
    "set the kitchen light between 30 and 50 percent", "set the temperature to 45 degrees",
    "set the kitchen light to 30 to 50 percent", "the kitchen light was a bit brighter yesterday",
    "make it 20 degrees warmer", "raise the brightness of the kitchen light to 180",
    "Ben wants it a bit warmer",
    "把厨房灯调到30到50%", "别把厨房灯调亮", "厨房灯亮一点了吗", "把浴室灯调亮一点",
    "把厨房灯调到百分之一百五",
    "温度调高二十度", "温度调到四十五度", "妈妈说把厨房灯调亮一点", "如果天黑就把厨房灯调亮一点",
)  # fmt: skip
BEDROOM = {"tool": "lights", "light": "bedroom light"}
CORRECTED: Mapping[str, Mapping[str, Any]] = {
    "turn on the kitchen light, no wait, the bedroom light": {**BEDROOM, "on": True},
    "turn on the kitchen light no wait the bedroom light": {**BEDROOM, "on": True},
    "turn on the kitchen light, sorry, I mean the bedroom light": {**BEDROOM, "on": True},
    "turn on the kitchen light no the bedroom light": {**BEDROOM, "on": True},
    "turn off the kitchen, or rather the bedroom": {**BEDROOM, "on": False},
    "turn on the kitchen, no, the hallway, no wait, the bedroom": {**BEDROOM, "on": True},
    "turn on the kitchen light, no, turn off the bedroom light": {**BEDROOM, "on": False},
    "set the kitchen light to 30 percent, no, 40 percent": {**KITCHEN, "brightness": 40},
    "dim the kitchen light to 20, I mean 30 percent": {**KITCHEN, "brightness": 30},
    "set the air conditioner to 20, sorry, 22 degrees": {**AC, "temperature": 22},
    "the kitchen light, no wait, the bedroom light off": {**BEDROOM, "on": False},
    "打开厨房灯，不对，卧室灯": {**BEDROOM, "on": True},
    "打开厨房灯不对卧室灯": {**BEDROOM, "on": True},
    "把厨房灯打开，不对，是卧室灯": {**BEDROOM, "on": True},
    "打开厨房灯，哦不，卧室灯": {**BEDROOM, "on": True},
    "关掉厨房灯，说错了，是卧室灯": {**BEDROOM, "on": False},
    "打开厨房灯，不是，卧室灯": {**BEDROOM, "on": True},
    "打开厨房灯，不，关掉卧室灯": {**BEDROOM, "on": False},
    "把厨房灯调到百分之三十，不，百分之四十": {**KITCHEN, "brightness": 40},
    "温度调到二十度，不对，二十二度": {**AC, "temperature": 22},
    "打開廚房燈，不對，臥室燈": {**BEDROOM, "on": True},
}
NOT_CORRECTED = (
    "turn on the kitchen light, not the bedroom light", "turn on the kitchen light, no",
    "turn on the kitchen light, no wait", "turn on the kitchen light, no bedroom light",
    "turn on the kitchen light, no wait, the bathroom light",
    "turn on the kitchen light, never mind",
    "turn on the kitchen light, no, not the bedroom light", "turn on the kitchen light, no, don't",
    "Ben says turn on the kitchen light, no wait, the bedroom light",
    "don't turn on the kitchen light, no wait, the bedroom light",
    "打开厨房灯，不是卧室灯", "打开厨房灯，不对", "打开厨房灯，不对，浴室灯",
    "打开厨房灯，不，别开",
    "打开厨房灯，不对，不是卧室灯", "打开厨房灯，算了", "别打开厨房灯，不对，卧室灯",
    "打开厨房灯，等等",
    "妈妈说打开厨房灯，不对，卧室灯", "打开厨房灯，不用了",
)  # fmt: skip
STATES: Mapping[str, str] = {
    "is the kitchen light on": "kitchen light", "are the kitchen lights off": "kitchen light",
    "is the kitchen light still on?": "kitchen light", "is the TV on": "TV",
    "did I leave the kitchen light on": "kitchen light", "is the ac on": "air conditioner",
    "how bright is the kitchen light": "kitchen light", "how warm is it set": "air conditioner",
    "what's the temperature set to": "air conditioner", "is the garage open": "garage door",
    "did I turn off the kitchen light": "kitchen light",
    "厨房灯开着吗": "kitchen light", "厨房灯关了吗": "kitchen light",
    "厨房灯亮着没有": "kitchen light",
    "厨房灯是不是开着": "kitchen light", "廚房燈開著嗎": "kitchen light",
    "空调开着吗": "air conditioner",
    "空调设的多少度": "air conditioner", "电视开着吗": "TV", "厨房灯多亮": "kitchen light",
    "空调关了没": "air conditioner",
}  # fmt: skip
OF_SEVERAL = (
    "which lights are on?", "what lights are off", "are any lights on", "are all the lights off?",
    "are the lights on", "哪些灯开着", "哪几盏灯还亮着", "灯都关了吗", "有哪些灯没关",
    "什么灯开着",
)  # fmt: skip
NO_STATE = ("is the bathroom light on", "浴室灯开着吗", "which fans are on", "哪些窗户开着")
ASKED = (
    "turn on the light", "switch off a light please", "turn off the light", "dim the light to 30%",
    "开灯", "关灯", "關燈", "把灯打开", "关一下灯",
)  # fmt: skip


@pytest.mark.parametrize(("said", "wanted"), GROUPS.items())
def test_a_group_is_one_call_for_each_thing(
    said: str, wanted: list[Mapping[str, Any]], home: SpecAssistant
) -> None:
    assert calls(told(home, said)) == wanted


@pytest.mark.parametrize("said", NO_GROUP)
def test_what_is_no_group_is_not_widened(said: str, home: SpecAssistant) -> None:
    assert calls(told(home, said)) == []


@pytest.mark.parametrize(("said", "wanted"), CHANGES.items())
def test_a_change_is_made(said: str, wanted: Mapping[str, Any], home: SpecAssistant) -> None:
    assert calls(told(home, said)) == [wanted]


@pytest.mark.parametrize("said", NO_CHANGE)
def test_what_is_no_change_is_not_made(said: str, home: SpecAssistant) -> None:
    assert [one for one in calls(told(home, said)) if one["tool"] != "states"] == []


@pytest.mark.parametrize(("said", "wanted"), CORRECTED.items())
def test_a_correction_in_mid_sentence(
    said: str, wanted: Mapping[str, Any], home: SpecAssistant
) -> None:
    assert calls(told(home, said)) == [wanted]


@pytest.mark.parametrize("said", NOT_CORRECTED)
def test_what_only_takes_back_does_nothing(said: str, home: SpecAssistant) -> None:
    assert calls(told(home, said)) == []


@pytest.mark.parametrize(("said", "device"), STATES.items())
def test_a_question_is_answered_from_the_state(said: str, device: str, home: SpecAssistant) -> None:
    events = told(home, said)
    assert calls(events) == [{"tool": "states", "device": device}]
    assert words(events)


@pytest.mark.parametrize("said", OF_SEVERAL)
def test_a_question_about_several(said: str, home: SpecAssistant) -> None:
    events = told(home, said)
    assert calls(events) == [{"tool": "states", "device": one} for one in LIGHTS]
    assert "kitchen light" in words(events) or "厨房灯" in words(events)


@pytest.mark.parametrize("said", NO_STATE)
def test_nothing_is_told_of_what_is_not_there(said: str, home: SpecAssistant) -> None:
    assert calls(told(home, said)) == []


@pytest.mark.parametrize("said", ASKED)
def test_one_of_several_is_asked_for(said: str, home: SpecAssistant) -> None:
    events = told(home, said)
    assert calls(events) == []
    assert "desk lamp" in words(events) or "台灯" in words(events)


def test_what_is_out_of_range_is_said_with_the_range(home: SpecAssistant) -> None:
    assert "150 percent” is out of range: 0% to 100%" in words(
        told(home, "set the kitchen light to 150 percent")
    )
    assert "16度到30度" in words(told(home, "温度调到四十五度"))
    assert calls(told(home, "set the kitchen light to 150 percent / 50 percent")) == [
        {**KITCHEN, "brightness": 50}
    ]


def test_what_nobody_knows_is_said(cache: Path) -> None:
    silent = home_with(cache, LIGHTS, states=Outcome(True, {}))
    assert "do not know" in words(told(silent, "is the kitchen light on"))
    assert "不知道" in words(told(silent, "空调开着吗"))
    assert "do not know about: kitchen light" in words(told(silent, "which lights are on"))


def test_one_that_fails_does_not_stop_the_others(cache: Path) -> None:
    broken = home_with(cache, LIGHTS, lights=Outcome(False, error="it is off line"))
    events = told(broken, "turn off all lights")
    assert len(calls(events)) == len(LIGHTS)
    assert "Now off" not in words(events)
    assert "kitchen light: it is off line" in words(events)


def test_the_one_thing_that_is_called_so_is_meant(cache: Path) -> None:
    assert calls(told(home_with(cache, LIGHTS), "turn on the lamp")) == [
        {"tool": "lights", "light": "desk lamp", "on": True}
    ]
    own = home_with(cache, ("lamp", "floor lamp", "kitchen light"))
    assert calls(told(own, "turn on the lamp")) == [{"tool": "lights", "light": "lamp", "on": True}]
    two = home_with(cache, ("desk lamp", "floor lamp", "kitchen light"))
    assert calls(told(two, "turn on the lamp")) == []
    assert "floor lamp" in words(told(two, "turn on the lamp"))


@pytest.mark.parametrize(
    ("lights", "said", "meant"),
    [
        (("3号灯", "4号灯"), "打开三号灯", "3号灯"), (("三号灯", "四号灯"), "打开3号灯", "三号灯"),
        (("light 2", "light 3"), "turn on light two", "light 2"),
        (("light two", "light three"), "turn on light 3", "light three"),
        (("3号灯", "4号灯"), "打开五号灯", None), (("三号灯", "四号灯"), "打开五号灯", None),
        (("light 2", "light 3"), "turn on light five", None),
    ],
)  # fmt: skip
def test_a_number_in_a_name_is_written_either_way(
    lights: Sequence[str], said: str, meant: str | None, cache: Path
) -> None:
    wanted = [{"tool": "lights", "light": meant, "on": True}] if meant else []
    assert calls(told(home_with(cache, lights), said)) == wanted


COVERS = """\
assistant: A
languages: [en]
tools: {covers: }
slots:
  cover: {type: entity, tool: covers, parameter: cover, all: [blinds], ask: "Which one?"}
intents:
  close:
    sentences: ["close [the] {cover}"]
    do:
      - collect: cover
      - call: covers
        with: {cover: $cover, action: close}
        describes: "close {cover}"
"""


def test_each_call_of_a_careful_tool_is_asked_for() -> None:
    tool = RecordingTool(
        "covers",
        {"cover": {"type": "string"}, "action": {"type": "string"}},
        careful=True,
        names={"cover": ["left blind", "right blind", "attic blind"]},
    )
    assistant = build(loads(COVERS), [tool])
    store = MemoryStore()
    session = store.history.begin().id

    def say(text: str) -> list[Event]:
        return list(assistant.reply("p", store, session, text, role="owner"))

    def asked(events: Sequence[Event]) -> list[str]:
        return [one.action.describes for one in events if isinstance(one, Confirm)]

    assert asked(say("close all blinds except the attic blind")) == ["close left blind"]
    assert tool.calls == []
    assert asked(say("yes")) == ["close right blind"]
    assert [one["cover"] for one, _ in tool.calls] == ["left blind"]
    assert asked(say("no")) == []
    assert [one["cover"] for one, _ in tool.calls] == ["left blind"]
