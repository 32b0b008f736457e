"""The personal assistant understands what is said in its many ways, and does nothing that was not
said."""

from __future__ import annotations

from pathlib import Path

import pytest
from assisted import DATA
from blind import Blind, Stage, right, sentences

WANTED = sentences("personal", DATA)
NOTHING = sentences("personal-nothing", DATA)


@pytest.fixture(scope="module")
def pal(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    cache: Path = tmp_path_factory.mktemp("intents")
    return Stage("personal", cache)


def test_there_are_enough_sentences() -> None:
    for kind, least in ((WANTED, 100), (NOTHING, 30)):
        assert min(sum(one.language == each for one in kind) for each in ("en", "zh")) >= least


@pytest.mark.parametrize("one", WANTED, ids=lambda one: one.say)
def test_what_is_wanted_is_done(one: Blind, pal: Stage) -> None:
    assert right(one, pal.hear(one.say))


def test_more_is_understood_with_what_is_told(pal: Stage) -> None:
    lines = (DATA / "personal-more.tsv").read_text("utf-8").splitlines()[1:]
    assert len(lines) > 150
    assert [one for one in lines if not _told(pal, *one.split("\t"))] == []


def _told(pal: Stage, say: str, intent: str, argument: str, value: str) -> bool:
    came = pal.hear(say)
    told = [f"{how.get(argument, '')}".casefold() for _, how in came.calls]
    return came.intents == (intent,) and (value.casefold() in told if argument else bool(told))


@pytest.mark.parametrize("one", NOTHING, ids=lambda one: one.say)
def test_nothing_is_done_that_was_not_said(one: Blind, pal: Stage) -> None:
    assert pal.hear(one.say).unwanted == ()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("the eggs are in, set a timer for six minutes", 360),
        ("面下锅了，给我计时六分钟", 360),
    ],
)
def test_a_remark_is_no_label(text: str, seconds: int, pal: Stage) -> None:
    assert pal.hear(text).calls == (("timers", {"action": "set", "seconds": seconds}),)


@pytest.mark.parametrize("text", ["六点提醒我一下", "提醒我一下", "晚上八点提醒我哈"])
def test_particles_are_no_task(text: str, pal: Stage) -> None:
    assert pal.hear(text).calls == ()
