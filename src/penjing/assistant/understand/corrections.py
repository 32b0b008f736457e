"""Corrections in mid-sentence: "the kitchen light, no wait, the bedroom light", 不对，卧室灯. Pure.

Before anything else looks at it, the sentence is made what it was meant to be: what was taken back
is not there any more, what was said instead stands in its place. Where that is not plain (nothing
before it is of the same kind), the sentence stays as it is, and the gate stops at the "no".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import FILLER, Phrases

_TAKES_BACK = Phrases((
    "no wait", "no", "nope", "wait no", "wait", "sorry", "no sorry", "sorry no", "oh no", "i mean",
    "no i mean", "i meant", "no i meant", "or rather", "rather", "make that", "no make that",
    "correction", "scratch that", "oops", "actually", "no actually", "actually no", "er no",
    "uh no", "um no", "oops i mean", "sorry i mean", "sorry i meant", "wait i mean", "hang on",
    "wait , no", "no , wait", "no , sorry", "sorry , no", "sorry , i mean", "no , i mean",
    "oops , i mean", "wait , i mean", "no , i meant", "sorry , i meant", "not that", "不对", "不",
    "不是", "错了", "说错了", "不对不对", "我是说", "不我是说", "不是我是说", "哦不", "啊不",
    "不对是", "不对我是说", "等等", "等一下", "等等不对", "应该是", "我说错了", "搞错了",
    "不好意思", "抱歉", "哦不对", "不对应该是", "不是是", "更正", "算了还是", "不不", "哦不是",
    "口误", "哎不对", "诶不对", "呃不对", "唉不对", "啊不对", "哎不是", "诶不是", "呃不是",
    "啊错了", "哎错了", "算了", "还是算了", "nah", "ah no", "hmm no", "um no wait",
    "well no", "oh wait", "oh sorry", "never mind", "nevermind", "forget it", "forget that",
    "on second thoughts",    "on second thought", "actually make it", "make it", "change that",
))  # fmt: skip
"""What is said between the wrong word and the right one."""
_AFTER_IT = frozenset({"no", "nope", "不", "不是"})
"""What needs a pause behind it, or an article: "the kitchen light, not the bedroom light"
(不是卧室灯) takes nothing back."""
_ALONE = frozenset({"wait", "rather", "actually", "sorry", "抱歉", "不好意思"})
"""What needs a pause beside it, or a value before it: "I am sorry"."""
_PLAIN = frozenset(
    {
        "nowait",
        "nosorry",
        "sorryno",
        "waitno",
        "ohno",
        "noimean",
        "noimeant",
        "scratchthat",
        "sorryimean",
        "sorryimeant",
        "oopsimean",
        "actuallyno",
        "noactually",
        "不对",
        "哎不对",
        "说错了",
        "我说错了",
        "哦不对",
        "不对不对",
        "哎不是",
        "诶不对",
    }
)
"""What is said for nothing else: no pause is needed behind it."""
_MOST = 3
"""Corrections in one sentence."""
_LEADS = Phrases(
    (
        "the",
        "a",
        "to",
        "at",
        "in",
        "for",
        "on",
        "by",
        "i meant",
        "i mean",
        "make that",
        "make it",
        "that should be",
        "should be",
        "it's",
        "是",
        "到",
        "我是说",
        "应该是",
        "把",
        "改成",
        "换成",
        "要",
    )
)
_PARTING = frozenset({",", ".", ";", "-"})
_SAID_SO = frozenset(
    {
        *"了啦吧咯喽",
        "today",
        "tonight",
        "now",
        "love",
        "mate",
        "yet",
        "then",
        "first",
        "please",
        "this",
        "time",
        "again",
        "anymore",
        "more",
        "any",
        "thanks",
    }
)
_ENDS = Phrases((
    "please", "instead", "rather", "then", "thanks", "吧", "好了", "谢谢",
))  # fmt: skip


_REJECTS = Phrases((
    "not", "not to", "no not", "no , not", "forget", "forget about", "never mind", "nevermind",
    "skip", "scratch", "not going to", "oh not", "no forget", "no , forget",
    "不去", "别去", "不是", "不要", "不要去", "不用去", "不回", "别回", "不到", "先不去", "先别去",
    "不用", "不想去", "不是去", "不是要去", "不是要",
    *(day + no for day in ("今天", "今儿", "今晚", "现在", "这次", "这回", "先")
      for no in ("不去", "不回", "别去", "不到", "不用去", "不想去", "先不去", "先不回")),
))  # fmt: skip
"""How a sentence begins that says first what is not meant."""


def takes_back(tokens: Sequence[Token]) -> bool:
    """Something may be corrected in it."""
    return _rejection(tokens) > 0 or any(
        _TAKES_BACK.ends(tokens, at) for at in range(1, len(tokens))
    )


def corrected(
    tokens: tuple[Token, ...],
    spans: Callable[[tuple[Token, ...]], Mapping[str, Sequence[Span]]],
    whole: Callable[[tuple[Token, ...]], bool],
) -> tuple[Token, ...]:
    """The sentence with its corrections carried out, where it is plain what was corrected: a value
    by another of its kind at the end, or all that was said by a `whole` request."""
    tokens = _without_rejected(tokens, spans, whole)
    for _ in range(_MOST):
        after = _once(tokens, spans(tokens), whole)
        if after is None:
            break
        tokens = after
    return tokens


def _rejection(tokens: Sequence[Token]) -> int:
    """Where it ends that a sentence begins with saying what is not meant; 0 when it does not."""
    at = 0
    while at < len(tokens) and not _REJECTS.ends(tokens, at):
        ends = FILLER.ends(tokens, at) or _exclaimed(tokens, at)
        if not ends and not tokens[at].mark:
            return 0
        at = ends[0] if ends else at + 1
    return _past(tokens, _REJECTS.ends(tokens, at)[0]) if at < len(tokens) else 0


def _exclaimed(tokens: Sequence[Token], at: int) -> list[int]:
    """ "No wait, ..."."""
    return [n for n in _TAKES_BACK.ends(tokens, at) if n < len(tokens) and tokens[n].mark]


def _without_rejected(
    tokens: tuple[Token, ...],
    spans: Callable[[tuple[Token, ...]], Mapping[str, Sequence[Span]]],
    whole: Callable[[tuple[Token, ...]], bool],
) -> tuple[Token, ...]:
    """ "Not work, take me home": what follows, where it is a request by itself with another value
    of the kind."""
    at = _rejection(tokens)
    ends = [n for n in range(at + 1, len(tokens)) if tokens[n].text in _PARTING] if at else []
    if not ends:
        return tokens
    rest = tokens[ends[0] + 1 :]
    while rest and (rest[-1].mark or rest[-1].text == "instead"):
        rest = rest[:-1]
    starts = [0, *(n + 1 for n, token in enumerate(rest) if token.text in _PARTING)]
    if not any(rest[n:] and whole(rest[n:]) for n in starts):
        return tokens
    meant = spans(rest)
    for name, many in spans(tokens[: ends[0]]).items():
        for one in many:
            end = one.end
            while end < ends[0] and tokens[end].text in _SAID_SO:
                end += 1
            others = {other.value for other in meant.get(name, ())} - {one.value}
            if one.start == at and end == ends[0] and others:
                return rest
    return tokens


def _once(
    tokens: tuple[Token, ...],
    spans: Mapping[str, Sequence[Span]],
    whole: Callable[[tuple[Token, ...]], bool],
) -> tuple[Token, ...] | None:
    for at in range(1, len(tokens)):
        for after in _TAKES_BACK.ends(tokens, at):
            if after >= len(tokens):
                continue
            words = "".join(one.text for one in tokens[at:after])
            paused = tokens[at - 1].mark or tokens[after].mark
            if words in _AFTER_IT and not (tokens[after].mark or tokens[after].text == "the"):
                continue
            if words in _ALONE and not paused:
                continue
            if (found := _instead(tokens, spans, at, after)) is not None:
                return found
            rest = tokens[after:]
            while rest and (rest[0].mark or rest[0].text == "是"):
                rest = rest[1:]
            if (tokens[after].mark or words in _PLAIN) and rest and whole(rest):
                return rest
    return None


def _instead(
    tokens: tuple[Token, ...], spans: Mapping[str, Sequence[Span]], at: int, after: int
) -> tuple[Token, ...] | None:
    """The sentence with a value before `at` replaced by the one from `after` on."""
    place = _past(tokens, after)
    after_it = sorted(
        (one for many in spans.values() for one in many if one.start == place),
        key=lambda one: (-one.end, one.cost),
    )
    for new in after_it:
        rest = new.end
        while rest < len(tokens) and (tokens[rest].mark or (ends := _ENDS.ends(tokens, rest))):
            rest = rest + 1 if tokens[rest].mark else ends[0]
        if rest < len(tokens):
            continue
        kinds = [name for name, many in spans.items() if new in many]
        old = [
            one
            for name in kinds
            for one in spans[name]
            if one.end <= at and one.cost < 0.5 and not _later(spans[name], one, at)
        ]
        if old:
            last = max(old, key=lambda one: (one.end, one.end - one.start))
            before = tokens[:at]
            while before and before[-1].mark:
                before = before[:-1]
            fresh = tokens[new.start : new.end]
            return (*before[: last.start], *fresh, *before[last.end :])
    return None


def _later(spans: Sequence[Span], one: Span, at: int) -> bool:
    """Another value of the kind stands between it and the correction."""
    return any(one.end <= other.start and other.end <= at for other in spans)


def _past(tokens: Sequence[Token], at: int) -> int:
    """Past marks and the small words that lead to a value."""
    while at < len(tokens):
        ends = _LEADS.ends(tokens, at) or FILLER.ends(tokens, at)
        if tokens[at].mark:
            at += 1
        elif ends:
            at = ends[0]
        else:
            break
    return at
