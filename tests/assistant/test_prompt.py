"""What a conversation's memory forgets so that a prompt fits, and turn by turn."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from penjing.assistant.generate.prompt import Memory, fitted, forget, prompt
from penjing.core.messages import Message

PERSONA = "You keep the house."


def memory_of(lengths: Sequence[int]) -> Memory:
    memory = Memory()
    for number, length in enumerate(lengths):
        memory = memory.with_more("assistant" if number % 2 else "user", "word " * length)
    return memory


def count(messages: Sequence[Message]) -> int:
    return sum(len(message.text.split()) + 4 for message in messages)


def turn_by_turn(memory: Memory, room: int) -> Memory:
    if count(prompt(PERSONA, memory, "en")) <= room:
        return memory
    while len(memory.messages) > 1:
        memory = forget(memory, 2)
        if count(prompt(PERSONA, memory, "en")) <= room // 2:
            break
    return memory


@given(st.lists(st.integers(60, 90), min_size=1, max_size=12), st.integers(10, 1500))
def test_as_little_is_forgotten_as_turn_by_turn(lengths: list[int], room: int) -> None:
    memory = memory_of(lengths)
    assert fitted(PERSONA, memory, "en", count, room) == turn_by_turn(memory, room)


def test_the_newest_message_stays_however_long() -> None:
    memory = fitted(PERSONA, memory_of([5, 5, 900]), "en", count, 20)
    assert [message.text.split().count("word") for message in memory.messages] == [900]
    assert memory.forgotten == 2
