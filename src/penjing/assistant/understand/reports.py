"""Reports: statements that tell of something wrong, and so begin an intent without a wish.

"My machine leaks all over the worktop" asks for nothing, and at a service desk it is why somebody
came. A spec says with which words an intent is told of (`reports`); they may stand anywhere in a
sentence, and all of it is kept. Because such a sentence is no command, nothing comes of it without
a yes: the gate asks about every report. No report is what is asked, denied, over, somebody else's
or only supposed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penjing.assistant.spec.values import Spec
from penjing.assistant.understand import signals
from penjing.assistant.understand.beside import clauses
from penjing.assistant.understand.familiar import joined
from penjing.assistant.understand.network import Network, parse_template
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.walk import Node, Walk
from penjing.core.dialogue import Recognition, Slot

if TYPE_CHECKING:
    from penjing.assistant.understand.gate import Passed, Requests
    from penjing.assistant.understand.sentence import Sentence

STAGE = "reports"
"""Of a recognition."""
_MOST = 0.5
"""What typing errors in the words of a report may cost."""

_OVER = re.compile(
    r"\b(?:fixed (?:now|already|itself|it)|(?:all|is|got|been|was) (?:fixed|sorted|solved|repaired)"
    r"|works? (?:again|fine|now|perfectly|well)|working (?:again|fine|now|perfectly|well)"
    r"|(?:all|is|it's|that's|everything's) (?:good|fine|okay|ok) (?:now|again)"
    r"|already (?:reported|have a|opened|filed|asked|called|complained)"
    r"|(?:spoke|talked) (?:to|with)"
    r"|(?:don't|dont|do not|no|needn't|not) (?:need|want|wish|going|have)? ?(?:to )?(?:need )?"
    r"(?:open|file|raise|log|lodge|report|make|complain|a ticket|ticket|any ticket|complaint))\b"
    r"|修好了|好了(?!吗|没)|没事了|正常了|恢复了|解决了|搞定了|又能用了|不[漏堵卡]了|报修过|投诉过"
    r"|(?:不用|不要|别|不必|不需要|无需|没必要|不想|不是要|先不|不打算)[^,。;]{0,3}(?:报修|投诉|工单|维修|修|开单|派人|登记)"
)
"""It is over, or nothing is wanted."""
_OTHERS = re.compile(
    r"\b(?:says?|said|tells?|told|claims?|claimed|goes|reads?|wrote|thinks?|heard)\b"
    r"|说(?!明|不)|听说|据说|网上|评论|新闻"
)
_OWN_SAYS = re.compile(
    r"\b(?:i|we|it|machine|display|screen|panel|app|message|lamp|light|brewmaster)(?: just| only"
    r"| always| keeps?| now)? (?:says?|said|tells?|told|reads?|thinks?|heard)\b|\bi must say\b"
    r"|(?:屏幕|显示屏|显示|屏|面板|机器|它|我|我们|我得|我要|老实|实话|跟你)(?:上|都|老|一直|总|就|得|先|跟你们|跟你)?说"
    r"|说实话|话说|说不"
)
"""What the thing itself, or the person, says is a report."""
_SUPPOSED = re.compile(
    r"\b(?:if(?! (?:i|we|you) (?:press|push|turn|switch|use|try|fill|open|plug|start))|unless"
    r"|in case|suppose|supposing|imagine|assuming|hypothetically|would|wouldn't|might one day)\b"
    r"|^(?:should|had|were) |如果|假如|要是|倘若|若是|万一|假设|(?<!不)会不会"
    r"|(?<![了后过])以后(?:要|再|如)|将来"
    r"|再[^,。]{1,6}就(?!是)|等[^,。;]{1,12}再"
)
_ABOUT_IT = re.compile(
    r"^(?:can|could|may|does|do|will|would|is|are|has|should)"
    r" (?:the|it|this|my|a|an|its|that|these)\b"
)
"""A question whether it may, does or is."""
_ASIDE = re.compile(
    r"\b(?:no idea|don't know|dont know|not sure|god knows|who knows) (?:why|what|how|which)\b"
    r"|\bwhat (?:should|do|can|shall|am) (?:i|we)(?: to)? do\b|\bwhat now\b|\bwhat's wrong\b"
    r"|\bhow (?:do|can|should) (?:i|we) (?:fix|repair|solve) (?:it|this|that)\b"
    r"|\bany (?:tips?|ideas?|advice|suggestions?)\b|\bwhat a\b"
    r"|\b(?:no|any) idea what's wrong\b|\bis there$"
    r"|怎么办|咋办|咋整|怎么弄|怎么整|怎么修|怎么处理|该怎么|如何处理"
    r"|什么[^,。]{0,5}[都也]|怎么[^,。]{0,4}[都也]|怎么(?:又|老|一直|总|还|突然|这么|搞的)|不知道?(?:为什么|怎么回事|怎么|为啥|咋)"
    r"|[几多][次天个杯回遍秒分十百年周]|不知道?什么(?:原因|时候)|什么(?:破|烂|垃圾|玩意|东西|态度|质量)"
)
"""Words of questions that ask nothing."""
_ORDERS = frozenset({"never", "don't", "dont", "do"})
"""A clause that begins with them tells somebody what not to do."""
_ADVICE = re.compile(
    r"\?$|^(?:can|could|may|should|shall|will|would|do|did|have) (?!you|someone|somebody|anyone)"
    r"|正常[吗么不]|([\u4e00-\u9fff])不\1|怎么回事|为什么|为啥|咋回事|什么意思|啥意思"
)
_WISHES = re.compile(
    r"\b(?:want|wish|need|like to|please|pls|plz|kindly|let me|can|could|may|must|ticket|complaint"
    r"|report)\b|[请要帮想给]|工单|投诉|报修|维修|售后"
)
"""It asks for something: what is wrong is to be told yet."""
_DENIED = re.compile(
    r"\b(?:not|isn't|isnt|aren't|wasn't|hasn't|haven't|don't|dont|doesn't|didn't|never|no|without"
    r"|nothing|won't|can't|nor)\b|[没未别勿]|不(?!知|小心|停|久|断|但|仅|光|管|过|是坏|好意|开心|得不|错)"
)
"""Before the words of a report: there is none of it."""
_LACKS = re.compile(
    r"^(?:(?:doesn't|isn't|hasn't|didn't|wasn't|haven't|aren't|won't|can't)"
    r"|when(?:ever)? (?:i|we|it|you|the|my)) (?!.*\?$)"
)
"""It begins like a question and is none."""


@dataclass(frozen=True)
class Reports:
    """What tells of something wrong, in one language."""

    walk: Walk
    """The words, as templates that may stand anywhere."""
    intents: tuple[str, ...]
    """Template number to intent."""
    foreign: Walk
    """What makes it no report of ours: other people's things."""
    slots: Mapping[str, str]
    """Intent to the slot that holds the sentence."""


