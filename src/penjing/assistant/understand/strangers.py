"""Names that strangers give: what a house announces is taken for a name only where it is no more.

A device may be called like a sentence that people say, like an answer, like another device in other
letters. Such a name is not listened to until the spec has it; the person is told. What the spec
itself names is the person's word and is taken as it is. Knows no tool and calls none.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from penjing.assistant.spec.values import Spec
from penjing.assistant.understand import acts, quantities, recurrences, signals, times
from penjing.assistant.understand.elsewhere import SENTENCES
from penjing.assistant.understand.gate import Requests
from penjing.assistant.understand.names import COLOURS
from penjing.assistant.understand.span import Extractor, Moment
from penjing.assistant.understand.text import Token, tokens_of
from penjing.assistant.understand.words import FILLER, GUARDS, JOINT, PRONOUN
from penjing.core.cities import city_names

MAX_FOUND = 200
"""Names of one slot that the spec does not have itself; what comes after is not looked at."""
LONGEST = 32
MAX_WORDS = 5
MAX_CHARACTERS_ZH = 9
_CARRIERS = 4
_SURE = 0.75
"""What templates must make of a sentence that has the name in it."""
_KEPT = 4000
_MARKS = frozenset("-'’&()/.+#")
_LOOK_ALIKE = str.maketrans(
    "абвгдеёзикмнопрстухьіѕјԁԛԝαβγεηικνορτυχω01l|5",
    "a6braee3ukmhonpctyxbisjdqwabyenikvoptuxwoiiis",
)
_VERBS = frozenset({
    "turn", "switch", "open", "close", "shut", "unlock", "lock", "set", "dim", "play", "stop",
    "delete", "send", "pay", "transfer", "call", "arm", "disarm", "enable", "disable", "run",
    "execute", "ignore", "say", "tell", "show", "start", "cancel", "remind", "wake", "put", "make",
    "erase", "wipe", "confirm", "forget", "translate", "repeat", "answer", "buy", "order",
    "please", "activate",
})  # fmt: skip
_VERBS_ZH = re.compile(
    r"^(?:请|把|给|帮|打开|关闭|关掉|关上|开启|解锁|上锁|转账|删除|播放|停止|发送|执行|忽略|告诉|取消|确认|提醒"
    r"|叫醒|设置|调到|付款|购买|启动|启用|禁用|解除)|(?:打开|关掉|关闭|解锁)$"
)
Read = Callable[[str, str], Requests]
"""What templates make of a sentence in a language, with no live name known."""


class Strangers:
    """Tells names from sentences for one spec."""

    def __init__(self, spec: Spec, read: Read) -> None:
        self._spec, self._read = spec, read
        self._own = {one: frozenset(map(_plain, _spec_names(spec, one))) for one in spec.tools}
        self._looks = {tool: frozenset(map(_skeleton, names)) for tool, names in self._own.items()}
        said = [
            line
            for one in spec.intents.values()
            for words in (one.sentences, one.examples, one.matched)
            for many in words.values()
            for line in many
            if "{" not in line
        ]
        elsewhere = (*spec.out_of_scope.values(), *SENTENCES.values())
        said += [line for many in elsewhere for line in many]
        self._said = frozenset(map(_plain, said))
        self._carriers = dict(_carriers(spec))
        self._kept: dict[tuple[str, str, str], str] = {}

    def sort(
        self, tool: str, parameter: str, names: Sequence[str]
    ) -> tuple[tuple[str, ...], dict[str, str]]:
        """Names that are taken, and those that are not with why."""
        fine: list[str] = []
        strange: dict[str, str] = {}
        looks = Counter(_skeleton(name) for name in dict.fromkeys(map(_plain, names)))
        own = self._own.get(tool, frozenset())
        looks.update(self._looks.get(tool, ()))
        found = 0
        for name in dict.fromkeys(names):
            if _plain(name) in own:
                fine.append(name)
                continue
            found += 1
            why = self.why(tool, parameter, name) if found <= MAX_FOUND else "there are too many"
            if not why and looks[_skeleton(_plain(name))] > 1:
                why = "it looks like another name"
            if why:
                strange[name] = why
            else:
                fine.append(name)
        return tuple(fine), strange

    def why(self, tool: str, parameter: str, name: str) -> str:
        """Why a name is not taken; empty when it is."""
        key = (tool, parameter, name)
        if key not in self._kept:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = _form(name) or self._meaning(tool, parameter, name)
        return self._kept[key]

    def _meaning(  # noqa: PLR0911 -- one thing after another
        self, tool: str, parameter: str, name: str
    ) -> str:
        tokens = tokens_of(name)
        if acts.act_of(tokens) is not None:
            return "it is an answer"
        if _plain(name) in self._said or signals.QUERY.search(name):
            return "it is a sentence"
        if any(one.text in GUARDS for one in tokens) or _small(tokens):
            return "it holds words that are no name"
        first = tokens[0].text
        if _counts(tokens):
            return "it is a number or a time"
        if (first in _VERBS and len(tokens) > 1) or _VERBS_ZH.search(name):
            return "it is a command"
        for language in self._spec.languages:
            if any(one[0].confidence >= _SURE for one in self._read(name, language)):
                return "it is a sentence"
            for intent, carrier in self._carriers.get((tool, parameter, language), ()):
                read = self._read(carrier.replace("\0", name), language)
                sure = [one[0] for one in read if one[0].confidence >= _SURE]
                if sure and all(one.intent != intent for one in sure):
                    return "with it a sentence would mean something else"
        return ""


def _form(name: str) -> str:  # noqa: PLR0911 -- one thing after another
    """What is wrong with how a name is written."""
    unseen = any(unicodedata.category(one)[0] in "CMZ" for one in name if one != " ")
    if not name.isprintable() or unseen:
        return "it holds characters that cannot be seen"
    if any(unicodedata.category(one)[0] in "PS" and one not in _MARKS for one in name):
        return "it holds punctuation"
    chinese = sum("\u3400" <= one <= "\u9fff" for one in name)
    if len(name) > LONGEST or len(name.split()) > MAX_WORDS or chinese > MAX_CHARACTERS_ZH:
        return "it is too long"
    scripts = {_script(one) for one in name if one.isalpha()}
    if not scripts and not any(one.isdigit() for one in name):
        return "it is no word"
    if {"LATIN"} < scripts - {"CJK"} or (
        scripts & {"CYRILLIC", "GREEK"} and _skeleton(_plain(name)).isascii()
    ):
        return "its letters look like others"
    if unicodedata.normalize("NFKC", name) != name:
        return "its letters look like others"
    return "" if any(one.isalpha() for one in name) else "it is a number"


def _script(char: str) -> str:
    word = unicodedata.name(char, "?").split()[0]
    return "CJK" if word in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL") else word


def _counts(tokens: Sequence[Token]) -> bool:
    """Nothing but numbers, times, dates or colours."""
    moment = Moment(datetime(2026, 1, 1, tzinfo=UTC))
    whole = (0, len(tokens))
    spans: tuple[Extractor, ...] = (
        quantities.numbers, quantities.percentages, quantities.durations,
        quantities.temperatures, times.times, times.dates, recurrences.weekdays,
    )  # fmt: skip
    colours = {word for name, words in COLOURS.items() for word in (name, *words)}
    said = " ".join(one.text for one in tokens)
    found = any((one.start, one.end) == whole for read in spans for one in read(tokens, moment))
    return found or said in colours or said.replace(" ", "") in colours


def _small(tokens: Sequence[Token]) -> bool:
    """Nothing but small words: "it", "please", "and"."""
    place = 0
    while place < len(tokens):
        ends = [end for one in (FILLER, JOINT, PRONOUN) for end in one.ends(tokens, place)]
        if not ends:
            return False
        place = max(ends)
    return True


def _plain(text: str) -> str:
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return words.strip(" .!?。！？")


def _skeleton(plain: str) -> str:
    return "".join(one for one in plain.translate(_LOOK_ALIKE) if one.isalnum())


def _spec_names(spec: Spec, tool: str) -> Iterator[str]:
    """What the spec names itself for a tool: words of its slots, its devices and rooms."""
    for slot in spec.slots.values():
        if slot.tool == tool:
            for name, words in slot.values.items():
                yield from (name, *words)
    yield from _named(spec.tools[tool].settings)


def _named(settings: Any) -> Iterator[str]:
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            if key in ("name", "also", "room"):
                yield from map(str, value if isinstance(value, list) else [value])
            elif key == "cities" and value is True:
                yield from city_names()
            elif key == "rooms" and isinstance(value, Mapping):
                for room, others in value.items():
                    yield room
                    yield from others if isinstance(others, list) else [str(others)]
            else:
                yield from _named(value)
    elif isinstance(settings, list):
        for one in settings:
            yield from _named(one)


def _carriers(spec: Spec) -> Iterator[tuple[tuple[str, str, str], tuple[tuple[str, str], ...]]]:
    """Short sentences in which a name of a slot is said, with the intent they mean."""
    from penjing.assistant.understand.network import parse_template, plainest, slots_in

    for slot in spec.slots.values():
        if slot.kind != "entity":
            continue
        for language in spec.languages:
            found: list[tuple[str, str]] = []
            for intent in spec.intents.values():
                for line in intent.sentences.get(language, ()):
                    tree = parse_template(line)
                    if slots_in(tree) == {slot.name} and len(found) < _CARRIERS:
                        text = plainest(tree).replace(f"@{slot.name}", "\0")
                        found += [(intent.name, text)] if "\0" in text else []
            yield (slot.tool, slot.parameter, language), tuple(found)
