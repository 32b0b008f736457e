"""A wish that is waved away behind itself is none, in whatever words: "scrap that", 拉倒吧."""

from __future__ import annotations

from itertools import product

import pytest
from blind import Stage

AWAY = ("scrap that", "bin that", "sod it", "scratch that", "forget it", "never mind")
AWAY_ZH = ("拉倒吧", "拉倒", "作罢", "免了吧", "得了吧", "算了", "算了吧", "不弄了")
WISHES = ("turn on the kitchen light", "close the blinds", "turn the TV off")
WISHES_ZH = ("开厨房灯", "把窗帘拉上", "关电视")
WHY = ("", ", it's light enough", ", I'll do it myself")
WHY_ZH = ("", "，还亮着呢", "，我自己来就行")
PLAYING = (
    "现在放的是什么歌", "正在播的是谁的歌", "放的什么歌", "播放的是哪首", "现在唱的是谁",
    "放的啥玩意儿", "现在放着什么音乐", "放的是谁唱的歌", "播放谁", "what's playing right now",
    "who is playing", "what song is this", "which song are you playing",
)  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage("smart-home", tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def car(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage("in-car", tmp_path_factory.mktemp("car"))


@pytest.mark.parametrize("away", AWAY)
def test_nothing_is_done_that_was_waved_away(home: Stage, away: str) -> None:
    said = [f"{wish}, {away}{why}" for wish, why in product(WISHES, WHY)]
    assert {say: calls for say in said if (calls := home.hear(say).at_once)} == {}


@pytest.mark.parametrize("away", AWAY_ZH)
def test_nor_in_chinese(home: Stage, away: str) -> None:
    said = [f"{wish}，{away}{why}" for wish, why in product(WISHES_ZH, WHY_ZH)]
    assert {say: calls for say in said if (calls := home.hear(say).at_once)} == {}


@pytest.mark.parametrize(
    ("say", "tool"),
    [
        ("bin that, turn on the kitchen light", "lights"),
        ("免了吧，把厨房灯打开", "lights"),
        ("关电视，拉倒吧，把窗帘拉上", "covers"),
    ],
)
def test_what_is_said_after_it_is_meant(home: Stage, say: str, tool: str) -> None:
    assert [name for name, _ in home.hear(say).calls] == [tool]


@pytest.mark.parametrize("say", PLAYING)
def test_what_is_playing_is_asked_and_not_played(car: Stage, say: str) -> None:
    assert car.hear(say).at_once == ()


@pytest.mark.parametrize(
    "say",
    [
        "你能放我手机里的歌吗?", "放我手机里的歌", "播放我U盘里的音乐", "放我电脑上的歌",
        "can you play songs from my phone?", "play music off my usb", "play something on my laptop",
    ],
)  # fmt: skip
def test_what_lies_on_another_device_is_no_title(car: Stage, say: str) -> None:
    assert car.hear(say).at_once == ()


@pytest.mark.parametrize(
    ("say", "query"),
    [("放一首什么是爱", "什么是爱"), ("放王菲的歌", "王菲"), ("play Sod It All", "Sod It All")],
)
def test_a_song_may_be_called_so(car: Stage, say: str, query: str) -> None:
    assert [how.get("query") for _, how in car.hear(say).calls] == [query]