def reports_of(spec: Spec, language: str) -> Reports | None:
    """The reports of a spec; None when it takes none in this language."""
    words, foreign = Network(), Network()
    intents: list[str] = []
    slots: dict[str, str] = {}
    for intent in spec.intents.values():
        if intent.reports is None:
            continue
        for line in intent.reports.sentences.get(language, ()):
            words.add(parse_template(line), len(intents))
            intents.append(intent.name)
        for line in intent.reports.foreign.get(language, ()):
            foreign.add(parse_template(line), 0)
        slots[intent.name] = intent.reports.slot
    return Reports(words.closed(), tuple(intents), foreign.closed(), slots) if intents else None


def reported(one: Sentence, guess: str) -> Recognition | None:
    """What a sentence reports: told by its words, or by what the classifier takes it for."""
    known = one.compiled.reports
    if known is None or one.pasted or elsewhere(one, known):
        return None
    parts = [one.tokens[a:b] for a, b in clauses(one.tokens, 0, len(one.tokens))]
    for part in parts:
        for start, _, number in found(known.walk, part):
            if _stated(part, start):
                return _whole(one, known, known.intents[number])
    flat, _ = joined([token.text for token in one.tokens])
    told = guess in known.slots and not _WISHES.search(flat)
    return _whole(one, known, guess) if told and all(_stated(part, 0) for part in parts) else None


def elsewhere(one: Sentence, known: Reports) -> bool:
    """It is over, of other things or in somebody else's words."""
    flat, _ = joined([token.text for token in one.tokens])
    return bool(
        _OVER.search(flat)
        or _ABOUT_IT.search(flat)
        or any(found(known.foreign, one.tokens))
        or _OTHERS.search(_OWN_SAYS.sub("", flat))
    )


def _stated(part: Sequence[Token], start: int) -> bool:
    """It is neither asked nor supposed nor denied."""
    flat, _ = joined([token.text for token in part])
    before, _ = joined([token.text for token in part[:start]])
    orders = start == 0 and part[0].text in _ORDERS
    if orders or _SUPPOSED.search(flat) or _DENIED.search(before):
        return False
    rest = _LACKS.sub("", _ASIDE.sub("", flat))
    asked = _ADVICE.search(rest) or any(s.pattern.search(rest) for s in signals.QUESTIONS)
    return not asked


def _whole(one: Sentence, known: Reports, intent: str) -> Recognition:
    """A recognition that keeps all that was said."""
    start, end = one.tokens[0].start, one.tokens[-1].end
    words = one.text[start:end]
    slot = Slot(known.slots[intent], words.rstrip(" .!?,。！？，"), words, start, end, "person")
    return Recognition(intent, (slot,), 1.0, STAGE)


def found(walk: Walk, tokens: Sequence[Token]) -> Iterator[tuple[int, int, int]]:
    """Templates that stand somewhere in a sentence, typing errors and all: first token, one past
    the last, number."""
    for start in range(len(tokens)):
        todo: list[tuple[int, Node, float]] = [(start, walk.start, 0.0)]
        while todo:
            place, node, cost = todo.pop()
            if place > start:
                yield from ((start, place, number) for number in node.ends)
            if place == len(tokens):
                continue
            ways = [(tokens[place].text, 0.0), *tokens[place].fixes]
            for text, price in ways:
                if cost + price <= _MOST and (after := node.after(text)) is not None:
                    todo.append((place + 1, after, cost + price))


def instead(
    one: Sentence, requests: Requests, passed: Passed, gate: Callable[[Requests], Passed]
) -> Passed:
    """What passes the gate, or a report: where nothing was wanted that acts, or the same without
    its words, or where that was stopped."""
    known = one.compiled.reports
    if known is None:
        return passed
    first = [way[0] for way in requests]
    sure = [each for each in first if each.stage == "templates" and one.acts(each)]
    guess = next((str(each.intent) for each in first if each.stage == "classifier"), "")
    report = reported(one, guess)
    if report is None:
        lost = not sure and guess in known.slots and elsewhere(one, known)
        return gate(()) if lost else passed
    if any(each.intent != report.intent for each in sure):
        return passed
    told = any(slot.name == report.slots[0].name for each in sure for slot in each.slots)
    return passed if sure and told and passed.doubt is None else gate(((report,),))


def is_report(requests: Requests) -> bool:
    """All of it is."""
    return bool(requests) and all(one[0].stage == STAGE for one in requests)
