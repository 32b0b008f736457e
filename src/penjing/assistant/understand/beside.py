"""What stands beside a request in the same sentence: "it leaks, please open a ticket". Pure.

A remark has words like not, already, three times or every morning that say nothing about the wish.
Some of its words do, by where they stand: what a clause of it begins with ("if it leaks again"),
what it ends with ("my wife said, open a ticket"), and whatever takes the wish back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from penjing.assistant.understand import acts, signals
from penjing.assistant.understand.familiar import joined
from penjing.assistant.understand.reasons import never_meant
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.whose import Kind
from penjing.assistant.understand.words import FILLER

MAX_CLAUSES = 6
"""Of a sentence that is looked through."""
_JOINING = frozenset({"and", "so", "but", "because", "therefore"})
_PARTING = frozenset(",.;:!?。…—")
_ENDING = frozenset("啦咯喽呗哈吧")
"""Chinese characters that end what is said."""
_ASKING = frozenset({"can", "could", "would", "will"})
_TELLING = frozenset({
    "i'm", "im", "we're", "it's", "there's", "i've", "i'll", "we've", "they're", "he's", "she's",
})  # fmt: skip
_BECAUSE = frozenset({"cos", "cause", "cuz", "coz", "cus", "bc", "tho"})
_NEEDING = frozenset({"need", "gotta", "got", "trying", "wanna"})
_THOUGH = frozenset({"already", "just", "really", "can't", "cannot", "couldn't", "cant"})
_DONE = frozenset("开关掉上亮灭")
_WANTS = frozenset("要想得")
_WHO = frozenset({
    "i", "we", "you", "they", "to", "will", "would", "really", "i'll", "just", "and", "also", "'ll",
    "might", "may", "don't", "do", "i've", "we've", "have", "who", "kids",
})  # fmt: skip
"""Before what is needed: then it begins earlier."""
_WHOEVER = frozenset({"i", "we", "i'm", "we're", "he", "she", "they", "the", "my", "our"})
_NOISES = frozenset({
    "screaming", "shouting", "yelling", "singing", "moaning", "humming", "whispering", "crying",
    "chanting", "begging",
})  # fmt: skip
"""What may be heard without any words: "the kids are screaming, play ..."."""
_WHOSE = frozenset({"my", "our", "his", "her", "the"})
_HAPPENING = frozenset({"starts", "begins", "leaves", "departs", "ends", "finishes", "opens",
                        "closes", "lands", "arrives"})  # fmt: skip
"""Something with a time of its own: "... my shift starts at midnight"."""
_STATES = frozenset({"asleep", "here", "there", "in", "on", "home", "awake", "up", "late", "cold"})
_HAVING = frozenset({"have", "need", "must", "got", "had"})
_TELLERS = frozenset({
    "i", "it", "its", "it's", "i'm", "im", "we're", "there's", "my", "our", "the", "this", "that's",
    "we", "baltic", "freezing", "roasting", "boiling",
})  # fmt: skip
_SAID = frozenset("了啦啊呀咯喽")
GOVERNING = frozenset({
    "to", "would", "will", "should", "could", "can", "must", "might", "may", "not", "don't", "i",
    "you", "he", "she", "we", "they", "who", "that", "which", "of", "a", "an", "the", "my", "our",
    "your", "his", "her", "their", "and", "or", "with", "for", "when", "if", "than", "by", "about",
    "always", "never", "usually", "often", "just", "only", "then", "did", "do", "does", "didn't",
    "doesn't", "people", "everyone", "someone", "somebody", "nobody", "kids", "wife", "husband",
    "what", "how", "why", "where", "whether", "let", "help", "make", "made", "makes", "saw", "see",
    "called", "named", "titled", "goes", "know", "knows", "reading", "watching", "hope", "hopes",
    "him", "them", "me", "us", "need", "needs", "say", "think", "is", "are", "was",
    "has", "have", "had", "having", "'ve", "been", "be", "got", "gets", "were", "already", "wants",
    "want", "wanted", "keeps", "kept", "also", "still", "almost", "nearly", "both", "all",
})  # fmt: skip
"""What may go on with a verb: "he always turns ..."."""
_LEADING_TO = frozenset({
    "when", "if", "before", "after", "until", "till", "once", "that", "what", "why", "how", "while",
    "whenever", "unless", "as", "since", "says", "said", "time",
})  # fmt: skip
_LEADS = frozenset({"and", "but", "so", "or", "only", "even", "because", "then", "但", "可"})
_INVERTED = frozenset({"should", "had", "were"})
_ORDERED = re.compile(
    r"don't|dont|do$|not$|no$|never|别|不要|不用|不必|不许|不准|勿|莫|甭|先不|先别"
)
"""How a negated command begins: "don't do that, ..." and not "nothing works, ..."."""
_HABIT = re.compile("every|each|whenever|每")
_AT_START: frozenset[Kind] = frozenset({"on_condition", "with_exception"})
_UNPARTED: frozenset[Kind] = _AT_START | {"said_not", "in_the_past", "others_words"}


@dataclass(frozen=True)
class Remark:
    """Words beside a request."""

    start: int
    """First token."""
    end: int
    """One past the last."""
    leads: bool
    """They stand before it."""
    parted: bool
    """A mark, a joining word or a gap in Chinese text stands between them and the request."""
    text: bool
    """They are what the request is about; otherwise nothing has a use for them."""
    run_on: bool = False
    """Where they end was only tried: it is asked about."""


def clauses(
    tokens: Sequence[Token], a: int, b: int, whole: Collection[int] = ()
) -> list[tuple[int, int]]:
    """The clauses of a part of a sentence, parted by marks, joining words and Chinese gaps, but
    not before the tokens of `whole`, which are inside of something."""
    found: list[tuple[int, int]] = []
    begin = a
    for place in range(a, b):
        if place in whole:
            continue
        if tokens[place].text in _PARTING:
            found.append((begin, place))
            begin = place + 1
        elif place > begin and (
            tokens[place].text in _JOINING or gap(tokens, place) or _begins(tokens, place, b)
        ):
            found.append((begin, place))
            begin = place
    found.append((begin, b))
    return [(start, end) for start, end in found if start < end]


def _begins(tokens: Sequence[Token], place: int, end: int) -> bool:
    """ "... can you ...", "... I'm ..."; behind a character that ends what is said."""
    asks = place + 1 < end and tokens[place + 1].text == "you" and tokens[place].text in _ASKING
    asks = asks or (place + 1 < end and tokens[place].text in _TELLING)
    asks = asks or (place + 1 < end and tokens[place].text in _BECAUSE)
    asks = asks or (
        place + 2 < end
        and tokens[place].text in ("i", "we")
        and tokens[place + 1].text in _THOUGH
        and tokens[place - 1].text not in _LEADING_TO
    )
    needs = (
        place + 1 < end
        and tokens[place].text in _NEEDING
        and (tokens[place + 1].text == "to" or tokens[place].text == "gotta")
    )
    asks = asks or (needs and tokens[place - 1].text not in _WHO)
    asks = asks or (
        tokens[place].text == "while" and place + 1 < end and tokens[place + 1].text in _WHOEVER
    )
    asks = asks or (
        place + 2 < end
        and tokens[place].text in _WHOSE
        and tokens[place + 2].text in _HAPPENING
        and tokens[place - 1].text not in _LEADING_TO
    )
    asks = asks or _somebody_does(tokens, place, end)
    asks = asks or _i_have(tokens, place, end)
    asks = (
        asks
        or (  # 把灯都打开我要打扫卫生
            place + 2 < end
            and tokens[place].text == "我"
            and tokens[place + 1].text in _WANTS
            and tokens[place - 1].text in _DONE
            and "的" not in {one.text for one in tokens[place : place + 7]}
        )
    )
    told = tokens[place - 1].text in _ENDING and not (
        tokens[place].mark or tokens[place].text in _ENDING
    )
    return asks or told


def _somebody_does(tokens: Sequence[Token], place: int, end: int) -> bool:
    """ "... the baby's sleeping"."""
    if place + 2 >= end or tokens[place].text not in _WHOSE:
        return False
    is_so = tokens[place + 2].text
    owns = tokens[place + 1].text.endswith("'s")
    return (
        owns
        and (is_so in _STATES or (is_so.endswith("ing") and is_so != "thing"))
        and tokens[place - 1].text not in _LEADING_TO
    )


def _i_have(tokens: Sequence[Token], place: int, end: int) -> bool:
    """ "... I have a train to catch"."""
    return (
        place + 2 < end
        and tokens[place].text in ("i", "we")
        and tokens[place + 1].text in _HAVING
        and tokens[place + 2].text in ("a", "an", "the", "my", "to", "no")
        and tokens[place - 1].text not in _LEADING_TO | GOVERNING
    )


def states(tokens: Sequence[Token]) -> bool:
    """It says how something is, and what follows is not governed by it: "it's roasting in here"."""
    words = [one.text for one in tokens]
    if len(words) < 2 or words[-1] in GOVERNING or any(one.mark for one in tokens):
        return False
    if tokens[-1].chinese:
        return words[-1] in _SAID and len(words) > 2
    return words[0] in _TELLERS or any(one in _TELLING or one.endswith("'s") for one in words[:3])


def gap(tokens: Sequence[Token], place: int) -> bool:
    """A space in Chinese text stands before a token."""
    before, token = tokens[place - 1], tokens[place]
    return before.chinese and token.chinese and token.start > before.end


def empty(tokens: Sequence[Token], a: int, b: int) -> bool:
    """Nothing but fillers, joining words and marks."""
    place = a
    while place < b:
        ends = [end for end in FILLER.ends(tokens, place) if end <= b]
        if not ends and not tokens[place].mark and tokens[place].text not in _JOINING:
            return False
        place = ends[0] if ends else place + 1
    return True


def told_from(tokens: Sequence[Token], a: int, b: int) -> int:
    """Where a clause begins to tell something: after "and", "but" and marks."""
    while a < b - 1 and (tokens[a].text in _LEADS or tokens[a].mark):
        a += 1
    return a


@dataclass(frozen=True)
class Weighed:
    """The tokens of all remarks, by what they may do to the request."""

    turning: frozenset[int]
    """They speak of it."""
    back: frozenset[int]
    """They take it back."""
    told: frozenset[int]
    """They are what it is about."""
    aside: frozenset[int]
    """Nothing has a use for them."""
    leading: frozenset[int]
    """Those of them that stand before it."""
    needless: frozenset[int]
    """They say that something is not needed: a reason to stop it."""


def weighed(tokens: Sequence[Token], remarks: Sequence[Remark]) -> Weighed:
    """What stands beside a request, weighed."""
    turning, back = set[int](), set[int]()
    told, aside, leading = set[int](), set[int](), set[int]()
    needless = {
        n
        for one in remarks
        for a, b in clauses(tokens, one.start, one.end)
        if not one.text and _needless(tokens[a:b])
        for n in range(a, b)
    }
    for one in remarks:
        turning |= of_wish(tokens, one)
        back |= taken_back(tokens, one)
        rest = set(range(one.start, one.end)) - turning
        (told if one.text else aside).update(rest)
        if one.leads and not one.text:
            leading |= rest
    return Weighed(*map(frozenset, (turning, back, told, aside, leading, needless)))


def of_wish(tokens: Sequence[Token], remark: Remark) -> set[int]:
    """The tokens of a remark that speak of the request, and not of what the remark tells."""
    parts = clauses(tokens, remark.start, remark.end)
    near = parts[-1 if remark.leads else 0] if parts and not remark.parted else None
    found: set[int] = set()
    for a, b in parts:
        if tokens[told_from(tokens, a, b)].text in _INVERTED:
            found.add(told_from(tokens, a, b))
        if _needless(tokens[a:b]):
            found |= set(range(a, b))
    for kind, said in _signals(tokens):
        for a, b in parts:
            if said <= set(range(a, b)):
                loose = (a, b) == near
                found |= said if _turns(tokens, kind, said, (a, b), remark, loose=loose) else set()
    return found


def taken_back(tokens: Sequence[Token], remark: Remark) -> set[int]:
    """The tokens of a remark by which the person takes the wish back: "..., never mind"."""
    after = () if remark.leads else clauses(tokens, remark.start, remark.end)
    for a, b in after:
        at = told_from(tokens, a, b)
        if never_meant(tokens[at:b]):
            return set(range(at, b))
        for end in range(b, at, -1):
            act = acts.act_of(tokens[at:end])
            parted = end == b or not tokens[end].chinese or empty(tokens, end, b)
            parted = parted or _again(tokens, at, end)
            parted = parted or acts.act_of(tokens[end:b]) in ("cancel", "no")  # 算了不用了
            if (act == "cancel" and parted) or (act == "no" and end == b):
                return set(range(at, end))
    return set()


def _again(tokens: Sequence[Token], at: int, end: int) -> bool:
    """What stands there is said twice: 算了算了."""
    said = [one.text for one in tokens[at:end]]
    return said == [one.text for one in tokens[end : 2 * end - at]]


def _signals(tokens: Sequence[Token]) -> Iterator[tuple[Kind, set[int]]]:
    flat, places = joined([one.text for one in tokens])
    for signal in signals.STOPPING:
        for one in signal.pattern.finditer(flat):
            start, end = one.span("w" if one.groupdict().get("w") else 0)
            said = {place for place in places[start:end] if place >= 0}
            if said:
                yield signal.kind, said


def _turns(
    tokens: Sequence[Token],
    kind: Kind,
    said: set[int],
    clause: tuple[int, int],
    remark: Remark,
    *,
    loose: bool,
) -> bool:
    """A signal in a clause is about the request; `loose`: nothing parts the clause from it."""
    begin, end = clause
    at = told_from(tokens, begin, end)
    starts = min(said) <= at or tokens[begin].text == "only"
    first = tokens[min(said)]
    if kind == "not_now":  # "tomorrow, open a ticket", and not "it trips every morning"
        rest = [n for n in range(at, end) if n not in said]
        if max(said) < end - 1 and tokens[end - 1].text == "了":  # 天亮了: it is so now
            return False
        return (loose and starts) or all(empty(tokens, n, n + 1) for n in rest)
    if kind == "on_condition" and remark.text and remark.parted and _HABIT.match(first.text):
        return False
    ends = max(said) == end - 1
    if kind == "others_words" and remark.leads and remark.parted and first.text in _NOISES:
        return False
    if kind == "on_condition" and first.text == "while" and not remark.leads:
        return False  # it is done now, and may well stay so
    return (
        (starts and (kind in _AT_START or (kind == "said_not" and _ordered(tokens, at, remark))))
        or (ends and (kind == "others_words" or (kind == "on_condition" and first.chinese)))
        or (loose and kind in _UNPARTED and (starts or remark.leads))
        or (loose and kind == "only_asked" and not remark.leads)
    )


def _ordered(tokens: Sequence[Token], at: int, remark: Remark) -> bool:
    flat, _ = joined([one.text for one in tokens[at : at + 2]])
    return not remark.text and _ORDERED.match(flat) is not None


def _needless(tokens: Sequence[Token]) -> bool:
    flat, _ = joined([one.text for one in tokens])
    return any(re.search(pattern, flat) for pattern in signals.NOT_NEEDED)
