"""Several things at once: "all the lights", "everything except the TV", 除了卧室灯都关掉. Pure.

A group is a value that holds the names of all its things and, apart, those that were excepted: both
go as they are to the licence, which gives out the one without the other. It is never made of a name
that does not exist: what cannot be read leaves words over, and the gate stops at these.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from penjing.assistant.understand.cores import TOGETHER, Kind, cores
from penjing.assistant.understand.group_names import ALL_OF, ARTICLES, announced
from penjing.assistant.understand.names import Lexicon, Spoken, names_in, spoken
from penjing.assistant.understand.span import Span, phrase
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import FILLER, Phrases

MAX_GROUP = 100
"""Things of a group; of more than these none is made."""
_NEAR = 0.5
"""What a garbled name may cost in a list or an exception."""

_EXCEPT = Phrases((
    "except", "except for", "but", "but not", "apart from", "aside from", "other than",
    "excluding", "besides", "save for", "with the exception of", "all except", "but leave",
    "but keep", "and leave", "and keep", "leave", "keep", "just leave", "just keep", "just not",
    "only not", "not", "bar", "but for", "bar for", "barring", "save", "minus", "excepting",
    "leaving out", "not counting", "not including", "without", "除了", "除", "除开", "除去", "除却",
    "不包括", "但不包括", "不包含", "不含", "不算", "刨去", "刨除", "刨开", "抛开", "撇开", "排除",
))  # fmt: skip
_TELLING = frozenset({
    "except", "but", "apart", "aside", "other", "excluding", "besides", "save", "with", "all",
    "and", "leave", "keep", "just", "not", "bar", "barring", "minus", "excepting", "leaving",
    "without", "刨", "抛", "撇", "排", "算", "例", "外", "之", "以", "除", "不", "但", "留", "着",
})  # fmt: skip
"""One of these stands in every exception."""
_LEAVES = frozenset({"leave", "keep"})
_AS_IT_IS = Phrases((
    "on", "off", "alone", "as it is", "as they are", "one on", "one alone", "one off", "be",
    "the way it is", "burning", "running",
))  # fmt: skip
_OUTSIDE = Phrases((
    "以外", "之外", "外", "以外的", "之外的", "外的",
))  # fmt: skip
_KEPT = Phrases((
    "留着", "留下", "留", "开着", "亮着", "别动", "不动", "不关", "别关", "不用关", "不用动",
    "留一下", "别管", "留着别关", "保留", "先留着", "就留着", "给我留着", "例外",
    "除外", "不算", "不包括", "不算在内", "不包括在内",
))  # fmt: skip
"""Behind a Chinese name: it is left as it is."""
_THAT_ONE = Phrases(("那盏", "那个", "的那盏", "的那个", "那盏灯", "那个灯", "那", "这盏"))
_PLUS = Phrases(("and", "and the", ",", "plus", "as well as", "和", "跟", "与", "及", "以及", "、",
                 "还有", "加", "同"))  # fmt: skip
"""Between things that are all meant."""
_BOTH = Phrases(("both", "all", "both of them", "the two of them", "together", "all of them"))
_AND = Phrases(
    ("and", "or", "and not", "nor", ",", "和", "跟", "与", "及", "以及", "、", "还有", "或")
)


Excepted = tuple[int, int, list[tuple[str, str]]]
"""First token, one past the last, slots and names."""
_List = tuple[int, int, list[tuple[str, str]]]
"""The same of things that are all meant."""


def is_group(value: Any) -> bool:
    """It is a group of things."""
    return isinstance(value, Mapping) and value.keys() == {"all", "but"}


def things_of(value: Any, slot: str) -> tuple[str, ...]:
    """The names of a group's things of one slot, without those that were excepted."""
    excepted = value["but"].get(slot, ())
    return tuple(name for name in value["all"].get(slot, ()) if name not in excepted)


