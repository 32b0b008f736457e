"""What a title is not: how long it plays, or how much of what was just named; and what a timer at
home is called after. All stages on; the sentences are the module author's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from blind import Stage

PLAYED: list[tuple[str, str, float]] = [
    ("放一小时雨声", "雨声", 3600),
    ("放半小时轻音乐", "轻音乐", 1800),
    ("播放两个小时的白噪音", "白噪音", 7200),
    ("play an hour of rain sounds", "rain sounds", 3600),
    ("play rain sounds for an hour", "rain sounds", 3600),
]
ONCE: list[tuple[str, str]] = [
    ("我想听京剧，给我放一段", "京剧"),
    ("我想听相声，放一个", "相声"),
    ("我要听周杰伦，来一首", "周杰伦"),
]
TIMERS: list[tuple[str, Mapping[str, Any]]] = [
    ("饺子 12 分钟", {"seconds": 720, "label": "饺子"}),
    ("面条计时8分钟", {"seconds": 480, "label": "面条"}),
    ("给鸡蛋定个六分钟的计时器", {"seconds": 360, "label": "鸡蛋"}),
    ("定一个二十分钟的米饭计时器", {"seconds": 1200, "label": "米饭"}),
    ("设个鸡汤的定时器一小时", {"seconds": 3600, "label": "鸡汤"}),
    ("倒计时三分钟，泡面", {"seconds": 180, "label": "泡面"}),
    ("定个十分钟的计时器", {"seconds": 600}),
]


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return {one: Stage(one) for one in ("personal", "smart-home")}


@pytest.mark.parametrize(("said", "query", "seconds"), PLAYED)
def test_how_long_is_no_title(
    said: str, query: str, seconds: float, stages: Mapping[str, Stage]
) -> None:
    came = stages["personal"].hear(said)
    assert [how.get("query") for _, how in came.calls] == [query], came
    assert [when.after for _, when in came.put_off] == [seconds]


@pytest.mark.parametrize(("said", "query"), ONCE)
def test_how_much_of_it_is_no_title(said: str, query: str, stages: Mapping[str, Stage]) -> None:
    came = stages["personal"].hear(said)
    assert [how.get("query") for _, how in came.calls] == [query], came


@pytest.mark.parametrize(("said", "wanted"), TIMERS)
def test_a_timer_at_home_is_called_after_its_dish(
    said: str, wanted: Mapping[str, Any], stages: Mapping[str, Stage]
) -> None:
    came = stages["smart-home"].hear(said)
    assert [*came.calls] == [("timers", {"action": "set", **wanted})], came


@pytest.mark.parametrize("said", ["客厅灯太刺眼了，亮度往下降15%", "客厅灯太晃眼了，亮度往下调15%"])
def test_down_by_and_not_down_to(said: str, stages: Mapping[str, Stage]) -> None:
    came = stages["smart-home"].hear(said)
    wanted = {"light": "living room light", "brightness_change": -15}
    assert [*came.calls] == [("lights", wanted)], came
