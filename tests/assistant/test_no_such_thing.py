"""A thing that is not there is no typing error for one that is: "turn off the bedroom fan"."""

from __future__ import annotations

import pytest
from blind import Stage, looks

THINGS = ("fan", "gun", "fax", "hob", "tap", "mixer", "heater", "radio", "toaster", "microwave")
PLACES = ("bedroom", "kitchen", "desk", "living room", "hallway", "ceiling")
SAID_ZH = (
    "打开吊扇", "把天花板的风扇打开", "开一下卧室的风扇", "关掉厨房的烤箱", "打开客厅的加湿器",
    "把书桌的电脑关了", "走廊的音箱打开", "打开卧室的取暖器", "厨房的水龙头关上", "开客厅的鱼缸",
)  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage("smart-home", tmp_path_factory.mktemp("classifiers"))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("deed", ["switch on the {} {}", "turn the {} {} off"])
def test_another_thing_in_a_room_is_not_its_light(stage: Stage, deed: str, place: str) -> None:
    heard = {say: stage.hear(say).at_once for say in (deed.format(place, one) for one in THINGS)}
    assert {say: calls for say, calls in heard.items() if not all(map(looks, calls))} == {}


def test_in_chinese_too(stage: Stage) -> None:
    heard = {say: stage.hear(say).at_once for say in SAID_ZH}
    assert {say: calls for say, calls in heard.items() if not all(map(looks, calls))} == {}


@pytest.mark.parametrize(
    "say", ["trun on teh kitchen light", "turn off the bedroom ligth", "kichen light of"]
)
def test_typing_errors_are_still_mended(stage: Stage, say: str) -> None:
    assert [tool for tool, _ in stage.hear(say).calls] == ["lights"]


@pytest.mark.parametrize(
    "say",
    [
        "TV off, scratch that, the radio on",
        "turn on the desk lamp, I mean the thing",
        "close the blinds, no wait, the hatch",
        "打开台灯，说错了，收音机",
        "关掉电视，不对，那个盒子",
    ],
)
def test_what_is_taken_back_for_something_strange_is_not_done_at_once(
    stage: Stage, say: str
) -> None:
    assert all(map(looks, stage.hear(say).at_once))
