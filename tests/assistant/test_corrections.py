"""What a sentence takes back itself, in words of all four examples: the right thing is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from assisted import EXAMPLES, house
from blind import Blind, Stage, right

from penjing.assistant.spec.parse import load
from penjing.assistant.understand.cascade import Understanding

Calls = list[dict[str, Any]]


def light(name: str, **how: Any) -> Calls:
    return [{"lights": {"light": name, **how}}]


def cooled(temperature: int) -> Calls:
    return [{"climate": {"device": "air conditioner", "temperature": temperature}}]


def cabin(temperature: int) -> Calls:
    return [{"climate": {"device": "cabin", "temperature": temperature}}]


def cover(name: str, action: str) -> Calls:
    return [{"covers": {"cover": name, "action": action}}]


def screen(*, on: bool) -> Calls:
    return [{"tv": {"device": "TV", "on": on}}]


def timer(seconds: int) -> Calls:
    return [{"timers": {"action": "set", "seconds": seconds}}]


def alarm(time: str, **day: str) -> Calls:
    return [{"alarms": {"action": "set", "time": time, **day}}]


def way(to: str) -> Calls:
    return [{"navigation": {"to": to}}]


def music(action: str, **how: Any) -> Calls:
    return [{"music": {"action": action, **how}}]


def remind(text: str, time: str) -> Calls:
    return [{"reminders": {"action": "set", "text": text, "time": time}}]


MEANT: Mapping[str, Mapping[str, Calls]] = {
    "smart-home": {
        "switch on the hallway, I mean the kitchen light": light("kitchen light", on=True),
        "shut the curtains - no, open them": cover("curtains", "open"),
        "close the curtains, no, open": cover("curtains", "open"),
        "TV off... scratch that, on": screen(on=True),
        "set the air conditioner to 21, hmm, 22": cooled(22),
        "air conditioner to twenty and a half, no, call it twenty-one": cooled(21),
        "timer for twenty minutes, make that thirty": timer(1800),
        "start a timer for three, no, four minutes": timer(240),
        "dim the hallway light to sixty, er, fifty percent please": light(
            "hallway light", brightness=50
        ),
        "hallway light to 40 percent, no 50, desk lamp, no, bedroom light off": [
            *light("hallway light", brightness=50), *light("bedroom light", on=False),
        ],
        "turn the... turn the desk lamp off": light("desk lamp", on=False),
        "温度调到二十五不是二十六度": cooled(26),
        "空调调到二十一，嗯，二十二度吧": cooled(22),
        "空调开到二十三度，不不不，二十四度": cooled(24),
        "把窗帘关上，不，打开": cover("curtains", "open"),
        "把台灯打开，哎不，关掉": light("desk lamp", on=False),
        "计时二十分钟，改成三十分钟": timer(1800),
        "把卧室灯调成绿色，呃还是红色吧": light("bedroom light", colour="red"),
        "把台灯关了，不是，是把走廊灯关了": light("hallway light", on=False),
        "走廊灯调到百分之四十，不，五十，然后关台灯，不对，卧室灯": [
            *light("hallway light", brightness=50), *light("bedroom light", on=False),
        ],
    },
    "in-car": {
        "drive me home, oh no, scrap that, let's go to the airport": way("airport"),
        "play rock, actually no, some techno": music("play", query="techno"),
        "play some Sia, scratch that, some Adele": music("play", query="Adele"),
        "make it 18, hmm, 19 degrees": cabin(19),
        "play Sorry Seems To Be The Hardest Word": music(
            "play", query="Sorry Seems To Be The Hardest Word"
        ),
        "回家，哦不，今天要加班，去公司吧": way("work"),
        "播放邓紫棋 算了还是放王菲": music("play", query="王菲"),
        "空调温度二十，嗯，二十一度": cabin(21),
        "音量调到四十不是五十": music("volume", volume=50),
        "停止播放，不是，下一首": music("next"),
    },
    "personal": {
        "alarm 5am no make it 5:40am": alarm("05:40"),
        "set a timer, no, an alarm for 8 am": alarm("08:00"),
        "wake me at six in the morning, no, evening": alarm("18:00"),
        "set an alarm for 9 pm, no, 10": alarm("22:00"),
        "set an alarm for half past six, make that seven": alarm("07:00"),
        "remind me at 2, sorry 3, to water the plants": remind("water the plants", "15:00"),
        "turn off all... no just the six am alarm, cancel that one": [
            {"alarms": {"action": "cancel", "time": "06:00"}}
        ],
        "timer for twelve, make that twenty minutes": timer(1200),
        "set an alarm for uh 5 uh 40 am": alarm("05:40"),
        "note that Ann comes at 5, sorry 6": [
            {"notes": {"action": "add", "text": "Ann comes at 5, sorry 6"}}
        ],
        "闹钟设下午三点，不对，下午三点半": alarm("15:30"),
        "闹钟定晚上七点，不对，八点": alarm("20:00"),
        "明天早上六点叫我，不对后天": alarm("06:00", date="2026-11-27"),
        "取消所有，不，只取消六点的闹钟": [{"alarms": {"action": "cancel", "time": "06:00"}}],
        "定个呃五点呃半的闹钟": alarm("05:30"),
        "闹钟早上八点半，还是九点吧": alarm("09:00"),
        "记一下爷爷不吃葱不是不吃蒜": [
            {"notes": {"action": "add", "text": "爷爷不吃葱不是不吃蒜"}}
        ],
    },
}  # fmt: skip
NOTHING: Mapping[str, tuple[str, ...]] = {
    "smart-home": (
        "turn on the hallway light, on second thoughts don't", "switch the TV on, forget it",
        "turn on the desk lamp, never mind", "desk lamp off, I want it on",
        "she's like, turn the desk lamp off", "turn off the TV, not the desk lamp and the blinds",
        "turn on the desk lamp, no, it's dark", "Ben says turn on the TV, no, turn off the TV",
        "打开台灯，当我没说", "打开台灯，算了不用了", "打开台灯，等等，还是别开了",
        "关台灯，我要它开着", "打开走廊灯，不是台灯",
    ),
    "in-car": (
        "he's like, play some music", "play jazz, sorry, wrong one",
        "take me home, no wait, forget it", "带我去机场，等一下，还是先别去了", "回家，算了",
    ),
    "personal": (
        "set an alarm for nine am, on second thoughts don't", "设个早上九点的闹钟，算了不用了",
        "设个七点的闹钟，哦不，别设了",
    ),
    "customer-service": ("open a ticket, never mind", "我要报修，算了不用了"),
}  # fmt: skip
INTENTS = {
    "I'd like to file a complaint, no, talk to a human": "person",
    "the steam wand, I mean the pump, is broken": "ticket",
    "我要开工单，不对，转人工": "person",
    "水箱，不对，磨豆机坏了": "ticket",
}


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    cache: Path = tmp_path_factory.mktemp("intents")
    return {one: Stage(one, cache) for one in NOTHING}


@pytest.mark.parametrize("spec", MEANT)
def test_what_was_meant_is_done(spec: str, stages: dict[str, Stage]) -> None:
    said = [Blind(say, {"say": say, "wants": wants}) for say, wants in MEANT[spec].items()]
    came = {one.say: stages[spec].hear(one.say) for one in said}
    assert [(one.say, came[one.say]) for one in said if not right(one, came[one.say])] == []


@pytest.mark.parametrize("spec", NOTHING)
def test_nothing_is_done_of_what_was_taken_back(spec: str, stages: dict[str, Stage]) -> None:
    assert [one for one in NOTHING[spec] if stages[spec].hear(one).unwanted] == []


@pytest.mark.parametrize(("said", "wanted"), INTENTS.items())
def test_a_customer_is_understood(said: str, wanted: str, stages: dict[str, Stage]) -> None:
    assert set(stages["customer-service"].hear(said).intents) == {wanted}


@pytest.mark.parametrize("said", ["a timer for 5 minutes, no, 7", "计时五分钟，不，七分钟"])
def test_a_value_has_the_words_that_were_said_for_it(said: str) -> None:
    heard = Understanding(load(EXAMPLES / "personal/assistant.yaml"), house, untrained=True)
    reading = heard.read(said, datetime.fromisoformat("2026-11-25T12:00"))
    (request,) = reading.requests
    (slot,) = request[0].slots
    assert slot.value == 420
    assert said[slot.start : slot.end] == slot.text
    assert reading.text == said
