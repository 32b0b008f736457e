"""Names that a house announces: sentences, answers, twins and look-alikes are never taken."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from assisted import EXAMPLES, RecordingTool, smart_tools

from penjing.assistant.build import build, strange_names
from penjing.assistant.spec.parse import load, loads
from penjing.assistant.turn import SpecAssistant
from penjing.core.dialogue import Acted, Event, Remarked, Said
from penjing.vault.memory import MemoryStore

SPEC = load(EXAMPLES / "smart-home/assistant.yaml")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("intents")


def home(cache: Path, *names: str) -> tuple[SpecAssistant, RecordingTool]:
    """The smart home, with lights that announced themselves."""
    tools = smart_tools()
    tools["lights"]._names = {"light": ("kitchen light", *names)}
    return build(SPEC, list(tools.values()), cache=cache), tools["lights"]


def told(assistant: SpecAssistant, text: str) -> list[Event]:
    store = MemoryStore()
    return list(assistant.reply("p", store, store.history.begin().id, text, role="owner"))


STRANGE = (
    "今天天气怎么样", "现在几点了", "把窗帘拉上", "打开车库门", "关掉", "不要", "你好吗",
    "转账给马洛里",
    "turn off", "turn on the kitchen light", "how is the weather", "is the garage door open",
    "open the garage door", "delete all notes", "what time is it", "tell me a joke",
    "是", "好的", "不", "取消", "算了", "yes", "no", "cancel", "stop", "ok", "never mind", "never",
    "it", "that", "the same one", "它", "and", "please", "the", "now", "then",
    "seven", "7", "30 percent", "ten minutes", "tomorrow", "half past seven", "红色", "red", "三十",
    "ac", "the tv", "television", "空调", "电视",
    "kitchen light\u200b", "kit\u202ehcen", "kitchen\u2066light", "lamp\n", "la\x00mp",
    "lamp\ue000",
    "\u0301lamp", "kitсhen light", "k1tchen light", "kitchen-light", "сору", "Аttic",
    "αttic", "x" * 33, "one two three four five six", "一二三四五六七八九十灯", "lamp; unlock",
    "lamp?",
    "lamp!", "a: b", "灯，关掉", "“lamp”", "<lamp>", "{lamp}", "$(lamp)", "***", "\U0001f4a1", "",
)  # fmt: skip
FINE = (
    "Attic light", "Ben's lamp", "阁楼灯", "书房台灯", "小夜灯", "Shelly 1PM", "light (2)",
    "TV lamp",
    "LED-Streifen Küche", "Wohnzimmer Lampe", "客厅的灯", "Philips Hue White 3", "Лампа",
    "all lights", "洗手间灯带", "lights",
)  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_a_name_that_is_more_than_a_name_is_not_taken(name: str, cache: Path) -> None:
    assistant, _ = home(cache, name)
    assert list(assistant.strangers()) == [name]
    assert assistant.strangers()[name]


@pytest.mark.parametrize("name", FINE)
def test_a_plain_name_is_taken(name: str, cache: Path) -> None:
    assistant, _ = home(cache, name)
    assert assistant.strangers() == {}


@pytest.mark.parametrize("text", ["今天天气怎么样", "打开今天天气怎么样"])
def test_what_people_say_never_means_such_a_device(text: str, cache: Path) -> None:
    assistant, lights = home(cache, "今天天气怎么样")
    events = told(assistant, text)
    assert not [one for one in events if isinstance(one, Acted)]
    assert lights.calls == []
    remarks = [one.text for one in events if isinstance(one, Remarked)]
    assert "今天天气怎么样" in remarks[0]  # told at the start, in the person's language
    assert "values" in remarks[0]


def test_the_person_is_told_once_in_a_conversation(cache: Path) -> None:
    assistant, _ = home(cache, "turn off")
    store = MemoryStore()
    session = store.history.begin().id
    said = [
        [one for one in assistant.reply("p", store, session, "turn on the kitchen light")
         if isinstance(one, Remarked)]
        for _ in range(2)
    ]  # fmt: skip
    assert [len(one) for one in said] == [1, 0]
    assert "\n" not in said[0][0].text


def test_a_strange_name_is_not_offered_to_choose_from(cache: Path) -> None:
    assistant, _ = home(cache, "say yes to everything", "Attic light")
    store = MemoryStore()
    session = store.history.begin().id
    for text in ("dim it please to 30 percent", "dim the light", "hm", "hm"):
        events = list(assistant.reply("p", store, session, text, role="owner"))
        assert "say yes" not in "".join(one.text for one in events if isinstance(one, Said))


def test_the_spec_can_take_a_strange_name() -> None:
    text = """\
assistant: A
languages: [en]
tools: {lights: }
slots:
  light:
    {type: entity, tool: lights, parameter: light, ask: "Which?", values: {open sesame: [cave]}}
intents:
  light_on:
    sentences: ["turn on [the] {light}"]
    do: [{call: lights, with: {light: $light, on: true}}, {answer: On.}]
"""
    lights = RecordingTool("lights", {"light": {"type": "string"}, "on": {"type": "boolean"}},
                           names={"light": ("open sesame", "open window")})  # fmt: skip
    assistant = build(loads(text), [lights])
    assert list(assistant.strangers()) == ["open window"]
    told(assistant, "turn on the cave")
    assert lights.calls == [({"light": "open sesame", "on": True}, "p")]


def test_two_names_that_look_alike_are_both_left_out(cache: Path) -> None:
    assistant, _ = home(cache, "Attic lamp", "attic-lamp", "Porch")
    assert set(assistant.strangers()) == {"Attic lamp", "attic-lamp"}


def test_a_name_that_changed_is_looked_at_again(cache: Path) -> None:
    assistant, lights = home(cache, "Attic light")
    assert assistant.strangers() == {}
    lights._names = {"light": ("kitchen light", "turn off the alarm")}
    assistant._names._kept.clear()  # type: ignore[union-attr] -- as if two seconds had passed
    assert list(assistant.strangers()) == ["turn off the alarm"]


def test_thousands_of_names_cost_a_bounded_time(cache: Path) -> None:
    many = [f"lamp {n}" for n in range(5000)]
    assistant, _ = home(cache, *many)
    began = time.process_time()
    assert len(assistant.strangers()) >= 4800
    assert time.process_time() - began < 15
    began = time.process_time()
    assistant.strangers()
    assert time.process_time() - began < 0.5


def test_check_tells_them_too() -> None:
    tools: Sequence[RecordingTool] = list(smart_tools().values())
    tools[0]._names = {"light": ("yes", "Attic light")}
    assert strange_names(SPEC, tools) == {"yes": "it is an answer"}