class _Looked:
    """A sentence that groups are looked for in; what is named in it is found once."""

    def __init__(self, said: Spoken, lexicons: Mapping[str, Lexicon]) -> None:
        self.tokens, self._said, self._lexicons = said.tokens, said, lexicons

    @functools.cached_property
    def named(self) -> dict[int, list[tuple[int, str, str]]]:
        """First token of each name to where it ends, its slot and what it means."""
        named: dict[int, list[tuple[int, str, str]]] = {}
        for slot, lexicon in self._lexicons.items():
            for span in names_in(self._said, lexicon):
                if span.cost < _NEAR:
                    named.setdefault(span.start, []).append((span.end, slot, span.value))
        return named

    @functools.cached_property
    def exceptions(self) -> list[Excepted]:
        """Where something is excepted."""
        tokens = self.tokens
        if _TELLING.isdisjoint(self._said.heard):
            return []
        named = self.named
        found: list[Excepted] = []
        for at in named:  # 卧室灯以外的灯, 走廊那盏留着
            end, names = _listed(tokens, at, named) or (at, [])
            found += [(at, last, names) for last in _left_alone(tokens, at, end)]
            ends = _OUTSIDE.ends(tokens, end) if end < len(tokens) else []
            if ends and tokens[end].text != "外":
                found.append((at, ends[0], names))
        for at in range(len(tokens)) if named else ():
            found += self._excepted(at)
        return found

    def _excepted(self, at: int) -> Iterator[Excepted]:
        """ "Except the lamp" at a token."""
        tokens = self.tokens
        for after in _EXCEPT.ends(tokens, at)[:1]:
            leaves = tokens[after - 1].text in _LEAVES
            if (one := _listed(tokens, after, self.named)) is None:
                continue
            end, names = one
            if leaves:
                ends = _AS_IT_IS.ends(tokens, end) if end < len(tokens) else []
                if not ends:
                    continue
                end = ends[0]
            if end < len(tokens) and tokens[at].chinese:
                end = max(_OUTSIDE.ends(tokens, end), default=end)
            while end < len(tokens) and tokens[at].chinese and tokens[end].mark:
                end += 1
            start = at - 1 if at and tokens[at - 1].text in (",", "，") else at
            yield start, end, names


