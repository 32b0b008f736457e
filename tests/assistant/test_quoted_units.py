"""Quotes are whole: sentences, rows, items, and a list with the line that leads to it."""

from __future__ import annotations

import pytest

from penjing.assistant.generate.extractive_answers import quotes, units
from penjing.core.dialogue import Passage


@pytest.mark.parametrize(
    ("text", "heading", "parts"),
    [
        ("# Cleaning\nRinse it. Use approx. 2 l of water.", "Cleaning",
         ["Rinse it.", "Use approx. 2 l of water."]),
        ("Cleaning", "Cleaning", ["Cleaning"]),
        ("Before you begin:\n- unplug it\n- close the tap\nThen wait.", "",
         ["Before you begin:\n- unplug it\n- close the tap", "- unplug it", "- close the tap",
          "Then wait."]),
        ("You need:\n\nA bowl.\nA cloth.", "", ["You need:\n\nA bowl.", "A bowl.", "A cloth."]),
        ("Model | Power. Watts | Price\nX | 900 | 12.", "",
         ["Model | Power. Watts | Price", "X | 900 | 12."]),
        ("Name: Pump; Note: Clean it. Dry it; Price: 12", "",
         ["Name: Pump; Note: Clean it. Dry it; Price: 12"]),
        ("It says: stop. Go.", "", ["It says: stop.", "Go."]),
    ],
)  # fmt: skip
def test_what_is_quoted_as_a_whole(text: str, heading: str, parts: list[str]) -> None:
    found = units(text, heading)
    assert [one.text for one in found] == parts
    for one in found:
        assert text[one.start : one.start + len(one.text)] == one.text


def passage(text: str, heading: str = "") -> Passage:
    return Passage(text, "d", "a.pdf", heading, 10, 10 + len(text), 1.0)


def test_a_heading_is_no_answer() -> None:
    text = "How often the sieve is cleaned\nClean the sieve every three months."
    best = quotes(
        "How often is the sieve cleaned?", [passage(text, "How often the sieve is cleaned")]
    )
    assert [one.passage.text for one in best] == ["Clean the sieve every three months."]
    assert best[0].passage.start == 10 + text.index("Clean the")


def test_a_term_tells_what_its_explanation_is_about() -> None:
    text = "plugdev\nMembers of this group can access removable devices. They mount disks.\ntape"
    best = quotes("What can members of plugdev access?", [passage(text)])
    assert best[0].passage.text == "Members of this group can access removable devices."
    assert [one.about for one in units(text)] == ["plugdev", "plugdev", "plugdev"]


def test_a_list_is_quoted_with_what_it_is_of() -> None:
    text = "Before cleaning the sieve:\n- unplug the machine\n- close the tap"
    best = quotes("What do I do before cleaning the sieve?", [passage(text)])
    assert best[0].passage.text == text


def test_a_broken_word_is_known() -> None:
    text = "The ther\u00admostat is set to 21 degrees."
    assert quotes("What is the thermostat set to?", [passage(text)])[0].passage.text == text
