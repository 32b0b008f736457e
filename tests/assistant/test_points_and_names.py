"""Points of brightness, "each", what a timer is called and which ones run, what needs closing, and
one thing instead of another: as a crowd says it. The sentences are the module author's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from blind import Blind, Stage, looks, right

KITCHEN, HALL, BEDROOM, DESK = "kitchen light", "hallway light", "bedroom light", "desk lamp"
AC = "air conditioner"
Calls = list[dict[str, Any]]


def by(name: str, change: int) -> Calls:
    return [{"lights": {"light": name, "brightness_change": change}}]


def level(brightness: int, *names: str) -> Calls:
    return [{"lights": {"light": one, "brightness": brightness}} for one in names]


def timer(seconds: int, label: str) -> Calls:
    return [{"timers": {"action": "set", "seconds": seconds, "label": label}}]


def cover(name: str, action: str) -> Calls:
    return [{"covers": {"cover": name, "action": action}}]


POINTS = {
    "twenty-five points dimmer on the hallway light": by(HALL, -25),
    "knock the kitchen light down 20 points": by(KITCHEN, -20),
    "raise the desk lamp by ten points": by(DESK, 10),
    "fifteen percentage points brighter in the bedroom": by(BEDROOM, 15),
    "dim the hallway light by 5 points": by(HALL, -5),
    "bring the kitchen light up by thirty points": by(KITCHEN, 30),
    "lower the desk lamp ten points": by(DESK, -10),
    "ten points brighter on the desk lamp please": by(DESK, 10),
    "the bedroom light 20 points brighter": by(BEDROOM, 20),
    "the hallway light 12 percentage points darker": by(HALL, -12),
    "卧室灯再暗二十个百分点": by(BEDROOM, -20),
    "厨房灯再亮十个百分点": by(KITCHEN, 10),
    "把台灯调暗十五个百分点": by(DESK, -15),
    "走廊灯调亮5个百分点": by(HALL, 5),
    "厨房灯在现在的基础上再加十五个点": by(KITCHEN, 15),
    "卧室灯降低十个点": by(BEDROOM, -10),
    "把厨房灯的亮度提高二十个百分点": by(KITCHEN, 20),
    "走廊灯往下调十个百分点": by(HALL, -10),
    "台灯比现在再亮八个点": by(DESK, 8),
    "请把卧室灯亮度减少二十五个百分点": by(BEDROOM, -25),
}
EACH = {
    "bedroom light and hallway light, ten percent each": level(10, BEDROOM, HALL),
    "set the desk lamp and the kitchen light to 40 each": level(40, DESK, KITCHEN),
    "kitchen light and desk lamp to thirty percent each": level(30, KITCHEN, DESK),
    "the hallway light and the bedroom light at 50 percent each please": level(50, HALL, BEDROOM),
    "dim the bedroom light and the desk lamp to twenty each": level(20, BEDROOM, DESK),
    "厨房灯和卧室灯各百分之三十": level(30, KITCHEN, BEDROOM),
    "把走廊灯和台灯各调到四十": level(40, HALL, DESK),
    "台灯和厨房灯分别调到百分之二十": level(20, DESK, KITCHEN),
    "卧室灯跟走廊灯各百分之十": level(10, BEDROOM, HALL),
    "厨房灯和台灯每盏调到百分之六十": level(60, KITCHEN, DESK),
}
CALLED = {
    "set a timer for twelve minutes, call it eggs": timer(720, "eggs"),
    "ten minute rice timer": timer(600, "rice"),
    "start a 5 minute timer and call it tea": timer(300, "tea"),
    "twenty minute timer, name it laundry": timer(1200, "laundry"),
    "timer for half an hour, call that bread": timer(1800, "bread"),
    "eight minute pasta timer please": timer(480, "pasta"),
    "a 15 minute pizza timer": timer(900, "pizza"),
    "set a timer for 40 minutes and label it roast": timer(2400, "roast"),
    "put on a 3 minute timer, call it plank": timer(180, "plank"),
    "set a timer of one hour, name it dough": timer(3600, "dough"),
    "设个十分钟的计时器，叫鸡蛋": timer(600, "鸡蛋"),
    "定时五分钟，名字叫面膜": timer(300, "面膜"),
    "计时器二十分钟，名字是蒸鱼": timer(1200, "蒸鱼"),
    "计个八分钟，叫它煮面": timer(480, "煮面"),
    "来个半小时的定时器，取名叫洗衣服": timer(1800, "洗衣服"),
}
RUNNING = (
    "what timers are running?", "which timers have I got on", "what timers have I got running",
    "how many timers are there", "are there any timers running", "list my timers",
    "is the pasta timer still running", "how long is left on the rice timer",
    "show me all the timers", "do I have any timers set", "have we got a timer going",
    "现在有几个计时器在跑?", "有哪些计时器", "还有计时器吗", "看看计时器", "计时器都有哪些",
    "现在有没有定时器在走", "计时器还剩多久", "列一下所有的计时器", "我都设了什么计时器",
    "查一下现在的定时器",
)  # fmt: skip
NEEDS = {
    "the curtains want closing": cover("curtains", "close"),
    "the blinds need closing": cover("blinds", "close"),
    "the garage door needs shutting": cover("garage door", "close"),
    "the curtains could do with opening": cover("curtains", "open"),
    "the blinds want lowering please": cover("blinds", "close"),
    "the garage door wants opening": cover("garage door", "open"),
    "the kitchen light wants turning off": [{"lights": {"light": KITCHEN, "on": False}}],
    "the hallway light could do with switching on": [{"lights": {"light": HALL, "on": True}}],
    "the telly needs switching off": [{"tv": {"device": "TV", "on": False}}],
    "the ac wants turning off": [{"climate": {"device": AC, "on": False}}],
}
RATHER = {
    "no no, not the tv, it's the air conditioner I want turned off": [
        {"climate": {"device": AC, "on": False}}],
    "not the kitchen light, turn the bedroom light on": [
        {"lights": {"light": BEDROOM, "on": True}}],
    "not the desk lamp, it's the hallway light I want turned off": [
        {"lights": {"light": HALL, "on": False}}],
    "not the curtains, close the blinds": cover("blinds", "close"),
    "不是客厅灯，是卧室灯，关掉": [{"lights": {"light": BEDROOM, "on": False}}],
    "不是厨房灯，是走廊灯打开": [{"lights": {"light": HALL, "on": True}}],
    "不是电视，是空调，关掉": [{"climate": {"device": AC, "on": False}}],
    "不是关台灯，是关卧室灯": [{"lights": {"light": BEDROOM, "on": False}}],
    "不是窗帘，是百叶窗，关上": cover("blinds", "close"),
    "不要厨房灯，要卧室灯，打开": [{"lights": {"light": BEDROOM, "on": True}}],
}  # fmt: skip
UNWANTED = (
    "my wife wants the curtains closed", "the kids want the tv on", "he wants closing time at six",
    "gonnae no switch aff the hallway light", "关掉空调，打开空调",
    "turn the ac off, turn the ac on", "open the tv, no don't", "不是我要关灯，是他要关灯",
    "不是开灯", "not the tv", "not the lamp, it's me", "set the kitchen light to 20 points",
    "the match ended ten points each", "they scored 30 points", "what are timers good for?",
    "计时器是谁发明的", "每个人各百分之三十", "房价又涨了十个百分点", "call it a day",
    "she calls it eggs", "名字叫面膜", "两个点以后再说",
)  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage("smart-home", tmp_path_factory.mktemp("classifiers"))


@pytest.mark.parametrize(
    ("say", "wants"), [*POINTS.items(), *EACH.items(), *NEEDS.items(), *RATHER.items()]
)
def test_what_is_wanted_is_done(stage: Stage, say: str, wants: Calls) -> None:
    came = stage.hear(say)
    assert right(Blind(say, {"wants": wants}), came), came


@pytest.mark.parametrize(("say", "wants"), CALLED.items())
def test_a_timer_has_the_name_that_was_told(stage: Stage, say: str, wants: Calls) -> None:
    came = stage.hear(say)
    assert [dict(how) for _, how in came.calls] == [one["timers"] for one in wants], came


@pytest.mark.parametrize("say", RUNNING)
def test_running_timers_are_told(stage: Stage, say: str) -> None:
    assert stage.hear(say).calls == (("timers", {"action": "list"}),)


@pytest.mark.parametrize("say", UNWANTED)
def test_nothing_is_done_at_once_that_nobody_wanted(stage: Stage, say: str) -> None:
    assert not stage.hear(say).unwanted


@pytest.mark.parametrize(
    "say",
    [
        "turn off the ac and turn on the tv",
        "关掉空调，打开电视",
        "turn the tv off, then turn the tv on again",
    ],
)
def test_two_wishes_that_do_not_contradict_each_other_are_done(stage: Stage, say: str) -> None:
    assert len(stage.hear(say).calls) == 2


def test_north_of_the_border(stage: Stage) -> None:
    calls: Mapping[str, bool] = {
        "switch aff the hallway light": False, "gonnae switch aff the hallway light": False,
        "gonnae switch on the hallway light": True,
    }  # fmt: skip
    for say, on in calls.items():
        made = [call for call in stage.hear(say).calls if not looks(call)]
        assert made == [("lights", {"light": HALL, "on": on})], say
