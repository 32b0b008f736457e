"""One turn and many: what is kept, what a restart finds, what stays bounded."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from assisted import EXAMPLES, RecordingTool, recording, smart_tools

from penjing.assistant.build import LiveNames, build
from penjing.assistant.spec.parse import load, loads
from penjing.assistant.turn import SpecAssistant
from penjing.core.dialogue import (
    CUT,
    Acted,
    Cited,
    Confirm,
    Event,
    Finished,
    Outcome,
    Passage,
    Remarked,
    Said,
    Understood,
)
from penjing.core.errors import BadInput, Busy, EngineError, NetworkError, NotFound
from penjing.core.manner import Manner, keep_manner
from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.core.protocols import Store
from penjing.vault.memory import MemoryStore


class Pen:
    """A writer that says the same each time and remembers what it read."""

    def __init__(self, *answers: str, context: int = 4096, broken: bool = False) -> None:
        self.answers, self.context_length, self.broken = answers or ("Well.",), context, broken
        self.prompts: list[list[Message]] = []
        self.asked: list[tuple[GenerationSettings, str]] = []
        self.closed = self.cancelled = False

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(one.text) for one in messages) // 4 + 4 * len(messages)

    def write(
        self,
        owner: str,
        messages: Sequence[Message],
        settings: GenerationSettings,
        begun: str = "",
    ) -> Iterator[Chunk]:
        if settings.grammar is not None:
            yield Chunk('{"choice": "none"}', "stop")
            return
        if self.broken:
            raise EngineError("the engine fell over: start it again")
        assert self.count_tokens(messages) <= self.context_length
        self.prompts.append(list(messages))
        self.asked.append((settings, begun))
        try:
            for word in self.answers[len(self.prompts) % len(self.answers)].split():
                yield Chunk(word + " ")
            yield Chunk("", "stop")
        except GeneratorExit:
            self.cancelled = True
            raise

    def close(self) -> None:
        self.closed = True


class Home:
    """A smart home to talk to."""

    def __init__(self, cache: Path, pen: Pen | None = None) -> None:
        self.cache, self.pen = cache, pen
        self.tools = smart_tools()
        self.now = 1_795_604_400.0
        self.store = MemoryStore()
        self.session = self.store.history.begin().id
        self.assistant = self.fresh()

    def fresh(self) -> SpecAssistant:
        """The assistant after a restart."""
        return build(
            load(EXAMPLES / "smart-home/assistant.yaml"),
            list(self.tools.values()),
            writer=self.pen,
            cache=self.cache,
            clock=lambda: self.now,
        )

    def say(self, text: str, role: str = "owner") -> list[Event]:
        self.now += 2
        return list(
            self.assistant.reply("p", self.store, self.session, text, role=role)  # type: ignore[arg-type]
        )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("intents")


def words(events: Sequence[Event]) -> str:
    return "".join(one.text for one in events if isinstance(one, Said))


def test_events_come_in_order_and_are_kept(cache: Path) -> None:
    home = Home(cache)
    events = home.say("turn on the desk lamp")
    assert [type(one) for one in events] == [Understood, Acted, Said, Finished]
    user, answer = [one.message for one in home.store.history.turns(home.session)]
    assert user.text == "turn on the desk lamp"
    assert answer.text == words(events)
    (acted,) = answer.notes("acted")
    assert acted["action"]["arguments"] == {"light": "desk lamp", "on": True}
    assert acted["outcome"]["ok"] is True


def test_a_restart_loses_nothing(cache: Path) -> None:
    home = Home(cache)
    home.say("open the garage")
    home.assistant = home.fresh()
    events = home.say("no, the curtains")
    assert [one.action.arguments["cover"] for one in events if isinstance(one, Confirm)] == [
        "curtains"
    ]
    home.assistant = home.fresh()
    home.say("yes")
    assert home.tools["covers"].calls == [({"cover": "curtains", "action": "open"}, "p")]
    home.assistant = home.fresh()
    home.say("yes")
    assert len(home.tools["covers"].calls) == 1


def test_work_that_was_cut_off_is_not_done_again(cache: Path) -> None:
    home = Home(cache)
    home.say("open the garage")
    home.store.history.append_turn(home.session, Message.of("user", "yes"))  # and then the power
    home.assistant = home.fresh()
    home.say("yes")
    assert home.tools["covers"].calls == []


def test_a_card_is_answered_once_and_by_its_own_id(cache: Path) -> None:
    home = Home(cache)
    (asked,) = [one for one in home.say("close the blinds") if isinstance(one, Confirm)]

    def confirm(action: str, *, yes: bool = True) -> list[Event]:
        return list(
            home.assistant.confirm("p", home.store, home.session, action, yes=yes, role="owner")
        )

    with pytest.raises(NotFound):
        confirm("something")
    events = confirm(asked.action.id)
    assert [one.action for one in events if isinstance(one, Acted)] == [asked.action]
    with pytest.raises(NotFound):
        confirm(asked.action.id)
    assert len(home.tools["covers"].calls) == 1


def test_a_guest_cannot_confirm_what_an_owner_asked(cache: Path) -> None:
    home = Home(cache)
    (asked,) = [one for one in home.say("close the blinds") if isinstance(one, Confirm)]
    events = list(
        home.assistant.confirm(
            "p", home.store, home.session, asked.action.id, yes=True, role="guest"
        )
    )
    assert home.tools["covers"].calls == []
    assert "may not" in words(events)


def test_who_forgets_the_role_may_do_least(cache: Path) -> None:
    home = Home(cache)
    events = list(home.assistant.reply("p", home.store, home.session, "open the garage"))
    assert not [one for one in events if isinstance(one, Confirm | Acted)]


def test_a_tool_that_raises_is_an_answer_and_the_conversation_goes_on(cache: Path) -> None:
    home = Home(cache)

    def broken(arguments: object, person: str) -> Outcome:
        raise NetworkError("the broker at 127.0.0.1:1883 cannot be reached: start it")

    home.tools["lights"].call = broken  # type: ignore[assignment, method-assign]
    events = home.say("turn on the desk lamp and set a timer for one minute")
    assert [one.outcome.ok for one in events if isinstance(one, Acted)] == [False, True]
    assert "cannot be reached" in words(events)


def test_a_model_that_fails_is_said_and_kept(cache: Path) -> None:
    home = Home(cache, Pen(broken=True))
    events = home.say("tell me about the moon please")
    assert "fell over" in words(events)
    assert home.store.history.turns(home.session)[-1].message.text == words(events)


def test_a_model_does_not_learn_how_deeds_are_told(cache: Path) -> None:
    """It would tell of some that never were."""
    for fresh in (False, True):  # what a restart reads from the store is the same
        pen = Pen()
        home = Home(cache, pen)
        home.say("tell me about the moon please")
        (asked,) = [one for one in home.say("open the garage") if isinstance(one, Confirm)]
        list(
            home.assistant.confirm(
                "p", home.store, home.session, asked.action.id, yes=True, role="owner"
            )
        )
        home.say("set a timer for eight minutes")
        if fresh:
            home.assistant = home.fresh()
        home.say("tell me about the sun please")
        read = " ".join(one.text for one in pen.prompts[-1])
        assert "moon" in read
        assert "sun" in read
        assert "timer" not in read
        assert "arage" not in read


def test_closing_a_reply_stops_the_model_and_keeps_what_was_said(cache: Path) -> None:
    pen = Pen("one two three four five six")
    home = Home(cache, pen)
    reply = home.assistant.reply("p", home.store, home.session, "tell me about the moon please")
    for event in reply:
        if isinstance(event, Said) and "two" in event.text:
            break
    reply.close()  # type: ignore[attr-defined]
    assert pen.cancelled
    assert home.store.history.turns(home.session)[-1].message.text == "one two"
    assert words(home.say("turn on the desk lamp")) == "The desk lamp is on."


def test_one_reply_at_a_time_in_a_session(cache: Path) -> None:
    home = Home(cache, Pen("one two three"))
    reply = home.assistant.reply("p", home.store, home.session, "tell me about the moon please")
    next(iter(reply))
    found: list[Exception] = []

    def other() -> None:
        try:
            home.say("turn on the desk lamp")
        except Busy as error:
            found.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(10)
    assert len(found) == 1
    reply.close()  # type: ignore[attr-defined]


def test_what_was_sent_once_is_sent_the_same_again(cache: Path) -> None:
    pen = Pen("Well then.")
    home = Home(cache, pen)
    home.say("tell me about the moon please")
    home.now += 3600
    home.say("and what of mars, tell me")
    first, second = pen.prompts
    assert [one.text for one in second[: len(first)]] == [one.text for one in first]
    assert "16" not in second[0].text  # no time in what never changes
    home.assistant = home.fresh()
    home.say("and what of venus, tell me")
    assert [one.text for one in pen.prompts[2][: len(second)]] == [one.text for one in second]


def test_a_long_conversation_is_summarised_and_says_so(cache: Path) -> None:
    pen = Pen("word " * 60, context=700)
    home = Home(cache, pen)
    remarks = []
    for number in range(12):
        events = home.say(f"tell me about the moon please, part {number}")
        remarks += [one for one in events if isinstance(one, Remarked)]
    assert remarks
    assert "Said before" in pen.prompts[-1][0].text
    assert all(pen.count_tokens(one) <= 700 for one in pen.prompts)


def test_five_hundred_turns_do_not_grow(cache: Path) -> None:
    home = Home(cache, Pen())
    lines = [
        "turn on the desk lamp", "and the kitchen?", "open the garage", "no", "关掉厨房灯",
        "dim it to 20 percent", "tell me about the moon please", "never mind",
    ]  # fmt: skip
    sizes = []
    for turn in range(500):
        home.say(lines[turn % len(lines)])
        if turn in (100, 499):
            talk = home.assistant._talks.of("p", home.store, home.session)
            kept = (talk.state, talk.memory, list(talk.sentences))
            sizes.append(len(repr(kept)))
    assert sizes[1] < 1.3 * sizes[0]
    state = home.store.history.turns(home.session)[-1].message.notes("state")[0]
    assert sys.getsizeof(repr(state)) < 20_000


def test_people_do_not_share_what_is_remembered(cache: Path) -> None:
    home = Home(cache)
    home.say("turn on the desk lamp")
    other = MemoryStore()
    session = other.history.begin().id
    events = list(home.assistant.reply("q", other, session, "turn it off", role="owner"))
    assert not [one for one in events if isinstance(one, Acted)]
    home.assistant.forget("p")
    with pytest.raises(NotFound):
        list(home.assistant.reply("q", other, home.session, "turn it off", role="owner"))


class Documents:
    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.asked: list[str] = []

    def search(self, query: str, *, limit: int = 5) -> list[Passage]:
        self.asked.append(query)
        return [Passage(t, "d1", "a.md", "page 3", 10, 10 + len(t), 1.0) for t in self.texts]


def grounded(text: str, wording: str, pen: Pen | None, *texts: str) -> list[Event]:
    spec = loads(
        f"assistant: A\nlanguages: [en]\nunknown: [knowledge]\nknowledge: {{wording: {wording}}}\n"
    )
    store: Store = MemoryStore()
    assistant = build(spec, [], writer=pen, retrievers=lambda person, store: Documents(*texts))
    return list(assistant.reply("p", store, store.history.begin().id, text))


def test_a_quotation_carries_its_exact_place() -> None:
    text = "The pump is quiet. The filter must be cleaned every month. It is blue."
    events = grounded("how often must the filter be cleaned?", "quote", None, text)
    (cited,) = [one for one in events if isinstance(one, Cited)]
    assert cited.passage.text == "The filter must be cleaned every month."
    assert text[cited.passage.start - 10 : cited.passage.end - 10] == cited.passage.text
    assert (cited.passage.source, cited.passage.location) == ("a.md", "page 3")
    assert words(events) == "“The filter must be cleaned every month.” [1]"


def test_nothing_relevant_is_not_known() -> None:
    events = grounded("who won the world cup?", "quote", None, "The filter is blue.")
    assert "I do not know" in words(events)
    assert not [one for one in events if isinstance(one, Cited)]


@pytest.mark.parametrize(
    ("said", "answered", "searched"),
    [
        ("how often must the filter be cleaned?", "“The filter must be cleaned monthly.” [1]", 1),
        ("who won the world cup?", "Well. ", 1),
        ("write a poem about the filter", "Well. ", 0),
        ("可以帮我写首诗吗", "Well. ", 0),
    ],
)
def test_the_model_answers_what_documents_do_not_and_are_not_asked(
    said: str, answered: str, searched: int
) -> None:
    spec = loads("assistant: A\nlanguages: [en, zh]\nunknown: [knowledge, model]\n")
    documents, store = Documents("The filter must be cleaned monthly."), MemoryStore()
    assistant = build(spec, [], writer=Pen(), retrievers=lambda person, store: documents)
    events = list(assistant.reply("p", store, store.history.begin().id, said))
    assert words(events) == answered
    assert len(documents.asked) == searched
    assert len([one for one in events if isinstance(one, Cited)]) == answered.count("[1]")


def test_the_models_words_stay_only_where_they_are_borne_out() -> None:
    text = "The filter must be cleaned every month."
    question = "how often must the filter be cleaned?"
    made_up = Pen("The filter must be cleaned every 90 days [1]. It was built in Peru [1].")
    events = grounded(question, "model", made_up, text)
    assert words(events) == "“The filter must be cleaned every month.” [1]"
    true = Pen("The filter must be cleaned every month [1]. It was built in Peru [1].")
    events = grounded(question, "model", true, text)
    assert words(events) == "The filter must be cleaned every month [1]"
    assert len([one for one in events if isinstance(one, Cited)]) == 1


def test_live_names_are_asked_anew_after_a_while() -> None:
    tool = RecordingTool("lights", names={"light": ["one"]})
    now = [0.0]
    names = LiveNames([tool], clock=lambda: now[0])
    assert names("lights", "light") == ("one",)
    tool._names = {"light": ["two"]}
    assert names("lights", "light") == ("one",)
    now[0] = 5.0
    assert names("lights", "light") == ("two",)
    assert names("nothing", "light") == ()


def test_closing_closes_tools_and_model(cache: Path) -> None:
    pen = Pen()
    home = Home(cache, pen)
    home.assistant.close()
    home.assistant.close()
    assert pen.closed
    assert all(tool.closed for tool in recording().values())
    assert all(tool.closed for tool in home.tools.values())


@pytest.mark.model
def test_the_second_turn_reads_few_tokens_anew(default_model: Path, cache: Path) -> None:
    from penjing.assistant.writer import ModelWriter
    from penjing.engine.llamacpp import LlamaCpp

    with LlamaCpp.open(default_model, context=2048) as model:
        home = Home(cache)
        home.pen = ModelWriter(model)  # type: ignore[assignment]
        home.assistant = home.fresh()
        home.say("tell me about the moon please")
        home.now += 61
        (last,) = [one for one in home.say("and about mars, tell me") if isinstance(one, Finished)]
        assert last.usage is not None
        assert last.usage.prompt_tokens - last.usage.cached_tokens < 80


def test_a_stopped_answer_is_gone_on_with(cache: Path) -> None:
    home = Home(cache, pen := Pen("once upon a time there was"))
    answer = home.assistant.reply("p", home.store, home.session, "tell me a story", role="owner")
    for event in answer:
        if isinstance(event, Said) and event.text.strip():
            break
    answer.close()  # type: ignore[attr-defined]
    first = home.store.history.turns(home.session)[-1]
    assert (first.message.text, first.message.notes(CUT)) == ("once", [{"why": "stopped"}])
    rest = words(list(home.assistant.more("p", home.store, home.session, role="owner")))
    turns = home.store.history.turns(home.session)
    assert [one.message.role for one in turns] == ["user", "assistant"]
    assert turns[-1].message.text == f"once{rest}"
    assert turns[-1].message.notes(CUT) == []
    assert pen.asked[-1][1] == "once"
    assert pen.prompts[-1] == pen.prompts[0]
    with pytest.raises(BadInput, match="whole"):
        list(home.assistant.more("p", home.store, home.session, role="owner"))
    home.say("and then?")
    assert pen.prompts[-1][-2].text == turns[-1].message.text


def test_another_answer_forgets_the_first_and_the_manner_is_heeded(cache: Path) -> None:
    home = Home(cache, pen := Pen("once upon a time"))
    keep_manner(home.store, home.session, Manner("Be brief.", top_k=3))
    home.say("tell me a story")
    assert (pen.asked[-1][0].temperature, pen.asked[-1][0].top_k) == (0.0, 3)
    assert "Be brief." in pen.prompts[-1][0].text
    again = home.assistant.reply(
        "p", home.store, home.session, "tell me a story", role="owner", instead=1, vary=True
    )
    list(again)
    assert len(home.store.history.turns(home.session)) == 2
    assert pen.asked[-1][0].temperature > 0
    assert [one.role for one in pen.prompts[-1]] == [one.role for one in pen.prompts[0]]


def test_what_waits_is_no_longer_asked_when_it_is_said_otherwise(cache: Path) -> None:
    home = Home(cache)
    home.say("open the garage")
    list(
        home.assistant.reply(
            "p", home.store, home.session, "what time is it", role="owner", instead=1
        )
    )
    home.say("yes")
    assert home.tools["covers"].calls == []
