"""The cheapest way through a network of templates for a sentence, misspelt or not. Pure.

A best-first search: words as they stand cost nothing, near ones a little, fillers almost nothing,
one word that no template knows may be overlooked at a price, a guard ("not", 别) never.
"""

from __future__ import annotations

import functools
import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from penjing.assistant.understand.garbled import garbled
from penjing.assistant.understand.languages import language
from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.walk import Node, Walk, Way
from penjing.assistant.understand.words import FILLER, FILLERS, GUARDS, JOINT, Phrases

FILLER_COST = 0.04
UNKNOWN_COST = 0.7
MAX_COST = 1.25
NEAR = 0.11
"""Ways that cost so little more than the best are told too: dialogue may know better."""
MAX_STEPS = 4000
"""Of one search: a sentence made to be hard is given up."""
_FREE_TEXT_COST = 0.03
_JOINT_IN_TEXT_COST = 0.15
_SMALL_TEXT_COST = 0.3
"""Chinese particles alone are hardly what is meant."""
_NO_TEXT = frozenset("里上中下起到着住好我你您他她咱请")
"""Alone they belong to the words beside them: 写在笔记里, 我记在笔记里了."""
_NO_END = frozenset({"for", "of", "the", "a", "an", "with", "to", "from", "my", "and", "or",
                     "at", "on", "in", "by", "和", "跟", "与"})  # fmt: skip
"""Words that something follows: free words do not end in them before more is said."""
_ASKED = frozenset({"please", "thanks"})
"""Said to whoever listens, and no part of what is kept."""
_CALLED = frozenset({"dear", "love", "mate", "darling", "honey", "pal", "buddy", "man", "bro",
                     "dude", "sweetie", "sweetheart", "yaar", "boss", "hun", "babe"})  # fmt: skip
"""Behind a comma likewise."""
_NUMBER_IN_TEXT_COST = 0.12
"""A number behind other free words may well be a value of its own."""

Said = Callable[[Way, int], Sequence[Span]]
"""What a slot may be from a token on."""
Mended = tuple[tuple[int, str], ...]
"""Places of words and what they were read for."""
Slots = tuple[tuple[str, Span], ...]
"""What was read, in the order of the sentence."""


@dataclass(frozen=True)
class Match:
    """A template that fits."""

    template: int
    """Its number, or that of all that mean the same."""
    cost: float
    """0 fits word for word."""
    slots: Slots
    """What was read."""
    literal: int
    """Words of the sentence that the template itself has: a bit for each place."""
    mended: Mended = ()
    """Words that were read for others, those of slots too."""


@dataclass(frozen=True)
class Manner:
    """How a walk is taken."""

    fillers: Phrases = FILLER
    """What may be left out."""
    guards: frozenset[str] = GUARDS
    """What may never be overlooked."""
    most: float = MAX_COST
    """What a whole sentence may cost."""
    overlooks: bool = True
    """One word that no template knows may be overlooked."""
    garbles: bool = False
    """One Chinese character may be wrong, missing or misplaced."""
    doubt: float = 0.0
    """What free words cost that hold a word which may be a typing error."""
    whole: bool = False
    """Nothing is told of a sentence of which not all ways could be looked at."""
    kept: int = 8
    """Matches that are told at most."""
    accepts: Callable[[int, Slots], bool] = lambda _template, _slots: True
    """Whether a template that fits with these slots counts."""


@functools.cache
def manner_of(code: str) -> Manner:
    """How templates of a language are walked: what may be left out of a sentence, and what not."""
    spoken = language(code)
    return Manner(Phrases([*FILLERS, *spoken.fillers]), GUARDS | spoken.guards)


def matches(  # noqa: PLR0912 -- one search, and speed matters in it
    walk: Walk,
    tokens: Sequence[Token],
    said: Said,
    texts: frozenset[str],
    manner: Manner = Manner(),
) -> list[Match]:
    """The best ways to read a whole sentence, best first. `texts`: slots that take any words."""
    ticket = itertools.count()
    # cost, -place, order, state, overlooked a word, literal words, slots, mended words
    todo: list[tuple[float, int, int, Node, bool, int, Slots, Mended]] = [
        (0.0, 0, 0, walk.start, False, 0, (), ())
    ]
    seen: dict[tuple[int, Node, bool], float] = {}
    found: list[Match] = []
    best = manner.most
    for _ in range(MAX_STEPS):
        if not todo:
            break
        cost, minus, _, node, overlooked, literal, slots, mended = heapq.heappop(todo)
        if cost > best + NEAR:
            break
        place = -minus
        if place == len(tokens):
            for number in node.ends:
                if manner.accepts(number, slots):
                    found.append(Match(number, cost, slots, literal, mended))
                    best = min(best, cost)
            continue
        key = (place, node, overlooked)
        if seen.get(key, MAX_COST + 1) <= cost - 1e-9 and not node.ways:
            continue
        if seen.setdefault(key, cost) > cost:
            seen[key] = cost
        token = tokens[place]
        steps: list[tuple[float, int, Node | None, bool, int, Slots, Mended]] = []
        bit = literal | 1 << place
        if (after := node.after(token.text)) is not None:
            steps.append((cost, place + 1, after, overlooked, bit, slots, mended))
        for text, price in token.fixes:
            if (after := node.after(text)) is not None:
                read = (*mended, (place, text))
                steps.append((cost + price, place + 1, after, overlooked, bit, slots, read))
        for way in node.ways:
            after = node.after(way.label)
            for span in said(way, place):
                more, read = (*slots, (way.slot, span)), (*mended, *span.mended)
                steps.append((cost + span.cost, span.end, after, overlooked, literal, more, read))
            if way.slot in texts and not way.ending and not (manner.garbles and overlooked):
                for span in _free(tokens, place):
                    more, price = (*slots, (way.slot, span)), cost + span.cost
                    if manner.doubt and any(one.fixes for one in tokens[place : span.end]):
                        price += manner.doubt
                    steps.append((price, span.end, after, overlooked, literal, more, mended))
        if token.mark:
            steps.append((cost, place + 1, node, overlooked, literal, slots, mended))
        for end in () if _initial(tokens, place) else manner.fillers.ends(tokens, place):
            steps.append((cost + FILLER_COST, end, node, overlooked, literal, slots, mended))
        if manner.garbles and not overlooked and _plain(slots, literal, texts):
            for one in garbled(tokens, place, node):
                read, bits = (*mended, *one.mended), literal | one.literal
                steps.append((cost + one.cost, one.place, one.after, True, bits, slots, read))
        if manner.overlooks and not (overlooked or token.mark or _guard(token, manner.guards)):
            steps.append((cost + UNKNOWN_COST, place + 1, node, True, literal, slots, mended))
        for price, end, then, over, words, more, read in steps:
            if then is not None and price <= min(manner.most, best + NEAR):
                heapq.heappush(todo, (price, -end, next(ticket), then, over, words, more, read))
    else:
        if manner.whole:
            return []
    return _distinct(found, manner.kept)


