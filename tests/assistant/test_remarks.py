"""A command with something told beside it: why it is given, or something meant for it.

A plain reason turns nothing around, whatever "not", "was" or 别 stands in it; what may be meant for
the command is asked about, and what is, stops it. All stages on; the sentences are the module
author's own.
"""

from __future__ import annotations

from typing import Any

import pytest
from blind import Stage

from penjing.assistant.understand.reasons import kind_of
from penjing.assistant.understand.text import tokens_of

Call = tuple[str, dict[str, Any]]


def light(name: str, **how: Any) -> Call:
    return "lights", {"light": name, **how}


def ac(**how: Any) -> Call:
    return "climate", {"device": "air conditioner", **how}


TV_OFF: Call = ("tv", {"device": "TV", "on": False})
KITCHEN, LIVING, BEDROOM = "kitchen light", "living room light", "bedroom light"
HALL, DESK = "hallway light", "desk lamp"

DONE: list[tuple[str, Call]] = [
    ("desk lamp up by 20 percent, my eyes aren't what they were",
     light(DESK, brightness_change=20)),
    ("turn the kitchen light off, nobody's in there", light(KITCHEN, on=False)),
    ("bedroom light to 10 percent, the baby's not sleeping", light(BEDROOM, brightness=10)),
    ("turn the hallway light on, I nearly tripped last night", light(HALL, on=True)),
    ("set the air conditioner to 23, it was boiling yesterday", ac(temperature=23)),
    ("ac to 20 - I haven't slept for three nights", ac(temperature=20)),
    ("switch the tv off, there's never anything on", TV_OFF),
    ("kitchen light to 80 percent, I don't want to cut my fingers", light(KITCHEN, brightness=80)),
    ("turn the ac off, my feet have been cold since yesterday", ac(on=False)),
    ("hallway light off, no point wasting power", light(HALL, on=False)),
    ("bedroom light off, not a soul in there", light(BEDROOM, on=False)),
    ("since nobody's watching, turn off the tv", TV_OFF),
    ("I was freezing all night, set the ac to 26", ac(temperature=26)),
    ("it's never this dark in here, put the living room light on", light(LIVING, on=True)),
    ("the baby didn't sleep, dim the bedroom light to 5 percent", light(BEDROOM, brightness=5)),
    ("my back was killing me all night so set the ac to 25", ac(temperature=25)),
    ("living room light to 30, her migraine hasn't gone away", light(LIVING, brightness=30)),
    ("switch the tv off, nobody has looked at it for ages", TV_OFF),
    ("hallway light on please, grandpa doesn't see too well", light(HALL, on=True)),
    ("turn the bedroom light off, I couldn't sleep yesterday", light(BEDROOM, on=False)),
    ("the plants were looking sad, turn the living room light on", light(LIVING, on=True)),
    ("ac to 19, I've never sweated like this", ac(temperature=19)),
    ("we had no sun all week, so kitchen light to 100 percent", light(KITCHEN, brightness=100)),
    ("kitchen light on - I can't tell salt from sugar", light(KITCHEN, on=True)),
    ("turn the ac off; my throat was sore this morning", ac(on=False)),
    ("lower the desk lamp to 15 percent, my contact lenses never stop itching",
     light(DESK, brightness=15)),
    ("make the living room light blue, the kids have never seen it", light(LIVING, colour="blue")),
    ("Morning. Kitchen light on, please.", light(KITCHEN, on=True)),
    ("turn the hallway light off, nobody came after all", light(HALL, on=False)),
    ("bedroom light to 40, or I'll never find my socks", light(BEDROOM, brightness=40)),
    ("空调调到二十三度吧，热死了都", ac(temperature=23)),
    ("客厅灯调亮一点，别晃着娃", light(LIVING, brightness_change=10)),
    ("厨房灯打开，我什么都看不见", light(KITCHEN, on=True)),
    ("把卧室灯关了，孩子还没睡着", light(BEDROOM, on=False)),
    ("台灯调到百分之三十，眼睛不行了", light(DESK, brightness=30)),
    ("把电视关了，没人看", TV_OFF),
    ("空调开到26度，昨晚冻得我没睡好", ac(temperature=26)),
    ("卧室灯调到百分之十，别把宝宝弄醒了", light(BEDROOM, brightness=10)),
    ("关掉厨房灯，里面没人", light(KITCHEN, on=False)),
    ("我眼睛不好，台灯调亮一点", light(DESK, brightness_change=10)),
    ("昨天没睡好，把卧室灯关了", light(BEDROOM, on=False)),
    ("太黑了什么也看不清，把客厅灯打开", light(LIVING, on=True)),
    ("卧室灯打开，我找不到袜子", light(BEDROOM, on=True)),
    ("卧室灯调暗一点，老婆已经睡了", light(BEDROOM, brightness_change=-10)),
    ("把走廊灯打开，别绊着老人", light(HALL, on=True)),
    ("空调调到二十七度，别冻着孩子", ac(temperature=27)),
    ("台灯三成亮就够了，别晃着娃", light(DESK, brightness=30)),
    ("把客厅灯调到百分之二十，免得刺眼", light(LIVING, brightness=20)),
    ("把空调关了，我妈膝盖不好", ac(on=False)),
    ("客厅灯打开，天还没亮呢", light(LIVING, on=True)),
    ("外面没太阳，把厨房灯打开", light(KITCHEN, on=True)),
    ("关掉电视，宝宝没睡踏实", TV_OFF),
    ("把走廊灯关掉，不然太浪费了", light(HALL, on=False)),
    ("空调调到二十四度，昨天热得我头疼", ac(temperature=24)),
    ("卧室灯关掉，省得招蚊子", light(BEDROOM, on=False)),
    ("我没戴眼镜，把厨房灯调到百分之九十", light(KITCHEN, brightness=90)),
    ("把客厅灯调成蓝色，孩子从来没见过", light(LIVING, colour="blue")),
    ("空调关掉吧，脚都没知觉了", ac(on=False)),
    ("走廊灯打开，别让奶奶摔了", light(HALL, on=True)),
    ("早上好，把厨房灯打开", light(KITCHEN, on=True)),
]  # fmt: skip

