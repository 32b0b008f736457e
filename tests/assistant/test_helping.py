""" "What can you do?": what is told really works, and only what the person may do is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from assisted import EXAMPLES, smart_tools

from penjing.assistant.build import build
from penjing.assistant.helping import asks_for_help
from penjing.assistant.spec.parse import load
from penjing.assistant.turn import SpecAssistant
from penjing.core.dialogue import Acted, Confirm, Event, Said, Standing
from penjing.vault.memory import MemoryStore

ASKED = {
    "en": ("help", "Help!", "what can you do?", "what can I say", "how can you help me"),
    "zh": ("你会什么", "你能做什么？", "帮助", "我可以说什么", "你有什么功能"),
}
OTHERWISE = ("help me turn off the tv", "what can you do about the garage", "你会什么时候关灯",
             "帮助我关掉电视", "can you help", "don't help")  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SpecAssistant:
    spec = load(EXAMPLES / "smart-home/assistant.yaml")
    cache: Path = tmp_path_factory.mktemp("help")
    return build(spec, list(smart_tools().values()), cache=cache)


def say(home: SpecAssistant, text: str, role: Standing = "owner") -> list[Event]:
    store = MemoryStore()
    return list(home.reply("ann", store, store.history.begin().id, text, role=role))


def told(home: SpecAssistant, text: str, role: Standing = "owner") -> list[str]:
    words = "".join(one.text for one in say(home, text, role) if isinstance(one, Said))
    return re.findall(r"“(.+?)”", words)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_example_works(home: SpecAssistant, language: str) -> None:
    examples = told(home, ASKED[language][0])
    assert len(examples) >= 5
    for one in examples:
        events = say(home, one)
        assert [e for e in events if isinstance(e, Acted | Confirm)], one
    assert all(told(home, one) == examples for one in ASKED[language])


def test_nobody_is_told_what_they_may_not_do(home: SpecAssistant) -> None:
    covers = re.compile(r"^(?!is |are ).*\b(?:garage|blinds|curtains)")
    assert any(map(covers.search, told(home, "help")))
    assert not any(map(covers.search, told(home, "help", "guest")))
    assert told(home, "help", "talker") == []


@pytest.mark.parametrize("text", OTHERWISE)
def test_what_only_sounds_like_it_is_not(text: str) -> None:
    assert not asks_for_help(text)
