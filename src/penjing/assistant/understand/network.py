"""Sentence templates as one finite automaton of words and slots, walked by `match.py`.

Templates are written in the hassil syntax and read by hassil's own parser. A network holds all
templates of a language. It is built from their ends, and what goes on alike is one state (as in an
acyclic automaton of a dictionary; Daciuk et al., "Incremental Construction of Minimal Acyclic
Finite-State Automata", 2000), so that rules which a thousand sentences share cost little.

Words may be put together from parts in any alphabet: `lumière[s]`, `gro(ß|ss)e`, `[ein]schalten`.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from penjing.assistant.understand.text import CHINESE, tokens_of
from penjing.assistant.understand.walk import Edge, Walk, is_slot, slot_label
from penjing.core.errors import BadInput
from penjing.core.extras import needed

MAX_DEPTH = 24
"""Brackets and rules inside each other in one template."""
MAX_EDGES = 400_000
"""Of one language: templates with alternatives beyond counting are refused."""
_MAX_STEPS = 2_000_000
_RUN = re.compile(rf"(?:[^\W\d_{CHINESE}]|['’])+")


@functools.lru_cache(maxsize=20_000)
def plain_words(run: str) -> Sequence[str]:
    """The words of a few letters, without marks: the same ones are asked for again and again."""
    return tuple(one.text for one in tokens_of(run) if not one.mark)


Named = Callable[[Any], str]
"""hassil's reference to a list, to what the slot is called."""


def _slot_name(reference: Any) -> str:
    return str(reference.slot_name)