NEVER_AT_ONCE = [
    "turn the kitchen light on, no don't",
    "turn the kitchen light off, not now",
    "turn the kitchen light on, I'm not joking",
    "turn the kitchen light on, when I leave",
    "turn the tv off, not yet",
    "turn the tv off, I changed my mind",
    "turn the tv off, wait for me to say",
    "turn the tv off, said no one ever",
    "turn the tv off, my son says",
    "turn the kitchen light on, she asked",
    "turn the kitchen light on, unless it's already bright",
    "turn the kitchen light on, I don't want that",
    "turn the kitchen light on, that's not what I want",
    "turn the kitchen light on, not the hallway",
    "turn the kitchen light on, before I come home",
    "turn the kitchen light on, later though",
    "set the ac to 22, but don't turn it on",
    "set the ac to 22, not 23",
    "turn the ac on, I'm just kidding",
    "turn the ac on, ignore that",
    "turn the ac on, I didn't mean it",
    "turn the ac on, I wasn't talking to you",
    "turn the ac on, that's what he said",
    "close the curtains, or don't",
    "close the curtains, never again",
    "I never said, turn on the tv",
    "I don't want you to, turn on the tv",
    "not until I say so, turn on the tv",
    "kitchen light off, it must stay on",
    "turn off the tv, but I'm still watching",
    "turn off the tv, once the film's over",
    "in case it gets too hot, switch the air conditioner on",
    "forget about the AC, it's fine the way it is",
    "then the teacher goes switch the lamp on, and everyone laughed",
    "turn the hallway light off, or should we leave it",
    "never in my life, turn on the tv",
    "switch the desk lamp on, until the baby sleeps",
    "kitchen light on, only in the morning",
    "bedroom light off, at ten though",
    "把厨房灯打开，不用了",
    "把厨房灯打开，算了",
    "把厨房灯打开，还是别开了",
    "把厨房灯打开，等我回来",
    "把厨房灯打开，先别",
    "把厨房灯打开，我没说现在",
    "把厨房灯打开，我妈说的",
    "把厨房灯打开，除非很暗",
    "把厨房灯打开，别开客厅的",
    "把厨房灯打开，不是客厅灯",
    "把厨房灯打开，开玩笑的",
    "把厨房灯打开，晚点吧",
    "把厨房灯打开，天黑了再开",
    "把厨房灯打开，行不行再说",
    "把灯都关了，卧室的留着",
    "空调关了，别真关",
    "空调关了，我不想关",
    "空调关了，没必要",
    "空调关了，我说着玩的",
    "空调关了，这话不是我说的",
    "空调关了，别听他的",
    "空调关了，我还没同意",
    "电视关了，我还在看",
    "电视关了，还没看完",
    "电视关了，看完再关",
    "我可没说，把电视关了",
    "我不想让你，把电视关了",
    "他总是说，把电视关了",
    "台灯调亮一点，不要太亮",
    "空调调到二十度，不要低于二十",
    "空调调到二十度，不是二十五度",
    "把客厅灯关了，我逗你的",
    "把走廊灯打开，别开太早",
    "万一太热，把空调打开",
    "把窗帘拉上，别拉窗帘",
    "把卧室灯打开，等孩子醒了",
    "空调打开，当我没说",
    "把电视打开，明天吧",
]

