"""Statements that tell of something wrong begin an intent, and nothing comes of them alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from assisted import recording

from penjing.assistant.build import build
from penjing.assistant.check import check
from penjing.assistant.spec.parse import loads
from penjing.assistant.turn import SpecAssistant
from penjing.core.dialogue import Acted, Confirm, Event, Said, Understood
from penjing.core.errors import BadInput
from penjing.vault.memory import MemoryStore

DESK = """\
assistant: Desk
languages: [en, zh]
tools: {tickets: , handover: }
slots:
  problem: {type: text, ask: {en: "What is wrong?", zh: "怎么了？"}}
  contact: {type: text, ask: {en: "Who are you?", zh: "您是谁？"}}
intents:
  ticket:
    sentences: {en: ["open a ticket [about {problem}]"], zh: ["开工单"]}
    reports:
      slot: problem
      sentences:
        en: [(leaks|leaking|a leak), (won't|doesn't|not) (start|starting|work), (is|are) broken]
        zh: [漏水, 不(转|出水), 坏了]
      foreign: {en: [my bicycle], zh: [我的车]}
    do:
      - when: problem
        then: [{answer: {en: "Sorry.", zh: "抱歉。"}}]
      - collect: [problem, contact]
      - call: tickets
        with: {subject: $problem, contact: $contact}
        describes: {en: "open a ticket: {problem}", zh: "开工单：{problem}"}
      - answer: {en: Opened., zh: 开好了。}
  person:
    sentences: {en: ["get me a person"], zh: ["转人工"]}
    do: [{call: handover, describes: {en: hand over, zh: 转人工}}]
  hello:
    sentences: {en: [hello], zh: [你好]}
    do: [{answer: {en: Hello., zh: 您好。}}]
"""


@cache
def _built(text: str) -> SpecAssistant:
    spec = loads(text)
    return build(spec, list(recording(*spec.tools).values()))


class Desk:
    """The desk and one conversation."""

    def __init__(self, text: str = DESK) -> None:
        self.assistant = _built(text)
        self.store = MemoryStore()
        self.session = self.store.history.begin().id
        self.events: list[Event] = []

    def hear(self, text: str) -> str:
        """What is said to it."""
        self.events = list(self.assistant.reply("p", self.store, self.session, text, role="owner"))
        return "".join(one.text for one in self.events if isinstance(one, Said))

    @property
    def intents(self) -> list[Any]:
        """What was understood."""
        return [one.recognition.intent for one in self.events if isinstance(one, Understood)]

    def all(self, kind: type) -> list[Any]:
        """Events of a kind."""
        return [one for one in self.events if isinstance(one, kind)]


@pytest.mark.parametrize(
    "said",
    [
        "my machine leaks all over the worktop",
        "Hello, the machine leaks and the light is on",
        "It won't start anymore, I tried for two weeks",
        "since yesterday it does not work",
        "the thing is broken, what should I do",
        "it says water but it leaks",
        "when I press the button it is leaking",
        "it wont start, er, leaks",
        "机器漏水了",
        "机器昨天开始不转了",
        "水泵不出水，怎么办",
    ],
)
def test_a_statement_begins_a_ticket_with_all_of_its_words_and_opens_none(said: str) -> None:
    desk = Desk()
    desk.hear(said)
    assert desk.intents == ["ticket"]
    assert not desk.all(Acted)
    asked = desk.hear("anna@example.org")
    assert asked
    (card,) = desk.all(Confirm)
    assert card.action.arguments["subject"] == said
    assert not desk.all(Acted)  # though the tool is not careful, and the spec does not say always


@pytest.mark.parametrize(
    "said",
    [
        "why does it leak",
        "does it not start without water?",
        "is it broken?",
        "it isn't leaking",
        "there has never been a leak",
        "the leak is fixed now",
        "it is leaking no more, all is fixed",
        "if it is broken I will come",
        "should it be leaking, I will come",
        "my wife says it is broken",
        "the review says they are broken after a year",
        "my bicycle is broken",
        '"it is broken"',
        "为什么漏水",
        "漏水吗",
        "没有漏水",
        "要是漏水我就来",
        "修好了，不漏水了",
        "我的车坏了",
        "听说他们的都坏了",
    ],
)
def test_what_is_asked_denied_over_supposed_foreign_or_quoted_is_no_report(said: str) -> None:
    desk = Desk()
    desk.hear(said)
    assert "ticket" not in desk.intents


def test_a_wish_of_another_kind_comes_first() -> None:
    desk = Desk()
    desk.hear("it is broken, get me a person")
    assert desk.intents == ["person"]


def test_a_wish_of_the_same_kind_is_one_and_needs_no_second_telling() -> None:
    desk = Desk()
    said = desk.hear("it doesn't start, open a ticket")
    assert desk.intents == ["ticket"]
    assert "What is wrong?" not in said


def test_a_question_is_no_answer_to_what_a_report_begins() -> None:
    desk = Desk(DESK.replace("intents:", "unknown: [knowledge]\nintents:", 1))
    desk.hear("it leaks")
    desk.hear("is there a seal that I can change?")
    assert not desk.all(Confirm)
    desk.hear("anna@example.org")
    assert [one.action.arguments["contact"] for one in desk.all(Confirm)] == ["anna@example.org"]


def test_a_report_is_not_put_off() -> None:
    desk = Desk(DESK.replace("handover: }", "handover: , later: }"))
    desk.hear("it leaks every morning at seven")
    assert desk.intents == ["ticket"]
    desk.hear("anna@example.org")
    (card,) = desk.all(Confirm)
    assert card.action.arguments["subject"] == "it leaks every morning at seven"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("slot: problem", "slot: nothing", "ignore"),
        ("漏水,", "'{problem}漏水',", "has a slot"),
        ("[(leaks|leaking|a leak),", "[(leaks,", "cannot be read"),
    ],
)
def test_mistakes_of_reports_are_told(old: str, new: str, why: str) -> None:
    spec = loads(DESK.replace(old, new))
    assert any(why in one for one in check(spec))


def test_reports_need_a_slot() -> None:
    with pytest.raises(BadInput, match="slot"):
        loads(DESK.replace("      slot: problem\n", ""))