class Network:
    """The templates of one language while they are put together."""

    def __init__(self, named: Named = _slot_name) -> None:
        self._named = named
        self._states: list[frozenset[Edge]] = []
        self._known: dict[frozenset[Edge], int] = {}
        self._final: dict[int, int] = {}
        self._ruled: dict[tuple[Rules, str, int], int] = {}
        self._texts: dict[tuple[str, int], int] = {}
        self._groups: dict[tuple[int, Rules, int], tuple[Any, int]] = {}
        self._edges = self._steps = 0
        self._starts: set[int] = set()

    def add(self, tree: Any, number: int, rules: Rules | None = None) -> None:
        """Add the tree of a template; `number` is what a walk finds at its end."""
        end = self._state({Edge("", number)})
        self._starts.add(self._whole(self._before(tree, end, rules or _NO_RULES, 0)))

    def add_text(self, text: str, number: int) -> None:
        """Add words that are no template, such as somebody's name for a lamp."""
        self._starts.add(self._whole(self._text(text, self._state({Edge("", number)}))))

    def closed(self) -> Walk:
        """What can be walked."""
        return Walk(self._states, tuple(sorted(self._starts)))

    def words(self) -> Mapping[int, frozenset[str]]:
        """The words on the ways to each number. A state is made after those it leads to."""
        ends = [0] * len(self._states)  # a bit for each number
        for place, edges in enumerate(self._states):
            for edge in edges:
                ends[place] |= ends[edge.after] if edge.label else 1 << edge.after
        reached, said = set(self._starts), dict[str, int]()
        for place in range(len(self._states) - 1, -1, -1):
            for edge in self._states[place] if place in reached else ():
                if edge.label:
                    reached.add(edge.after)
                    said[edge.label] = said.get(edge.label, 0) | ends[edge.after]
        words: dict[int, set[str]] = {}
        for word, many in said.items():
            for number in () if is_slot(word) else range(many.bit_length()):
                if many >> number & 1:
                    words.setdefault(number, set()).add(word)
        return {number: frozenset(many) for number, many in words.items()}

    # -- states; each is known by the edges that leave it

    def _state(self, edges: set[Edge]) -> int:
        key = frozenset(edges)
        found = self._known.get(key)
        if found is None:
            self._room(len(key))
            found = self._known[key] = len(self._states)
            self._states.append(key)
        return found

    def _room(self, more: int) -> None:
        self._edges += more
        self._steps += 1
        if self._edges > MAX_EDGES or self._steps > _MAX_STEPS:
            raise BadInput("the sentence templates are too many: write fewer alternatives")

    def _whole(self, state: int) -> int:
        """The same where nothing can be put before the words that begin here any more."""
        found = self._final.get(state)
        if found is None:
            edges: set[Edge] = set()
            for edge in self._states[state]:
                if edge.open:
                    edges |= self._states[self._chain(plain_words(edge.label), edge.after)]
                else:
                    edges.add(edge)
            found = self._final[state] = self._state(edges)
        return found

    def _chain(self, words: Sequence[str], after: int) -> int:
        for word in reversed(words):
            after = self._state({Edge(word, after)})
        return after

    # -- what stands before a state

    def _before(self, tree: Any, after: int, rules: Rules, depth: int) -> int:
        self._room(0)
        kind = type(tree).__name__
        if kind == "TextChunk":
            said = (tree.text, after)
            if said not in self._texts:
                self._texts[said] = self._text(*said)
            return self._texts[said]
        if kind == "ListReference":
            return self._slot(self._named(tree), after)
        if kind == "Sequence":
            for item in reversed(tree.items):
                after = self._before(item, after, rules, depth)
            return after
        if kind == "Alternative":
            group = (id(tree), rules, after)  # trees share their groups: see `parse_template`
            if group not in self._groups:
                edges: set[Edge] = set()
                for item in tree.items:
                    edges |= self._states[self._before(item, after, rules, depth)]
                self._groups[group] = tree, self._state(edges)  # which keeps the tree, and its id
            return self._groups[group][1]
        if kind == "Permutation":
            return self._permuted(tree.items, after, rules, depth)
        if depth > MAX_DEPTH:
            raise BadInput(f"the rule <{tree.rule_name}> goes in a circle: write the words out")
        key = (rules, str(tree.rule_name), after)
        if key not in self._ruled:
            self._ruled[key] = self._before(rules.of(key[1]), after, rules, depth + 1)
        return self._ruled[key]

    def _permuted(self, items: Sequence[Any], after: int, rules: Rules, depth: int) -> int:
        if len(items) > 4:
            raise BadInput("a permutation of more than four parts: write several templates")
        edges: set[Edge] = set()
        for order in itertools.permutations(items):
            place = after
            for item in reversed(order):
                place = self._before(item, place, rules, depth)
            edges |= self._states[place]
        return self._state(edges)

    def _slot(self, slot: str, after: int) -> int:
        """A slot; letters right behind it are an ending of its last word."""
        edges, plain = set(), set()
        for edge in self._states[after]:
            if edge.open:
                edges.add(Edge(slot_label(slot, edge.label), edge.after))
            else:
                plain.add(edge)
        if plain:
            edges.add(Edge(slot_label(slot), self._state(plain)))
        return self._state(edges)

    def _text(self, text: str, after: int) -> int:
        for part in reversed(re.split(r"(\s+)", text)):
            if not part:
                continue
            if part.isspace():
                after = self._whole(after)
                continue
            at = len(part)
            for run in reversed(list(_RUN.finditer(part))):
                if run.end() < at:
                    after = self._signs(part[run.end() : at], after)
                after, at = self._run(run.group().replace("’", "'"), after), run.start()
            if at:
                after = self._signs(part[:at], after)
        return after

    def _signs(self, text: str, after: int) -> int:
        """Numbers, signs and Chinese characters: they are never part of a longer word."""
        return self._chain(plain_words(text), self._whole(after))

    def _run(self, run: str, after: int) -> int:
        """Letters: they make one word with letters that follow without a space."""
        edges, plain = set(), set()
        for edge in self._states[after]:
            if edge.open:
                edges.add(Edge(run.lower() + edge.label, edge.after, open=True))
            else:
                plain.add(edge)
        if plain:
            edges.add(Edge(run.lower(), self._state(plain), open=True))
        return self._state(edges)


class Rules:
    """What `<name>` stands for."""

    def __init__(self, trees: Mapping[str, Any]) -> None:
        self._trees = trees

    def of(self, name: str) -> Any:
        """The tree of a rule. Raises BadInput."""
        if name not in self._trees:
            raise BadInput(
                f"a template uses <{name[:40]}>, and no rule is called so: write it under rules"
            )
        return self._trees[name]


_GROUP = re.compile(r"\([^][(){}<>\\]{24,}\)|\[[^][(){}<>\\]{24,}\]")
"""A group without groups, lists and rules in it, and worth being remembered."""
_SHARED = "\ue000"
"""How the name of such a group begins; a spec's own rules are written out before."""


_NO_RULES = Rules({})


