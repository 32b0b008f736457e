"""Extractive answers: the sentences of passages that answer a question, quoted as they stand. Pure.

And the other way round: which of a model's sentences the passages bear out. A small model words
things it has not read; so quoting is the default, and its wording is kept only where it can be
checked: its words stand in the passage it cites, and every number does.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from penjing.assistant.understand.text import tokens_of
from penjing.core.dialogue import Passage
from penjing.core.folding import folded
from penjing.core.sentences import sentences

RELEVANT = 0.3
"""Share of a question's words, weighted by how rare they are, that an answer must have."""
STATED = 0.75
"""The same of what is stated and not asked."""
SUPPORTED = 0.6
"""Share of a sentence's words that must stand in the passage it cites."""
_A_NUMBER = 0.15
"""What a sentence with a number in it is better where one is asked for."""
_COUNTING = re.compile(
    r"\bhow (?:many|much|long|often|heavy|high|hot|big|large|old|far|frequently)\b"
    r"|\bwhat (?:pressure|capacity|weight|size|time|temperature)\b|多少|几|多[长久重大高远热]|隔"
)
_COUNTED = re.compile(
    r"\d|\b(?:once|twice|one|two|three|four|five|six|ten) ?(?:years?|months?|weeks?|days?|hours?"
    r"|minutes?|times|full|a week|a day|a month|litres?)?\b"
    r"|[一二两三四五六七八九十百半]+[个年月周天小分秒升毫公次]"
)
MAX_QUOTES = 2
_SHORTEST, _LONGEST = 3, 900
"""Characters of what is quoted."""
_LIST = 600
"""The same of a list with the line that leads to it."""
_ITEM = re.compile(r"\s*(?:[-*+•·▪◦‣–]|\(?\w{1,3}[.)])\s")
_ROW = re.compile(r".* \| |\s*\||[^:;]{1,60}: [^;]*; [^:;]{1,60}: ")
"""Cells with bars between them, or columns with their names."""
_LEADS = (":", "：")
_ENDS = (".", "!", "?", "。", "！", "？", '"', "”", ")")
_NAME = 60
_SENTENCE = re.compile(
    r"[^.!?。！？\n]+(?:[.!?](?=\s|$)|[。！？]|[.!?](?!\s)[^.!?。！？\n]*)*[”\"]?"
)
_SMALL = frozenset({
    "a", "about", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "could",
    "did", "do", "does", "down", "for", "from", "had", "has", "have", "he", "here", "how", "i",
    "if", "in", "into", "is", "it", "its", "may", "me", "might", "must", "my", "no", "not", "of",
    "on", "or", "our", "out", "over", "shall", "she", "should", "so", "than", "that", "the",
    "their", "them", "then", "there", "these", "they", "this", "those", "to", "up", "us", "was",
    "we", "were", "what", "when", "where", "which", "who", "why", "will", "with", "would", "yes",
    "you", "your", "一", "不", "与", "个", "为", "么", "也", "了", "什", "他", "以", "们", "会",
    "何", "你", "几", "可", "吗", "吧", "呢", "和", "哪", "在", "多", "她", "如", "它", "少",
    "就", "怎", "我", "把", "是", "有", "样", "的", "能", "被", "要", "请", "谁", "这", "那",
    "都", "问",
})  # fmt: skip


@dataclass(frozen=True)
class Quote:
    """A sentence of a passage."""

    passage: Passage
    """Narrowed to the sentence: its text, from its first character to its last."""
    score: float
    """How much of the question it answers, 0 to 1."""


def quotes(
    question: str,
    passages: Sequence[Passage],
    most: int = MAX_QUOTES,
    least: float = RELEVANT,
) -> list[Quote]:
    """The sentences that answer best, the best first; none when nothing is relevant."""
    wanted = asked_about(question)
    found = [
        (passage, one, terms(one.text))
        for passage in passages
        for one in units(passage.text, passage.location)
    ]
    if not wanted or not found:
        return []
    counts = Counter(term for *_, words in found for term in words)
    weights = {term: math.log(1 + len(found) / (1 + counts[term])) + 0.1 for term in wanted}
    total = sum(weights.values())
    numbers = _COUNTING.search(question.lower()) is not None
    scored = []
    for rank, (passage, one, words) in enumerate(found):
        share = sum(weights[term] for term in wanted & words) / total
        heading = terms(passage.location) | terms(one.about)
        share += 0.3 * sum(weights[term] for term in (wanted & heading) - words) / total
        if share and numbers and _COUNTED.search(one.text.lower()):
            share += _A_NUMBER
        scored.append((-share, rank, passage, one))
    scored.sort(key=lambda one: one[:2])
    best = -scored[0][0]
    if best < least:
        return []
    return [
        Quote(_narrowed(passage, one), -minus)
        for minus, _, passage, one in scored[:most]
        if -minus >= max(least, 0.75 * best)
    ]


@dataclass(frozen=True)
class Unit:
    """What is quoted as a whole."""

    text: str
    """As it stands there."""
    start: int
    """Its first character in the passage."""
    about: str = ""
    """The line above that names what it is about: a term, a heading of a few words."""


