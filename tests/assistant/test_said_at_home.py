"""How a household speaks: "back on", all at eleven, lists behind a colon, what a timer is called,
remarks beside a wish, what is rejected first, notes, hours of the clock.

All stages on; the sentences are the module author's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from blind import Stage, looks
from dwelling import KITCHEN_OFF, KITCHEN_ON, TV_OFF, TV_ON, Call, Home, done, planned, words

from penjing.core.dialogue import Confirm

LIGHTS = ("kitchen light", "living room light", "bedroom light", "hallway light", "desk lamp")
AC = "air conditioner"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def home(house: Home) -> Home:
    house.afresh()
    return house


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return {one: Stage(one) for one in ("personal", "in-car", "smart-home")}


def lights(on: bool, *names: str) -> list[Call]:
    return [("lights", {"light": one, "on": on}) for one in names or LIGHTS]


def everything(on: bool) -> list[Call]:
    device = ("climate", {"device": AC, "on": on})
    return [*lights(on), device, TV_ON if on else TV_OFF]


AGAIN = [
    ("turn all the lights off", "turn them back on", lights(True)),
    ("turn off everything", "turn it all back on please", everything(True)),
    ("all lights on except the desk lamp", "turn them off again", lights(False, *LIGHTS[:4])),
    ("turn on the kitchen light and the bedroom light", "off again",
     lights(False, "kitchen light", "bedroom light")),
    ("turn the kitchen light off", "back on", [KITCHEN_ON]),
    ("turn on the tv", "turn it off again", [TV_OFF]),
    ("switch the tv off", "actually, turn it back on", [TV_ON]),
    ("set the ac to 22 degrees", "turn it off", [("climate", {"device": AC, "on": False})]),
    ("turn the ac off", "on again please", [("climate", {"device": AC, "on": True})]),
    ("all the lights off", "put them all back on", lights(True)),
    ("把灯都关了", "再都打开吧", lights(True)),
    ("关掉所有的灯", "再打开", lights(True)),
    ("把灯都打开", "又关掉吧", lights(False)),
    ("把所有东西都关掉", "还是打开吧", everything(True)),
    ("关掉厨房灯", "重新打开", [KITCHEN_ON]),
    ("打开厨房灯", "把它关了吧", [KITCHEN_OFF]),
    ("打开电视", "再关掉", [TV_OFF]),
    ("关掉电视", "还是开开吧", [TV_ON]),
    ("打开空调", "关掉它", [("climate", {"device": AC, "on": False})]),
    ("除了台灯把灯都关了", "再全部打开", lights(True, *LIGHTS[:4])),
]  # fmt: skip


@pytest.mark.parametrize(("first", "then", "calls"), AGAIN)
def test_back_again_is_about_what_was_done_last(
    home: Home, first: str, then: str, calls: list[Call]
) -> None:
    assert done(home.say(first))
    events = home.say(then)
    assert done(events) == calls, words(events)


@pytest.mark.parametrize("text", ["turn it off again", "back on", "all off", "又关掉吧", "再打开"])
def test_with_nothing_done_before_nobody_guesses(home: Home, text: str) -> None:
    assert done(home.say(text)) == []


def test_a_careful_thing_asks_again_and_what_is_over_is_forgotten(home: Home) -> None:
    home.say("open the blinds")
    home.say("yes")
    assert [one.action.arguments["action"] for one in home.say("close them again")
            if isinstance(one, Confirm)] == ["close"]  # fmt: skip
    home.afresh()
    home.say("turn on the tv")
    home.clock.at += 600
    assert done(home.say("off again")) == []


AT_ELEVEN = [
    ("turn all lights off at 11 pm", lights(False), 7 * 3600),
    ("at 11 pm turn off all the lights", lights(False), 7 * 3600),
    ("turn everything off at half past ten tonight", everything(False), 6.5 * 3600),
    ("turn everything off in half an hour", everything(False), 1800),
    ("in twenty minutes all the lights on", lights(True), 1200),
    ("switch off the kitchen light and the hallway light at 23:00",
     lights(False, "kitchen light", "hallway light"), 7 * 3600),
    ("at 11 pm turn off all lights except the desk lamp", lights(False, *LIGHTS[:4]), 7 * 3600),
    ("turn off every light at midnight", lights(False), 8 * 3600),
    ("all the lamps off in ten minutes please", lights(False), 600),
    ("tomorrow at 7 am turn on all lights", lights(True), 15 * 3600),
    ("晚上十一点关掉所有的灯", lights(False), 7 * 3600),
    ("半小时后把所有东西都关掉", everything(False), 1800),
    ("晚上十点把灯都关了", lights(False), 6 * 3600),
    ("十分钟后打开所有的灯", lights(True), 600),
    ("今晚十一点把厨房灯和卧室灯都关掉", lights(False, "kitchen light", "bedroom light"), 7 * 3600),
    ("晚上十一点除了台灯都关掉", lights(False, *LIGHTS[:4]), 7 * 3600),
    ("明天早上七点把灯都打开", lights(True), 15 * 3600),
    ("过二十分钟关掉全部的灯", lights(False), 1200),
    ("夜里十二点把所有灯关掉", lights(False), 8 * 3600),
    ("一小时后把灯全关了", lights(False), 3600),
]  # fmt: skip


@pytest.mark.parametrize(("text", "calls", "seconds"), AT_ELEVEN)
def test_all_of_them_at_a_later_time(
    home: Home, text: str, calls: list[Call], seconds: float
) -> None:
    events = home.say(text)
    assert done(events) == []
    assert [one for one, _ in planned(events)] == calls, words(events)
    assert words(events).count("I will") + words(events).count("我会") == 1
    assert home.wait(seconds - 30) == []
    assert home.wait(60) == calls
    assert home.wait(7 * 86_400) == []


def test_one_yes_is_for_all_and_says_which(home: Home) -> None:
    events = home.say("turn all lights off at eleven")
    (card,) = [one for one in events if isinstance(one, Confirm)]
    assert all(name in card.action.describes for name in LIGHTS)
    assert planned(events) == []
    assert [one for one, _ in planned(home.say("yes"))] == lights(False)
    home.afresh()
    home.say("turn all lights off at eleven")
    assert planned(home.say("no")) == []


@pytest.mark.parametrize("text", ["turn all the lights on for ten minutes", "所有灯开十分钟"])
def test_all_of_them_for_a_while(home: Home, text: str) -> None:
    events = home.say(text)
    assert done(events) == lights(True)
    assert [one for one, _ in planned(events)] == lights(False)
    assert home.wait(601) == lights(False)


OFF_TWO = lights(False, "kitchen light", "desk lamp")
AC_OFF = ("climate", {"device": AC, "on": False})


def timer(seconds: int, label: str = "") -> list[Call]:
    named = {"label": label} if label else {}
    return [("timers", {"action": "set", "seconds": seconds, **named})]


HOME_SAID: list[tuple[str, list[Call]]] = [
    ("turn these off: the kitchen light, the desk lamp", OFF_TWO),
    ("switch all of these off: kitchen light and desk lamp", OFF_TWO),
    ("turn off everything: the AC, the TV", [AC_OFF, TV_OFF]),
    ("turn off these: kitchen light, desk lamp", OFF_TWO),
    ("turn off the following: kitchen light, desk lamp", OFF_TWO),
    ("turn on these: kitchen light, desk lamp", lights(True, "kitchen light", "desk lamp")),
    ("please switch these on: the kitchen light, the desk lamp",
     lights(True, "kitchen light", "desk lamp")),
    ("put those off: bedroom light, hallway light",
     lights(False, "bedroom light", "hallway light")),
    ("turn them all off: kitchen light, bedroom light and desk lamp",
     lights(False, "kitchen light", "bedroom light", "desk lamp")),
    ("switch off all of these: kitchen light, desk lamp", OFF_TWO),
    ("把这些都关掉：厨房灯、台灯", OFF_TWO),
    ("关掉这几盏：厨房灯、台灯", OFF_TWO),
    ("把这几盏都打开：厨房灯、台灯", lights(True, "kitchen light", "desk lamp")),
    ("打开这些：厨房灯、台灯", lights(True, "kitchen light", "desk lamp")),
    ("全部关掉：厨房灯、台灯", OFF_TWO),
    ("把以下都关了：厨房灯、台灯", OFF_TWO),
    ("帮我把这些关掉：卧室灯、走廊灯", lights(False, "bedroom light", "hallway light")),
    ("都关掉：厨房灯、台灯", OFF_TWO),
    ("关掉下面这些：厨房灯、卧室灯、台灯",
     lights(False, "kitchen light", "bedroom light", "desk lamp")),
    ("请打开这几盏：卧室灯、走廊灯", lights(True, "bedroom light", "hallway light")),
    ("set a timer called buns for 12 minutes", timer(720, "buns")),
    ("start a timer named glue for two hours", timer(7200, "glue")),
    ("set a timer for ten minutes", timer(600)),
    ("set a kitchen timer for ten minutes", timer(600)),
    ("定一个叫面条的十分钟计时器", timer(600, "面条")),
    ("设个叫洗衣的四十分钟定时器", timer(2400, "洗衣")),
    ("定一个十分钟的计时器", timer(600)),
    ("switch that lamp off, I've a headache", lights(False, "desk lamp")),
    ("those lights off please", lights(False)),
    ("空调别吹了，关掉", [AC_OFF]),
    ("打开电视关掉客厅灯台灯也关掉", [TV_ON, *lights(False, "living room light", "desk lamp")]),
    ("it's such a lovely morning, turn on the kitchen light", [KITCHEN_ON]),
    ("it's pouring out there, turn the kitchen light on", [KITCHEN_ON]),
    ("kitchen light on please, I need to find my keys", [KITCHEN_ON]),
    ("what a beautiful evening, switch the tv off", [TV_OFF]),
    ("the baby fell asleep, turn the tv off", [TV_OFF]),
    ("turn the kitchen light off cos it's bright enough", [KITCHEN_OFF]),
    ("天气真好，打开厨房灯", [KITCHEN_ON]),
    ("宝宝睡着了，把电视关了", [TV_OFF]),
    ("外面下大雨了，打开厨房灯", [KITCHEN_ON]),
    ("累死了，关掉电视", [TV_OFF]),
    ("灯光太晃眼了，关掉厨房灯", [KITCHEN_OFF]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "calls"), HOME_SAID)
def test_lists_labels_and_remarks_at_home(home: Home, text: str, calls: list[Call]) -> None:
    events = home.say(text)
    assert done(events) == calls, words(events)


@pytest.mark.parametrize(
    "text",
    [
        "Ben: turn these off: kitchen light, desk lamp",
        "don't turn these off: the kitchen light, the desk lamp",
        "Anna wrote: everything off: the TV, the AC",
        "这些别关：厨房灯、台灯",
        "小明：把这些都关掉：厨房灯、台灯",
        "早上六点空调自己停了",
        "也许有一天我会把空调关掉",
    ],
)
def test_what_is_near_a_list_or_a_wish_changes_nothing(home: Home, text: str) -> None:
    events = home.say(text)
    assert (done(events), planned(events)) == ([], []), words(events)


NOTES = [
    ("记下来 电表读数4521", "电表读数4521"), ("记下来，车停在B2层", "车停在B2层"),
    ("笔记：下周要交报告", "下周要交报告"), ("记下这句：人生如戏", "人生如戏"),
    ("写在笔记里：房东姓陈", "房东姓陈"), ("把医保卡号8823写下来", "医保卡号8823"),
    ("把门锁密码4477记下来", "门锁密码4477"), ("备忘：月底交房租", "月底交房租"),
    ("记到备忘录里：车位是17号", "车位是17号"), ("记录一下，水表是88", "水表是88"),
    ("I need you to note that locker 114 is mine", "locker 114 is mine"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words_"), NOTES)
def test_notes_said_otherwise(stages: Mapping[str, Stage], text: str, words_: str) -> None:
    assert stages["personal"].hear(text).calls == (("notes", {"action": "add", "text": words_}),)


@pytest.mark.parametrize(
    "text",
    [
        "我记在笔记里了", "他记下来了", "妈妈说：记下来 买牛奶", "小明：记一下买牛奶",
        "小李要是回信了，就把他的地址记下来", "客人到了的话把名字记下来",
        "我写到备忘录里了", "你记在笔记里了吗", "别记下来",
    ],
)  # fmt: skip
def test_what_is_no_note_is_not_written_down(stages: Mapping[str, Stage], text: str) -> None:
    came = stages["personal"].hear(text)
    assert [one for one in came.at_once if not looks(one)] == [], came.said


SAID: list[tuple[str, str, tuple[str, Mapping[str, Any]]]] = [
    ("personal", "wake me at 1845", ("alarms", {"action": "set", "time": "18:45"})),
    ("personal", "set an alarm for 0630", ("alarms", {"action": "set", "time": "06:30"})),
    ("personal", "闹钟十九点三十分", ("alarms", {"action": "set", "time": "19:30"})),
    ("personal", "下个月五号早上十点设闹钟",
     ("alarms", {"action": "set", "time": "10:00", "date": "2026-12-05"})),
    ("personal", "wake me at 7 am on the 5th of next month",
     ("alarms", {"action": "set", "time": "07:00", "date": "2026-12-05"})),
    ("personal", "七点五十一定叫我起床", ("alarms", {"action": "set", "time": "07:50"})),
    ("personal", "七点五十一叫我起床", ("alarms", {"action": "set", "time": "07:51"})),
    ("personal", "八点二十一定要叫我", ("alarms", {"action": "set", "time": "08:20"})),
    ("personal", "Could we have some Vivaldi? Play Vivaldi.",
     ("music", {"action": "play", "query": "Vivaldi"})),
    ("personal", "Fancy some jazz. Play jazz.", ("music", {"action": "play", "query": "jazz"})),
    ("personal", "play Mr. Blue Sky", ("music", {"action": "play", "query": "Mr. Blue Sky"})),
    ("personal", "it's raining cats and dogs, put on some jazz",
     ("music", {"action": "play", "query": "jazz"})),
    ("personal", "the kids are screaming, play Baby Shark",
     ("music", {"action": "play", "query": "Baby Shark"})),
    ("in-car", "not work, take me home instead", ("navigation", {"to": "home"})),
    ("in-car", "forget the station, go to the airport", ("navigation", {"to": "airport"})),
    ("in-car", "not home, I'm on call, drive me to work", ("navigation", {"to": "work"})),
    ("in-car", "no, not the airport, take me to the station",
     ("navigation", {"to": "central station"})),
    ("in-car", "不去公司了，送我回家", ("navigation", {"to": "home"})),
    ("in-car", "不去机场，去火车站", ("navigation", {"to": "central station"})),
    ("in-car", "别回家，去公司", ("navigation", {"to": "work"})),
    ("in-car", "not to the station, drive me home please", ("navigation", {"to": "home"})),
    ("in-car", "oh not home, go to work", ("navigation", {"to": "work"})),
    ("in-car", "forget about work, take me home", ("navigation", {"to": "home"})),
    ("in-car", "never mind the airport, navigate home", ("navigation", {"to": "home"})),
    ("in-car", "skip the station, go to work", ("navigation", {"to": "work"})),
    ("in-car", "not the airport, the kids are tired, take us home", ("navigation", {"to": "home"})),
    ("in-car", "不回家，去机场", ("navigation", {"to": "airport"})),
    ("in-car", "先不去公司，回家", ("navigation", {"to": "home"})),
    ("in-car", "不用去机场了，回家吧", ("navigation", {"to": "home"})),
    ("in-car", "别去火车站了，去机场", ("navigation", {"to": "airport"})),
    ("in-car", "不是去公司，去机场", ("navigation", {"to": "airport"})),
    ("in-car", "不要去机场，导航去公司", ("navigation", {"to": "work"})),
    ("in-car", "不想去公司，带我回家", ("navigation", {"to": "home"})),
    ("personal", "wake me up at 0545", ("alarms", {"action": "set", "time": "05:45"})),
    ("personal", "alarm at 1330", ("alarms", {"action": "set", "time": "13:30"})),
    ("personal", "set an alarm for 17:05", ("alarms", {"action": "set", "time": "17:05"})),
    ("personal", "wake me at 2115", ("alarms", {"action": "set", "time": "21:15"})),
    ("personal", "set an alarm for 22:40", ("alarms", {"action": "set", "time": "22:40"})),
    ("personal", "闹钟二十一点一刻", ("alarms", {"action": "set", "time": "21:15"})),
    ("personal", "十三点叫我", ("alarms", {"action": "set", "time": "13:00"})),
    ("personal", "十八点零五分叫我", ("alarms", {"action": "set", "time": "18:05"})),
    ("personal", "六点四十一定把我叫醒", ("alarms", {"action": "set", "time": "06:40"})),
    ("personal", "play some Bach, play Bach", ("music", {"action": "play", "query": "Bach"})),
    ("personal", "play Dr. Feelgood", ("music", {"action": "play", "query": "Dr. Feelgood"})),
    ("in-car", "去机场，航班两点的", ("navigation", {"to": "airport"})),
    ("in-car", "take me to the airport, my flight leaves at two",
     ("navigation", {"to": "airport"})),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "text", "call"), SAID)
def test_times_remarks_and_what_is_rejected_first(
    stages: Mapping[str, Stage], spec: str, text: str, call: Call
) -> None:
    came = stages[spec].hear(text)
    assert (came.calls, came.put_off) == ((call,), ()), came.said


def test_what_is_wanted_instead_is_asked_about(stages: Mapping[str, Stage]) -> None:
    came = stages["in-car"].hear("don't take me to work, take me home")
    assert came.at_once == (), came.said
    assert came.calls == (("navigation", {"to": "home"}),)


@pytest.mark.parametrize(
    "text", ["not work", "don't take me to work", "不去公司", "not to work or home"]
)
def test_a_rejection_alone_goes_nowhere(stages: Mapping[str, Stage], text: str) -> None:
    came = stages["in-car"].hear(text)
    assert [one for one in came.calls if not looks(one)] == [], came.said
