"""How what is said instead fits into what was said: a value, part of a request, a request. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from penjing.assistant.understand import parts, signals, whose
from penjing.assistant.understand.familiar import joined
from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.sentence import SURE
from penjing.assistant.understand.slots import REFERENCE
from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import DENYING, FILLER, JOINT, PRONOUN, Phrases
from penjing.core.dialogue import Recognition

Tokens = tuple[Token, ...]
_LEADS = Phrases((
    "the", "a", "to", "at", "in", "for", "on", "by", "i meant", "i mean", "make that", "make it",
    "that should be", "should be", "it's", "it was", "call it", "let's say", "say", "let's make it",
    "change it to", "set it to", "just", "only", "是", "到", "我是说", "应该是", "把", "改成",
    "换成", "要", "只", "就", "还是", "调到", "设成", "改到", "改为",
))  # fmt: skip
"""What leads to a value."""
_ENDS = Phrases((
    "please", "instead", "rather", "then", "thanks", "actually", "i mean", "i meant", "吧", "好了",
    "谢谢", "才对", "啊", "呀",
))  # fmt: skip
_ONLY = Phrases(("just", "only", "只", "就", "是", "还是"))
"""Before a request that is meant instead."""
_RATHER_NOT = re.compile(
    r"(?:还是|就)?(?:先|都)?(?:别|不|不要|不用)[去弄做开关放听设定用要打叫看管]{0,2}了?[吧啊]?"
    r"|(?:please |let's )?(?:don't|do not|not)(?: (?:bother|do (?:it|that|anything)|now))?"
)
"""What takes everything back."""
_NAMED = frozenset({"some", "something", "the", "a", "anything", "by", "put", "try", "放", "来",
                    "听", "换"})  # fmt: skip
"""How free words begin that are said instead of others."""
_TELLS = frozenset({
    "i", "i'm", "it", "it's", "we", "we're", "he", "she", "they", "you", "that", "that's", "this",
    "there", "there's", "wrong", "right", "sorry", "wait", "thanks", "really", "stop", "because",
    "我", "你", "他", "她", "它", "这", "那", "太", "错", "对", "好", "算", "等",
})  # fmt: skip
"""How a remark begins, and no name."""
_LONGEST_NAME = 6
_GARBLED = 0.5
"""What a value costs that may be none."""
_TRIED = 3
"""Places where a request may begin, and end, around what was repaired."""
_WAYS = 10
"""Places where a request may be cut."""
_NUMBER, _PART = "\0number", "\0part"
"""Kinds of values that no slot has: a number of what is named behind it, a part of the day."""
_HALVES = frozenset({"am", "pm"})


@dataclass(frozen=True)
class Plain:
    """A request that says plainly what it wants."""

    intent: str
    free: frozenset[int]
    """Tokens of free words."""
    kept: frozenset[int]
    """Those of them that are written down or sent as they are."""
    sure: bool = True
    """Nothing else can be made of it."""

    @classmethod
    def of(
        cls, one: Recognition, tokens: Tokens, texts: Collection[str], content: Collection[str]
    ) -> Plain:
        """What was read in some tokens, with the slots that take any words, and that are kept."""

        def places(names: Collection[str]) -> frozenset[int]:
            inside = [slot for slot in one.slots if slot.name in names]
            return frozenset(
                place
                for place, token in enumerate(tokens)
                if any(slot.start <= token.start and token.end <= slot.end for slot in inside)
            )

        return cls(str(one.intent), places(texts), places(content), one.confidence >= 1 - SURE)


@dataclass(frozen=True)
class Fit:
    """What can be made of words."""

    spans: Callable[[Tokens], Mapping[str, Sequence[Span]]]
    """The values in them."""
    read: Callable[[Tokens], Plain | None]
    """The request that they may be."""
    counted: frozenset[str]
    """Slots that are numbers, times and days."""

    def plain(self, tokens: Tokens) -> Plain | None:
        """The request that they are, and nothing else."""
        found = self.read(tokens)
        return found if found is not None and found.sure else None


def stripped(tokens: Tokens) -> Tokens:
    """Without the marks and the hesitation at its end."""
    while tokens and (tokens[-1].mark or tokens[-1].text in ("uh", "um", "er", "hmm", "呃", "嗯")):
        tokens = tokens[:-1]
    return tokens


def past(tokens: Sequence[Token], at: int, leads: Phrases = _LEADS) -> int:
    """Past marks and the small words that lead to a value."""
    while at < len(tokens):
        ends = leads.ends(tokens, at) or FILLER.ends(tokens, at)
        if tokens[at].mark:
            at += 1
        elif ends:
            at = ends[0]
        else:
            break
    return at


def rather_not(tokens: Tokens) -> Tokens:
    """The "no" of what says that nothing is to be done; nothing where it says something else."""
    tokens = stripped(tokens)
    said = joined([one.text for one in tokens])[0]
    denying = [n for n, one in enumerate(tokens) if one.text in DENYING]
    return tokens[denying[0] : denying[0] + 1] if denying and _RATHER_NOT.fullmatch(said) else ()


# -- a value for another one of its kind


def value(
    before: Tokens, rest: Tokens, fit: Fit, *, counted: bool = False, last: bool = False
) -> Tokens | None:
    """The last value before, by the one of its kind that follows; only right beside it and only of
    what is counted, where the words between say little (`counted`); only where nothing else follows
    (`last`)."""
    old, new = _values(before, fit), _values(rest, fit)
    begins = {0} if counted and not (rest and rest[0].mark) else {0, past(rest, 0)}
    said = [(one, name) for name, many in new.items() for one in many if one.start in begins]
    for one, name in sorted(said, key=lambda each: _order(*each)):
        known = [each for each in old.get(name, ()) if each.cost < _GARBLED]
        if not known or (counted and name not in fit.counted | {_NUMBER}):
            continue
        meant = max(known, key=lambda each: (each.end, each.end - each.start))
        tail = rest[one.end :]
        if (counted and meant.end != len(before)) or (last and not _ended(tail)):
            continue
        if name == _NUMBER and tail and meant.end < len(before):
            continue  # what is counted is named on one side: "five, no, six minutes"
        for candidate, place in _replaced(before, meant, rest, one, name):
            if _fits(candidate, place, tail, fit):
                return candidate
    return None


def _order(one: Span, name: str) -> tuple[bool, int, int, float, str]:
    return name == _NUMBER, -one.end, one.start, one.cost, name


def _values(tokens: Tokens, fit: Fit) -> dict[str, list[Span]]:
    """The values of the slots, and the kinds that no slot has."""
    read = fit.spans(tokens)
    every = [one for name in fit.counted for one in read.get(name, ())]
    found = {
        name: [one for one in many if name not in fit.counted or not _inside(one, every)]
        for name, many in read.items()
    }
    numbers = (number_at(tokens, at) for at in range(len(tokens)))
    found[_NUMBER] = [one for one in numbers if one is not None and not one.cost]
    found[_PART] = list(_day_parts(tokens))
    return found


def _inside(one: Span, every: Collection[Span]) -> bool:
    """It is a part of a longer value: the six of "half past six"."""
    length = one.end - one.start
    return any(
        other.start <= one.start and one.end <= other.end and other.end - other.start > length
        for other in every
        if other.cost < _GARBLED
    )


def _day_parts(tokens: Tokens) -> Iterator[Span]:
    for at, token in enumerate(tokens):
        if token.text in parts.WORDS_EN or token.text in _HALVES:
            yield Span(at, at + 1, token.text)
    for one in parts.parts(tokens):
        if tokens[one.start].chinese:
            yield Span(one.start, one.end, one.kind)


def _replaced(
    before: Tokens, old: Span, rest: Tokens, new: Span, name: str
) -> Iterator[tuple[Tokens, int]]:
    """Ways to put the new value in the place of the old one, and where it stands then; the part of
    the day is kept of a time that is said again without."""
    fresh, inside = rest[new.start : new.end], before[old.start : old.end]
    own = [(one.start, one.end) for one in _day_parts(inside)]
    if own and name != _PART and _of_twelve(fresh) and not any(_day_parts(fresh)):
        (a, b), *_ = own
        lead = inside[:b] if a == 0 else ()
        trail = () if a == 0 else inside[_phrase(inside, a) :]
        kept = (*before[: old.start], *lead, *fresh, *trail, *before[old.end :], *rest[new.end :])
        yield kept, old.start + len(lead)
    plain = (*before[: old.start], *fresh, *before[old.end :], *rest[new.end :])
    yield plain, old.start


def _of_twelve(tokens: Tokens) -> bool:
    """Nothing above twelve is said."""
    hours = [int(one.text.split(":")[0]) for one in tokens[:1] if one.text[0].isdecimal()]
    number = number_at(tokens, 0)
    return all(hour <= 12 for hour in hours) and (number is None or number.value <= 12)


def _phrase(tokens: Tokens, at: int) -> int:
    """Where the words begin that a part of the day ends: "in the evening"."""
    while at and tokens[at - 1].text in ("in", "the", "at"):
        at -= 1
    return at


def _fits(candidate: Tokens, place: int, tail: Tokens, fit: Fit) -> bool:
    """What was repaired is plain, or ends the sentence; and is nothing that is kept as it is."""
    found = _around(candidate, place, fit)
    if found is not None:
        return place not in found.kept
    if (found := fit.read(candidate)) is not None and place in found.kept:
        return False
    return _ended(tail)


def _ended(tail: Tokens) -> bool:
    """Nothing but small words."""
    at = 0
    while at < len(tail) and (tail[at].mark or _ENDS.ends(tail, at)):
        at = at + 1 if tail[at].mark else _ENDS.ends(tail, at)[0]
    return at == len(tail)


def _around(tokens: Tokens, place: int, fit: Fit) -> Plain | None:
    """The plain request in which a token stands, the widest; its places are in all tokens."""
    joints = [(at, JOINT.ends(tokens, at)) for at in range(1, len(tokens))]
    starts = [0, *[ends[0] for at, ends in joints if ends and ends[0] <= place][-_TRIED:]]
    stops = [len(tokens), *[at for at, ends in joints if ends and at > place][:_TRIED]]
    for end in dict.fromkeys((stops[0], *reversed(stops[1:]))):
        for start in dict.fromkeys(starts):
            found = fit.plain(tokens[start:end])
            if found is not None:
                free = frozenset(start + one for one in found.free)
                kept = frozenset(start + one for one in found.kept)
                return replace(found, free=free, kept=kept)
    return None


# -- a request for another one


def wish(before: Tokens, rest: Tokens, fit: Fit) -> Tokens | None:
    """What follows, where it is a request by itself; "it" in it is what was named before. Behind a
    remark it must want what was wanted before: 去公司，哦不，今天不上班，回家吧."""
    if _others(before):
        return None
    for said in _begun(rest):
        for one in (*_referring(before, said, fit), said):
            if fit.plain(one) is not None:
                return (*_ahead(before, fit), *one)
    wanted = fit.plain(before)
    for at in (n + 1 for n, one in enumerate(rest) if one.mark and n + 1 < len(rest)):
        found = fit.plain(rest[at:]) if wanted is not None else None
        if found is not None and wanted is not None and found.intent == wanted.intent:
            return rest if _others(rest[:at]) else rest[at:]
    return None


def _begun(rest: Tokens) -> Iterator[Tokens]:
    """What follows, from its first word on, and without the small words before it."""
    at = next((n for n, one in enumerate(rest) if not one.mark), len(rest))
    for begin in dict.fromkeys((at, past(rest, 0, _ONLY))):
        if past(rest, begin, _ONLY) < len(rest):
            yield rest[begin:]


def _others(before: Tokens) -> bool:
    """What would be dropped says whose words, or when: "Ben says ..."."""
    flat = joined([one.text for one in before])[0]
    return any(one.pattern.search(flat) for one in (*whose.OTHERS, *signals.CONDITIONS))


def _ahead(before: Tokens, fit: Fit) -> Tokens:
    """The requests before the one that is taken back, with what joins them."""
    for at in range(len(before) - 1, 0, -1):
        if (ends := JOINT.ends(before, at)) and fit.plain(before[:at]) is not None:
            return before[: ends[0]]
    return ()


def _referring(before: Tokens, rest: Tokens, fit: Fit) -> Iterator[Tokens]:
    """What follows with a name for "it": the last before, or what the words begin with ("just the
    eight am alarm, cancel that one")."""
    named = fit.spans(before)
    for name, many in fit.spans(rest).items():
        for one in many:
            known = [each for each in named.get(name, ()) if each.value != REFERENCE]
            if one.value == REFERENCE and known:
                last = max(known, key=lambda each: (each.end, each.end - each.start))
                thing = before[last.start : last.end]
                yield (*rest[: one.start], *thing, *rest[one.end :])
    marks = [n for n, one in enumerate(rest) if one.mark and n]
    for at in range(marks[0] + 1 if marks else len(rest), len(rest)):
        if ends := PRONOUN.ends(rest, at):
            yield (*rest[marks[0] + 1 : at], *rest[: marks[0]], *rest[ends[0] :])


# -- a part of a request for another one


def graft(before: Tokens, rest: Tokens, fit: Fit, *, firm: bool) -> Tokens | None:
    """What follows in place of the last words before, as few as will do: "set a timer, no, an alarm
    for 7"; what is done by what else is to be done with the same."""
    for said in _begun(rest):
        if said[0].text in DENYING or PRONOUN.ends(said, 0)[:1] == [len(said)]:
            continue
        named = _is_name(said) and (firm or said[0].text in _NAMED)
        for candidate, place in (*_turned(before, said), *_cut(before, said)):
            found = _around(candidate, place, fit)
            if found and place not in found.kept and (named or place not in found.free):
                return candidate
    return None


def _cut(before: Tokens, rest: Tokens) -> Iterator[tuple[Tokens, int]]:
    for at in range(len(before) - 1, max(0, len(before) - 1 - _WAYS), -1):
        if not JOINT.ends(before, at - 1) and before[at - 1].text != rest[0].text:
            yield (*before[:at], *rest), at


def _turned(before: Tokens, rest: Tokens) -> Iterator[tuple[Tokens, int]]:
    """ "Close the blinds, no, open", 把窗帘关上，不，打开: the deed alone."""
    said = {one.text for one in rest[:2]}
    turned = [sides for pair in signals.OPPOSITES for sides in (pair, pair[::-1])]
    for at in range(len(before) - 1, -1, -1):
        if any(before[at].text in old and new & said for old, new in turned):
            for a, b in ((at, at + 1), (at - 1, at + 1), (at, at + 2)):
                if a >= 0 and b <= len(before):
                    yield (*before[:a], *rest, *before[b:]), a


def _is_name(rest: Tokens) -> bool:
    """It may be what something is called, and is no remark."""
    said = [one.text for one in rest if not one.mark]
    return (
        0 < len(said) <= _LONGEST_NAME * (2 if rest[0].chinese else 1)
        and said[0] not in _TELLS
        and not DENYING & set(said)
    )
