"""Corrections in mid-sentence: "the kitchen light, no wait, the bedroom light", 不对，卧室灯. Pure.

Before anything else looks at it, the sentence is made what it was meant to be: what was taken back
is not there any more, what was said instead stands in its place (`repairs.py`). Where that is not
plain, the sentence stays as it is, and the gate stops at the "no".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from penjing.assistant.understand import acts, repairs
from penjing.assistant.understand.beside import gap
from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.repairs import Fit, Tokens
from penjing.assistant.understand.slots import REFERENCE
from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import FILLER, Phrases

_TAKES_BACK = Phrases((
    "no wait", "no", "nope", "wait no", "wait", "sorry", "no sorry", "sorry no", "oh no", "i mean",
    "no i mean", "i meant", "no i meant", "or rather", "rather", "make that", "no make that",
    "correction", "scratch that", "scrap that", "strike that", "oops", "actually", "no actually",
    "actually no", "er no", "uh no", "um no", "not that", "or wait", "hang on", "hold on", "nah",
    "ah no", "hmm no", "well no", "oh wait", "oh sorry", "never mind", "nevermind", "forget it",
    "forget that", "on second thoughts", "on second thought", "actually make it", "make it",
    "change that", "change it to", "let's make it", "or actually", "no hang on", "oh actually",
    "no just", "no only", "my mistake", "my bad", "i take that back",
    "不对", "不", "不是", "错了", "说错了", "我是说", "哦不", "啊不", "不对是", "等等", "等一下",
    "应该是", "我说错了", "搞错了", "不好意思", "抱歉", "哦不对", "不对应该是", "不是是", "更正",
    "算了还是", "算了", "还是算了", "不不", "不不不", "哦不是", "口误", "哎不对", "诶不对",
    "呃不对", "唉不对", "啊不对", "哎不是", "诶不是", "呃不是", "啊错了", "哎错了", "哎不",
    "哎呀不", "哎呀不对", "呃不", "嗯不", "嗯不对", "诶不", "唉不", "当我没说", "还是", "改成",
    "改为", "改到", "换成", "不对不对", "哦错了", "等会", "我的意思是", "讲错了",
    "记错了", "弄错了", "拉倒", "拉倒吧", "作罢", "免了", "免了吧", "得了吧", "得了",
    "bin that", "sod it",
))  # fmt: skip
"""What is said between the wrong word and the right one; several of them may follow each other."""
_HESITATES = Phrases(("uh", "um", "er", "erm", "hmm", "ah", "呃", "嗯", "啊", "哦", "额"))
"""Between two values that are counted it is a correction too: "19, hmm, 20"."""
_AFTER_IT = frozenset({"no", "nope", "不", "不是"})
"""What needs a pause behind it, or an article: "the kitchen light, not the bedroom light"
(不是卧室灯) takes nothing back."""
_ALONE = frozenset({"wait", "rather", "actually", "sorry", "oops", "hangon", "holdon", "抱歉",
                    "不好意思", "等会"})  # fmt: skip
"""What needs a pause beside it, or a value before it: "I am sorry"."""
_PAUSED = frozenset({"还是", "改成", "改为", "改到", "换成", "changeitto"})
"""What needs a pause before it: 把灯改成红色, 开还是关."""
_PLAIN = Phrases((
    "no wait", "no sorry", "sorry no", "wait no", "oh no", "i mean", "i meant", "scratch that",
    "scrap that", "strike that", "actually no", "no actually", "make that", "correction",
    "or rather", "no just", "no only", "on second thoughts", "on second thought",
    "不对", "哎不对", "说错了", "我说错了", "哦不对", "哦不", "啊不", "哎不", "算了还是", "我是说",
    "更正", "口误", "不不不", "哎不是", "得了吧",
    "诶不对", "搞错了", "应该是", "拉倒吧", "作罢", "免了吧", "bin that",
))  # fmt: skip
"""What is said for nothing else: no pause is needed behind it."""
_MOST = 3
"""Corrections in one sentence."""
_SAID = 80
"""Tokens of a sentence in which they are looked for."""
_TRIED = 6
"""Places where something may be taken back that are looked at."""
_LONGEST = 4
"""Phrases that take one thing back."""
_PARTING = frozenset({",", ".", ";", "-"})
_ENDED = frozenset(".!?;:…-—")
_SAID_SO = frozenset({
    *"了啦吧咯喽", "today", "tonight", "now", "love", "mate", "yet", "then", "first", "please",
    "this", "time", "again", "anymore", "more", "any", "thanks",
})  # fmt: skip
_REJECTS = Phrases((
    "not", "not to", "no not", "no , not", "forget", "forget about", "never mind", "nevermind",
    "skip", "scratch", "not going to", "oh not", "no forget", "no , forget",
    "不去", "别去", "不是", "不要", "不要去", "不用去", "不回", "别回", "不到", "先不去", "先别去",
    "不用", "不想去", "不是去", "不是要去", "不是要",
    *(day + no for day in ("今天", "今儿", "今晚", "现在", "这次", "这回", "先")
      for no in ("不去", "不回", "别去", "不到", "不用去", "不想去", "先不去", "先不回")),
))  # fmt: skip
"""How a sentence begins that says first what is not meant."""
_IT_IS = Phrases((
    "it's", "it is", "but", "but it's", "i mean", "i meant", "that's", "是", "而是", "是要", "我要",
    "是想", "应该是", "要",
))  # fmt: skip
"""How what is meant begins then."""
_WANTED = Phrases((
    "i want", "i need", "i'd like", "we want", "we need", "that i want", "that i need",
))  # fmt: skip
"""Behind the thing that somebody wants something of."""
_DEEDS = frozenset({*"去回到往开关打掉上闭调把", "turn", "switch", "off", "on", "open", "close",
                    "to", "take", "me", "the", "my", "go"})  # fmt: skip
"""Before what is not meant."""


@dataclass(frozen=True)
class _Edit:
    """What takes something back, somewhere in a sentence."""

    start: int
    """First token."""
    end: int
    """One past the last."""
    words: str
    """Without marks and gaps."""
    plain: bool
    """It is said for nothing else."""
    paused: bool
    """A pause stands before it."""
    waits: bool
    """A pause, or an article, stands behind it."""

    @property
    def free(self) -> bool:
        """What follows may be anything, and not only a value that is counted."""
        if self.words in _AFTER_IT:
            return self.waits
        if self.words in _ALONE:
            return self.paused or self.waits
        return self.paused or self.words not in _PAUSED

    @property
    def firm(self) -> bool:
        """What follows may be a wish of its own."""
        return self.plain or self.waits or self.words in _PAUSED


def takes_back(tokens: Sequence[Token]) -> bool:
    """Something may be corrected in it."""
    return len(tokens) <= _SAID and (_rejection(tokens) > 0 or bool(_places(tokens)))


def left_standing(tokens: Sequence[Token]) -> set[int]:
    """Words that only take something back, and nothing was found that stands in its place."""
    return {
        place
        for at in range(1, len(tokens))
        for end in _PLAIN.ends(tokens, at)
        for place in range(at, end)
    }


def _places(tokens: Sequence[Token]) -> list[int]:
    """Where something may be taken back."""
    every = (_TAKES_BACK, _HESITATES)
    return [at for at in range(1, len(tokens)) if any(one.ends(tokens, at) for one in every)]


def corrected(text: str, tokens: Tokens, fit: Fit) -> Tokens:
    """The sentence with its corrections carried out, where it is plain what was corrected: a value
    by another of its kind, a part of a request by another one that fits in its place, or all that
    was said by a request of its own. Of what is taken back altogether, that it is."""
    tokens = _without_rejected(tokens, fit)
    for _ in range(_MOST):
        after = _once(text, tokens, fit)
        if after is None:
            break
        tokens = after
    return _fluent(tokens, fit)


def _fluent(tokens: Tokens, fit: Fit) -> Tokens:
    """Without the hesitations in it, where that makes it plain: "for uh 6 uh 30"."""
    fluent = tuple(one for n, one in enumerate(tokens) if not _hesitation(tokens, n))
    if len(fluent) == len(tokens) or fit.plain(tokens) or not fit.plain(fluent):
        return tokens
    return fluent


def _hesitation(tokens: Tokens, at: int) -> bool:
    """It is one; "like" before a number is."""
    like = tokens[at].text == "like" and number_at(tokens, at + 1) is not None
    return like or bool(_HESITATES.ends(tokens, at))


def _once(text: str, tokens: Tokens, fit: Fit) -> Tokens | None:
    for at in _places(tokens)[:_TRIED]:
        if _is_named(text, tokens, at):
            continue
        for edit in _edits(tokens, at):
            if (found := _repaired(tokens, edit, fit)) is not None:
                return found
        if _hesitant(tokens, at) and (found := _counted(tokens, at, fit)) is not None:
            return found
    return None


def _is_named(text: str, tokens: Tokens, at: int) -> bool:
    """A capital says that it is a name: "play No Woman No Cry"."""
    said = text[tokens[at].start : tokens[at].end]
    title = said[:1].isupper() and said != "I" and tokens[at - 1].text not in _ENDED
    return title and not text.isupper()


def _edits(tokens: Tokens, at: int) -> Iterator[_Edit]:
    """What takes something back from a token on, the longest first."""
    ends: list[int] = []
    place, plain = at, False
    while place < len(tokens) and len(ends) < _LONGEST:
        found = _TAKES_BACK.ends(tokens, place)
        if found and not (ends and _is_bare(tokens, place, found[0])):
            plain = plain or bool(ends) or found[0] in _PLAIN.ends(tokens, place)
            place = found[0]
            ends.append(place)
        elif ends and (tokens[place].mark or _HESITATES.ends(tokens, place)):
            place += 1
        elif not ends and _HESITATES.ends(tokens, place) and _pause(tokens, place):
            place += 1  # 呃还是蓝色吧
        else:
            break
    paused = _pause(tokens, at)
    for end in reversed(ends):
        words = "".join(one.text for one in tokens[at:end] if not one.mark)
        waits = end < len(tokens) and (_pause(tokens, end) or tokens[end].text == "the")
        yield _Edit(at, end, words, plain, paused, waits)


def _is_bare(tokens: Tokens, at: int, end: int) -> bool:
    """A mere "no", of what is said right behind it: 不对，不是卧室灯; 不是不吃."""
    closed = end == len(tokens) or tokens[end].mark or tokens[end].text == "the"
    mere = "".join(one.text for one in tokens[at:end]) in _AFTER_IT
    return mere and not (closed and tokens[at - 1].mark)


def _pause(tokens: Tokens, at: int) -> bool:
    """A mark stands on one side of this place, or a gap in Chinese text."""
    return tokens[at - 1].mark or tokens[at].mark or gap(tokens, at)


def _hesitant(tokens: Tokens, at: int) -> bool:
    """A pause, and somebody who thinks."""
    ends = _HESITATES.ends(tokens, at)
    return bool(ends) and tokens[at - 1].mark and ends[0] < len(tokens) and tokens[ends[0]].mark


def _repaired(tokens: Tokens, edit: _Edit, fit: Fit) -> Tokens | None:
    """The sentence with what follows an edit in place of what it takes back."""
    before = repairs.stripped(tokens[: edit.start])
    if not before:
        return None
    rest = tokens[edit.end :]
    if not edit.free:
        beside = edit.words in _AFTER_IT and not (tokens[edit.start].chinese and edit.paused)
        return _counted(tokens, edit.start, fit, edit.end) if beside else None
    found = repairs.value(before, rest, fit, last=True)
    if found is None and (edit.paused or edit.plain) and fit.plain(before):
        found = _all_back(tokens[edit.start :])
    if found is None and edit.firm:
        found = repairs.wish(before, rest, fit)
    if found is None:
        found = repairs.value(before, rest, fit)
    return found or repairs.graft(before, rest, fit, firm=edit.plain or edit.waits)


def _counted(tokens: Tokens, at: int, fit: Fit, end: int = 0) -> Tokens | None:
    """A value that is counted, right before a place, by another right behind it."""
    end = end or _HESITATES.ends(tokens, at)[0]
    before = repairs.stripped(tokens[:at])
    return repairs.value(before, tokens[end:], fit, counted=True)


def _all_back(tokens: Tokens) -> Tokens | None:
    """What says so, where all is taken back: "no wait, forget it", 算了还是别去了."""
    place = 0
    while place < len(tokens):
        if acts.act_of(tokens[place:]) in ("cancel", "no"):
            return tokens[place:]
        if denied := repairs.rather_not(tokens[place:]):
            return denied
        ends = _TAKES_BACK.ends(tokens, place)
        if not ends and not tokens[place].mark:
            break
        place = ends[0] if ends else place + 1
    return None


def _rejection(tokens: Sequence[Token]) -> int:
    """Where it ends that a sentence begins with saying what is not meant; 0 when it does not."""
    at = 0
    while at < len(tokens) and not _REJECTS.ends(tokens, at):
        ends = FILLER.ends(tokens, at) or _exclaimed(tokens, at)
        if not ends and not tokens[at].mark:
            return 0
        at = ends[0] if ends else at + 1
    return repairs.past(tokens, _REJECTS.ends(tokens, at)[0]) if at < len(tokens) else 0


def _exclaimed(tokens: Sequence[Token], at: int) -> list[int]:
    """ "No wait, ..."."""
    return [
        n
        for n in _TAKES_BACK.ends(tokens, at)
        if n < len(tokens) and (tokens[n].mark or tokens[n].text in _AFTER_IT)
    ]


def _without_rejected(tokens: Tokens, fit: Fit) -> Tokens:
    """ "Not work, take me home": what follows, where it is a request by itself with another value
    of the kind."""
    at = _rejection(tokens)
    ends = [n for n in range(at + 1, len(tokens)) if tokens[n].text in _PARTING] if at else []
    if not ends:
        return tokens
    rest = tokens[ends[0] + 1 :]
    while rest and (rest[-1].mark or rest[-1].text == "instead"):
        rest = rest[:-1]
    ways = list(_said_of(rest))
    rest = next((one for one in ways if fit.plain(one)), ways[min(1, len(ways) - 1)])
    starts = [0, *(n + 1 for n, token in enumerate(rest) if token.text in _PARTING)]
    stops = [*(n for n, token in enumerate(rest) if token.text in _PARTING), len(rest)]
    parts = [rest[: stops[0]], *(rest[n:] for n in starts)]
    if not any(one and fit.plain(one) for one in parts):
        return tokens
    meant = fit.spans(rest)
    for name, many in fit.spans(tokens[: ends[0]]).items():
        for one in many:
            end = one.end
            while end < ends[0] and tokens[end].text in _SAID_SO:
                end += 1
            others = _others(meant, name, fit) - {one.value}
            led = all(token.text in _DEEDS for token in tokens[at : one.start])
            if at <= one.start and led and end == ends[0] and others:
                return rest
    return tokens


def _said_of(rest: Tokens) -> Iterator[Tokens]:
    """What follows, without what only says that it is meant, and in its usual order: "it's the
    lamp I want turned off", 是卧室灯，关掉."""
    yield rest
    ends = _IT_IS.ends(rest, 0) if rest else []
    if not ends or ends[0] >= len(rest):
        return
    rest = rest[ends[0] :]
    yield rest
    for at in range(1, len(rest)):
        for end in _WANTED.ends(rest, at):
            yield (*rest[at:end], *rest[:at], *rest[end:])


def _others(meant: Mapping[str, Sequence[Span]], name: str, fit: Fit) -> set[object]:
    """What is named instead: of the same kind, or another thing."""
    kinds = [name] if name in fit.counted else [one for one in meant if one not in fit.counted]
    values = (each.value for one in kinds for each in meant.get(one, ()))
    return {one for one in values if isinstance(one, str | int | float) and one != REFERENCE}
