"""The end that is told with a while: "for an hour then switch it off", 开一个钟头就停. Pure.

It says what "for a while" says: that it is on, and then off again; or off, and then on again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from penjing.assistant.understand.familiar import joined
from penjing.assistant.understand.text import Token

_NEAR = 6
"""Tokens before a while among which stands what is done."""
_VERB = "turn|switch|shut|put|knock|flick|flip|power|click|take|turning|switching|shutting"
_IT = "it|that|them|this|the thing|everything"
_OVER = (
    "afterwards|after that|after|when (?:the )?time(?:'s| is) up|when it's (?:done|over|up)"
    "|when that's (?:done|over|up)|once (?:the )?time(?:'s| is) up|again|please|thanks"
)
_THEN = re.compile(
    rf"[,;]? ?(?:and |but )?(?:then|after that|after which|afterwards|{_OVER})? ?,? ?"
    r"(?:please |just |you can |can you |and )?"
    rf"(?:(?:{_VERB})(?: (?:{_IT}))?(?: (?:right )?back)? (?P<way>on|off|out)(?: (?:{_IT}))?"
    r"|(?:right )?back (?P<back>on|off)|(?P<alone>on|off)"
    rf"|(?:kill|stop|cut|pause|end|close|shut) (?:{_IT}))"
    rf"(?: ?,? ?(?:{_OVER}))* ?[.!]?"
)
_OFF = re.compile(r"\b(?:off|out|kill|stop|pause|close|closed|shut|cut)\b")
_ON = re.compile(
    r"\b(?:on|run|running|start|open|play|have|keep|leave|give|crank|fire|put|light|let)\b"
)
_OFF_ZH = "停下|停掉|停了|停|关闭|关掉|关上|关了|关|熄掉|熄了|熄|灭掉|灭了|灭|断掉|断"
_ON_ZH = "打开|开起来|开回来|开开|开启|启动|开"
_WHEN_ZH = (
    "(?:然后|接着|之后|以后|过后|完了?|到点了?|到时候?了?|到时间了?|时间一?到了?|够了)?(?:后)?"
)
_THEN_ZH = re.compile(
    rf"[,;]?(?=.{{2}}){_WHEN_ZH},?(?:再|就|又|便)?(?:给我|帮我|自动|自己|你)?(?:把它|把)?"
    rf"(?:(?P<off>{_OFF_ZH})|(?P<on>{_ON_ZH}))(?:了|吧|掉|就行|就好)*[。!.]?"
)


def end_of(tokens: Sequence[Token], begin: int, end: int) -> bool:
    """All that stands behind a while, at these tokens, tells how it ends."""
    before, _ = joined([one.text for one in tokens[:begin]])
    after, _ = joined([one.text for one in tokens[end:]])
    if (chinese := _THEN_ZH.fullmatch(after)) is not None:
        near = {one.text for one in tokens[max(0, begin - _NEAR) : begin]}
        closed = bool(near & set("关停熄灭"))
        opened = not closed and bool(near & set("开吹亮放着启播听"))
        return opened if chinese["off"] else closed
    english = _THEN.fullmatch(after)
    if english is None:
        return False
    says = english["way"] or english["back"] or english["alone"] or "off"
    closed = _OFF.search(before) is not None
    return closed if says == "on" else not closed and _ON.search(before) is not None