def units(text: str, heading: str = "") -> list[Unit]:
    """Sentences, rows of tables, items of lists, and lists with the line that leads to them; a
    heading alone says nothing, where anything else does."""
    lines = _lines(text)
    found: list[Unit] = []
    about = ""
    for place, (begin, end) in enumerate(lines):
        line = text[begin:end]
        if _names_what_follows(line, text[slice(*lines[place + 1])] if lines[place + 1 :] else ""):
            about = line
            continue
        spans = [(0, len(line))] if _ROW.match(line) else list(sentences(line))
        parts = [Unit(line[a:b], begin + a, about) for a, b in spans]
        if line.endswith(_LEADS):
            last = _last_of_list(text, lines[place:])
            parts[-1:] = [Unit(text[parts[-1].start : last], parts[-1].start, about)]
        found += parts
    titles = _letters(heading)
    whole = [one for one in found if _SHORTEST <= len(one.text) <= _LONGEST]
    return [one for one in whole if _letters(one.text) not in titles] or whole


def _names_what_follows(line: str, following: str) -> bool:
    """A few words that end no sentence, above a line that is one."""
    short = len(line) <= _NAME and not _ROW.match(line) and not _ITEM.match(line)
    said = following.rstrip().endswith((*_ENDS, *_LEADS)) and len(following) > len(line)
    return short and said and not line.endswith((*_ENDS, *_LEADS, ",", ";", "，", "；"))


def _lines(text: str) -> list[tuple[int, int]]:
    """Where lines begin and end that are not empty, without the spaces around."""
    found, at = [], 0
    for line in text.split("\n"):
        if line.strip():
            begin = at + len(line) - len(line.lstrip())
            found.append((begin, at + len(line.rstrip())))
        at += len(line) + 1
    return found


def _last_of_list(text: str, lines: Sequence[tuple[int, int]]) -> int:
    """One past the list that the first of these lines leads to: its items, or the next line."""
    start, last = lines[0]
    for place, (begin, end) in enumerate(lines[1:]):
        if end - start > _LIST or not (place == 0 or _ITEM.match(text[begin:end])):
            break
        last = end
        if not _ITEM.match(text[begin:end]):
            break
    return last


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def _narrowed(passage: Passage, one: Unit) -> Passage:
    at = passage.start + one.start
    return replace(passage, text=one.text, start=at, end=at + len(one.text))


def terms(text: str) -> set[str]:
    """What a text is about: words by their stems, Chinese characters in pairs."""
    tokens = [one for one in tokens_of(folded(text)) if not one.mark]
    found = {_stem(one.text) for one in tokens if not one.chinese and one.text not in _SMALL}
    for one, other in itertools.pairwise(tokens):
        together = one.chinese and other.chinese and one.end == other.start
        if together and not {one.text, other.text} <= _SMALL:
            found.add(one.text + other.text)
    return found


_OF_QUESTIONS = frozenset({
    "much", "many", "long", "often", "mean", "means", "get", "got", "need", "happens", "happen",
    "take", "make", "go", "goes", "use", "uses", "used", "using", "put", "give", "tell", "last",
    "time", "times", "thing", "way", "all", "one", "two", "really", "okay", "ok", "fine", "safe",
    "right", "good", "first", "start", "still", "just", "any", "some", "have", "want", "know",
    "let", "keep", "keeps", "work", "works", "please", "say", "stay", "stays",
})  # fmt: skip
_OF_QUESTIONS_ZH = _SMALL | frozenset(
    "什怎么多少几哪谁吗呢吧为何如时候意思代表示样久长次回遍干嘛还要能会可以是有没不这那用做来去到把被"
    "给一个下里上的了着过"
)
"""What stands in questions of any kind and is not what they are about."""


def asked_about(question: str) -> set[str]:
    """What a question is about: "how many watts does it use" is about watts. All of its terms
    where nothing is left of it."""
    tokens = [one for one in tokens_of(question) if not one.mark]
    words = {one.text for one in tokens if not one.chinese} - _SMALL - _OF_QUESTIONS
    found = {_stem(one) for one in words}
    for one, other in itertools.pairwise(tokens):
        together = one.chinese and other.chinese and one.end == other.start
        if together and not {one.text, other.text} & _OF_QUESTIONS_ZH:
            found.add(one.text + other.text)
    return found or terms(question)


def _stem(word: str) -> str:
    for tail in ("ing", "ed", "es", "s"):
        if word.endswith(tail) and len(word) - len(tail) >= 3:
            return word[: -len(tail)].rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word


_CITES = re.compile(r"\[(\d{1,2})\]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


def borne_out(sentence: str, passages: Sequence[Passage]) -> tuple[int, ...]:
    """Numbers (from 1) of the passages that a sentence cites and that bear it out.

    A sentence that cites nothing is held against all of them.
    """
    cited = [int(one) for one in _CITES.findall(sentence)] or list(range(1, len(passages) + 1))
    said = _CITES.sub("", sentence)
    words = terms(said)
    numbers = set(_NUMBER.findall(said))
    found = []
    for number in dict.fromkeys(cited):
        if 1 <= number <= len(passages) and words:
            text = passages[number - 1].text
            share = len(words & terms(text)) / len(words)
            if share >= SUPPORTED and numbers <= set(_NUMBER.findall(text)):
                found.append(number)
    return tuple(found)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, each with the citation that follows it."""
    found: list[str] = []
    for one in _SENTENCE.finditer(text):
        part = one.group().strip()
        if found and re.fullmatch(r"(\[\d{1,2}\]\s*)+", part):
            found[-1] += " " + part
        elif found and (lead := re.match(r"((?:\[\d{1,2}\]\s*)+)(.*)", part)):
            found[-1] += " " + lead.group(1).strip()
            found.append(lead.group(2))
        elif part:
            found.append(part)
    return found