@functools.lru_cache(maxsize=4096)
def parse_template(template: str, *, most: int = 4000) -> Any:
    """hassil's tree of a template, to be read only: what several have written alike in brackets,
    as a spec's rules are, is one tree. BadInput says what is wrong with it."""
    with needed("sentence templates", "assistant"):
        from hassil.parse_expression import ParseExpressionError, parse_sentence
        from hassil.parser import ParseError
    if len(template) > most:
        raise BadInput(f"the template '{template[:40]}...' is too long: write several")
    if _depth(template) > MAX_DEPTH:
        raise BadInput(f"the template '{template[:40]}...' is nested too deeply: write several")
    groups: list[str] = []

    def named(found: re.Match[str]) -> str:
        groups.append(found.group())
        return f"<{_SHARED}{len(groups) - 1}>"

    short = _GROUP.sub(named, template) if template not in (_GROUP.findall(template)) else template
    try:
        return _with_groups(parse_sentence(short).expression, groups)
    except (ParseError, ParseExpressionError, ValueError, AssertionError) as error:
        raise BadInput(f"the template '{template[:80]}' cannot be read: {error}") from error


def _with_groups(tree: Any, groups: Sequence[str]) -> Any:
    """A tree with the trees of groups where it names them."""
    if type(tree).__name__ == "RuleReference" and tree.rule_name.startswith(_SHARED):
        return parse_template(groups[int(tree.rule_name[1:])], most=1_000_000)
    if groups and hasattr(tree, "items"):
        tree.items = [_with_groups(one, groups) for one in tree.items]
    return tree


def _depth(template: str) -> int:
    """How deeply brackets stand inside each other."""
    deepest = now = 0
    for char in template:
        now += (char in "([{<") - (char in ")]}>")
        deepest = max(deepest, now)
    return deepest


def slots_in(tree: Any) -> frozenset[str]:
    """Names of the slots of a tree."""
    kind = type(tree).__name__
    if kind == "ListReference":
        return frozenset({tree.slot_name})
    found: frozenset[str] = frozenset()
    for item in getattr(tree, "items", ()):
        found |= slots_in(item)
    return found


def samples(tree: Any, most: int, count: Counts | None = None) -> list[str]:
    """Some sentences of a tree, slots as `@name`; always the same ones, spread over all. `count`
    is kept by who asks for those of many trees."""
    count = count or Counts()
    total = count(tree)
    step = max(1, total // most)
    chosen = {(one * step + one * 7919) % total for one in range(min(most, total))}
    return [" ".join(_sample(tree, one, count).split()) for one in sorted(chosen)]


def plainest(tree: Any) -> str:
    """The sentence of a tree without all that may be left out, with the first of each choice."""
    return " ".join(_plainest(tree).split())


def _plainest(tree: Any) -> str:
    kind = type(tree).__name__
    if kind in ("TextChunk", "ListReference"):
        return _sample(tree, 0, Counts())
    said = [_plainest(one) for one in tree.items]
    if kind == "Alternative":
        return "" if any(not one.strip() for one in said) else said[0]
    return "".join(said)


class Counts:
    """How many sentences trees and each of their parts have, each counted once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, int]] = {}
        self._upto: dict[int, list[int]] = {}

    def __call__(self, tree: Any) -> int:
        """Of one part of a tree; at most 10**12 for what stands side by side."""
        known = self._known.get(id(tree))
        if known is None:
            known = self._known[id(tree)] = tree, self._count(tree)  # which keeps it, and its id
        return known[1]

    def choice(self, tree: Any, number: int) -> tuple[Any, int]:
        """Which of alternatives has a sentence, and its number there."""
        self(tree)
        upto = self._upto.get(id(tree))
        if upto is None:
            upto = self._upto[id(tree)] = [0, *itertools.accumulate(map(self, tree.items))]
        place = bisect.bisect_right(upto, number) - 1
        return tree.items[place], number - upto[place]

    def _count(self, tree: Any) -> int:
        kind = type(tree).__name__
        if kind == "Alternative":
            return sum(map(self, tree.items))
        if kind not in ("Sequence", "Permutation"):
            return 1
        product = 1
        for item in tree.items:
            product = min(product * self(item), 10**12)
        return product * (2 if kind == "Permutation" else 1)


def _sample(tree: Any, number: int, count: Counts) -> str:
    kind = type(tree).__name__
    if kind == "TextChunk":
        return str(tree.text)
    if kind == "ListReference":
        return f" @{tree.slot_name} "
    if kind == "Alternative":
        return _sample(*count.choice(tree, number), count)
    if kind == "Permutation":
        number, turned = divmod(number, 2)
        return "".join(_each_sample(tree.items[::-1] if turned else tree.items, number, count))
    return "".join(_each_sample(tree.items, number, count))


def _each_sample(items: Sequence[Any], number: int, count: Counts) -> Iterator[str]:
    for item in items:
        number, one = divmod(number, count(item))
        yield _sample(item, one, count)


Templates = Mapping[str, Sequence[str]]
"""Intent to its templates in one language."""
