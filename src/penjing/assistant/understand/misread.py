"""Whether a request may have been read where none was said: a yes is asked for first. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from penjing.assistant.understand import signals
from penjing.assistant.understand.left import Left
from penjing.assistant.understand.quantities import durations
from penjing.assistant.understand.slots import unsaid
from penjing.assistant.understand.twofold import twofold
from penjing.assistant.understand.words import GUARDS, JOINT
from penjing.core.dialogue import Recognition, Slot

_TAKEN_BACK = re.compile(
    r"(?:^|[,;:.!-]) ?(?:(?:no|oh|oops|actually|wait|but|well|on second thoughts?),? )*"
    r"(?:never ?mind|scratch that|(?:cancel|forget|delete|ignore|drop|skip) (?:that|it|about it)"
    r"|(?:please )?(?:don't|do not|dont) (?:\w+ )?(?:write|save|note|add|keep|set|send|bother"
    r"|remember|remind me)\b.{0,12}|(?:just |only |i'm |i am )?(?:kidding|joking))[.! ]*$"
    r"|(?:^|[,，;；。]) ?(?:哎|唉|呃|不|还是)*"
    r"(?:算了|拉倒|作罢|免了|别[记写存发设]了?|不用[记写存发设]?了|不[记写存发设]了|当我没说|(?:跟你)?开个?玩笑的?"
    r"|我?说着玩的?|删了吧?|取消吧?)(?:吧|啊|哈|别记了?|不用[记写]了?)*[。! ]*$"
)
"""Behind words that are written down or sent: it may be meant for the wish itself."""


_PLAIN = signals.SMALL | GUARDS | {"me", "you", "i", "it", "is", "be", "am", "are", "he", "she"}
"""Words that tell no intent from another."""
_ARTICLES = frozenset({"the", "my", "our", "your", "this", "that", "a", "an"})


class Misread:
    """What of a sentence may have been taken for something else."""

    def __init__(self, left: Left) -> None:
        self._left = left

    def maybe(self, requests: Sequence[Recognition]) -> bool:
        """Whether a value may have been read where none was said."""
        slots = [slot for one in requests for slot in one.slots]
        heard = self._left.heard
        return (
            any(self._doubtful(slot) or self._cut(slot) for slot in slots)
            or any(heard.at_night(slot, self._left.flat) for slot in slots)
            or any(twofold(one, self._left.tokens, heard.moment, heard.content) for one in requests)
            or any(self._swallowed(slot) for slot in slots if slot.name not in heard.content)
            or any(
                slot.name in self._left.heard.free - self._left.heard.content
                and signals.NO_TITLE.match(slot.text.lower())
                for slot in slots
            )
            or any(self._lasting(slot) for slot in slots)
            or any(
                slot.name in heard.free and signals.DATED.search(slot.text.lower())
                for slot in slots
            )
            or any(
                slot.name in heard.free and _TAKEN_BACK.search(slot.text.lower()) for slot in slots
            )
            or (any(map(self._garbled, requests)) and self._overlooked())
            or any(self._turned(one) for one in requests if one.stage != "templates")
            or self._foreign(requests)
            or any(self._unheard(one) for one in requests if one.stage != "templates")
            or any(self._another(one) for one in requests if one.stage != "templates")
            or bool(self._left.told & self._left.heard.mended)
        )

    def _garbled(self, request: Recognition) -> bool:
        return request.stage == "templates" and request.confidence <= signals.GARBLED

    def _overlooked(self) -> bool:
        """A word that nothing explains: "I play the guitar"."""
        return any(
            not self._left.explained(place) and not JOINT.ends(self._left.tokens, place)
            for place in range(len(self._left.tokens))
        )

    def _foreign(self, requests: Sequence[Recognition]) -> bool:
        """Words that are left, and that only another intent's sentences have."""
        if all(one.stage == "templates" for one in requests):
            return False
        left = self._left
        own = frozenset[str]().union(*(self._left.heard.speaks(one).words for one in requests))
        strange = (
            {
                one.text
                for n, one in enumerate(left.tokens)
                if n not in left.used and not left.explained(n) and not left.common(n)
            }
            - own
            - signals.SMALL
            - GUARDS
        )
        others = [one.words for one in self._left.heard.familiar.values()]
        return any(
            sum(word in words for words in others) in (1, 2) for word in strange if len(word) > 1
        )

    def _unheard(self, request: Recognition) -> bool:
        """It takes no values, and ends in a word that its sentences never have: "put me through to
        the president"."""
        speaks = self._left.heard.speaks(request)
        if request.slots or speaks.needs or speaks.asks:
            return False
        left = self._left
        spoken = [t for n, t in enumerate(left.tokens) if not (t.mark or left.filling(n))]
        words = [one.text for one in spoken]
        telling = [one for one in words if one not in _PLAIN and not "\u3400" <= one <= "\u9fff"]
        strange = [one for one in telling if one not in speaks.words]
        if telling and len(strange) * 2 >= len(telling):
            return True  # "can you make tea with it" asks for no person
        chinese = [one.text for one in spoken if one.chinese]  # no gap shows a thing's name
        last = chinese or words[-1:]
        return any(one not in speaks.words and one not in signals.SMALL for one in last)

    def _another(self, request: Recognition) -> bool:
        """It takes no values, and a strange word begins a thing's name: "the ceiling fan"."""
        tokens = self._left.tokens
        return not request.slots and any(
            self._strange(place) and tokens[place - 1].text in _ARTICLES
            for place in range(1, len(tokens))
        )

    def bare_name(self, request: Recognition) -> bool:
        """A name or a time alone tells nobody what to do with it."""
        telling = self._left.heard.named | self._left.heard.counted
        names = [slot.name in telling for slot in request.slots]
        return bool(names) and all(names)

    def _turned(self, request: Recognition) -> bool:
        """It says off, and the intent's sentences say on and never off."""
        words = self._left.heard.speaks(request).words
        said = {one.text for n, one in enumerate(self._left.tokens) if n not in self._left.used}
        return any(
            said & side and not words & side and words & other
            for pair in signals.OPPOSITES
            for side, other in (pair, pair[::-1])
        )

    def _cut(self, slot: Slot) -> bool:
        """Free words that end where more follow: "note down salt and pepper"."""
        if slot.name not in self._left.heard.free:
            return False
        after = [n for n, one in enumerate(self._left.tokens) if one.start >= slot.end]
        rest = [n for n in after if self._left.tokens[n].text not in signals.ENDING]
        if not rest or rest[0] in self._left.used:
            return False
        ends = JOINT.ends(self._left.tokens, rest[0])
        return not ends or ends[0] >= len(self._left.tokens) or ends[0] not in self._left.used

    def _swallowed(self, slot: Slot) -> bool:
        """Free words with what may be meant for the whole: "play some jazz later", and wherever
        they end "play jazz other than the loud one at 20"."""
        if slot.name not in self._left.heard.free:
            return False
        inside = self._left.heard.places_of(slot)
        behind = inside - {min(inside, default=0)}
        last = max(inside, default=-1) >= self._last()
        return any(
            places <= behind
            for signal in (*signals.STOPPING, *signals.NOT_ALSO)
            if signal.kind == "with_exception" or (last and signal.kind in signals.OF_ALL)
            for found in signal.pattern.finditer(self._left.flat)
            if (places := self._left.of(*found.span("w" if found.groupdict().get("w") else 0)))
        )

    def _lasting(self, slot: Slot) -> bool:
        """Free words that begin with a while: 放一小时雨声, "an hour of rain"."""
        if slot.name not in self._left.heard.free - self._left.heard.content:
            return False
        inside = sorted(self._left.heard.places_of(slot))
        return any(
            one.value > 1 and one.start == inside[0] and one.end <= inside[-1]
            for one in (durations(self._left.tokens, self._left.heard.moment) if inside else ())
        )

    def _last(self) -> int:
        """The last word that is no mark and no politeness."""
        left = self._left
        polite = {n for one in signals.IDIOMS.finditer(left.flat) for n in left.of(*one.span())}
        polite |= {n for n, one in enumerate(left.tokens) if one.mark or left.filling(n)}
        return max(set(range(len(left.tokens))) - polite, default=0)

    def _doubtful(self, slot: Slot) -> bool:
        if slot.start < 0 or unsaid(slot.value):
            return False
        places = [n for n, t in enumerate(self._left.tokens) if slot.start <= t.start < slot.end]
        if not places:
            return False
        if slot.name in self._left.heard.counted:
            homophone = self._left.tokens[places[0]].text in signals.HOMOPHONES
            if slot.name in self._left.heard.changes:
                return homophone
            step = signals.RELATIVE.search(self._left.flat_before(slot.start))
            clock = isinstance(slot.value, str)  # "up by six" is a time, and no step
            return homophone or bool(step and not clock)
        if slot.name not in self._left.heard.named:
            return False
        return self._strange(places[0] - 1) or self._strange(places[-1] + 1, behind=True)

    def _strange(self, place: int, *, behind: bool = False) -> bool:
        """A word beside a name that may make it another name: "the old office", 老王家."""
        if not 0 <= place < len(self._left.tokens) or self._left.explained(place):
            return False
        if JOINT.ends(self._left.tokens, place):
            return False
        token = self._left.tokens[place]
        if token.chinese:
            return token.text not in GUARDS
        plain = token.text in signals.SMALL or (behind and self._left.common(place))
        return token.text.isalpha() and not plain and len(token.text) > 1
