"""Templates in any alphabet: words put together from parts, typing errors, what explodes."""

from __future__ import annotations

import functools

import pytest
from assisted import NOW, house

from penjing.assistant.spec.parse import loads
from penjing.assistant.understand.cascade import Stages, Understanding
from penjing.assistant.understand.network import MAX_EDGES, Network, parse_template
from penjing.assistant.understand.reading import Reading
from penjing.assistant.understand.spelling import Spelling, alphabet, spelling
from penjing.assistant.understand.text import tokens_of
from penjing.core.errors import BadInput


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("lumière[s]", {"lumière", "lumières"}),
        ("gro(ß|ss)e Lampe", {"große", "grosse", "lampe"}),
        ("[ein|aus]schalten", {"einschalten", "ausschalten", "schalten"}),
        ("(light|lamp)s", {"lights", "lamps"}),
        ("ventilador[es]", {"ventilador", "ventiladores"}),
        ("св(ет|ета)", {"свет", "света"}),
        ("φως|φώτ(α|ων)", {"φως", "φώτα", "φώτων"}),
        ("[re](start|set)[ed]", {"start", "set", "started", "seted", "restart", "reset",
                                 "restarted", "reseted"}),
        ("l'[entrée|escalier]", {"l'", "entrée", "escalier"}),
        ("what['s| is] on", {"what", "what's", "is", "on"}),
        ("开(关|灯)[吧]", {"开", "关", "灯", "吧"}),
        ("turn [on]", {"turn", "on"}),
    ],
)  # fmt: skip
def test_words_are_put_together_from_their_parts(template: str, words: set[str]) -> None:
    network = Network()
    network.add(parse_template(template), 3)
    assert network.words() == {3: words}


def test_a_word_is_told_of_those_whose_sentences_have_it_and_groups_are_read_once() -> None:
    places = "(in the kitchen|in the hall|on the wide balcony)"
    network = Network()
    trees = [parse_template(f"{verb} {{lamp}} {places}") for verb in ("dim", "wake")]
    assert trees[0].items[-1] is trees[1].items[-1]
    for number, tree in enumerate(trees):
        network.add(tree, number)
    shared = {"in", "on", "the", "kitchen", "hall", "wide", "balcony"}
    assert network.words() == {0: {"dim", *shared}, 1: {"wake", *shared}}


SPEC = """\
assistant: A
languages: [{language}]
tools: {{lights: }}
slots:
  light: {{type: entity, tool: lights, parameter: light, values: {{kitchen light: [{name}]}}}}
intents:
  on:
    sentences: [{on}]
    examples: [{example}]
    do: [{{call: lights, with: {{light: $light, on: true}}}}]
"""
LANGUAGES = {
    "fr": ("lumière de l'entrée", '"allume[s|r] [la|les] {light}"', '"un peu de clarté {light}"'),
    "de": ("Küchenlampe", '"(schalte|mach) [die] {light} [an|ein]"', '"mehr Helligkeit {light}"'),
    "es": ("lámpara del baño", '"(enciende|prende) [la] {light}"', '"más claridad {light}"'),
    "ru": ("свет на кухне", '"включи[те] {light}"', '"побольше яркости {light}"'),
}


@functools.cache
def understanding(language: str) -> Understanding:
    name, on, example = LANGUAGES[language]
    spec = loads(SPEC.format(language=language, name=name, on=on, example=example))
    return Understanding(spec, house, stages=Stages(classifier=False), untrained=True)


def understood(language: str, text: str) -> Reading:
    return understanding(language).read(text, NOW)


def read(language: str, text: str) -> list[object]:
    requests = understood(language, text).requests
    return [(one.intent, [slot.value for slot in one.slots]) for many in requests for one in many]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "allume la lumière de l'entrée"), ("fr", "allumes la lumiere de l'entrée"),
        ("fr", "alume la lumière de l’entrée"), ("de", "Mach die Küchenlampe an"),
        ("de", "Schalte die Kuechenlampe ein"), ("de", "Schlate die Küchenlampe ein"),
        ("de", "Mach die Küchnlampe an"), ("es", "enciende la lámpara del baño"),
        ("es", "encinde la lampara del baño"), ("es", "prende la lámpara del bañno"),
        ("ru", "включи свет на кухне"), ("ru", "вклюи свет на кухне"),
    ],
)  # fmt: skip
def test_typing_errors_are_mended_in_any_alphabet(language: str, text: str) -> None:
    assert ("on", ["kitchen light"]) in read(language, text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr", "éteins la lumière de l'entrée"), ("fr", "la lumière de l'entrée"),
        ("de", "Mach die Gartenlampe an"), ("de", "Wasch die Küchenlampe"),
        ("es", "apaga la lámpara del baño"), ("es", "vende la lámpara del salón"),
        ("ru", "включи музыку"),
    ],
)  # fmt: skip
def test_what_means_something_else_is_not_mended(language: str, text: str) -> None:
    assert read(language, text) == []


@pytest.mark.parametrize(
    ("language", "text", "unsure"),
    [
        ("ru", "выключи свет на кухне", True),  # off, and one letter from on
        ("ru", "включи свет на кухне", False), ("es", "encinde la lámpara del baño", True),
        ("es", "enciende la lampara del baño", False), ("de", "Mach die Küchnlampe an", False),
        ("de", "Schlate die Küchenlampe ein", True), ("fr", "alume la lumière de l'entrée", True),
    ],
)  # fmt: skip
def test_where_it_is_not_known_which_words_there_are_it_is_asked(
    language: str, text: str, unsure: bool
) -> None:
    assert understood(language, text).passed.unsure is unsure


def test_words_that_only_examples_have_are_known() -> None:
    compiled = understanding("de").compiled["de"]
    assert {"mehr", "helligkeit"} <= compiled.words
    assert spelling(compiled.words).fixes("heligkeit") == (("helligkeit", 0.35),)


def test_a_word_is_mended_in_its_own_alphabet_only() -> None:
    known = Spelling({"kitchen", "кухня", "café", "straße"})
    assert known.fixes("kitсhen") == ()  # the c is Cyrillic
    assert known.fixes("кухна")[0][0] == "кухня"
    assert known.fixes("cafe") == (("café", 0.1),)
    assert known.fixes("strasse") == (("straße", 0.1),)
    assert alphabet("kitсhen") == ""
    assert alphabet("straße") == "LATIN"


def test_elided_words_are_words_and_english_ones_stay_whole() -> None:
    said = [one.text for one in tokens_of("L’entrée d'hiver aujourd'hui what's o'clock don't")]
    assert said == ["l'", "entrée", "d'", "hiver", "aujourd'hui", "what's", "o'clock", "don't"]


def test_a_template_that_explodes_is_refused_in_one_line() -> None:
    network = Network()
    with pytest.raises(BadInput, match="write fewer alternatives"):
        network.add(parse_template("".join(f"[{letter}]" for letter in "abcdefghijklmnopqrst")), 0)


def test_many_alternatives_that_end_alike_are_few_states() -> None:
    network = Network()
    network.add(parse_template(" ".join("(a|b|c|d;e|f|g|h;i|j|k|l;m|n|o|p)" for _ in range(24))), 0)
    assert sum(map(len, network.closed().states)) < MAX_EDGES / 20


def test_what_sentences_share_is_one_state() -> None:
    network = Network()
    for number in range(200):
        network.add(parse_template(f"word{'abcdefghij'[number % 10]} (in|at) the (room|house)"), 0)
    assert len(network.closed().states) < 40
