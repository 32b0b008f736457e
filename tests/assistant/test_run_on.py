"""Questions that run on into a command, and notes that are read out: nothing may come of either."""

from __future__ import annotations

from functools import cache

import pytest
from assisted import EXAMPLES, NOW, house

from penjing.assistant.spec.parse import load
from penjing.assistant.understand.cascade import Understanding

RUN_ON = (
    "什么时候六点半叫我起床", "什么时候定个十分钟的定时器", "什么时候提醒我买牛奶", "几点叫我起床",
    "几点定个六点的闹钟", "什么时候播放音乐", "何时七点叫我", "什么时候明天八点提醒我开会",
    "几点十分钟后提醒我关火", "什么时间定个二十分钟的定时器", "什么时候把音量调到三十",
    "when set a timer for ten minutes", "when wake me at half past six",
)  # fmt: skip
READ_OUT = (
    "the note on the fridge reads never set the volume to 30",
    "the note on the fridge says set the volume to 30", "a note says buy milk",
    "the sign at the door reads note that we are closed", "my letter said remind me at six",
    "the label reads note the date", "this card says set an alarm for seven",
    "the message on the board goes note down everything", "her note said play some jazz",
    "the manual says set a timer for ten minutes", "your text said wake me at six",
    "冰箱上的便条写着把音量调到30", "门上写着定个六点的闹钟", "那张纸条写着提醒我买牛奶",
    "便利贴上写的是播放音乐", "说明书上写着定个十分钟的定时器", "桌上的字条说六点叫我起床",
    "墙上写了记下来买牛奶", "那本书上写道六点半叫我起床", "告示上写着把音量调到三十",
    "屏幕上写着播放音乐",
)  # fmt: skip
WISHES = {
    "what time is it and set a timer for ten minutes": ["time_now", "timer_set"],
    "几点了，定个十分钟的定时器": ["time_now", "timer_set"],
    "几点了定个十分钟的定时器": ["time_now", "timer_set"],
    "现在几点，六点半叫我起床": ["time_now", "alarm_set"],
    "note that the fridge reads 5 degrees": ["note"],
    "记一下冰箱上写着五度": ["note"],
}


@cache
def personal() -> Understanding:
    return Understanding(load(EXAMPLES / "personal/assistant.yaml"), house)


@pytest.mark.parametrize("said", [*RUN_ON, *READ_OUT])
def test_nothing_comes_of_it(said: str) -> None:
    found = [request[0] for request in personal().read(said, NOW).requests]
    acts = {"timer_set", "alarm_set", "reminder_add", "note", "music_play", "music_volume"}
    assert not [one for one in found if one.intent in acts or "set" in str(one.intent)], found


@pytest.mark.parametrize(("said", "wanted"), WISHES.items())
def test_a_wish_beside_a_question_is_heard(said: str, wanted: list[str]) -> None:
    assert [str(one[0].intent) for one in personal().read(said, NOW).requests] == wanted
