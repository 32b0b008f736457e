"""Questions with "till" and "before" in them, 让我 before a wish, a colon behind a polite one, and
what is no person: in the car and at the service desk. The sentences are the author's own."""

from __future__ import annotations

import pytest
from blind import Stage, looks

HOW_LONG = (
    "how long till I'm home?", "how long until I'm home", "how long before we are at the airport",
    "before I say goodbye to mum, how long will it be to the airport from here?",
    "how many minutes until we reach work", "how long till we get to the airport",
    "how much longer till I'm home", "how long is it before I get to work",
    "before I forget, how long does it take to get home", "how far is it till home",
)  # fmt: skip
KEPT_WAITING = (
    "stop the music till I say so", "turn the ac off before we get home",
    "until I say so, no music", "before I go, lock it", "play jazz until we are home",
    "don't play anything till I'm home", "drive home before it rains",
    "turn it down until the call is over", "wait till I'm home", "skip songs until I like one",
)  # fmt: skip
LET_ME = (
    "能不能让我跟一位同事聊聊,真人的那种", "能让我跟真人说吗", "可以让我转人工吗",
    "请让我和人工客服聊", "快让我找个真人", "麻烦让我接人工", "可不可以让我跟客服讲话",
    "让我转人工", "就让我找人工吧", "先让我转人工",
)  # fmt: skip
OTHERS_LET_ME = (
    "他让我转人工", "我妈让我找人工", "老板让我投诉你们", "客服让我等", "你们同事让我开工单的",
    "别让我转人工", "我老公让我打电话给真人", "昨天的小姑娘让我报修", "邻居让我转人工",
    "系统让我转人工",
)  # fmt: skip
COLON = (
    "Please submit a fault ticket: the machine stops dead in the middle of every espresso.",
    "please open a ticket: it leaks", "could you file a ticket: no steam at all",
    "I need a ticket: the grinder is stuck", "I'd like to raise a ticket: the pump screams",
    "请开个工单：漏水了", "帮我报修：磨豆机卡住了", "麻烦开个工单：不加热",
    "我要报修：奶泡打不出来", "给我开个工单：按键坏了",
)  # fmt: skip
OTHERS_COLON = (
    "my boss: please open a ticket", "Ben: open a ticket", "my wife: get me a person",
    "老板：开个工单", "张三：转人工",
)  # fmt: skip
NO_PERSON = (
    "can you make tea with it", "can you brew cocoa with that", "could you fit oat milk in it",
    "can you toast bread with it", "would you froth soy in this", "它能泡茶吗", "这个能打奶泡吗",
    "可以煮红茶吗", "能做热巧克力吗", "这机器能磨花生吗",
)  # fmt: skip


@pytest.fixture(scope="module")
def car(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage("in-car", tmp_path_factory.mktemp("classifiers"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage("customer-service", tmp_path_factory.mktemp("classifiers"))


@pytest.mark.parametrize("say", HOW_LONG)
def test_a_question_with_till_is_answered(car: Stage, say: str) -> None:
    assert car.hear(say).intents == ("how_long",)


@pytest.mark.parametrize("say", KEPT_WAITING)
def test_a_wish_with_till_is_not_done_at_once(car: Stage, say: str) -> None:
    assert not car.hear(say).unwanted


@pytest.mark.parametrize("say", LET_ME)
def test_let_me_is_a_wish_of_ones_own(desk: Stage, say: str) -> None:
    assert desk.hear(say).intents == ("person",)


@pytest.mark.parametrize("say", COLON)
def test_what_a_polite_wish_says_behind_a_colon_is_its_own(desk: Stage, say: str) -> None:
    assert desk.hear(say).intents == ("ticket",)


@pytest.mark.parametrize("say", [*OTHERS_LET_ME, *OTHERS_COLON, *NO_PERSON])
def test_nobody_is_called_who_was_not_asked_for(desk: Stage, say: str) -> None:
    assert all(map(looks, desk.hear(say).at_once))
