"""Home Assistant's own sentences, switched on by one line of a spec."""

from __future__ import annotations

import functools

import pytest
from assisted import NOW, house

from penjing.assistant.spec.parse import loads
from penjing.assistant.understand.cascade import Stages, Understanding
from penjing.core.errors import BadInput

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


HOUSE = """\
assistant: A
languages: [{language}]
home_assistant_intents: {{areas: {{kitchen: [{kitchen}], bedroom: []}}, here: kitchen}}
tools: {{lights: , covers: , switches: , timers: , clock: }}
slots:
  light: {{type: entity, tool: lights, parameter: light, values: {{kitchen light: [{lamp}]}}}}
  level: {{type: percentage}}
  room: {{type: list, values: {{kitchen: [{kitchen}], bedroom: []}}}}
  span: {{type: duration}}
  what: {{type: text}}
intents:
  on: {{like: {{HassTurnOn: {{name: light}}}}, do: [{{call: lights, with: {{light: $light}}}}]}}
  off: {{like: {{HassTurnOff: {{name: light}}}}, do: [{{call: lights, with: {{light: $light}}}}]}}
  room_on:
    like: {{HassTurnOn: {{area: room, domain: =light}}}}
    do: [{{call: lights, with: {{light: $room}}}}]
  fans_on:
    like: {{HassTurnOn: {{area: room, domain: =fan}}}}
    do: [{{call: switches, with: {{switch: $room}}}}]
  dim:
    like: {{HassLightSet: {{name: light, brightness: level}}}}
    do: [{{call: lights, with: {{light: $light, brightness: $level}}}}]
  dim_room:
    like: {{HassLightSet: {{area: room, brightness: level, domain: =light}}}}
    do: [{{call: lights, with: {{light: $room, brightness: $level}}}}]
  timer:
    like: {{HassStartTimer: {{hours: span, minutes: span, seconds: span}}}}
    do: [{{call: timers, with: {{seconds: $span}}}}]
  add: {{like: {{HassShoppingListAddItem: {{item: what}}}}, do: [{{answer: "{{what}}"}}]}}
"""
WORDS = {
    "en": {"lamp": "the big lamp", "kitchen": "galley"},
    "de": {"lamp": "Küchenlampe", "kitchen": "Küche"},
    "fr": {"lamp": "lampe de l'entrée", "kitchen": "cuisine"},
    "zh": {"lamp": "厨房灯", "kitchen": "厨房"},
}


@functools.cache
def understanding(language: str) -> Understanding:
    spec = loads(HOUSE.format(language=language, **WORDS[language]))
    return Understanding(spec, house, stages=Stages(classifier=False), untrained=True)


def meant(language: str, text: str) -> object:
    requests = understanding(language).read(text, NOW).requests
    return [(one.intent, {slot.name: slot.value for slot in one.slots}) for (one,) in requests]


@pytest.mark.parametrize(
    ("language", "text", "intent", "slots"),
    [
        ("en", "turn on the lights in the kitchen", "room_on", {"room": "kitchen"}),
        ("en", "tunr on the lights in the galley", "room_on", {"room": "kitchen"}),
        ("en", "turn on the fans in the bedroom", "fans_on", {"room": "bedroom"}),
        ("en", "please turn on the lights", "room_on", {"room": "kitchen"}),
        ("en", "set the brightness to 40 percent", "dim_room", {"room": "kitchen", "level": 40}),
        ("en", "start a 1 hour and 15 minute timer", "timer", {"span": 4500}),
        ("en", "set a timer for half an hour", "timer", {"span": 1800}),
        ("en", "add oat milk to my shopping list", "add", {"what": "oat milk"}),
        ("de", "Schalte die Küchenlampe ein", "on", {"light": "kitchen light"}),
        ("de", "Schlate die Küchenlampe ein", "on", {"light": "kitchen light"}),
        ("de", "Küchenlampe auf 40 Prozent", "dim", {"light": "kitchen light", "level": 40}),
        ("de", "Schalte die Kuechenlampe aus", "off", {"light": "kitchen light"}),
        ("de", "Stelle einen Timer auf zwölf Minuten", "timer", {"span": 720}),
        ("fr", "allume la lampe de l'entrée", "on", {"light": "kitchen light"}),
        ("fr", "éteins la lampe de l’entrée", "off", {"light": "kitchen light"}),
        ("zh", "打开厨房灯", "on", {"light": "kitchen light"}),
        ("zh", "请把厨房灯关掉", "off", {"light": "kitchen light"}),
    ],
)  # fmt: skip
def test_rooms_parts_and_typing_errors(
    language: str, text: str, intent: str, slots: object
) -> None:
    assert meant(language, text) == [(intent, slots)]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "don't turn on the lights in the kitchen"),
        ("en", "turn on the lights in the attic"), ("en", "open the curtains in the kitchen"),
        ("en", "turn on the lights in the kitchen before the film"),
        ("en", "if it is dark turn on the lights in the kitchen"),
        ("en", "turn on all lights in the kitchen except the big lamp"),
        ("en", "turn of the big lamp and on"), ("en", "I turned on the lights in the kitchen"),
        ("en", "turn on the fans in the attic"), ("en", "unlock the big lamp"),
        ("de", "Schalte die Küchenlampe nicht ein"), ("de", "Schalte die Küchenlampe um acht ein"),
        ("de", "Wenn es dunkel ist schalte die Küchenlampe ein"), ("de", "Kauf eine Küchenlampe"),
        ("de", "Die Küchenlampe war an"), ("de", "Schalte die Gartenlampe ein"),
        ("fr", "n'allume pas la lampe de l'entrée"), ("fr", "allume la lampe du salon"),
        ("fr", "allume la lampe de l'entrée demain"), ("fr", "achète une lampe de l'entrée"),
        ("zh", "别打开厨房灯"), ("zh", "不要关厨房灯"), ("zh", "如果天黑就打开厨房灯"),
        ("zh", "除了厨房灯都打开"), ("zh", "看厨房灯"), ("zh", "谁打开厨房灯"),
        ("zh", "打开书房灯"),
    ],
)  # fmt: skip
def test_what_their_sentences_do_not_say_is_not_done(language: str, text: str) -> None:
    assert meant(language, text) == []


def test_a_garbled_character_that_may_be_two_things_is_neither() -> None:
    assert meant("zh", "把厨房灯打口") == [("on", {"light": "kitchen light"})]
    assert meant("zh", "擦厨房灯") == []  # wipe: 开 or 关


def test_the_words_that_told_are_told_to_the_gate() -> None:
    reading = understanding("en").read("turn on the lights in the kitchen", NOW)
    assert reading.doubt is None
    assert not reading.passed.unsure


def test_a_language_they_lack_is_said() -> None:
    spec = loads(HOUSE.format(language="xx", **WORDS["en"]))
    with pytest.raises(BadInput, match="no sentences in 'xx'"):
        Understanding(spec, house, untrained=True).read("x y", NOW)
