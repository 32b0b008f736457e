"""A conversation with an assistant in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from assisted import CLERK

import penjing
from penjing.app.assistants import Together
from penjing.core.dialogue import Outcome
from penjing.core.errors import BadInput, NotFound
from penjing.testing import FakeEmbedder, FakeModel, FakeTool, MemoryStore

PUMP = """\
assistant: Gardener
languages: [en, zh]
tools: {pump: }
unknown: [knowledge, model]
intents:
  water:
    sentences: {en: ["water the plants"], zh: ["浇水"]}
    do:
      - call: pump
        describes: {en: "water the plants", zh: "浇水"}
      - answer: {en: "Done.", zh: "好了。"}
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))


@pytest.fixture
def garden(tmp_path: Path) -> Path:
    (tmp_path / "garden.yaml").write_text(PUMP, "utf-8")
    return tmp_path / "garden.yaml"


@pytest.fixture
def knowledge(tmp_path: Path) -> Iterator[penjing.KnowledgeBase]:
    (tmp_path / "care.md").write_text("How often do I water it? Once a week.\n")
    with penjing.KnowledgeBase(embedder=FakeEmbedder()) as made:
        made.add(tmp_path / "care.md")
        yield made


def test_a_careful_tool_waits_for_a_yes(garden: Path) -> None:
    pump = FakeTool("pump", careful=True)
    with penjing.open_assistant(garden, tools=[pump]) as gardener:
        assert gardener.name == "Gardener"
        reply = gardener.say("water the plants")
        assert [action.tool for action in reply.waiting] == ["pump"]
        assert pump.calls == []
        done = gardener.confirm(reply.waiting[0])
        assert [each.outcome.ok for each in done.acted] == [True]
        assert done.text == "Done."
        with pytest.raises(NotFound):
            gardener.confirm(reply.waiting[0])
        again = gardener.say("浇水")
        assert gardener.confirm(again.waiting[0], yes=False).acted == ()
    assert len(pump.calls) == 1
    assert pump.closed


def test_a_tool_that_fails_is_told(garden: Path) -> None:
    pump = FakeTool("pump", answers=[Outcome(False, error="the tank is empty")])
    with penjing.open_assistant(garden, tools=[pump]) as gardener:
        reply = gardener.say("water the plants")
    assert [each.outcome.error for each in reply.acted] == ["the tank is empty"]
    assert reply.text != "Done."


def test_what_is_said_lies_in_the_store_and_a_guest_may_do_less(garden: Path) -> None:
    store = MemoryStore()
    with penjing.open_assistant(garden, tools=[FakeTool("pump")], store=store) as gardener:
        gardener.say("water the plants")
    (session,) = store.history.sessions()
    assert [turn.message.text for turn in store.history.turns(session.id)] == [
        "water the plants", "Done."
    ]  # fmt: skip
    pump = FakeTool("pump")
    garden.write_text(PUMP.replace("{pump: }", "{pump: {who: [owner]}}"), "utf-8")
    with penjing.open_assistant(garden, tools=[pump], role="guest") as gardener:
        gardener.say("water the plants")
    assert pump.calls == []


def test_a_given_model_answers_what_is_no_intent(
    garden: Path, knowledge: penjing.KnowledgeBase
) -> None:
    model = FakeModel(["Roses are red."])
    with penjing.open_assistant(garden, tools=[FakeTool("pump")], model=model) as gardener:
        assert "Roses are red." in gardener.say("tell me something about roses").text
    with penjing.open_assistant(
        garden, tools=[FakeTool("pump")], model=FakeModel(["?"]), knowledge=knowledge
    ) as gardener:
        reply = gardener.say("How often do I water it?")
    assert [passage.source for passage in reply.cited] == ["care.md"]
    assert "[1]" in reply.text


def test_what_is_set_is_counted_and_ends_with_it(tmp_path: Path) -> None:
    (tmp_path / "clerk.yaml").write_text(CLERK, "utf-8")
    with penjing.open_assistant(tmp_path / "clerk.yaml") as clerk:
        assert clerk.set_for_later == 0
        assert clerk.say("set a timer for two hours").acted
        assert clerk.set_for_later == 1
    with pytest.raises(BadInput, match="there is no file"):
        penjing.open_assistant(tmp_path / "none.yaml")


def test_a_knowledge_base_adds_finds_lists_and_removes(
    knowledge: penjing.KnowledgeBase, tmp_path: Path
) -> None:
    assert [passage.source for passage in knowledge.search("How often do I water it?")] == [
        "care.md"
    ]
    assert knowledge.add(tmp_path / "care.md").embedded == 0
    (tmp_path / "care.md").write_text("Keep it out of the sun.\n")
    assert knowledge.add(tmp_path / "care.md", replace=True).replaced
    assert [each.document.name for each in knowledge.documents()] == ["care.md"]
    knowledge.remove("care.md")
    assert knowledge.documents() == []
    with pytest.raises(NotFound):
        knowledge.remove("care.md")
    with pytest.raises(BadInput, match="there is no file"):
        knowledge.add(tmp_path / "none.md")
    with pytest.raises(BadInput):
        knowledge.add(tmp_path / "what.xyz")


def test_together_takes_from_each_in_turn(knowledge: penjing.KnowledgeBase) -> None:
    both = Together([knowledge.retriever, knowledge.retriever])
    assert len(both.search("How often do I water it?")) == 2
