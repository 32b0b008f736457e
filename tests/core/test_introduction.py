"""Who a model is told to be, and templates that take no such message."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from penjing.core.errors import EngineError
from penjing.core.introduction import DEFAULT_SYSTEM, Introduction
from penjing.core.messages import Message

SYSTEM, QUESTION = Message.of("system", DEFAULT_SYSTEM), Message.of("user", "x")


class Counter:
    """Counts messages, unless it is down or too strict for a system."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = self.strict = False

    def __call__(self, messages: Sequence[Message]) -> int:
        self.asked += 1
        if self.down:
            raise EngineError("the engine ended unexpectedly: ask again")
        if self.strict and messages[0].role == "system":
            raise EngineError("the model's chat template refused: no system")
        return len(messages)


def test_it_stands_before_a_conversation_that_has_none() -> None:
    counter = Counter()
    introduction = Introduction(counter)
    assert introduction.before([QUESTION]) == (SYSTEM, QUESTION)
    assert introduction.before([QUESTION, QUESTION])[0] == SYSTEM
    own = (Message.of("system", ""), QUESTION)
    assert introduction.before(own) == own
    assert counter.asked == 1


def test_a_template_that_takes_none_is_given_none() -> None:
    counter = Counter()
    counter.strict = True
    assert Introduction(counter).before([QUESTION]) == (QUESTION,)


def test_an_engine_that_is_down_is_no_template_that_refuses() -> None:
    counter = Counter()
    introduction = Introduction(counter)
    counter.down = True
    with pytest.raises(EngineError, match="ask again"):
        introduction.before([QUESTION])
    counter.down = False
    assert introduction.before([QUESTION]) == (SYSTEM, QUESTION)
