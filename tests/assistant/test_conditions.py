"""A wish that depends on how something is: looked at now, done only then, and said where not.

All stages on, in a smart home whose state is told. Sentences by the author of the module.
"""

from __future__ import annotations

import pytest
from dwelling import (
    AC_OFF,
    BLINDS,
    CURTAINS,
    KITCHEN_OFF,
    KITCHEN_ON,
    TV_OFF,
    TV_ON,
    Call,
    Home,
    done,
    planned,
    words,
)

from penjing.assistant.check_templates import state_names
from penjing.assistant.spec.parse import loads
from penjing.core.dialogue import TALKER, Confirm
from penjing.core.errors import BadInput

GARAGE = ("covers", {"cover": "garage door", "action": "close"})
ON, OFF = {"on": True}, {"on": False}
OPEN, CLOSED = {"open": True, "closed": False}, {"open": False, "closed": True}
TURNED = {id(ON): OFF, id(OFF): ON, id(OPEN): CLOSED, id(CLOSED): OPEN}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("conditions"))


@pytest.fixture
def home(house: Home) -> Home:
    house.afresh()
    return house


IF = [
    ("if the garage is open, close it", "garage door", OPEN, GARAGE),
    ("if the garage door is still open close the garage door", "garage door", OPEN, GARAGE),
    ("please shut the blinds if they are open", "blinds", OPEN, BLINDS),
    ("close the blinds if they're not closed", "blinds", OPEN, BLINDS),
    ("if the tv is on, turn it off", "TV", ON, TV_OFF),
    ("if the telly is still on then switch it off please", "TV", ON, TV_OFF),
    ("turn the tv off if it's on", "TV", ON, TV_OFF),
    ("if the tv isn't on, put it on", "TV", OFF, TV_ON),
    ("turn off the ac if it is running", "air conditioner", ON, AC_OFF),
    ("in case the air conditioning is on, switch it off", "air conditioner", ON, AC_OFF),
    ("if the kitchen light is off turn it on", "kitchen light", OFF, KITCHEN_ON),
    ("only turn off the kitchen light if it is on", "kitchen light", ON, KITCHEN_OFF),
    ("if the tv is off, turn off the kitchen light", "TV", OFF, KITCHEN_OFF),
    ("turn the kitchen light off unless the tv is on", "TV", OFF, KITCHEN_OFF),
    ("if the tv is off, turn that kitchen light off", "TV", OFF, KITCHEN_OFF),
    ("if the curtains are closed open them", "curtains", CLOSED, CURTAINS),
    ("如果车库门开着就关上", "garage door", OPEN, GARAGE),
    ("车库门要是还开着就把它关上", "garage door", OPEN, GARAGE),
    ("百叶窗开着的话，帮我关上", "blinds", OPEN, BLINDS),
    ("如果百叶窗没关，就关上百叶窗", "blinds", OPEN, BLINDS),
    ("电视开着的话就关掉", "TV", ON, TV_OFF),
    ("要是电视还开着，把它关了", "TV", ON, TV_OFF),
    ("把电视关了，如果还开着的话", "TV", ON, TV_OFF),
    ("如果电视没开就打开", "TV", OFF, TV_ON),
    ("空调要是开着就关掉", "air conditioner", ON, AC_OFF),
    ("如果厨房灯关着就打开它", "kitchen light", OFF, KITCHEN_ON),
    ("厨房灯没关的话关掉", "kitchen light", ON, KITCHEN_OFF),
    ("要是电视关着就关掉厨房灯", "TV", OFF, KITCHEN_OFF),
    ("窗帘关着的话就拉开", "curtains", CLOSED, CURTAINS),
]  # fmt: skip


@pytest.mark.parametrize(("text", "device", "state", "call"), IF)
def test_it_is_done_where_it_is_so_and_only_there(
    home: Home, text: str, device: str, state: dict[str, bool], call: Call
) -> None:
    look = ("states", {"device": device})
    home.state[device] = state
    events = home.say(text)
    if any(isinstance(one, Confirm) for one in events):
        events += home.say("yes")
    assert done(events) == [look, call], words(events)
    home.afresh()
    home.state[device] = TURNED[id(state)]
    events = home.say(text)
    assert done(events) == [look], words(events)
    assert "not so" in words(events) or "不是这样" in words(events)
    assert done(home.say("yes")) == []
    home.afresh()
    events = home.say(text)
    assert done(events) == [look]
    assert "can not tell" in words(events) or "看不出" in words(events)
    assert planned(events) == []


