"""Sentences, wrapped lines, one form of words: what is quoted is whole, what is asked found."""

from __future__ import annotations

import time

import pytest

from penjing.core.folding import folded, shown
from penjing.core.paragraphs import flowing
from penjing.core.sentences import sentences


def parted(text: str) -> list[str]:
    return [text[begin:end] for begin, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Use approx. 12 bar, e.g. at night. Then stop.",
         ["Use approx. 12 bar, e.g. at night.", "Then stop."]),
        ("See Fig. 3 and No. 5. Done.", ["See Fig. 3 and No. 5.", "Done."]),
        ("Is it on? No. Turn it on.", ["Is it on?", "No.", "Turn it on."]),
        ("Ask Dr. J. Smith. He knows.", ["Ask Dr. J. Smith.", "He knows."]),
        ("1. Open the valve. 2. Close it.", ["1. Open the valve.", "2. Close it."]),
        ("It takes 3.5 l. at most. So.", ["It takes 3.5 l. at most.", "So."]),
        ("“Is it on?” she asked. (Yes.) It was.", ["“Is it on?” she asked.", "(Yes.)", "It was."]),
        ("It is so.[3] And so.", ["It is so.[3]", "And so."]),
        ("Wait ... and see. End...", ["Wait ... and see.", "End..."]),
        ("先断电。再取下！好吗？“好。”行。", ["先断电。", "再取下！", "好吗？", "“好。”", "行。"]),
        ("Das ist z. B. gut. Ja.", ["Das ist z. B. gut.", "Ja."]),
        ("a line\nanother. And more", ["a line", "another.", "And more"]),
        ("  \n ", []),
    ],
)  # fmt: skip
def test_sentences_are_whole(text: str, parts: list[str]) -> None:
    assert parted(text) == parts


PROSE = (
    "If the machine shows E18 after the cycle, the\n"
    "sieve is blocked: take out the sieve and rinse\n"
    "it under running water. Then put it back until\n"
    "it clicks.\n"
)


def test_what_was_wrapped_is_one_line() -> None:
    assert flowing(PROSE) == PROSE[:-1].replace("\n", " ") + "\n"
    assert len(flowing(PROSE)) == len(PROSE)
    assert flowing("Die Pumpe wird jedes Jahr geprüft, weil der\nHersteller es so will.") == (
        "Die Pumpe wird jedes Jahr geprüft, weil der Hersteller es so will."
    )
    quotation = "> Water the tree when the surface of\n> the soil feels dry.\n"
    assert flowing(quotation) == quotation


@pytest.mark.parametrize(
    "text",
    [
        "Cleaning the filter\nThe filter must be cleaned every three months by the owner.\n",
        "- take out the sieve of the machine\n- rinse it under running water, always\n",
        "1. take out the sieve of the machine\n2. rinse it under running water, always\n",
        "Model       Power       Weight\nX100        900 W       3 kg\n",
        "| name of the thing | its price in euros |\n| a very long lamp | twelve euros |\n",
        "# a heading that is rather long, and that\ngoes nowhere\n",
        "```\na line of code that is rather long, and that\ngoes on here\n```\n",
        "text\n\n    a line of code that is rather long, and\n    goes on here\n",
        "a hard break at the end of this line  \ngoes on here as a line of its own\n",
        "host: a very long name of a machine in the house\nport: 8080\n",
        "tea\nmilk\neggs\n",
        "Rated voltage of the appliance 230\nPower of the appliance at most 900\n",
    ],
)
def test_lines_of_their_own_stay(text: str) -> None:
    assert flowing(text) == text


def test_a_broken_word_is_found_both_ways() -> None:
    text = flowing("Turn the small wheel of the ther-\nmostat, it is energy-\nsaving.")
    assert "\n" not in text
    words = folded(text).split()
    assert {"thermostat", "ther-mostat,"} & set(words) == {"thermostat", "ther-mostat,"}
    assert {"energysaving", "energy-saving."} <= set(words)
    assert shown(text) == "Turn the small wheel of the thermostat, it is energysaving."


def test_one_form_of_words() -> None:
    assert folded(
        "\ufb01lter ＡＢＣ１２３ ｶﾀｶﾅ m² tem\u00adpera\u00adture a\u200bb don’t e\u2011mail"
    ) == ("filter ABC123 カタカナ m2 temperature ab don't e-mail")
    assert folded("plain") == "plain"
    assert folded("ther-\nmostat") == "thermostat ther-mostat"


@pytest.mark.parametrize("piece", ["word ", "a. ", "Dr. ", "1. ", "。", "line and\n", "a-\n", "“"])
def test_four_times_the_text_takes_four_times_as_long(piece: str) -> None:
    def cost(length: int) -> float:
        text = piece * (length // len(piece))
        began = time.process_time()
        sum(1 for _ in sentences(text))
        flowing(text)
        return time.process_time() - began

    assert cost(400_000) < 12 * cost(100_000) + 0.5