def _plain(slots: Slots, literal: int, texts: frozenset[str]) -> bool:
    """Words that may be mended: no unit of a number, and where free words end is not guessed."""
    if any(slot in texts for slot, _ in slots):
        return False
    last = slots[-1][1] if slots else None
    return last is None or literal >> last.end > 0 or not isinstance(last.value, int | float)


def _initial(tokens: Sequence[Token], at: int) -> bool:
    """A letter that stands for a name, and no article: "A. R. Rahman"."""
    return (
        at + 2 < len(tokens)
        and len(tokens[at].text) == 1
        and tokens[at + 1].text == "."
        and tokens[at + 1].start == tokens[at].end
        and len(tokens[at + 2].text) > 0
    )


def _guard(token: Token, guards: frozenset[str]) -> bool:
    return token.text in guards or any(text in guards for text, _ in token.fixes)


def _free(tokens: Sequence[Token], at: int) -> list[Span]:
    """Any words from a token on; a joint among them makes it dearer."""
    if (tokens[at].mark and not _begins(tokens, at)) or (at and _begins(tokens, at - 1)):
        return []
    found, cost = [], 0.05
    if at and tokens[at - 1].mark and JOINT.ends(tokens, at):
        cost += _JOINT_IN_TEXT_COST  # "..., then play some jazz" is another request
    for end in range(at + 1, min(len(tokens), at + 40) + 1):
        cost += _FREE_TEXT_COST
        if end > at + 1 and number_at(tokens, end - 1) is not None:
            cost += _NUMBER_IN_TEXT_COST
        joint = end < len(tokens) and JOINT.ends(tokens, end) and not tokens[end].mark
        if joint or _ends(tokens, at, end):
            small = tokens[at].chinese and end in FILLER.ends(tokens, at)  # 提醒我一下
            price = _SMALL_TEXT_COST if small else 0
            if end > at + 1 or tokens[at].text not in _NO_TEXT:
                found.append(Span(at, end, None, cost + price))
        if joint:
            cost += _JOINT_IN_TEXT_COST
    return found


def _begins(tokens: Sequence[Token], at: int) -> bool:
    """A mark that belongs to what follows: a bracket, a sign, the point of .5."""
    if at + 1 >= len(tokens) or tokens[at].end != tokens[at + 1].start:
        return False
    if tokens[at].text in "-.":
        apart = not at or tokens[at - 1].end != tokens[at].start
        return apart and tokens[at + 1].text[0].isdecimal()
    return tokens[at].text in "(["


def _ends(tokens: Sequence[Token], at: int, end: int) -> bool:
    """Free words may end here: no bracket is left open, no factorial cut off."""
    said = [one.text for one in tokens[at:end]]
    behind = [one.text for one in tokens[end:]]
    for opens, closes in ("()", "[]"):
        if said.count(opens) > said.count(closes) and closes in behind:
            return False
    counted = tokens[end - 1].text[0].isdecimal() or tokens[end - 1].text == ")"
    if behind[:1] == ["!"] and counted and tokens[end - 1].end == tokens[end].start:
        return False
    if not tokens[end - 1].mark:
        asked = tokens[end - 1].text in _ASKED and end - at > 1
        asked = asked or (
            end - at > 2 and tokens[end - 2].text == "," and tokens[end - 1].text in _CALLED
        )
        return not asked and (end == len(tokens) or tokens[end - 1].text not in _NO_END)
    last, before = tokens[end - 1], tokens[end - 2]
    factorial = last.text == "!" and (before.text[0].isdecimal() or before.text == ")")
    return end - at > 1 and (last.text in ")]" or factorial) and before.end == last.start


def _distinct(found: list[Match], most: int) -> list[Match]:
    found.sort(key=lambda one: (round(one.cost, 6), -one.literal.bit_count(), one.template))
    seen, kept = set(), []
    for one in found:
        read = tuple((slot, str(span.value)) for slot, span in one.slots)
        key = (one.template, one.mended, one.literal, read)
        if key not in seen:
            seen.add(key)
            kept.append(one)
    return kept[:most]
