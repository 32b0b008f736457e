"""What people who write tools and assistants test with."""

from __future__ import annotations

import pytest

import penjing.testing
from penjing.core.dialogue import Outcome
from penjing.testing import FakeTool


def test_every_name_says_what_it_is() -> None:
    for name in penjing.testing.__all__:
        assert getattr(penjing.testing, name).__doc__, name


def test_a_tool_remembers_and_answers_in_turn() -> None:
    on = {"type": "boolean"}
    answers = [Outcome(True), Outcome(False, error="the lamp is broken")]
    names = {"light": ["desk lamp"]}
    tool = FakeTool("lights", {"on": on}, required=["on"], answers=answers, names=names)
    assert tool.parameters["properties"] == {"on": on}
    assert tool.parameters["required"] == ["on"]
    assert [tool.call({"on": one}, "anna").ok for one in (True, False, True)] == [True, False, True]
    assert tool.calls[1] == ({"on": False}, "anna")
    assert tool.entities("light") == ["desk lamp"]
    assert tool.entities("room") == ()
    tool.close()
    assert tool.closed


def test_a_model_answers_in_turn_and_then_refuses() -> None:
    from penjing.core.errors import EngineError
    from penjing.core.messages import GenerationSettings, Message

    model = penjing.testing.FakeModel(["one", "two"])
    asked = [Message.of("user", "?")]
    said = ["".join(c.text for c in model.generate(asked, GenerationSettings())) for _ in range(3)]
    assert said == ["one", "two", "one"]
    model.close()
    with pytest.raises(EngineError):
        model.count_tokens(asked) and next(model.generate(asked, GenerationSettings()))
