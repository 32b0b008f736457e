"""Kinds of sentences that strangers said and that were misread, in other words than theirs."""

from __future__ import annotations

from pathlib import Path

import pytest
from assisted import DATA
from blind import Blind, Stage, right, sentences

NOTHING = {
    "personal": [
        "my son said \"play jazz\"", "note down \"turn off the light\"", "take a note never mind",
        "take a note don't do it", "nap time", "ten minutes for the bus is enough",
        "it takes twenty minutes for the rice", "never remind me at four", "他说“放稻香”",
        "记一下算了", "煮饭要二十分钟", "煮鸡蛋要六分钟", "炖汤需要两小时", "蒸包子得十五分钟",
        "the potatoes take twenty minutes", "the lasagne needs forty minutes",
        "my tea takes four minutes", "什么时候七点",
    ],
    "in-car": [
        "she said \"take me home\"", "turn the air con", "i just wanna know if we're home",
        "等把孩子送到了，再导航去机场", "他说《回家》好听",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    cache: Path = tmp_path_factory.mktemp("intents")
    return {one: Stage(one, cache) for one in NOTHING}


@pytest.mark.parametrize("spec", NOTHING)
def test_what_is_wanted_is_done(spec: str, stages: dict[str, Stage]) -> None:
    wanted: list[Blind] = sentences(f"{spec}-kinds", DATA)
    assert min(sum(one.language == each for one in wanted) for each in ("en", "zh")) >= 12
    assert [one.say for one in wanted if not right(one, stages[spec].hear(one.say))] == []


@pytest.mark.parametrize("spec", NOTHING)
def test_nothing_is_done_that_was_not_said(spec: str, stages: dict[str, Stage]) -> None:
    assert [one for one in NOTHING[spec] if stages[spec].hear(one).unwanted] == []
