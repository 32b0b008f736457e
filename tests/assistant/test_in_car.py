"""The car understands what is said in its many ways, and does nothing that was not said."""

from __future__ import annotations

from pathlib import Path

import pytest
from assisted import DATA
from blind import Blind, Stage, right, sentences

WANTED = sentences("in-car", DATA)
NOTHING = sentences("in-car-nothing", DATA)


@pytest.fixture(scope="module")
def car(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    cache: Path = tmp_path_factory.mktemp("intents")
    return Stage("in-car", cache)


def test_there_are_enough_sentences() -> None:
    for kind in (WANTED, NOTHING):
        assert min(sum(one.language == each for one in kind) for each in ("en", "zh")) >= 70


@pytest.mark.parametrize("one", WANTED, ids=lambda one: one.say)
def test_what_is_wanted_is_done(one: Blind, car: Stage) -> None:
    assert right(one, car.hear(one.say))


@pytest.mark.parametrize("one", NOTHING, ids=lambda one: one.say)
def test_nothing_is_done_that_was_not_said(one: Blind, car: Stage) -> None:
    assert car.hear(one.say).unwanted == ()


@pytest.mark.parametrize(
    "text", ["声音调到20", "音量调成20", "把歌的声音开到24", "turn the sound to 20", "volume 22"]
)
def test_a_volume_is_no_temperature(text: str, car: Stage) -> None:
    assert [tool for tool, _ in car.hear(text).calls] == ["music"]


@pytest.mark.parametrize(
    "text", ["温度调到20", "空调开到24", "set the cabin to 20", "heating to 22"]
)
def test_a_temperature_is_no_volume(text: str, car: Stage) -> None:
    assert [tool for tool, _ in car.hear(text).calls] == ["climate"]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("put on Lady, Be Good", "Lady, Be Good"),
        ("play Monster, Under the Bed", "Monster, Under the Bed"),
        ("play some jazz, I like it", "jazz"),
        ("play Nights In White Satin for my wife", "Nights In White Satin"),
        ("can we hear Taylor Swift pleeease", "Taylor Swift"),
        ("please play A. R. Rahman.", "A. R. Rahman"),
        ("Play Mozart, quietly civilised stuff.", "Mozart"),
        ("播五月天，快迟到了", "五月天"),
        ("播一下月亮代表我的心", "月亮代表我的心"),
        ("放张学友", "张学友"),
    ],
)
def test_a_title_is_whole(text: str, query: str, car: Stage) -> None:
    assert [how.get("query") for _, how in car.hear(text).calls] == [query]


@pytest.mark.parametrize(
    "text",
    [
        "play some jazz other than the small one！", "play some jazz bar mine",
        "take me home and play Coldplay with the exception of mine",
        "play ed sheeran - not the live one though", "play some jazz leaving out the old one",
        "barring the small one, play ed sheeran", "put some music on with the exception of mine",
        "play some jazz aside from the long one for the kids",
        "放点爵士，小的例外", "放周杰伦的歌，不包括慢歌", "播放邓丽君，我的不算",
        "刨去慢歌，放点爵士",
    ],
)  # fmt: skip
def test_an_exception_is_never_dropped(text: str, car: Stage) -> None:
    assert car.hear(text).unwanted == ()


@pytest.mark.parametrize("text", ["带我去个地方", "我去什么地方好"])
def test_a_place_that_is_none_is_not_home(text: str, car: Stage) -> None:
    assert car.hear(text).calls == ()


@pytest.mark.parametrize("text", ["go", "ok go", "go ahead", "twenty two degrees. go"])
def test_go_alone_skips_no_song(text: str, car: Stage) -> None:
    assert ("music", {"action": "next"}) not in car.hear(text).calls


@pytest.mark.parametrize("text", ["skip ahead", "move on", "go to the next song", "go to next"])
def test_going_on_skips_one(text: str, car: Stage) -> None:
    assert car.hear(text).calls == (("music", {"action": "next"}),)