NOTHING = [
    "if it rains close the blinds", "if the garage is open don't close it",
    "if the garage was open, close it", "if the garage is open tell Ben to close it",
    "Ben says if the tv is on turn it off", "should I close the garage if it is open",
    "if the tv is on turn it off in ten minutes", "when the tv is on turn it off",
    "as soon as the garage is open close it", "if the bathroom light is on turn it off",
    "what if the tv is on", "if all the lights are on turn off the tv",
    "if the tv is on and the garage is open turn off the tv",
    "if the tv is on or off turn it off", "if the tv were on I would turn it off",
    "if the tv is loud turn it off", "if the tv is on, I turned it on",
    "如果下雨就关上百叶窗", "如果车库门开着别关", "如果车库门开着就让小明关上",
    "妈妈说如果电视开着就关掉", "电视开着的话要关掉吗", "如果电视开着十分钟后关掉",
    "电视一开就关掉", "等车库门开了就关上", "如果浴室灯开着就关掉", "要是电视开着会怎么样",
    "如果所有灯都开着就关掉电视", "如果电视开着而且车库门开着就关电视", "如果电视太吵就关掉",
]  # fmt: skip


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_near_it_changes_nothing(home: Home, text: str) -> None:
    for device in ("TV", "garage door", "blinds", "kitchen light"):
        home.state[device] = {**ON, **OPEN}
    events = home.say(text)
    assert [call for call in done(events) if call[0] != "states"] == [], words(events)
    asked = [one.action.tool for one in events if isinstance(one, Confirm)]
    assert set(asked) <= {"states"}, words(events)
    assert [call for call in done(home.say("yes")) if call[0] != "states"] == []
    assert planned(events) == []


def test_a_condition_is_not_lost_while_something_is_asked(home: Home) -> None:
    home.say("close the blinds")
    home.state["curtains"] = CLOSED
    events = home.say("if the curtains are open, close them")
    assert [call for call in done(events) if call[0] == "covers"] == []
    assert "not so" in words(events)


def test_a_talker_looks_at_nothing(home: Home) -> None:
    home.state["TV"] = ON
    assert done(home.say("if the tv is on, turn it off", role=TALKER)) == []


def test_who_may_not_do_it_does_not(home: Home) -> None:
    home.state["garage door"] = OPEN
    events = home.say("if the garage is open, close it", role="guest")
    assert [call for call in done(events) if call[0] == "covers"] == []
    assert done(home.say("yes", role="guest")) == []


SPEC = """\
assistant: A
languages: [en]
tools: {states: , lights: }
slots: {lamp: {type: list, values: {desk lamp: []}}, size: {type: number}}
intents:
  lamp_state:
    sentences: ["is the {lamp} on"]
    holds: [{when: WHEN, is: true, sentences: ["LINE"]}]
    do: [STEP]
"""
LOOKS = "{call: states, with: {device: $lamp}}"


@pytest.mark.parametrize(
    ("when", "line", "step", "wrong"),
    [
        ("result.on", "the {lamp} is on", LOOKS, ""),
        ("result.on", "the {lamp} of {size} is on", LOOKS, "must have one slot"),
        ("result.on", "it is on", LOOKS, "must have one slot"),
        ("result.on", "the {lmap} is on", LOOKS, "unknown slot 'lmap'"),
        ("result.on", "the {lamp is on", LOOKS, "cannot be read"),
        ("result.on", "the {lamp} is on", "{answer: 'No.'}", "calls nothing first"),
    ],
)
def test_check_tells_what_a_state_lacks(when: str, line: str, step: str, wrong: str) -> None:
    text = SPEC.replace("WHEN", when).replace("LINE", line).replace("STEP", step)
    spec = loads(text)
    found = [one for intent in spec.intents.values() for one in state_names(spec, intent)]
    assert (wrong in "\n".join(found)) if wrong else found == []


def test_a_state_is_a_field_of_an_answer() -> None:
    with pytest.raises(BadInput, match=r"write result\.FIELD"):
        loads(SPEC.replace("WHEN", "on").replace("LINE", "x {lamp}").replace("STEP", LOOKS))
