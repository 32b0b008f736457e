"""What is said where nothing is done: no claims, no names of slots, no question for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from assisted import recording

from penjing.assistant.build import build
from penjing.assistant.spec.parse import loads
from penjing.assistant.understand.acts import orders
from penjing.assistant.understand.text import tokens_of
from penjing.core.dialogue import Said
from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.vault.memory import MemoryStore

PAL = """\
assistant: Pal
languages: [en, zh]
tools: {timers: , clock: }
slots:
  how_long_exactly: {type: duration}
intents:
  timer:
    sentences: {en: ["set a timer [for {how_long_exactly}]"], zh: ["计时[{how_long_exactly}]"]}
    do:
      - collect: how_long_exactly
      - call: timers
        with: {action: set, seconds: $how_long_exactly}
        describes: {en: "set a timer", zh: "计时"}
      - answer: {en: "It runs.", zh: "开始了。"}
  now:
    sentences: {en: [what time is it], zh: [几点了]}
    do: [{call: clock}, {answer: {en: "It is noon.", zh: "中午。"}}]
unknown: [model]
"""


class Boaster:
    """A model that says whatever it is asked for was done."""

    context_length = 2048

    def __init__(self) -> None:
        self.asked = 0

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(messages)

    def write(
        self,
        owner: str,
        messages: Sequence[Message],
        settings: GenerationSettings,
        begun: str = "",
    ) -> Iterator[Chunk]:
        del owner, messages, settings, begun
        self.asked += 1
        yield Chunk("The music is playing.", "stop")

    def close(self) -> None:
        """Nothing to close."""


class Talk:
    """One conversation."""

    def __init__(self, text: str = PAL) -> None:
        spec = loads(text)
        self.model = Boaster()
        self.assistant = build(spec, list(recording(*spec.tools).values()), writer=self.model)
        self.store = MemoryStore()
        self.session = self.store.history.begin().id

    def hear(self, text: str) -> str:
        events = self.assistant.reply("p", self.store, self.session, text, role="owner")
        return "".join(one.text for one in events if isinstance(one, Said))


@pytest.mark.parametrize(
    "said",
    ["play some jazz please", "call my mother", "打电话给妈妈", "请帮我把窗户打开"],
)
def test_no_model_claims_what_no_tool_does(said: str) -> None:
    talk = Talk()
    told = talk.hear(said)
    assert talk.model.asked == 0
    assert told in ("I can not do that, so nothing was done.", "这个我做不了，所以什么都没做。")


@pytest.mark.parametrize("said", ["tell me a joke", "给我讲个笑话", "what is the moon", "开心吗"])
def test_a_model_talks_where_nothing_was_to_be_done(said: str) -> None:
    talk = Talk()
    assert talk.hear(said) == "The music is playing."


def test_where_there_are_no_tools_the_model_answers_all() -> None:
    talk = Talk("assistant: Chat\nlanguages: [en]\nunknown: [model]\n")
    assert talk.hear("play some jazz please") == "The music is playing."


@pytest.mark.parametrize(
    ("said", "so"),
    [
        ("turn on the light", True),
        ("please, send Anna an email", True),
        ("给妈妈发个消息", True),
        ("cool, thanks", False),
        ("how do I open a bottle", False),
        ("关于月亮", False),
        ("开心", False),
    ],
)
def test_what_wants_something_done(said: str, so: bool) -> None:
    assert orders(tokens_of(said)) is so


def test_a_question_comes_back_once_and_is_let_go() -> None:
    talk = Talk()
    assert talk.hear("set a timer") == "For how long?"
    assert talk.hear("what time is it") == "It is noon. Back to where we were. For how long?"
    assert talk.hear("what time is it") == "It is noon. I leave what I had asked about."
    assert talk.hear("what time is it") == "It is noon."


def test_no_name_of_a_slot_is_said() -> None:
    talk = Talk()
    told = [talk.hear("计时"), *(talk.hear("嗯唔") for _ in range(4))]
    assert "多长时间？" in told[0]
    assert any("还是不知道" in one for one in told)
    assert not any("how" in one for one in told)
