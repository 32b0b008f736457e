"""Kinds of sentences that strangers said and that were misread, in other words than theirs."""

from __future__ import annotations

from pathlib import Path

import pytest
from assisted import DATA
from blind import Blind, Stage, right, sentences

NOTHING = {
    "smart-home": [
        "my mum said turn off the tv i need to sleep", "小明让我把电视关了", "张三让我打开窗帘",
        "老婆让我把空调关了", "if the garage door is open, turn the hallway light on",
        "if it gets dark, turn the hallway light on", "如果天黑了就打开走廊灯",
        "不方便的话就别开灯", "don't turn the tv off i'm watching", "别关电视我在看呢",
        "lights off in here", "把这里的灯都别关", "is the kitchen light on, isn't it?",
        "the lamp i told you about is off, right?", "厨房灯是不是已经关了",
    ],
    "personal": [
        "my son said \"play jazz\"", "note down \"turn off the light\"", "take a note never mind",
        "take a note don't do it", "nap time", "ten minutes for the bus is enough",
        "it takes twenty minutes for the rice", "never remind me at four", "他说“放稻香”",
        "记一下算了", "煮饭要二十分钟", "煮鸡蛋要六分钟", "炖汤需要两小时", "蒸包子得十五分钟",
        "the potatoes take twenty minutes", "the lasagne needs forty minutes",
        "my tea takes four minutes", "什么时候七点", "打八折", "twelve fifty",
        "a fifth of the cake", "we had all the timers listed yesterday", "他把所有闹钟都念了一遍",
    ],
    "customer-service": [
        "hi, it leaked last week but it's fine again now", "my bad back is broken",
        "你好，上周漏过水，现在好了", "if it leaks again I will write to you",
    ],
    "in-car": [
        "she said \"take me home\"", "turn the air con", "i just wanna know if we're home",
        "等把孩子送到了，再导航去机场", "他说《回家》好听", "听得我头疼", "it gives me a headache",
        "if my wife is at the station, take me there", "如果老婆在火车站，就带我过去",
        "the kids are at home and the dog is at the office, take me there", "老师让我听听音乐",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    cache: Path = tmp_path_factory.mktemp("intents")
    return {one: Stage(one, cache) for one in NOTHING}


@pytest.mark.parametrize("spec", NOTHING)
def test_what_is_wanted_is_done(spec: str, stages: dict[str, Stage]) -> None:
    wanted: list[Blind] = sentences(f"{spec}-kinds", DATA)
    assert min(sum(one.language == each for one in wanted) for each in ("en", "zh")) >= 12
    assert [one.say for one in wanted if not right(one, stages[spec].hear(one.say))] == []


@pytest.mark.parametrize("spec", NOTHING)
def test_nothing_is_done_that_was_not_said(spec: str, stages: dict[str, Stage]) -> None:
    assert [one for one in NOTHING[spec] if stages[spec].hear(one).unwanted] == []
