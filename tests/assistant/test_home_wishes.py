"""What people wish of a home in their own words, all stages on: what comes of it after every yes.

Sentences by the author of the templates, written when they were done: asides before and after,
several things in one wish, the topic first, a place for its light; and beside them reports, strange
devices, exceptions that nobody can read, and what was not said.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from blind import Came, Stage, looks

WISHES: dict[str, Sequence[str]] = {
    "could you put the lamp in the hallway on, I dropped my keys": ["hallway light on"],
    "it's freezing in here, switch the air con off": ["air conditioner off"],
    "the sun's in my eyes, close the curtains please": ["curtains close"],
    "I've finished reading so the desk lamp can go off": ["desk lamp off"],
    "somebody's at the door, hallway light on": ["hallway light on"],
    "I'm cooking, kitchen light on": ["kitchen light on"],
    "it's gloomy in the living room, turn the light on": ["living room light on"],
    "it's empty in the living room so you can cut the light in there": ["living room light off"],
    "turn the bedroom light off, could you? I have a headache": ["bedroom light off"],
    "the hallway light, could you switch it off": ["hallway light off"],
    "grab the garage door for me, my hands are full": ["garage door open"],
    "lose the telly": ["TV off"],
    "kitchen light off living room light on": ["kitchen light off", "living room light on"],
    "TV off curtains open": ["TV off", "curtains open"],
    "turn off the bedroom light and the desk lamp": ["bedroom light off", "desk lamp off"],
    "the AC and the telly off please": ["air conditioner off", "TV off"],
    "kitchen light and telly off, we're leaving": ["kitchen light off", "TV off"],
    "open the curtains and the blinds": ["curtains open", "blinds open"],
    "hallway light orange, kitchen light to 40": ["hallway light orange", "kitchen light 40"],
    "lights off, just leave the desk lamp on": [
        "kitchen light off", "living room light off", "bedroom light off", "hallway light off",
    ],
    "movie night, and set the ac to 21": ["movie night", "air conditioner 21"],
    "cancel the timer, the eggs are done": ["cancel"],
    "pasta's boiling, timer for nine minutes": ["set 540"],
    "tv off now kids it's dinner time": ["TV off"],
    "走廊的灯开一下，我钥匙掉了": ["hallway light on"],
    "客厅太暗了，开个灯": ["living room light on"],
    "阳光刺眼，窗帘拉上": ["curtains close"],
    "有人敲门，走廊灯打开": ["hallway light on"],
    "卧室灯灭了吧，我困了": ["bedroom light off"],
    "天黑了，走廊灯开一下": ["hallway light on"],
    "新闻开始了，把电视打开": ["TV on"],
    "关厨房灯，开客厅灯": ["kitchen light off", "living room light on"],
    "电视关掉窗帘拉开": ["TV off", "curtains open"],
    "卧室灯和台灯都关了": ["bedroom light off", "desk lamp off"],
    "空调跟电视全关了": ["air conditioner off", "TV off"],
    "客厅灯走廊灯都打开": ["living room light on", "hallway light on"],
    "把窗帘和百叶窗都拉上": ["curtains close", "blinds close"],
    "灯都关了，台灯留着": [
        "kitchen light off", "living room light off", "bedroom light off", "hallway light off",
    ],
    "走廊灯留着，其他灯都关了": [
        "kitchen light off", "living room light off", "bedroom light off", "desk lamp off",
    ],
    "客厅来点紫色的光": ["living room light purple"],
    "饭煮上了，计时十二分钟": ["set 720"],
    "取消计时，蛋煮好了": ["cancel"],
    "倒数五十秒": ["set 50"],
    "电是打开": ["TV on"],
    "the kitchen light is too bright, set it to 20 percent": ["kitchen light 20"],
    "turn the hallway light red then dim it to 20": ["hallway light red", "hallway light 20"],
    "turn off all the lights except the bedroom one": [
        "kitchen light off", "living room light off", "hallway light off", "desk lamp off",
    ],
    "open teh curtains, it's a fine day": ["curtains open"],
    "give me a cyan desk lamp": ["desk lamp cyan"],
    "timer for nine minutes for the rice": ["set 540 rice"],
    "keep the ac at 23 only": ["air conditioner 23"],
    "aircon down two degrees": ["air conditioner -2"],
    "客厅灯红色，亮度四十": ["living room light red 40"],
    "先开走廊灯再开窗帘，我搬箱子": ["hallway light on", "curtains open"],
    "把电视关了进晚安模式": ["TV off", "good night"],
    "我出门了，台灯、电视、空调都关了": ["desk lamp off", "TV off", "air conditioner off"],
    "灯和电视都关掉": [
        "kitchen light off", "living room light off", "bedroom light off", "hallway light off",
        "desk lamp off", "TV off",
    ],
    "唔该熄咗电视": ["TV off"],
    "汤已经好了不用计了，取消计时": ["cancel"],
}  # fmt: skip
NOTHING = (
    "my dad has switched off the kitchen light", "they have turned the tv off",
    "my sister has opened the blinds", "turn off the fridge", "turn on the coffee machine",
    "open the window in the bedroom", "turn off the kitchen light or the bedroom light",
    "turn on the bathroom light and the kitchen light", "when I'm in bed, bedroom light off",
    "turn the light off when I'm gone", "turn off the kitchen light unless I'm there",
    "if it rains close the blinds and the curtains", "do not open the garage and the blinds",
    "don't turn the kitchen light and the telly off", "set the ac to 5",
    "never turn the telly and the kitchen light off", "please don't switch the lamp and the tv on",
    "make the air conditioner four degrees", "lights off except the one by the window",
    "he told me to turn off the light, I was in the kitchen", "light on in the cellar",
    "once the film is over turn the tv off",
    "我妈把厨房灯关了", "老公出门前把电视关掉了", "儿子把台灯打开了", "我自己关了台灯",
    "洗衣机打开", "打开卧室的窗户", "厕所灯和厨房灯都打开", "卧室灯别关",
    "别关厨房灯和电视", "别开车库门和百叶窗", "如果下雨就关窗帘和百叶窗", "关厨房灯或者卧室灯",
    "他说把灯都关了", "空调调到五度", "计时器不要取消", "计时器别停", "不要打开派对模式",
    "有人说把走廊灯调到百分之二十", "一进门就把台灯打开", "到了家再把空调打开", "我关了台灯",
    "lights out in the bedroom without the small one", "電視是我弟關的啦", "空调是我老公开的",
    "dim the desk lamp to, um,",
    "奶奶那盏留着，其他灯都关了", "谁把窗帘拉开了",
)  # fmt: skip
NOT_AT_ONCE = (
    "my son switched on the desk lamp", "keep the bedroom light on", "冰箱关掉", "把风扇开开",
    "the tv is off and the lights are out", "咖啡机打开",
    "灯和电视都开着", "电饭锅关一下", "热水器打开",
    "电影放完就关电视", "no one is in the kitchen so cut the light",
)  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage("smart-home", tmp_path_factory.mktemp("intents"))


def told(came: Came) -> list[str]:
    """Each call in a few words, in their order."""
    words = {True: "on", False: "off"}
    return [
        " ".join(
            words[value] if isinstance(value, bool) else str(value) for value in arguments.values()
        ).removesuffix(" on" if tool == "scenes" else "\0")
        for tool, arguments in came.calls
    ]


@pytest.mark.parametrize(("said", "wanted"), WISHES.items())
def test_a_wish_is_understood(said: str, wanted: Sequence[str], stage: Stage) -> None:
    assert sorted(told(stage.hear(said))) == sorted(wanted)


@pytest.mark.parametrize("said", NOTHING)
def test_nothing_comes_of_what_is_no_wish(said: str, stage: Stage) -> None:
    assert [one for one in stage.hear(said).calls if not looks(one)] == []


@pytest.mark.parametrize("said", NOT_AT_ONCE)
def test_what_may_be_no_wish_is_asked_about(said: str, stage: Stage) -> None:
    assert stage.hear(said).unwanted == ()
