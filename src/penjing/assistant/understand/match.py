"""The cheapest way through a network of templates for a sentence, typing errors and all. Pure.

A best-first search: words as they stand cost nothing, near ones a little, fillers almost nothing,
one word that no template knows may be overlooked at a price, a guard ("not", 别) never.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penjing.assistant.understand.network import Walk
from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import FILLER, GUARDS, JOINT

FILLER_COST = 0.04
UNKNOWN_COST = 0.7
MAX_COST = 1.25
NEAR = 0.11
"""Ways that cost so little more than the best are told too: dialogue may know better."""
MAX_STEPS = 4000
"""Of one search: a sentence made to be hard is given up."""
_FREE_TEXT_COST = 0.03
_JOINT_IN_TEXT_COST = 0.15
_NO_END = frozenset({"for", "of", "the", "a", "an", "with", "to", "from", "my", "and", "or",
                     "at", "on", "in", "by", "和", "跟", "与"})  # fmt: skip
"""Words that something follows: free words do not end in them before more is said."""
_ASKED = frozenset({"please", "thanks"})
"""Said to whoever listens, and no part of what is kept."""
_NUMBER_IN_TEXT_COST = 0.12
"""A number behind other free words may well be a value of its own."""

Spans = Mapping[str, Mapping[int, Sequence[Span]]]
"""Slot to first token to what may be read there."""


@dataclass(frozen=True)
class Match:
    """A template that fits."""

    template: int
    """Its number."""
    cost: float
    """0 fits word for word."""
    slots: tuple[tuple[str, Span], ...]
    """What was read."""
    literal: int
    """Words of the sentence that the template itself has: a bit for each place."""


def matches(  # noqa: PLR0912 -- one search, and speed matters in it
    walk: Walk, tokens: Sequence[Token], spans: Spans, texts: frozenset[str]
) -> list[Match]:
    """The best ways to read a whole sentence, best first. `texts`: slots that take any words."""
    ticket = itertools.count()
    # cost, -place, order, state, overlooked a word, literal words, slots
    todo: list[tuple[float, int, int, int, bool, int, tuple[tuple[str, Span], ...]]] = [
        (0.0, 0, 0, 0, False, 0, ())
    ]
    seen: dict[tuple[int, int, bool], float] = {}
    found: list[Match] = []
    best = MAX_COST
    for _ in range(MAX_STEPS):
        if not todo:
            break
        cost, minus, _, state, overlooked, literal, slots = heapq.heappop(todo)
        if cost > best + NEAR:
            break
        place = -minus
        if place == len(tokens):
            for number in walk.ends[state]:
                found.append(Match(number, cost, slots, literal))
                best = min(best, cost)
            continue
        key = (place, state, overlooked)
        if seen.get(key, MAX_COST + 1) <= cost - 1e-9 and not walk.slots[state]:
            continue
        if seen.setdefault(key, cost) > cost:
            seen[key] = cost
        token = tokens[place]
        ways = walk.words[state]
        steps: list[tuple[float, int, int, bool, int, tuple[tuple[str, Span], ...]]] = []
        for after in ways.get(token.text, ()):
            steps.append((cost, place + 1, after, overlooked, literal | 1 << place, slots))
        for text, price in token.fixes:
            for after in ways.get(text, ()):
                steps.append(
                    (cost + price, place + 1, after, overlooked, literal | 1 << place, slots)
                )
        for slot, after in walk.slots[state]:
            for span in spans.get(slot, {}).get(place, ()):
                more = (*slots, (slot, span))
                steps.append((cost + span.cost, span.end, after, overlooked, literal, more))
            if slot in texts:
                for span in _free(tokens, place):
                    more = (*slots, (slot, span))
                    steps.append((cost + span.cost, span.end, after, overlooked, literal, more))
        if token.mark:
            steps.append((cost, place + 1, state, overlooked, literal, slots))
        for end in FILLER.ends(tokens, place):
            steps.append((cost + FILLER_COST, end, state, overlooked, literal, slots))
        if not overlooked and not token.mark and not _guard(token):
            steps.append((cost + UNKNOWN_COST, place + 1, state, True, literal, slots))
        for price, end, after, over, words, read in steps:
            if price <= min(MAX_COST, best + NEAR):
                heapq.heappush(todo, (price, -end, next(ticket), after, over, words, read))
    return _distinct(found)


def _guard(token: Token) -> bool:
    return token.text in GUARDS or any(text in GUARDS for text, _ in token.fixes)


def _free(tokens: Sequence[Token], at: int) -> list[Span]:
    """Any words from a token on; a joint among them makes it dearer."""
    if (tokens[at].mark and not _begins(tokens, at)) or (at and _begins(tokens, at - 1)):
        return []
    found, cost = [], 0.05
    for end in range(at + 1, min(len(tokens), at + 40) + 1):
        cost += _FREE_TEXT_COST
        if end > at + 1 and number_at(tokens, end - 1) is not None:
            cost += _NUMBER_IN_TEXT_COST
        joint = end < len(tokens) and JOINT.ends(tokens, end) and not tokens[end].mark
        if joint or _ends(tokens, at, end):
            found.append(Span(at, end, None, cost))
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
        return not asked and (end == len(tokens) or tokens[end - 1].text not in _NO_END)
    last, before = tokens[end - 1], tokens[end - 2]
    factorial = last.text == "!" and (before.text[0].isdecimal() or before.text == ")")
    return end - at > 1 and (last.text in ")]" or factorial) and before.end == last.start


def _distinct(found: list[Match]) -> list[Match]:
    found.sort(key=lambda one: (round(one.cost, 6), -one.literal.bit_count(), one.template))
    seen, kept = set(), []
    for one in found:
        key = (one.template, tuple((slot, str(span.value)) for slot, span in one.slots))
        if key not in seen:
            seen.add(key)
            kept.append(one)
    return kept[:8]
