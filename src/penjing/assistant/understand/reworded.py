"""Sentences in plainer words that say the same: a question turned round, a place called "there".

"The kitchen light, is it on?" asks whether it is; "my wife's at the station, take me there" names
one place. Only words are moved: what the plainer sentence wants is for the caller to read. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from penjing.assistant.understand.reasons import kind_of
from penjing.assistant.understand.text import Token
from penjing.core.dialogue import Slot

_LONGEST = 120
"""Characters of a sentence that is put in other words."""
_STATE = r"(?P<state>on|off|open|opened|closed|shut|up|down|running|lit|drawn)"
_BE = r"(?P<be>is|are|'s|’s)"
_THING = r"(?P<thing>(?:the |my |our )?[\w' -]{2,40}?)"
_ASKED = tuple(
    re.compile(rf"^(?:and |so |but |now |ok |okay |hey |tell me,? )*{one}\s*[?.!]*$", re.IGNORECASE)
    for one in (
        rf"{_THING}\s*,\s*(?:tell me\s*,?\s*)?{_BE} (?:it|that|this|they|those|these)"
        rf" (?:still |currently |now )?{_STATE}(?: now| or not| or what)?",
        rf"{_THING}\s*{_BE} (?:still |already |now )?{_STATE}\s*,?\s*"
        r"(?:isn't it|isn't that|aren't they|right|yeah|yes|correct|is it|are they|no|innit)\s*\?",
        r"(?:did|has|have) (?:somebody|someone|anybody|anyone|he|she|they|i|we|the kids|the boys)"
        rf" (?:leave|left|go and leave) {_THING} {_STATE}",
        rf"(?P<be>has|have) {_THING} been (?:left |turned |switched |put )?{_STATE}",
    )
)
_MEANT = {"opened": "open", "drawn": "closed"}
_ASKED_ZH = re.compile(r"(?P<so>是不是|有没有)(?:已经|已|早就|早|都)(?=[开关亮拉])")
_THERE = re.compile(
    r"(?:\b(?:over|back) )?\b(?:to )?there\b(?! (?:is|are|was|were)\b)", re.IGNORECASE
)
_THERE_ZH = re.compile(r"(?:[去到往](?:那里|那儿|那边|那)(?:去)?)|(?<![\u4e00-\u9fff]走)过去")
_NAMED = re.compile(
    r"\b(?:at|to|from|in|into|near|by)(?: the| my| our)? ?$|[在到从去离回往]$", re.IGNORECASE
)


def as_question(text: str) -> str:
    """The same question in the usual order; empty where it is none that is known."""
    if len(text) > _LONGEST:
        return ""
    if _ASKED_ZH.search(text):
        return _ASKED_ZH.sub(lambda one: one["so"], text)
    for pattern in _ASKED:
        if found := pattern.match(text.strip()):
            state = found["state"].lower()
            return f"is {found['thing'].strip()} {_MEANT.get(state, state)}?"
    return ""


def with_place(
    text: str, tokens: Sequence[Token], parts: Sequence[tuple[int, int]], named: Sequence[Slot]
) -> Iterator[tuple[str, Slot, bool]]:
    """The clause with "there" in it and the place that another one names instead, that place, and
    whether the other clause plainly tells why. `named`: all names of places in the sentence."""
    place = _one_place(text, named)
    if place is None:
        return
    for n, (a, b) in enumerate(parts):
        clause = text[tokens[a].start : tokens[b - 1].end]
        chinese = any(one.chinese for one in tokens[a:b])
        there = _THERE_ZH if chinese else _THERE
        inside = tokens[a].start <= place.start < tokens[b - 1].end
        kinds = {
            kind_of(tokens[c:d], leads=m < n)
            for m, (c, d) in enumerate(parts)
            if m != n and tokens[c].start <= place.start < tokens[d - 1].end
        }
        if len(there.findall(clause)) == 1 and not inside and kinds and "turning" not in kinds:
            said = there.sub(f"去{place.text}" if chinese else f"to {place.text}", clause)
            yield said, place, kinds == {"reason"}


def _one_place(text: str, named: Sequence[Slot]) -> Slot | None:
    """The only place that somebody or something is at, comes from or goes to."""
    led = [one for one in named if _NAMED.search(text[: one.start])]
    if len({(one.start, one.end) for one in led}) != 1:
        return None
    same = {repr(one.value) for one in led}
    apart = (one for one in named if one.end <= led[0].start or led[0].end <= one.start)
    return led[0] if all(repr(one.value) in same for one in apart) else None
