"""How much of Home Assistant's own test sentences is understood, beside its own recogniser.

    git clone https://github.com/home-assistant/intents       # the tests; CC BY 4.0
    pip download --no-deps home-assistant-intents==2025.7.30  # templates of the same time
    python benchmarks/home_assistant.py intents/tests --templates FOLDER [--languages en de zh-cn]

TESTS holds a folder for each language: `_fixtures.yaml`, and files of sentences with the intent,
context and slots that must come out. A sentence that is a template itself is sampled. Templates are
the JSON files of the package (its folder `data`); left out, those that are installed.

Each sentence is read as it stands and with one typing error, seeded: in a word of four letters or
more two neighbours are swapped, or a letter is left out, doubled or another; in Chinese a character
is another, left out or swapped with its neighbour. No error is put into numbers or free text. A
reading is wrong when it is another intent or has other slots; with an error in it, a sentence may
happen to be another sentence word for word: those are counted apart. Tests of intents for which the
templates have no sentence are left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import yaml

from penjing.assistant.understand.house import House, Thing
from penjing.assistant.understand.languages import language
from penjing.assistant.understand.packaged import compiled
from penjing.assistant.understand.recogniser import Recogniser
from penjing.assistant.understand.text import tokens_of

_SEED = 20261129
_SAMPLES = 8
_FOLDERS = {"zh-cn": "zh-CN"}
_MENDED = 0.09

Meaning = tuple[str, Mapping[str, Any], bool]
"""Intent, slots, and whether something was mended."""
Read = Callable[[str, Mapping[str, Any]], Meaning | None]
"""What a sentence means in a context."""


@dataclass(frozen=True)
class Case:
    """One sentence of the tests."""

    text: str
    intent: str
    slots: Mapping[str, Any]
    context: Mapping[str, Any]


@dataclass
class Tally:
    """Counts over some sentences."""

    right: int = 0
    wrong: int = 0
    another: int = 0
    missed: int = 0
    seconds: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def cases(folder: Path) -> Iterator[Case]:
    """All sentences of a language."""
    for file in sorted(folder.glob("[!_]*.yaml")):
        for test in yaml.safe_load(file.read_text("utf-8"))["tests"]:
            meant = test["intent"]
            for sentence in test["sentences"]:
                for text in _texts(sentence):
                    yield Case(
                        text, meant["name"], meant.get("slots", {}), meant.get("context", {})
                    )


def _texts(template: str) -> list[str]:
    if not any(char in template for char in "[(<{|"):
        return [template]
    from hassil.parse_expression import parse_sentence
    from hassil.sample import sample_sentence

    return list(
        dict.fromkeys(itertools.islice(sample_sentence(parse_sentence(template)), _SAMPLES))
    )


def fixtures(folder: Path) -> House:
    """The house of a language's tests."""
    data = yaml.safe_load((folder / "_fixtures.yaml").read_text("utf-8"))
    things = [
        Thing(text, text, {"domain": one["id"].split(".")[0], **_about(one)})
        for one in data["entities"]
        for text in _texts(one["name"])
    ]
    rooms, floors = (
        tuple(Thing(text, text) for one in data.get(key, ()) for text in _texts(one["name"]))
        for key in ("areas", "floors")
    )
    return House(tuple(things), rooms, floors)


def _about(entity: Mapping[str, Any]) -> dict[str, Any]:
    return dict(entity.get("attributes") or {})


def ours(data: Mapping[str, Any], code: str, house: House) -> Read:
    """Our reading."""
    spoken = language(code)
    recogniser = Recogniser(compiled(data, spoken), spoken, house)

    def read(text: str, context: Mapping[str, Any]) -> Meaning | None:
        tokens = recogniser.fixed(tokens_of(text))
        found = recogniser.meant(text, tokens, context)
        return None if found is None else (found.intent, found.slots, found.cost > _MENDED)

    return read


def theirs(data: Mapping[str, Any], code: str, house: House) -> Read:
    """hassil's reading."""
    from hassil import Intents, TextSlotList, recognize_best

    intents = Intents.from_dict(dict(data))
    lists: dict[str, Any] = {
        name: TextSlotList.from_tuples(
            [(one.name, one.value, dict(one.context)) for one in many], name=name
        )
        for name, many in (("name", house.things), ("area", house.areas), ("floor", house.floors))
    }

    def read(text: str, context: Mapping[str, Any]) -> Meaning | None:
        found = recognize_best(
            text, intents, slot_lists=lists, intent_context=dict(context), language=code,
            best_slot_name="name",
        )  # fmt: skip
        if found is None:
            return None
        return found.intent.name, {e.name: e.value for e in found.entities.values()}, False

    return read