@dataclass(frozen=True)
class Groups:
    """All kinds of a spec, with the names that exist now."""

    kinds: tuple[Kind, ...] = ()
    lexicons: Mapping[str, Lexicon] = field(default_factory=dict)
    """Slot to the names that may be excepted."""
    members: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """Slot to what each of its names means."""

    def gathered(self, tokens: tuple[Token, ...]) -> tuple[Token, ...]:
        """The same with an exception right behind what it is one of: "turn all lights off except
        the desk lamp". Its tokens then stand where the group ends."""
        if not self.kinds:
            return tokens
        looked = _Looked(spoken(tokens), self.lexicons)
        if (listed := self._told_behind(tokens, looked)) is not None:
            return listed
        excepted = _apart(looked.exceptions)
        if len(excepted) != 1:
            return tokens
        start, end, _ = excepted[0]
        meant = _apart(
            (a, b, kind)
            for kind in self.kinds
            for a, b in cores(tokens, kind, excepting=True)
            if b <= start or a >= end
        )
        if len({(a, b) for a, b, _ in meant}) != 1 or meant[0][1] == start:
            return tokens
        place = meant[0][1]
        at = tokens[place - 1].end
        moved = tuple(replace(one, start=at, end=at) for one in tokens[start:end])
        rest = [(n, one) for n, one in enumerate(tokens) if not start <= n < end]
        before = tuple(one for n, one in rest if n < place)
        return (*before, *moved, *(one for n, one in rest if n >= place))

    def _told_behind(self, tokens: tuple[Token, ...], looked: _Looked) -> tuple[Token, ...] | None:
        """ "Turn these off: the desk lamp, the hallway light": the list where they are meant."""
        colon = next((n for n, one in enumerate(tokens) if one.text == ":"), 0)
        if not colon or colon + 1 >= len(tokens) or announced(tokens, colon + 1) < colon:
            return None
        end, found = _listed(tokens, colon + 1, looked.named, _PLUS, close=True) or (0, [])
        if len(found) < 2 or any(not one.mark for one in tokens[end:]):
            return None
        for at in range(colon):
            ends = [one for one in ALL_OF.ends(tokens, at) if one < colon]
            if ends:
                start, last = tokens[at].start, tokens[ends[0] - 1].end
                listed = (replace(t, start=start, end=last) for t in tokens[colon + 1 : end])
                return (*tokens[:at], *listed, *tokens[ends[0] : colon])
        return None

    def spans(self, said: Spoken) -> dict[str, list[Span]]:
        """All groups, by slot."""
        looked = _Looked(said, self.lexicons)
        kinds = [one for one in self.kinds if 0 < sum(map(len, one.things.values())) <= MAX_GROUP]
        lists = list(self._lists(looked)) if kinds else []
        found: dict[str, list[Span]] = {}
        for kind in kinds:
            if kind.slot not in found:
                found[kind.slot] = [*self._whole(looked, kind), *self._of(kind, lists)]
        return found

    def _whole(self, looked: _Looked, kind: Kind) -> Iterator[Span]:
        """ "All the lights", "everything but the lamp"."""
        tokens = looked.tokens
        plain = set(cores(tokens, kind, excepting=False))
        for start, end in {*plain, *cores(tokens, kind, excepting=True)}:
            excepted = (one for one in looked.exceptions if one[0] == end)
            found = [one for one in excepted if self._holds(kind, one[2])]
            for _, last, names in found:
                yield Span(start, last, self._value(kind, names), 0.0)
            if end < len(tokens) and tokens[end].text == ":":
                continue  # what is meant is told behind it
            alone = kind.bare and all(
                one.mark or FILLER.ends(tokens, n)
                for n, one in enumerate(tokens)
                if not start <= n < end
            )
            if ((start, end) in plain or alone) and not found:
                yield Span(start, end, self._value(kind, ()), 0.0)

    def _of(self, kind: Kind, lists: Iterable[_List]) -> Iterator[Span]:
        """Those of some lists that are a kind's."""
        for first, last, names in lists:
            slots = dict.fromkeys(slot for slot, _ in names)
            if (kind.bare or len(slots) > 1) and self._holds(kind, names):
                all_of = {one: [name for slot, name in names if slot == one] for one in slots}
                yield Span(first, last, {"all": all_of, "but": {}}, 0.0)

    def _lists(self, looked: _Looked) -> Iterator[_List]:
        """ "The TV and all the lights"; of one slot only 客厅灯和厨房灯都."""
        tokens = looked.tokens
        if not any(
            _PLUS.ends(tokens, at) or TOGETHER.ends(tokens, at) for at in range(1, len(tokens))
        ):
            return
        items = {
            at: [one for one in many if one[0] - at > 1 or self._spelt(tokens[at], one[1])]
            for at, many in looked.named.items()
        }
        for one in self.kinds:
            for start, end in cores(tokens, one, excepting=False) if one.bare else ():
                every = [(end, one.slot, name) for name in one.things[one.slot]]
                items.setdefault(start, []).extend(every)
        loose = set(self._loose(tokens, items))
        for start in items:
            end, found = _listed(tokens, start, items, _PLUS, close=True) or (start, [])
            names = list(dict.fromkeys(found))
            together = TOGETHER.ends(tokens, end)[:1] if 0 < end < len(tokens) else []
            apart = any(one.text in _MEANT for one in tokens[start:end])
            several = len(names) > 1 and (apart or together)
            if several and (together or not any(start <= n < end for n in loose)):
                last = together[0] if together and tokens[end].chinese else _behind(tokens, end)
                yield announced(tokens, start), last, names

    def _loose(
        self, tokens: Sequence[Token], items: dict[int, list[tuple[int, str, str]]]
    ) -> Iterator[int]:
        """Where a Chinese noun stands for all of its things, if 都 ends the list: 灯和电视都."""
        for kind in self.kinds if any(one.chinese for one in tokens) else ():
            for noun in kind.nouns if kind.bare else ():
                for at in range(len(tokens)):
                    if at in items or not tokens[at].chinese or phrase(tokens, at, noun) is None:
                        continue
                    inside = any(n < at < one[0] for n, many in items.items() for one in many)
                    if not inside:
                        every = kind.things[kind.slot]
                        items[at] = [(at + len(noun), kind.slot, name) for name in every]
                        yield at

    def _spelt(self, token: Token, slot: str) -> bool:
        """A name of one word is written as it is: "I am cooking" is no cooling."""
        return token.chinese or not token.fixes or token.text in self.lexicons[slot].words

    def _holds(self, kind: Kind, names: Sequence[tuple[str, str]]) -> bool:
        return all(slot in kind.things for slot, _ in names)

    def _value(self, kind: Kind, names: Iterable[tuple[str, str]]) -> Mapping[str, Any]:
        but: dict[str, list[str]] = {}
        for slot, name in names:
            meant = self.members.get(slot, {}).get(name, (name,))
            but.setdefault(slot, []).extend([name, *meant])
        return {"all": {slot: list(one) for slot, one in kind.things.items()}, "but": but}


