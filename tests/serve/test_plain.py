"""The plain model as an assistant: both turns kept, history fitted, and what is left out said."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from penjing.core.dialogue import Cited, Finished, Passage, Said
from penjing.core.errors import BadInput, Busy, EngineError, NotFound
from penjing.core.messages import Message
from penjing.serve.plain import LEFT_OUT, Plain
from penjing.testing.scheduler import FakeScheduler
from penjing.vault.memory import MemoryStore


def said(plain: Plain, store: MemoryStore, session: str, text: str) -> tuple[str, str]:
    """What the model said, and what was said beside it."""
    events = list(plain.reply("anna", store, session, text))
    assert isinstance(events[-1], Finished)
    words = [one for one in events if isinstance(one, Said)]
    model = "".join(one.text for one in words if one.trust == "model")
    return model, "".join(one.text for one in words if one.trust == "spec")


def test_a_conversation_goes_on() -> None:
    with FakeScheduler(["one", "two"]) as scheduler:
        plain, store = Plain(scheduler), MemoryStore()
        session = store.history.begin().id
        assert said(plain, store, session, "first") == ("one", "")
        assert said(plain, store, session, "second") == ("two", "")
        prompt = scheduler.requests[-1].messages
    assert [(one.role, one.text) for one in prompt] == [
        ("system", "You are a helpful assistant."),
        ("user", "first"),
        ("assistant", "one"),
        ("user", "second"),
    ]
    assert scheduler.requests[-1].owner == "anna"
    assert [one.message.text for one in store.history.turns(session)] == [
        *("first", "one", "second", "two"),
    ]


def test_the_model_cites_nothing_and_reads_no_citations() -> None:
    with FakeScheduler(["“It is so.” [3] And so [1].", "two"]) as scheduler:
        plain, store = Plain(scheduler), MemoryStore()
        session = store.history.begin().id
        assert said(plain, store, session, "first")[0] == "It is so. And so."
        store.history.append_turn(session, Message.of("user", "and then?"))
        old = "“The lease ends in May.” [1] “It is long.” [2]"  # as it was kept before
        store.history.append_turn(session, Message.of("assistant", old))
        said(plain, store, session, "second")
        sent = [one.text for one in scheduler.requests[-1].messages if one.role == "assistant"]
    assert sent == ["It is so. And so.", "The lease ends in May. It is long."]


def test_what_finds_no_place_is_not_kept_and_can_be_said_again() -> None:
    with FakeScheduler(["first"], places=1, queue=0, delay=0.5) as scheduler:
        plain, store = Plain(scheduler), MemoryStore()
        session = store.history.begin().id
        running = plain.reply("anna", store, session, "long")
        next(running)
        with pytest.raises(Busy):
            list(plain.reply("anna", store, session, "more"))
        running.close()  # type: ignore[attr-defined]
    assert [one.message.text for one in store.history.turns(session)][:1] == ["long"]
    assert "more" not in [one.message.text for one in store.history.turns(session)]


@pytest.mark.parametrize(
    ("question", "notice"), [("and now?", "oldest messages"), ("现在呢？", "条消息已略去")]
)
def test_what_no_longer_fits_is_left_out_and_said(question: str, notice: str) -> None:
    with FakeScheduler(["short"], context=1200) as scheduler:
        plain, store = Plain(scheduler), MemoryStore()
        session = store.history.begin().id
        for number in range(6):
            said(plain, store, session, f"{number} " + "x" * 100)
        model, beside = said(plain, store, session, question)
        assert notice in beside
        prompt = scheduler.requests[-1].messages
        assert prompt[0].role == "system"
        assert prompt[1].role == "user"
        assert prompt[-1].text == question
        assert scheduler.count_tokens(prompt) <= 1200 - 512
        kept = store.history.turns(session)[-1].message
        assert kept.text == model  # the notice is no word of the model's, and is not read again
        assert kept.notes(LEFT_OUT)[0]["messages"] > 0


def test_the_language_is_the_person_s_to_choose() -> None:
    with FakeScheduler(["short"], context=1200) as scheduler:
        plain, store = Plain(scheduler), MemoryStore()
        store.settings.put("language", "zh")
        session = store.history.begin().id
        for _ in range(7):
            _, beside = said(plain, store, session, "x" * 100)
        assert "条消息已略去" in beside


def test_one_message_that_is_too_long_is_refused_and_not_kept() -> None:
    with FakeScheduler(context=1200) as scheduler:
        plain, store = Plain(scheduler), MemoryStore()
        session = store.history.begin().id
        with pytest.raises(BadInput, match="too long"):
            list(plain.reply("anna", store, session, "x" * 1200))
        assert store.history.turns(session) == []


def test_closing_keeps_what_was_said_and_cancels() -> None:
    with FakeScheduler(delay=0.01) as scheduler:
        plain, store = Plain(scheduler), MemoryStore()
        session = store.history.begin().id
        events = plain.reply("anna", store, session, "y" * 2000)
        next(events)
        events.close()  # type: ignore[attr-defined]
        user, model = store.history.turns(session)
        assert (user.message.text, model.message.text) == ("y" * 2000, "y" * 4)
        scheduler.close(2.0)
        assert scheduler.health().running == 0


def test_a_question_that_was_never_answered_is_not_asked_again() -> None:
    with FakeScheduler() as scheduler:
        plain, store = Plain(scheduler), MemoryStore()
        session = store.history.begin().id
        scheduler.failure = EngineError("gone")
        with pytest.raises(EngineError):
            list(plain.reply("anna", store, session, "first"))
        scheduler.failure = None
        said(plain, store, session, "second")
        assert [one.text for one in scheduler.requests[-1].messages[1:]] == ["second"]


def test_a_template_without_system_messages_gets_none() -> None:
    class Strict(FakeScheduler):
        def count_tokens(self, messages: Sequence[Message]) -> int:
            if messages[0].role == "system":
                raise EngineError("the model's chat template refused: no system")
            return super().count_tokens(messages)

    with Strict() as scheduler:
        plain, store = Plain(scheduler), MemoryStore()
        said(plain, store, store.history.begin().id, "x")
        assert [one.role for one in scheduler.requests[-1].messages] == ["user"]


class Documents:
    """Finds the same passage for everything, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def search(self, query: str, *, limit: int = 5) -> list[Passage]:
        self.asked.append(query)
        return [
            Passage(
                "The deposit is 900 euros. 押金是九百欧元。", "d", "lease.md", "p. 1", 0, 35, 1.0
            )
        ]


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("How much is the deposit?", "“The deposit is 900 euros.” [1]"),
        ("押金是多少？", "“押金是九百欧元。” [1]"),
    ],
)
def test_a_question_is_answered_from_the_person_s_documents_first(
    question: str, quoted: str
) -> None:
    with FakeScheduler() as scheduler:
        documents, store = Documents(), MemoryStore()
        plain = Plain(scheduler, documents=lambda _: documents)
        session = store.history.begin().id
        events = list(plain.reply("anna", store, session, question))
        (cited,) = [one for one in events if isinstance(one, Cited)]
        assert "".join(one.text for one in events if isinstance(one, Said)) == quoted
        assert (cited.passage.source, cited.passage.text) == ("lease.md", quoted[1:-5])
        assert isinstance(events[-1], Finished)
        assert scheduler.requests == []
        user, answer = (one.message for one in store.history.turns(session))
        assert (user.text, answer.text) == (question, quoted)
        assert answer.notes("cited")[0]["passage"]["document"] == "d"
        assert said(plain, store, session, "thanks") == ("thanks", "")
        assert [one.text for one in scheduler.requests[-1].messages[1:]] == [
            question, quoted[1:-5], "thanks",  # the words alone, or the model learns to cite
        ]  # fmt: skip


def test_what_documents_do_not_answer_the_model_does() -> None:
    with FakeScheduler() as scheduler:
        documents, store = Documents(), MemoryStore()
        plain = Plain(scheduler, documents=lambda _: documents)
        session = store.history.begin().id
        for words, searched in (
            ("Who won the world cup?", 1),
            ("Write a poem about the deposit", 1),
            ("可以帮我写一首关于押金的诗吗", 1),
            ("What is this? " + "The deposit is 900 euros. " * 20, 1),
        ):
            model, beside = said(plain, store, session, words)
            assert (words.startswith(model), bool(model), beside) == (True, True, "")
            assert len(documents.asked) == searched


def test_nothing_ever_waits() -> None:
    with FakeScheduler() as scheduler, pytest.raises(NotFound):
        Plain(scheduler).confirm("anna", MemoryStore(), "s", "a", yes=True)
