"""What is dropped, what is kept, and what a saved conversation may look like."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.app.conversation import Conversation, fit, load, said, save
from penjing.core.errors import BadInput, StorageError
from penjing.core.messages import Message
from penjing.core.terminal import clean


def words(messages: Sequence[Message]) -> int:
    """A tokenizer: one token per word, two per message."""
    return sum(2 + len(message.text.split()) for message in messages)


def spoken(*lengths: int, system: str | None = None, forgotten: int = 0) -> Conversation:
    """A conversation whose messages have so many words; the last one is a question."""
    conversation = Conversation(system)
    for i, length in enumerate(lengths):
        text = " ".join([f"w{i}"] * length)
        conversation = conversation.answered(text) if i % 2 else conversation.asked(text)
    return Conversation(system, conversation.messages, forgotten)


# -- fitting


def test_what_fits_is_left_alone() -> None:
    conversation = spoken(3, 3, 3)
    fitted = fit(conversation, words, context=25, reserve=10)
    assert fitted.conversation is conversation
    assert (fitted.prompt_tokens, fitted.dropped, fitted.dropped_tokens) == (15, (), 0)
    assert fitted.notice(25) is None


def test_the_oldest_whole_turn_goes_and_is_told() -> None:
    conversation = spoken(3, 4, 3, 3, 3, system="be kind")
    fitted = fit(conversation, words, context=30, reserve=10)
    assert [message.text[:2] for message in fitted.dropped] == ["w0", "w1"]
    assert fitted.conversation.forgotten == 2
    assert fitted.conversation.messages == conversation.messages
    assert [m.text for m in fitted.conversation.prompt()[:2]] == ["be kind", "w2 w2 w2"]
    assert (fitted.prompt_tokens, fitted.dropped_tokens) == (19, 11)
    assert fitted.notice(30) == "dropped the 2 oldest messages (11 tokens) to stay within 30"


def test_what_was_forgotten_is_not_dropped_twice() -> None:
    fitted = fit(spoken(3, 3, 3, 3, 3, 3, 3, forgotten=2), words, context=20, reserve=5)
    assert [message.text[:2] for message in fitted.dropped] == ["w2", "w3"]
    assert fitted.conversation.forgotten == 4


def test_slack_frees_more_so_that_the_next_turns_need_not() -> None:
    conversation = spoken(*[3] * 9)
    tight = fit(conversation, words, context=50, reserve=10)
    assert tight.conversation.forgotten == 2
    roomy = fit(conversation, words, context=50, reserve=10, slack=12)
    assert roomy.conversation.forgotten == 4
    following = roomy.conversation.answered("a b c").asked("d e f")
    assert fit(following, words, context=50, reserve=10, slack=12).dropped == ()
    everything = fit(conversation, words, context=50, reserve=10, slack=999)
    assert everything.conversation.forgotten == 2, "slack that cannot be had is not insisted on"


def test_one_too_long_question_is_refused_and_nothing_is_cut() -> None:
    conversation = spoken(3, 3, 40, system="be kind")
    with pytest.raises(BadInput) as error:
        fit(conversation, words, context=40, reserve=8)
    assert str(error.value) == (
        "this message makes a prompt of 46 tokens and 32 fit (40 of context, 8 kept for the "
        "answer): shorten it, or use a larger --context or a smaller --max-tokens"
    )


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=15).filter(lambda x: len(x) % 2 == 1),
    st.one_of(st.none(), st.just("be kind and brief")),
    st.integers(1, 120),
    st.integers(0, 20),
    st.integers(0, 30),
)
def test_the_rules_of_forgetting(
    lengths: list[int], system: str | None, context: int, reserve: int, slack: int
) -> None:
    conversation = spoken(*lengths, system=system)
    room = context - reserve
    try:
        fitted = fit(conversation, words, context=context, reserve=reserve, slack=slack)
    except BadInput:
        newest = Conversation(system, conversation.messages[-1:])
        assert words(newest.prompt()) > room
        return
    prompt = fitted.conversation.prompt()
    assert words(prompt) == fitted.prompt_tokens <= room
    assert prompt[-1] == conversation.messages[-1]
    if system is not None:
        assert prompt[0] == Message.of("system", system)
    kept = prompt[1:] if system is not None else prompt
    assert (*fitted.dropped, *kept) == conversation.messages
    assert kept[0].role == "user"
    assert words(conversation.prompt()) - words(prompt) == fitted.dropped_tokens
    if fitted.dropped and not slack:
        one_less = Conversation(system, conversation.messages, len(fitted.dropped) - 2)
        assert words(one_less.prompt()) > room, "more was dropped than had to be"


def test_a_long_conversation_is_counted_a_few_times_only() -> None:
    calls = 0

    def count(messages: Sequence[Message]) -> int:
        nonlocal calls
        calls += 1
        return words(messages)

    fit(spoken(*[3] * 4001), count, context=100, reserve=10, slack=10)
    assert calls < 40


def test_taking_back_the_last_question() -> None:
    conversation = spoken(1, 1, 2, 2, forgotten=4)
    before = conversation.before_last_question()
    assert before.messages == conversation.messages[:2]
    assert before.forgotten == 2
    assert conversation.last_question == "w2 w2"
    assert Conversation().last_question is None


# -- text


def test_control_characters_cannot_reach_the_terminal() -> None:
    hostile = "a\x1b[2J\x1b]0;title\x07b\rc\x08d\x9b31me\x00f\x7fg\u202eh"
    cleaned = clean(hostile)
    assert cleaned == "a\ufffd[2J\ufffd]0;title\ufffdb\ufffdc\ufffdd\ufffd31me\ufffdf\ufffdg\ufffdh"
    kept = "tab\tline\nünïcödé 你好 👨‍👩‍👧 עברית"
    assert clean(kept) == kept


@given(st.text())
def test_clean_text_is_printable_or_white(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    assert not [char for char in cleaned if ord(char) < 32 and char not in "\n\t"]
    assert not [char for char in cleaned if 127 <= ord(char) < 160]


def test_what_is_no_utf8_becomes_a_replacement_character() -> None:
    assert said("a\udcffb\ud800c é") == "a\ufffdb\ufffdc é"


# -- files


def test_a_saved_conversation_comes_back(tmp_path: Path) -> None:
    conversation = Conversation("be kind").asked('hi\n"你好"\u2028').answered("").asked("b")
    conversation = conversation.answered("c\x1b[0m")
    path = tmp_path / "deep" / "talk.json"
    save(conversation, path, model="m")
    assert load(path) == conversation
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    document = json.loads(path.read_text("utf-8"))
    assert (document["format"], document["version"], document["model"]) == (
        "penjing conversation",
        1,
        "m",
    )
    assert [item.name for item in path.parent.iterdir()] == ["talk.json"]


def test_forgotten_messages_are_saved_and_remembered_again(tmp_path: Path) -> None:
    conversation = Conversation(None, spoken(1, 1, 1, 1).messages, forgotten=2)
    save(conversation, tmp_path / "talk.json", model="m")
    assert load(tmp_path / "talk.json") == Conversation(None, conversation.messages, 0)


def test_saving_replaces_a_saved_conversation_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    save(spoken(1, 1), path, model="m")
    save(spoken(2, 2), path, model="m")
    assert load(path) == spoken(2, 2)
    precious = tmp_path / "notes.txt"
    precious.write_text("precious", "utf-8")
    for place in (precious, tmp_path):
        with pytest.raises(BadInput, match="is not a saved conversation: choose another name"):
            save(spoken(1, 1), place, model="m")
    assert precious.read_text("utf-8") == "precious"
    with pytest.raises(StorageError):
        save(spoken(1, 1), precious / "x.json", model="m")


GOOD: dict[str, Any] = {
    "format": "penjing conversation",
    "version": 1,
    "model": "m",
    "system": None,
    "messages": [{"role": "user", "text": "a"}, {"role": "assistant", "text": "b"}],
}
BAD_MESSAGES: list[Any] = [
    None,
    {},
    [1],
    [{"role": "user", "text": "a"}],
    [{"role": "assistant", "text": "a"}, {"role": "user", "text": "b"}],
    [{"role": "user", "text": "a"}, {"role": "system", "text": "b"}],
    [{"role": "user", "text": 1}, {"role": "assistant", "text": "b"}],
    [{"role": "user", "text": "a", "x": 1}, {"role": "assistant", "text": "b"}],
]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a saved conversation"),
        ('{"format": "other"}', "is not a saved conversation"),
        ({**GOOD, "version": 2}, "install a newer penjing"),
        ({**GOOD, "extra": 1}, "unknown entry 'extra'"),
        ({**GOOD, "system": 5}, "'system' is not a text"),
        *(({**GOOD, "messages": bad}, "is damaged") for bad in BAD_MESSAGES),
        ("", "is empty"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_conversation_is_refused(
    tmp_path: Path, content: str | bytes | dict[str, Any], says: str
) -> None:
    path = tmp_path / "talk.json"
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInput, match=says) as error:
        load(path)
    assert "\n" not in str(error.value)


def test_half_characters_in_a_file_do_not_reach_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    bad = {**GOOD, "messages": [{"role": "user", "text": "\ud800"}, GOOD["messages"][1]]}
    path.write_text(json.dumps(bad), "utf-8")
    assert load(path).messages[0].text == "\ufffd"


def test_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        load(tmp_path / "nowhere.json")
