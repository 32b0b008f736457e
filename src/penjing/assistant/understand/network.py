"""Sentence templates as one network of words and slots, to be walked by `match.py`.

Templates are written in the hassil syntax and read by hassil's own parser. One network holds all
templates of a language; what they have in common is tried once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penjing.assistant.understand.text import tokens_of
from penjing.core.errors import BadInput, MissingExtra

MAX_DEPTH = 24
"""Brackets inside each other in one template."""
MAX_STATES = 200_000
"""Of one language: a template with permutations in permutations is refused."""


@dataclass
class Network:
    """States and the ways between them. Made once, then only read."""

    words: list[dict[str, list[int]]] = field(default_factory=list)
    """From each state: word to the states after it."""
    slots: list[list[tuple[str, int]]] = field(default_factory=list)
    """From each state: slots and the states after them."""
    free: list[list[int]] = field(default_factory=list)
    """From each state: states that are reached by nothing."""
    ends: dict[int, int] = field(default_factory=dict)
    """Last state to the number of its template."""
    vocabulary: set[str] = field(default_factory=set)
    """All words."""

    def state(self) -> int:
        """A new one."""
        if len(self.words) >= MAX_STATES:
            raise BadInput("the sentence templates are too many: write fewer alternatives")
        self.words.append({})
        self.slots.append([])
        self.free.append([])
        return len(self.words) - 1

    def closed(self) -> Walk:
        """The same without free ways."""
        reach = [self._closure(one) for one in range(len(self.words))]
        words, slots, ends = [], [], []
        for states in reach:
            ways: dict[str, list[int]] = {}
            for state in states:
                for word, after in self.words[state].items():
                    ways.setdefault(word, []).extend(after)
            words.append({word: tuple(dict.fromkeys(after)) for word, after in ways.items()})
            slots.append(tuple(dict.fromkeys(way for one in states for way in self.slots[one])))
            ends.append(tuple(sorted({self.ends[one] for one in states if one in self.ends})))
        return Walk(words, slots, ends, frozenset(self.vocabulary))

    def _closure(self, start: int) -> list[int]:
        seen, todo = {start}, [start]
        while todo:
            for after in self.free[todo.pop()]:
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        return sorted(seen)


@dataclass(frozen=True)
class Walk:
    """A network that can be walked: state 0 is the start."""

    words: list[dict[str, tuple[int, ...]]]
    """From each state: word to the states after it."""
    slots: list[tuple[tuple[str, int], ...]]
    """From each state: slots and the states after them."""
    ends: list[tuple[int, ...]]
    """Templates that may end in each state."""
    vocabulary: frozenset[str]
    """All words."""


_JOINED = re.compile(r"([A-Za-z']+)\[([A-Za-z']+)\]|([A-Za-z']+)\(([A-Za-z'|]+)\)")


def parse_template(template: str) -> Any:
    """hassil's tree of a template. BadInput says what is wrong with it."""
    try:
        from hassil.parse_expression import ParseExpressionError, parse_sentence
        from hassil.parser import ParseError
    except ImportError as error:
        raise MissingExtra("sentence templates", "assistant") from error
    if len(template) > 2000:
        raise BadInput(f"the template '{template[:40]}...' is too long: write several")
    if _depth(template) > MAX_DEPTH:
        raise BadInput(f"the template '{template[:40]}...' is nested too deeply: write several")
    try:
        return parse_sentence(_JOINED.sub(_whole_words, template)).expression
    except (ParseError, ParseExpressionError, ValueError, AssertionError) as error:
        raise BadInput(f"the template '{template[:80]}' cannot be read: {error}") from error


def _depth(template: str) -> int:
    """How deeply brackets stand inside each other."""
    deepest = now = 0
    for char in template:
        now += (char in "([{<") - (char in ")]}>")
        deepest = max(deepest, now)
    return deepest


def _whole_words(found: re.Match[str]) -> str:
    """`light[s]` is one word in two forms, not two words."""
    stem, tail, other, tails = found.groups()
    if stem is not None:
        return f"({stem}|{stem}{tail})"
    return "(" + "|".join(other + one for one in tails.split("|")) + ")"


def add_template(network: Network, start: int, tree: Any, number: int) -> None:
    """Add the tree of a template, from a state on."""
    network.ends[_add(network, start, tree)] = number


def _add(network: Network, start: int, tree: Any) -> int:
    kind = type(tree).__name__
    if kind == "TextChunk":
        for token in tokens_of(tree.text):
            if not token.mark:
                after = network.state()
                network.words[start].setdefault(token.text, []).append(after)
                network.vocabulary.add(token.text)
                start = after
        return start
    if kind == "ListReference":
        after = network.state()
        network.slots[start].append((tree.slot_name, after))
        return after
    if kind == "Sequence":
        for item in tree.items:
            start = _add(network, start, item)
        return start
    if kind == "Alternative":
        end = network.state()
        for item in tree.items:
            network.free[_add(network, start, item)].append(end)
        return end
    if kind == "Permutation":
        if len(tree.items) > 4:
            raise BadInput("a permutation of more than four parts: write several templates")
        end = network.state()
        for order in itertools.permutations(tree.items):
            place = start
            for item in order:
                place = _add(network, place, item)
            network.free[place].append(end)
        return end
    raise BadInput("a template uses a <rule> that is none: write it under rules")


def words_in(tree: Any) -> frozenset[str]:
    """All words of a tree."""
    if type(tree).__name__ == "TextChunk":
        return frozenset(token.text for token in tokens_of(tree.text) if not token.mark)
    found: frozenset[str] = frozenset()
    for item in getattr(tree, "items", ()):
        found |= words_in(item)
    return found


def slots_in(tree: Any) -> frozenset[str]:
    """Names of the slots of a tree."""
    kind = type(tree).__name__
    if kind == "ListReference":
        return frozenset({tree.slot_name})
    found: frozenset[str] = frozenset()
    for item in getattr(tree, "items", ()):
        found |= slots_in(item)
    return found


def samples(tree: Any, most: int) -> list[str]:
    """Some sentences of a tree, slots as `@name`; always the same ones, spread over all."""
    total = _count(tree)
    step = max(1, total // most)
    chosen = {(one * step + one * 7919) % total for one in range(min(most, total))}
    return [" ".join(_sample(tree, one).split()) for one in sorted(chosen)]


def _count(tree: Any) -> int:
    kind = type(tree).__name__
    if kind == "Sequence":
        product = 1
        for item in tree.items:
            product = min(product * _count(item), 10**12)
        return product
    if kind == "Alternative":
        return sum(_count(item) for item in tree.items)
    if kind == "Permutation":
        return _count_sequence(tree.items) * 2
    return 1


def _count_sequence(items: Sequence[Any]) -> int:
    product = 1
    for item in items:
        product = min(product * _count(item), 10**12)
    return product


def _sample(tree: Any, number: int) -> str:
    kind = type(tree).__name__
    if kind == "TextChunk":
        return str(tree.text)
    if kind == "ListReference":
        return f" @{tree.slot_name} "
    if kind == "Alternative":
        for item in tree.items:
            count = _count(item)
            if number < count:
                return _sample(item, number)
            number -= count
    if kind == "Permutation":
        number, turned = divmod(number, 2)
        return "".join(_each_sample(tree.items[::-1] if turned else tree.items, number))
    return "".join(_each_sample(tree.items, number))


def _each_sample(items: Sequence[Any], number: int) -> Iterator[str]:
    for item in items:
        number, one = divmod(number, _count(item))
        yield _sample(item, one)


Templates = Mapping[str, Sequence[str]]
"""Intent to its templates in one language."""
