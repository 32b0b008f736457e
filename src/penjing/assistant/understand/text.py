"""A sentence as tokens that know where they stand in it. English words, Chinese characters.

Text that may not be the person's own words (quotations, pasted lines, what follows a role marker)
is told apart here: see `own_words`. Characters nobody can see are dropped before anything is read,
Traditional ones are read as the Simplified ones they stand for.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penjing.assistant.understand import cantonese
from penjing.assistant.understand.spelling import spelling

MAX_CHARACTERS = 2000
"""Of one sentence that is read for what it wants; the rest is not."""
CHINESE = r"\u3400-\u9fff\u3040-\u30ff"
"""Characters that are a token each, as a range of a pattern."""
_ELIDED = (
    r"(?:[ldjmtsnc]|(?:jus|lors|puis)?qu|[dns]ell|sull|all|dall|coll|quell|un|quest|bell|sant)"
    r"['’](?=[aeiouyhàáâäèéêëìíîïòóôöùúûüœæ]|$)"
)
"""French, Italian and Catalan words that lose their vowel before another: a word each."""
_WORD = re.compile(
    rf"\d+(?::\d\d)+|\d+(?:\.\d+)?|{_ELIDED}|[^\W\d_{CHINESE}]+(?:['’][^\W\d_]+)*|[{CHINESE}]"
    r"|[^\s\w]"
)
_MARKS = frozenset(",.;:!?、。，；：！？…-—()[]{}\"'“”‘’«»「」『』《》/\\|*~`<>_")


@dataclass(frozen=True)
class Token:
    """A word, a number, a sign or a Chinese character."""

    text: str
    """Normalised: NFKC, lower case, Simplified."""
    start: int
    """First character in the sentence as it was said."""
    end: int
    """One past the last."""
    fixes: tuple[tuple[str, float], ...] = ()
    """Known words it may have been meant to be, with what that costs."""

    @property
    def mark(self) -> bool:
        """It is punctuation."""
        return self.text in _MARKS

    @property
    def chinese(self) -> bool:
        """It is a Chinese character."""
        return "\u3400" <= self.text <= "\u9fff"


def tokens_of(text: str, start: int = 0, end: int | None = None) -> tuple[Token, ...]:
    """The tokens of a part of a sentence; places are in the whole."""
    end = len(text) if end is None else end
    normal: list[str] = []
    places: list[int] = []
    for place in range(start, min(end, start + MAX_CHARACTERS)):
        for char in _plain(text[place], bool(normal) and normal[-1].isdecimal()):
            normal.append(char)
            places.append(place)
    ends = [place + 1 for place in places]
    joined = "".join(normal).replace("’", "'")
    if not joined.isascii():
        joined = _mandarin(joined, places, ends).translate(_simplified())
    return tuple(
        Token(found.group(), places[found.start()], ends[found.end() - 1])
        for found in _WORD.finditer(joined)
    )


def _mandarin(text: str, starts: list[int], ends: list[int]) -> str:
    """A text with what is Cantonese in it put in Mandarin, and with it where its characters begin
    and end in what was said; what it has more of (醒 in 提我) stands before the last of them."""
    for a, b, said in reversed([*cantonese.meant(text)]):
        begin, more = starts[b - 1], max(0, len(said) - (b - a))
        head = min(len(said), b - a) - 1
        starts[a:b] = [*starts[a : a + head], *[begin] * more, begin]
        ends[a:b] = [*ends[a : a + head], *[begin] * more, ends[b - 1]]
        text = text[:a] + said + text[b:]
    return text


@functools.lru_cache(maxsize=8192)
def _plain(char: str, counted: bool) -> str:
    """A character in NFKC and lower case; ½ is .5 behind a digit (`counted`), and 0.5 elsewhere.
    Nothing of those nobody sees: zero-width, bidirectional, tags; combining marks."""
    normal = unicodedata.normalize("NFKC", char).lower()
    if unicodedata.category(char) == "No" and "\N{FRACTION SLASH}" in normal:
        decimals = f"{unicodedata.numeric(char):.4g}"
        normal = decimals[1:] if counted else decimals
    return "".join(
        one
        for one in normal
        if one in "\t\n" or unicodedata.category(one) not in ("Cf", "Cc", "Mn")
    )


@functools.cache
def _simplified() -> Mapping[int, str]:
    """Traditional characters to the Simplified ones that mean the same, one for one."""
    text = importlib.resources.files(__package__).joinpath("traditional.txt").read_text("utf-8")
    pairs = "".join(text.split())
    return {ord(old): new for old, new in zip(pairs[::2], pairs[1::2], strict=True)}


def is_chinese(text: str) -> bool:
    """It holds a Chinese character."""
    return any("\u3400" <= char <= "\u9fff" for char in text)


_QUOTED = re.compile(
    r"\"[^\"]*(?:\"|$)|“[^”]*(?:”|$)|「[^」]*(?:」|$)|『[^』]*(?:』|$)|《[^》]*(?:》|$)"
    r"|«[^»]*(?:»|$)|‘[^’]{3,}(?:’|$)|(?<!\w)'[^']{3,}'(?!\w)|`[^`]*(?:`|$)"
)
_MARKER = re.compile(
    r"<\||\|>|</?\s*(?:s|system|user|assistant|tool|im_start|im_end)\b|\[/?(?:INST|SYS)|<<SYS>>"
    r"|#{2,}|={3,}|-{3,}(?![\d(])|\{\{|\}\}|</?[a-zA-Z!]"
    r"|(?:^|[\s.。,，;；!！?？])(?:system|assistant|user|tool|human|ai|系统|助手|用户|管理员)\s*[:：]",
    re.IGNORECASE,
)


def own_words(text: str) -> list[tuple[int, int]]:
    """The parts of a sentence that are the person's own words.

    Left out: quotations; all after the first line; all from the first role marker or markup on.
    These may be somebody else's text that was pasted.
    """
    end = min(len(text), MAX_CHARACTERS)
    begin = len(text) - len(text.lstrip())
    line = re.search(r"[\r\n\v\f\x85\u2028\u2029]", text[begin:end])
    end = begin + line.start() if line else end
    marker = _MARKER.search(text, 0, end)
    end = marker.start() if marker else end
    parts: list[tuple[int, int]] = []
    at = 0
    for quoted in _QUOTED.finditer(text, 0, end):
        parts.append((at, quoted.start()))
        at = quoted.end()
    parts.append((at, end))
    return [(a, b) for a, b in parts if text[a:b].strip()]


_SOUNDS_LIKE = {
    "of": ("off",), "to": ("two",), "too": ("two",), "for": ("four",), "ate": ("eight",),
    "won": ("one",), "lite": ("light",), "lites": ("lights",), "our": ("hour",),
    "write": ("right",),
    "seta": ("set",), "nite": ("night",), "form": ("from",), "tele": ("telly",), "an": ("and",),
}  # fmt: skip
"""Words that speech recognition and quick fingers mistake for each other."""


def once(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """A sentence that only says the same again and again, said once: "skip, skip", 放歌放歌."""
    said = [one for one in tokens if not one.mark]
    for size in range(2 if said and said[0].chinese else 1, len(said) // 2 + 1):
        words = [one.text for one in said[:size]]
        times = len(said) // size
        again = size * times == len(said) and [one.text for one in said] == words * times
        if again and not any(one[0].isdecimal() for one in words):
            return tuple(said[:size])
    return tokens


_MISTYPED = {
    "teh": "the", "hte": "the", "tge": "the", "adn": "and", "nad": "and", "u": "you",
    "pleas": "please", "plese": "please", "plase": "please", "pleese": "please", "tunr": "turn",
    "aff": "off", "oot": "out", "doon": "down", "hoose": "house", "trun": "turn", "turm": "turn",
    "wiht": "with", "wth": "with", "fro": "for", "ofr": "for",
}  # fmt: skip
"""Small words as quick fingers write them."""
_MEANT = {
    "2": ("to", frozenset({
        "ask", "be", "book", "breathe", "bring", "buy", "call", "charge", "check", "clean",
        "close", "collect", "cook", "do", "drink", "eat", "email", "empty", "exercise", "feed",
        "fetch", "finish", "get", "give", "go", "hang", "have", "hear", "help", "iron", "leave",
        "let", "listen", "lock", "make", "meet", "move", "open", "order", "pack", "pay",
        "phone", "pick", "play", "post", "print", "put", "read", "remind", "renew", "reply",
        "rest", "return", "ring", "see", "send", "set", "sleep", "start", "stop", "stretch",
        "study", "submit", "switch", "take", "tell", "text", "turn", "visit", "wake", "walk",
        "wash", "water", "work", "write",
    })),
    "4": ("for", frozenset({"me", "us", "my", "our"})),
}  # fmt: skip
"""Digits that are said like a small word: what for, and before what ("remind me 2 buy milk")."""
_COUNTING = frozenset({"at", "by", "to", "for", "around", "about", "of", "past", "until", "till"})
_DRAWN_OUT = re.compile(r"([a-z])\1\1")


def _shortened(token: Token, words: frozenset[str]) -> Token:
    """ "pleeease" as "please", where that is a word."""
    ways = (re.sub(r"([a-z])\1+", more, token.text) for more in (r"\1", r"\1\1"))
    text = next((one for one in ways if one in words), token.text)
    return Token(text, token.start, token.end)


def _is_word(tokens: Sequence[Token], place: int) -> bool:
    """A digit is meant for a small word: it stands between others and counts nothing."""
    if not 0 < place < len(tokens) - 1:
        return False
    before = tokens[place - 1].text
    follows = tokens[place + 1].text in _MEANT[tokens[place].text][1]
    return before.isalpha() and before not in _COUNTING and follows


def _parted(tokens: Sequence[Token], known: frozenset[str], real: frozenset[str]) -> list[Token]:
    """Two known words that were written as one are two: "livingroom"."""
    found: list[Token] = []
    for one in tokens:
        at = 0
        if one.text.isascii() and one.text.isalpha() and one.text not in known | real:
            at = next(
                (n for n in range(_PART, len(one.text) - _PART + 1)
                 if one.text[:n] in known and one.text[n:] in known & _HEADS), 0
            )  # fmt: skip
        if at and one.end - one.start == len(one.text):
            middle = one.start + at
            found += [Token(one.text[:at], one.start, middle),
                      Token(one.text[at:], middle, one.end)]  # fmt: skip
        else:
            found.append(one)
    return found


_PART = 3
"""Letters of the shorter of two words that are written as one."""
_HEADS = frozenset(
    {
        "room",
        "rooms",
        "light",
        "lights",
        "lamp",
        "lamps",
        "door",
        "doors",
        "blind",
        "blinds",
        "con",
        "conditioner",
        "conditioning",
        "curtain",
        "curtains",
        "station",
    }
)
"""The second of them: "coldplay" is one."""


def with_fixes(
    tokens: Sequence[Token], known: frozenset[str], real: frozenset[str] = frozenset()
) -> tuple[Token, ...]:
    """Tokens with known words near to those that are not known. A word with letters of another
    alphabet in it is not a typing error, and a `real` word means itself."""
    found = []
    tokens = _parted(tokens, known, real)
    for place, said in enumerate(tokens):
        if said.text in _MISTYPED:
            said = Token(_MISTYPED[said.text], said.start, said.end)  # noqa: PLW2901
        elif said.text in _MEANT and _is_word(tokens, place):
            said = Token(_MEANT[said.text][0], said.start, said.end)  # noqa: PLW2901
        token = _shortened(said, known | real) if _DRAWN_OUT.search(said.text) else said
        fixes = tuple((one, 0.3) for one in _SOUNDS_LIKE.get(token.text, ()) if one in known)
        if token.text not in known and token.text not in real and len(token.text) >= 3:
            fixes = spelling(known).fixes(token.text) or fixes
        found.append(Token(token.text, token.start, token.end, fixes))
    return tuple(found)
