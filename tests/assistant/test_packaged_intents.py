"""Home Assistant's own sentences, switched on by one line of a spec."""

from __future__ import annotations

import pytest
from assisted import NOW, house

from penjing.assistant.spec.parse import loads
from penjing.assistant.understand.cascade import Stages, Understanding

SPEC = """\
assistant: A
languages: [en, zh]
home_assistant_intents: {on}
tools: {{lights: }}
slots:
  light: {{type: entity, tool: lights, parameter: light, values: {{kitchen light: [厨房灯]}}}}
  level: {{type: percentage}}
intents:
  on:
    like: {{HassTurnOn: {{name: light}}}}
    do: [{{call: lights, with: {{light: $light}}}}]
  dim:
    like: {{HassLightSet: {{name: light, brightness: level}}}}
    do: [{{call: lights, with: {{light: $light, brightness: $level}}}}]
"""


def read(text: str, *, on: bool = True) -> object:
    stages = Stages(classifier=False)
    understanding = Understanding(loads(SPEC.format(on=str(on).lower())), house, stages=stages)
    requests = understanding.read(text, NOW).requests
    if not requests:
        return None
    (one,) = requests[0]
    return one.intent, {slot.name: slot.value for slot in one.slots}, one.stage


@pytest.mark.parametrize(
    ("text", "intent", "slots"),
    [
        ("turn on the kitchen light", "on", {"light": "kitchen light"}),
        ("set the kitchen light brightness to 30 percent", "dim",
         {"light": "kitchen light", "level": 30}),
        ("把厨房灯打开", "on", {"light": "kitchen light"}),
    ],
)  # fmt: skip
def test_their_sentences_mean_our_intents(text: str, intent: str, slots: object) -> None:
    assert read(text) == (intent, slots, "home assistant")
    assert read(text, on=False) is None


def test_what_they_do_not_know_stays_unknown() -> None:
    assert read("who won the world cup") is None