ASKED: list[tuple[str, Call]] = [
    ("desk lamp off, the moths wouldn't leave me alone", light(DESK, on=False)),
    ("把台灯打开，孩子说看不清字", light(DESK, on=True)),
    ("put the desk lamp on, you can't see a thing in this room", light(DESK, on=True)),
    ("turn the kitchen light on, I'm not joking", light(KITCHEN, on=True)),
    ("three times I've asked, hallway light off", light(HALL, on=False)),
    ("turn on the kitchen light, it's not even six and it's pitch black", light(KITCHEN, on=True)),
    ("turn the ac off, the engineer was told not to touch it", ac(on=False)),
    ("空调关了吧，我妈说她膝盖疼", ac(on=False)),
    ("把空调关了，我没想到这么冷", ac(on=False)),
]


@pytest.fixture(scope="module")
def home() -> Stage:
    return Stage("smart-home")


@pytest.mark.parametrize(("said", "wanted"), DONE)
def test_a_plain_reason_turns_nothing_around(said: str, wanted: Call, home: Stage) -> None:
    came = home.hear(said)
    assert [*came.at_once] == [wanted], came
    assert not [*came.after_yes, *came.put_off]


@pytest.mark.parametrize("said", NEVER_AT_ONCE)
def test_what_may_be_meant_for_the_command_is_never_passed_over(said: str, home: Stage) -> None:
    assert not home.hear(said).unwanted


@pytest.mark.parametrize(("said", "wanted"), ASKED)
def test_what_may_be_either_is_asked_about(said: str, wanted: Call, home: Stage) -> None:
    came = home.hear(said)
    assert not came.at_once
    assert [*came.after_yes] == [wanted], came


@pytest.mark.parametrize(
    ("clause", "kind"),
    [
        ("my eyes aren't what they were", "reason"), ("nobody's in there", "reason"),
        ("don't want to wake her", "reason"), ("别晃着娃", "reason"), ("热死了都", "reason"),
        ("when I leave", "turning"), ("not the hallway", "turning"), ("my son says", "turning"),
        ("tomorrow at eight", "turning"), ("别开客厅的", "turning"), ("天黑了再开", "turning"),
        ("算了", "turning"), ("I'm not joking", "doubtful"), ("you never know", "doubtful"),
        ("我还没想好", "doubtful"),
    ],
)  # fmt: skip
def test_what_a_clause_is(clause: str, kind: str) -> None:
    assert kind_of(tokens_of(clause), leads=False) == kind