_MEANT = frozenset(
    {"and", "plus", "well", ",", "，", "、", "和", "跟", "与", "及", "还", "加", "同"}
)
"""One of these stands between things that are all meant."""


def _behind(tokens: Sequence[Token], at: int) -> int:
    """Past ", both" behind a list."""
    place = at + (at < len(tokens) and tokens[at].mark)
    ends = _BOTH.ends(tokens, place) if place < len(tokens) else []
    return ends[0] if ends else at


def _left_alone(tokens: Sequence[Token], at: int, end: int) -> Iterator[int]:
    """Where it ends that a thing stays as it is: 走廊那盏留着，."""
    if end >= len(tokens) or not tokens[at].chinese:
        return
    place = max(_THAT_ONE.ends(tokens, end), default=end)
    ends = _KEPT.ends(tokens, place) if place < len(tokens) else []
    if ends:
        last = ends[0]
        while last < len(tokens) and (tokens[last].mark or tokens[last].text in "吧就"):
            last += 1
        yield last


def _listed(
    tokens: Sequence[Token],
    at: int,
    named: Mapping[int, Sequence[tuple[int, str, str]]],
    joints: Phrases = _AND,
    *,
    close: bool = False,
) -> tuple[int, list[tuple[str, str]]] | None:
    """Names one after another; every one of them must exist. `close`: in Chinese with nothing
    between them."""
    names: list[tuple[str, str]] = []
    end = at
    while True:
        while at < len(tokens) and tokens[at].text in ARTICLES:
            at += 1
        here = named.get(at)
        if not here:
            return (end, names) if names else None
        longest = max(one[0] for one in here)
        names += [(slot, name) for last, slot, name in here if last == longest]
        at = end = longest
        ends = joints.ends(tokens, at) if at < len(tokens) else []
        if close and not ends and not (at in named and tokens[at].chinese):
            return end, names
        while ends:  # ", and"
            at = ends[0]
            ends = joints.ends(tokens, at) if at < len(tokens) else []


def _apart(places: Iterable[tuple[int, int, Any]]) -> list[tuple[int, int, Any]]:
    """Those that do not lie in a longer one."""
    every = sorted(places, key=lambda one: (one[0] - one[1], one[0]))
    kept: list[tuple[int, int, Any]] = []
    for one in every:
        if not any(old[0] < one[1] and one[0] < old[1] for old in kept):
            kept.append(one)
    return kept
