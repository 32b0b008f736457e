"""Typed values of languages that are files, and what turns a sentence around in them."""

from __future__ import annotations

from datetime import date

import pytest
from assisted import NOW, house

from penjing.assistant.check import remarks
from penjing.assistant.spec.parse import loads
from penjing.assistant.understand.cascade import Stages, Understanding
from penjing.assistant.understand.languages import known_codes, language
from penjing.assistant.understand.span import Moment
from penjing.assistant.understand.text import tokens_of


def longest(code: str, kind: str, text: str) -> object:
    spans = list(language(code).extractors[kind](tokens_of(text), Moment(NOW)))
    return max(spans, key=lambda one: (one.end - one.start, -one.cost)).value if spans else None


@pytest.mark.parametrize(
    ("code", "kind", "text", "value"),
    [
        ("de", "number", "einundzwanzig", 21), ("de", "number", "zweihundertfünfzig", 250),
        ("de", "number", "dreitausend", 3000), ("de", "number", "21,5", 21.5),
        ("de", "number", "einundzwanzig komma fünf", 21.5), ("de", "number", "minus zehn", -10),
        ("de", "percentage", "dreißig Prozent", 30),
        ("de", "temperature", "neunzehn Grad", 19), ("de", "temperature", "68 Grad Fahrenheit", 20),
        ("de", "duration", "eine Stunde und zehn Minuten", 4200),
        ("de", "duration", "eine Dreiviertelstunde", 2700),
        ("de", "duration", "anderthalb Stunden", 5400),
        ("de", "time", "halb acht", "07:30"), ("de", "time", "um viertel nach sechs", "06:15"),
        ("de", "time", "um acht Uhr abends", "20:00"), ("de", "time", "zehn vor sieben", "06:50"),
        ("de", "date", "übermorgen", "+2"), ("de", "date", "5. Dezember", "12-05"),
        ("fr", "number", "quatre-vingt-dix-sept", 97), ("fr", "number", "vingt et un", 21),
        ("fr", "number", "deux cent trente", 230), ("fr", "number", "septante", 70),
        ("fr", "percentage", "trente pour cent", 30), ("fr", "temperature", "dix-neuf degrés", 19),
        ("fr", "duration", "une heure et demie", 5400), ("fr", "duration", "un quart d'heure", 900),
        ("fr", "duration", "deux heures et dix minutes", 7800),
        ("fr", "time", "à huit heures et demie", "08:30"),
        ("fr", "time", "huit heures moins le quart", "07:45"),
        ("fr", "time", "à sept heures du soir", "19:00"), ("fr", "time", "midi", "12:00"),
        ("fr", "date", "après-demain", "+2"), ("fr", "date", "5 décembre", "12-05"),
        ("es", "number", "treinta y cinco", 35), ("es", "number", "ciento veinte", 120),
        ("es", "number", "veintidós", 22), ("es", "percentage", "treinta por ciento", 30),
        ("es", "temperature", "diecinueve grados", 19),
        ("es", "duration", "una hora y media", 5400),
        ("es", "duration", "media hora", 1800), ("es", "time", "a las ocho y media", "08:30"),
        ("es", "time", "a las siete de la tarde", "19:00"),
        ("es", "time", "a las ocho menos cuarto", "07:45"),
        ("es", "date", "pasado mañana", "+2"), ("es", "date", "5 de diciembre", "12-05"),
        ("it", "number", "21", 21), ("it", "number", "ventuno", None),
        ("it", "duration", "10 minuti", None),
    ],
)  # fmt: skip
def test_typed_values(code: str, kind: str, text: str, value: object) -> None:
    found = longest(code, kind, text)
    if kind == "date":
        assert isinstance(found, str)
        days = (date.fromisoformat(found) - NOW.date()).days
        assert found.endswith(str(value)) or f"+{days}" == value
    else:
        assert found == value


def test_languages_are_files() -> None:
    assert known_codes() == ("de", "en", "es", "fr", "zh")
    assert not language("it").typed


def test_a_language_without_typed_values_is_said() -> None:
    text = "assistant: A\nlanguages: [{}]\nslots: {{span: {{type: duration}}}}\n"
    (said,) = remarks(loads(text.format("it")))
    assert "'span' read only digits in 'it'" in said
    assert remarks(loads(text.format("fr"))) == []


SPEC = """\
assistant: A
languages: [{code}]
tools: {{lights: }}
slots:
  light: {{type: entity, tool: lights, parameter: light, values: {{kitchen light: [{lamp}]}}}}
intents:
  on: {{sentences: ["{on}"], do: [{{call: lights, with: {{light: $light, on: true}}}}]}}
"""


def wanted(code: str, text: str) -> list[object]:
    lamp, on = {
        "de": ("Küchenlampe", "(schalte|mach) [die] {light} (an|ein)"),
        "fr": ("lampe", "allume [la] {light}"),
        "es": ("lámpara", "enciende [la] {light}"),
        "it": ("lampada", "accendi [la] {light}"),
    }[code]
    spec = loads(SPEC.format(code=code, lamp=lamp, on=on))
    understanding = Understanding(spec, house, stages=Stages(classifier=False), untrained=True)
    return [one.intent for many in understanding.read(text, NOW).requests for one in many]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "schalte bitte die Küchenlampe ein"), ("fr", "allume la lampe s'il te plaît"),
        ("es", "por favor enciende la lámpara"), ("it", "accendi la lampada"),
    ],
)  # fmt: skip
def test_politeness_turns_nothing_around(code: str, text: str) -> None:
    assert wanted(code, text) == ["on"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "schalte die Küchenlampe nicht ein"), ("de", "wenn schalte die Küchenlampe ein"),
        ("de", "schalte niemals die Küchenlampe ein"), ("de", "mach die Küchenlampe morgen an"),
        ("de", "ob schalte die Küchenlampe ein"), ("de", "schalte die Küchenlampe acht ein"),
        ("fr", "n'allume pas la lampe"), ("fr", "allume la lampe demain"),
        ("fr", "allume jamais la lampe"), ("fr", "si allume la lampe"),
        ("fr", "sauf allume la lampe"),
        ("es", "no enciende la lámpara"), ("es", "nunca enciende la lámpara"),
        ("es", "enciende la lámpara mañana"), ("es", "cuando enciende la lámpara"),
        ("it", "non accendi la lampada"), ("it", "accendi la lampada domani"),
    ],
)  # fmt: skip
def test_what_turns_a_sentence_around_is_never_passed_over(code: str, text: str) -> None:
    assert wanted(code, text) == []