def mistyped(case: Case, random: Random) -> str | None:
    """A sentence with one typing error; None where it has no word for one."""
    tokens = [
        one
        for one in tokens_of(case.text)
        if (one.chinese and one.text not in "零一二两三四五六七八九十百半")
        or (len(one.text) >= 4 and one.text.isalpha() and not one.chinese)
    ]
    fixed = _free(case)
    tokens = [one for one in tokens if one.text not in fixed]
    if not tokens:
        return None
    one = random.choice(tokens)
    if one.chinese:
        return _garbled(case.text, one.start, random)
    word = case.text[one.start : one.end]
    return case.text[: one.start] + _misspelt(word, random) + case.text[one.end :]


_FREE = ("item", "message", "search_query", "conversation_command", "response", "state")


def _free(case: Case) -> set[str]:
    """Words of free text: an error in them changes what is meant."""
    found: set[str] = set()
    for key, value in case.slots.items():
        if key in _FREE or (key == "name" and "Timer" in case.intent):
            found |= {one.text for one in tokens_of(str(value))}
    return found


def _misspelt(word: str, random: Random) -> str:
    place = random.randrange(len(word) - 1)
    way = random.randrange(4)
    if way == 0 and word[place] != word[place + 1]:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if way == 1:
        return word[:place] + word[place + 1 :]
    if way == 2:
        return word[:place] + word[place] + word[place:]
    letter = random.choice(
        [char for char in "abcdefghijklmnoprstuvwz" if char != word[place].lower()]
    )
    return word[:place] + letter + word[place + 1 :]


_OTHERS = "的是在有人这上来到时大地为子你和国会生也后面下得着"


def _garbled(text: str, place: int, random: Random) -> str:
    way = random.randrange(3)
    if way == 0 and place + 1 < len(text) and text[place + 1] != text[place]:
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    if way == 1 and len(text) > 3:
        return text[:place] + text[place + 1 :]
    other = random.choice([char for char in _OTHERS if char != text[place]])
    return text[:place] + other + text[place + 1 :]


def judge(read: Read, every: Sequence[tuple[str, Case]]) -> Tally:
    """Read all and count."""
    tally = Tally()
    for text, case in every:
        began = time.process_time()
        found = read(text, case.context)
        tally.seconds.append(time.process_time() - began)
        if found is None:
            tally.missed += 1
            tally.told.append(f"- {text} | {case.intent} {dict(case.slots)}")
        elif found[0] == case.intent and _alike(found[1], case.slots):
            tally.right += 1
        else:
            exact = text != case.text and not found[2]
            tally.another += exact
            tally.wrong += not exact
            tally.told.append(
                f"{'~' if exact else '!'} {text} | {case.intent} {dict(case.slots)}"
                f" | {found[0]} {dict(found[1])}"
            )
    return tally


def _alike(found: Mapping[str, Any], meant: Mapping[str, Any]) -> bool:
    """The same slots; a list of the tests holds all that will do."""
    return found.keys() == meant.keys() and all(
        _plain(found[key]) in map(_plain, one if isinstance(one, list) else [one])
        for key, one in meant.items()
    )


def _plain(value: Any) -> str:
    try:
        return str(float(value))
    except ValueError:
        return str(value).strip().casefold()


def _line(name: str, tally: Tally) -> str:
    count = len(tally.seconds)
    return (
        f"| {name} | {count} | {100 * tally.right / count:.1f} | {tally.wrong} | {tally.another}"
        f" | {1000 * statistics.median(tally.seconds):.2f} |"
    )


def main() -> None:
    """Print a table, and with --told what was not right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tests", type=Path)
    parser.add_argument("--templates", type=Path)
    parser.add_argument("--languages", nargs="+", default=["en", "de", "zh-cn"])
    parser.add_argument("--without-hassil", action="store_true")
    parser.add_argument("--told", action="store_true", help="print what was not right")
    options = parser.parse_args()
    print("| | sentences | right, % | wrong | another sentence | CPU, median ms |")
    print("|---|---|---|---|---|---|")
    for folder in options.languages:
        code = _FOLDERS.get(folder, folder)
        if options.templates is not None:
            data = json.loads((options.templates / f"{code}.json").read_text("utf-8"))
        else:
            from home_assistant_intents import get_intents

            data = get_intents(code)
        house = fixtures(options.tests / folder)
        known = data["intents"]
        every = [one for one in cases(options.tests / folder) if one.intent in known]
        random = Random(_SEED)
        typed = [(text, one) for one in every if (text := mistyped(one, random)) is not None]
        readers = {"ours": ours(data, code, house)}
        if not options.without_hassil:
            readers["hassil"] = theirs(data, code, house)
        for name, sentences in (
            ("as it stands", [(one.text, one) for one in every]),
            ("one typing error", typed),
        ):
            for reader, read in readers.items():
                tally = judge(read, sentences)
                print(_line(f"{folder}, {name}, {reader}", tally), flush=True)
                if options.told and reader == "ours":
                    print("\n".join(tally.told))
                    print(Counter(one[0] for one in tally.told))


if __name__ == "__main__":
    main()
