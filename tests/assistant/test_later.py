"""What is said for another time: kept as it was said, done then, and nothing that is near it.

All stages on, in a smart home whose tools record; the clock is set. Sentences by the author of the
module, written beside it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from assisted import EXAMPLES, smart_tools
from dwelling import (
    AC_OFF,
    AC_ON,
    BLINDS,
    KITCHEN_OFF,
    KITCHEN_ON,
    TV_OFF,
    TV_ON,
    WEDNESDAY,
    WEEK,
    Call,
    Home,
    done,
    planned,
    words,
)

from penjing.assistant.build import build
from penjing.assistant.spec.parse import load
from penjing.assistant.stories import StoryClock, StoryPlanner
from penjing.core.dialogue import TALKER
from penjing.vault.memory import MemoryStore


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("later"))


@pytest.fixture
def home(house: Home) -> Home:
    house.afresh()
    return house


ONCE = [
    ("turn off the kitchen light in half an hour", KITCHEN_OFF, "16:30"),
    ("in an hour and a half turn off the TV please", TV_OFF, "17:30"),
    ("could you switch the TV off in ten minutes?", TV_OFF, "16:10"),
    ("turn off the TV twenty minutes from now", TV_OFF, "16:20"),
    ("after 90 seconds turn on the kitchen light", KITCHEN_ON, "16:01"),
    ("at 11 pm turn off the kitchen light", KITCHEN_OFF, "23:00"),
    ("turn off the kitchen light at 23:15", KITCHEN_OFF, "23:15"),
    ("tonight at half past nine turn off the tv", TV_OFF, "21:30"),
    ("turn the ac on at 7 in the evening", AC_ON, "19:00"),
    ("when it is 11 pm turn off the kitchen light", KITCHEN_OFF, "23:00"),
    ("turn off the tv at midnight", TV_OFF, "00:00"),
    ("半小时后关厨房灯", KITCHEN_OFF, "16:30"),
    ("请在两小时以后关掉空调", AC_OFF, "18:00"),
    ("过十分钟关电视", TV_OFF, "16:10"),
    ("再过半小时打开厨房灯", KITCHEN_ON, "16:30"),
    ("一个半小时之后关掉电视", TV_OFF, "17:30"),
    ("晚上十一点关厨房灯", KITCHEN_OFF, "23:00"),
    ("今晚九点半关掉电视", TV_OFF, "21:30"),
    ("等到晚上十一点再关厨房灯", KITCHEN_OFF, "23:00"),
    ("晚上八点打开厨房灯", KITCHEN_ON, "20:00"),
    ("厨房灯二十三点关掉", KITCHEN_OFF, "23:00"),
]


@pytest.mark.parametrize(("text", "call", "clock"), ONCE)
def test_it_is_done_then_and_not_before(home: Home, text: str, call: Call, clock: str) -> None:
    events = home.say(text)
    assert [one for one, _ in planned(events)] == [call], words(events)
    assert done(events) == []
    day = 26 if clock < "16:00" else 25
    at = datetime.fromisoformat(f"2026-11-{day} {clock}").timestamp()
    assert home.wait(at - home.clock.at - 1) == []
    assert home.wait(121) == [call]
    assert home.wait(7 * 86_400) == []


AGAIN = [
    ("every weekday at 7 turn on the kitchen light", KITCHEN_ON, "07:00", WEEK[:5]),
    ("turn off the kitchen light every night at 11", KITCHEN_OFF, "23:00", WEEK),
    ("on Mondays and Fridays at 6:30 am turn on the ac", AC_ON, "06:30", ("mon", "fri")),
    ("every weekend at noon turn off the tv", TV_OFF, "12:00", WEEK[5:]),
    ("can you turn off the tv every evening at 8?", TV_OFF, "20:00", WEEK),
    ("daily at 22:00 turn the tv off", TV_OFF, "22:00", WEEK),
    ("Monday to Friday at 7 am turn on the kitchen light", KITCHEN_ON, "07:00", WEEK[:5]),
    ("每天早上七点开厨房灯", KITCHEN_ON, "07:00", WEEK),
    ("每个工作日晚上十点关掉电视", TV_OFF, "22:00", WEEK[:5]),
    ("每周一三五早上七点打开空调", AC_ON, "07:00", ("mon", "wed", "fri")),
    ("周一到周五早上七点打开厨房灯", KITCHEN_ON, "07:00", WEEK[:5]),
    ("每晚十一点关厨房灯", KITCHEN_OFF, "23:00", WEEK),
    ("每周末早上九点开厨房灯", KITCHEN_ON, "09:00", WEEK[5:]),
]


@pytest.mark.parametrize(("text", "call", "clock", "days"), AGAIN)
def test_it_comes_again(
    home: Home, text: str, call: Call, clock: str, days: tuple[str, ...]
) -> None:
    (found,) = planned(home.say(text))
    assert found[0] == call
    assert (found[1].time, found[1].days) == (clock, days)
    made = [one for _ in range(14) for one in home.wait(86_400)]
    assert made == [call] * 2 * len(days)


FOR_A_WHILE = [
    ("turn the ac on for ten minutes", AC_ON, AC_OFF, 600),
    ("turn off the TV for half an hour", TV_OFF, TV_ON, 1800),
    ("for an hour turn on the kitchen light", KITCHEN_ON, KITCHEN_OFF, 3600),
    ("kitchen light on for 20 minutes", KITCHEN_ON, KITCHEN_OFF, 1200),
    ("空调开十分钟", AC_ON, AC_OFF, 600),
    ("把厨房灯打开半小时", KITCHEN_ON, KITCHEN_OFF, 1800),
    ("打开厨房灯十分钟", KITCHEN_ON, KITCHEN_OFF, 600),
    ("关掉电视一个小时", TV_OFF, TV_ON, 3600),
]


@pytest.mark.parametrize(("text", "first", "back", "seconds"), FOR_A_WHILE)
def test_for_a_while_and_then_back(
    home: Home, text: str, first: Call, back: Call, seconds: int
) -> None:
    events = home.say(text)
    assert done(events) == [first], words(events)
    assert [one for one, _ in planned(events)] == [back]
    assert home.wait(seconds - 1) == []
    assert home.wait(2) == [back]
    assert home.wait(86_400) == []


@pytest.mark.parametrize("text", ["at 8 pm turn on the ac for an hour", "晚上八点打开空调一小时"])
def test_later_for_a_while(home: Home, text: str) -> None:
    assert [one for one, _ in planned(home.say(text))] == [AC_ON]
    assert home.wait(4 * 3600 + 1) == [AC_ON]
    assert home.wait(3590) == []
    assert home.wait(12) == [AC_OFF]


@pytest.mark.parametrize(
    "text",
    ["dim the kitchen light to 30 percent for ten minutes", "把厨房灯调到百分之三十，十分钟"],
)
def test_what_cannot_be_taken_back_is_not_done_at_all(home: Home, text: str) -> None:
    events = home.say(text)
    assert (done(events), planned(events)) == ([], [])
    assert "take that back" in words(events) or "恢复" in words(events)


def test_two_at_their_times(home: Home) -> None:
    events = home.say("turn on the kitchen light at 7 pm and turn off the tv at 8 pm")
    assert [(one, when.time) for one, when in planned(events)] == [
        (KITCHEN_ON, "19:00"), (TV_OFF, "20:00"),
    ]  # fmt: skip
    home.afresh()
    events = home.say("关掉电视，晚上十点关厨房灯")
    assert done(events) == [TV_OFF]
    assert [one for one, _ in planned(events)] == [KITCHEN_OFF]


def test_whether_both_are_meant_is_asked(home: Home) -> None:
    events = home.say("turn on the kitchen light and turn off the tv in ten minutes")
    assert (done(events), planned(events)) == ([], [])
    assert "In 10 minutes" in words(events)


def test_what_asks_first_says_what_and_when(home: Home) -> None:
    events = home.say("at 11 pm close the blinds")
    assert words(events) == "At 23:00 I close the blinds. Right?"
    assert planned(events) == []
    assert words(home.say("no, at ten pm")) == "At 22:00 I close the blinds. Right?"
    assert [one for one, _ in planned(home.say("yes"))] == [BLINDS]
    assert home.wait(6 * 3600 + 1) == [BLINDS]


def test_a_bare_hour_that_is_over_is_asked(home: Home) -> None:
    assert words(home.say("turn off the tv at 9")) == "At 21:00 I turn off the TV. Right?"
    assert words(home.say("十点关掉电视")) != ""
    home.afresh()
    home.clock.at -= 8 * 3600
    assert [when.time for _, when in planned(home.say("turn off the tv at 9"))] == ["09:00"]


NOTHING = [
    "I turned it off half an hour ago", "I turned off the kitchen light half an hour ago",
    "the kitchen light goes off at 11", "if it is dark in an hour turn on the kitchen light",
    "if it is dark turn on the kitchen light", "don't turn off the kitchen light in an hour",
    "don't turn it off at 11 pm", "never turn off the tv at 11 pm",
    "he said turn off the kitchen light at 11 pm", "is the kitchen light on at 11 pm",
    "what happens at 11 pm", "it is 11 pm", "the tv was on for ten minutes",
    "turn off the kitchen light after the movie", "turn off the kitchen light later",
    "turn off the tv within an hour", "turn off the tv by 11 pm", "turn off the tv in the evening",
    "close the blinds every other day at 7", "turn off the tv every ten minutes",
    "turn off the tv before 11 pm", "I go to bed at 11 pm, turn off the kitchen light",
    "wait ten minutes before you turn off the tv", "the tv has been on for an hour",
    "turn off the tv at 25:00", "unless it is 11 pm turn off the tv",
    "turn on the tv from 7 to 9 pm", "turn off the bathroom light in ten minutes",
    "我半小时前关了厨房灯", "十分钟前打开了厨房灯", "厨房灯开了十分钟", "十一点别关厨房灯",
    "别在晚上十一点关厨房灯", "如果天黑了半小时后开厨房灯", "厨房灯每天七点开吗",
    "他说晚上十一点关厨房灯", "晚上十一点厨房灯开着吗", "现在是晚上十一点", "一会儿关厨房灯",
    "十一点之前关掉电视", "十分钟内关掉电视", "每十分钟关一次电视", "每次关电视",
    "电影结束后关电视",
    "妈妈让我晚上十点关电视", "昨天晚上十点关了电视", "晚上十点要关电视吗", "半小时后关浴室的灯",
    "天黑以后打开厨房灯",
]  # fmt: skip


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_near_it_is_neither_done_nor_planned(home: Home, text: str) -> None:
    events = home.say(text)
    assert done(events) == [], words(events)
    assert planned(events) == [], words(events)
    assert words(events)
    assert home.wait(3 * 86_400) == []


def test_a_talker_plans_nothing_and_leaves_nothing(home: Home) -> None:
    for text in ("turn off the tv in ten minutes", "每天早上七点开厨房灯", "yes"):
        events = home.say(text, role=TALKER)
        assert (done(events), planned(events)) == ([], [])
    assert planned(home.say("yes")) == []


def test_who_one_is_counts_when_it_is_due(home: Home) -> None:
    home.say("close the blinds at 5 pm")
    home.say("yes")
    assert home.wait(3601, role="guest")
    assert home.assistant  # the guest's call failed: see the next
    home.afresh()
    home.say("close the blinds at 5 pm", role="guest")
    assert planned(home.say("yes", role="guest")) == []


def test_no_correction_makes_a_planned_call_one_of_now(home: Home) -> None:
    home.say("turn off the kitchen light at 11 pm")
    for text in ("no, the bedroom light", "the bedroom light", "again"):
        assert done(home.say(text)) == [], text


def test_without_the_tool_nothing_can_be_later(tmp_path: Path) -> None:
    text = (EXAMPLES / "smart-home/assistant.yaml").read_text("utf-8")
    head, tail = text.split("\n  planned_list:\n")
    own = head + "\n  timer_set:\n" + tail.split("\n  timer_set:\n")[1]
    lines = [one for one in own.splitlines() if not one.startswith("  later:")]
    path = tmp_path / "assistant.yaml"
    path.write_text("\n".join(lines), "utf-8")
    clock = StoryClock(WEDNESDAY.timestamp())
    one = build(load(path), list(smart_tools().values()), clock=clock, planner=StoryPlanner(clock))
    store = MemoryStore()
    session = store.history.begin().id
    for said in ("turn off the tv in ten minutes", "turn the ac on for ten minutes"):
        events = list(one.reply("ann", store, session, said, role="owner"))
        assert (done(events), planned(events)) == ([], [])
        assert "another time" in words(events)
