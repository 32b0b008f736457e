"""Where a reason begins that has no mark before it: "tv off i need to sleep", 关电视我要睡了. Pure.

Only places are found: whether what stands before one is a plain command is for the caller to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from penjing.assistant.understand.beside import GOVERNING
from penjing.assistant.understand.familiar import joined
from penjing.assistant.understand.reasons import kind_of
from penjing.assistant.understand.text import Token

MAX_PLACES = 3
"""That are told of one sentence."""
_LONGEST = 40
"""Tokens of a sentence that is looked through."""
_BEGINS = re.compile(
    r"(?:i|we|he|she|they|it|it's|its|i'm|im|we're|he's|she's|they're|i've|we've|i'll|we'll"
    r"|there's|nobody|no one|everyone|everybody|someone|nothing|people|guests|kids|grandma|grandpa"
    r"|granny|mum|mom|dad|too|so (?:i|we|he|she|they|it|that|the)|(?:just|only|in order|so as) to"
    r"|(?:the|my|our|his|her|their|this|these|those) [\w'-]+|\w+'(?:s|re)) \w"
    r"|(?:好?让[我咱他她孩大家]|[听吵闹看晒晃热冻弄搞]得|我|咱|他|她|孩子|小孩|宝|娃|老婆|老公|爸|妈|爷|奶|姥|外婆|外公|客人|朋友|邻居|大家|没人|太阳|阳光|外面|外头|屋里"
    r"|里面|这[里儿边]|天|好|太|有点|快|都)(?!.*的[^的了啦着]{1,4}$)"
)
"""How a reason begins that somebody gives in one breath with the command."""
_DEEDS = frozenset("开关打放播设调停转接找叫换给要帮请拉升降暂定取计发记写导去回熄灭弄搞来")
"""One of them stands in a Chinese command before 让我: else it is somebody who lets me."""
_ENDS = frozenset({
    "please", "thanks", "ta", "cheers", "on", "off", "down", "up", "out", "open", "closed", "shut",
    "percent", "%", "degrees", "degree", "minutes", "minute", "hour", "hours", "now",
})  # fmt: skip
"""Words after which a command is over; behind a noun a clause may say which one is meant."""


def places(tokens: Sequence[Token]) -> Iterator[tuple[int, bool]]:
    """Where a reason may begin, and whether the command is plainly over there."""
    found = 0
    for at in range(1, min(len(tokens), _LONGEST) - 1):
        before = tokens[at - 1]
        if before.mark or before.text in GOVERNING - _ENDS or found == MAX_PLACES:
            continue
        flat, _ = joined([one.text for one in tokens[at:]])
        if flat[0] == "让" and _DEEDS.isdisjoint(one.text for one in tokens[:at]):
            continue  # 客服让我等: they do
        if _BEGINS.match(flat) and kind_of(tokens[at:], leads=False) == "reason":
            found += 1
            yield at, before.chinese or before.text in _ENDS
