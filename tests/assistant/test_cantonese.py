"""Written Cantonese is read as what it means, and most of all where it says not, or asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from blind import BLIND, Blind, Stage, right

from penjing.assistant.understand.text import tokens_of

READ = {
    "聽日朝早十一點提我": "明天早上十一点提醒我", "唔好開燈": "不要开灯", "咪開燈": "别开灯",
    "係咪開咗冷氣": "是不是开了冷气", "邊個開咗燈": "哪个开了灯", "佢話開燈": "他说开灯",
    "今個星期日": "这个星期日", "細聲啲": "小声些", "冷氣較到廿四度": "冷气调到廿四度",
    "嗰盞燈喺邊度": "那盏灯在哪里", "有冇開燈": "有没有开灯", "聽晚八點": "明晚八点",
    "同我開燈": "帮我开灯", "廳燈": "客厅灯",
}  # fmt: skip
AS_IT_STANDS = (
    "听日语歌", "聽日本新聞", "我們的關係", "唔該開燈", "提醒我", "别提我的名字", "开着灯",
    "睡着了", "客廳燈", "比較大的燈", "今日头条", "今后日子", "弹钢琴晚一点", "放部电视剧",
    "聽晚安曲",
)  # fmt: skip


@pytest.mark.parametrize(("said", "means"), READ.items())
def test_it_is_read_as_what_it_means(said: str, means: str) -> None:
    tokens = tokens_of(said)
    assert "".join(one.text for one in tokens) == means
    assert [said[one.start : one.end] for one in tokens if one.end > one.start] == list(said)


@pytest.mark.parametrize("said", AS_IT_STANDS)
def test_mandarin_stays_as_it_is(said: str) -> None:
    tokens = tokens_of(said)
    assert [(one.start, one.end) for one in tokens] == [(n, n + 1) for n in range(len(said))]
    assert "明天" not in "".join(one.text for one in tokens)


def light(name: str, **how: Any) -> list[dict[str, Any]]:
    return [{"lights": {"light": name, **how}}]


WANTED: Mapping[str, Mapping[str, Any]] = {
    "熄咗走廊燈喇": {"wants": light("hallway light", on=False)},
    "幫我開返睡房嘅燈": {"wants": light("bedroom light", on=True)},
    "同我開咗廚房燈佢": {"wants": light("kitchen light", on=True)},
    "唔該閂咗客廳燈": {"wants": light("living room light", on=False)},
    "廳燈轉做藍色吖": {"wants": light("living room light", colour="blue")},
    "冷氣較到廿四度": {"wants": [{"climate": {"device": "air conditioner", "temperature": 24}}]},
    "把冷氣設在廿六度": {"wants": [{"climate": {"device": "air conditioner", "temperature": 26}}]},
    "而家開冷氣": {"wants": [{"climate": {"device": "air conditioner", "on": True}}]},
    "唔該開咗個車庫門先": {"wants": [{"covers": {"cover": "garage door", "action": "open"}}]},
    "十分鐘之後熄咗客廳嘅燈": {
        "wants": light("living room light", on=False), "when": "in 600",
    },
    "聽晚八點開客廳燈": {"wants": light("living room light", on=True), "when": "at 20:00"},
    "聽日朝早七點開睡房燈": {"wants": light("bedroom light", on=True), "when": "at 07:00"},
}  # fmt: skip
UNWANTED = (
    "唔好開燈", "咪開廚房燈", "千祈咪閂冷氣", "邊個開咗燈", "佢話開廚房燈", "開咗廚房燈未",
    "係咪開咗冷氣", "冇人開廚房燈", "老婆話要開冷氣", "唔使熄客廳燈住", "除咗廚房燈都唔好熄",
    "你有冇熄咗走廊燈", "點解開咗電視", "琴晚開咗冷氣",
)  # fmt: skip
REMEMBERED: Mapping[str, list[dict[str, Any]]] = {
    "聽日朝早十一點提我覆電郵": [
        {"reminders": {"action": "set", "text": "覆電郵", "time": "11:00", "date": "2026-11-27"}}],
    "聽晚八點提我食藥": [
        {"reminders": {"action": "set", "text": "食藥", "time": "20:00", "date": "2026-11-27"}}],
    "聽朝七點叫醒我": [{"alarms": {"action": "set", "time": "07:00", "date": "2026-11-27"}}],
    "今個星期日朝早十點鬧鐘叫醒我": [
        {"alarms": {"action": "set", "time": "10:00", "date": "2026-11-29"}}],
    "一萬二嘅百分之十五係幾多": [{"calculator": {"expression": "12000*0.15"}}],
    "廿加卅等於幾多": [{"calculator": {"expression": "20+30"}}],
    "记一下，廿五号交房租": [{"notes": {"action": "add", "text": "廿五号交房租"}}],
}  # fmt: skip
NO_MUSIC = (
    "聽日",
    "聽日落唔落雨",
    "聽日朝早十點",
    "聽日食咩好",
    "聽晚見",
    "聽日星期幾",
    "聽朝有冇雨",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage("smart-home", tmp_path_factory.mktemp("classifiers"))


@pytest.fixture(scope="module")
def personal(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = Stage("personal", tmp_path_factory.mktemp("classifiers"))
    stage.begin(BLIND / "advent")
    return stage


@pytest.mark.parametrize(("say", "given"), WANTED.items())
def test_a_home_hears_it(home: Stage, say: str, given: Mapping[str, Any]) -> None:
    came = home.hear(say)
    assert right(Blind(say, given), came), came


@pytest.mark.parametrize("say", UNWANTED)
def test_nothing_is_done_that_was_denied_asked_or_told(home: Stage, say: str) -> None:
    assert not home.hear(say).unwanted


@pytest.mark.parametrize(("say", "wants"), REMEMBERED.items())
def test_days_times_and_sums(personal: Stage, say: str, wants: list[dict[str, Any]]) -> None:
    came = personal.hear(say)
    assert right(Blind(say, {"wants": wants}), came), came


@pytest.mark.parametrize("say", NO_MUSIC)
def test_tomorrow_is_no_song(personal: Stage, say: str) -> None:
    assert not [call for call in personal.hear(say).calls if call[0] == "music"]
