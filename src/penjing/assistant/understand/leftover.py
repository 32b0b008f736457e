"""The words of a sentence that are left when all that was read in it is taken away. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from penjing.assistant.understand import signals
from penjing.assistant.understand.beside import weighed
from penjing.assistant.understand.familiar import (
    CONDITIONAL,
    NEGATING,
    WHOLE,
    joined,
    negated,
)
from penjing.assistant.understand.groups import is_group
from penjing.assistant.understand.heard import Doubt, Heard
from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.slots import BEYOND, WHICH, unsaid
from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import DENYING, FILLER, JOINT, common_words, courteous
from penjing.core.dialogue import Recognition, Slot

_ADVICE = re.compile(
    r"(?!never ?mind|(?:don't|dont|do not) (?:bother|do (?:it|that)|write|note|add|save|remind"
    r"|worry))"
    r"(?:(?:never|don't|dont|do not) \w+ \w+|no \w+ \w+ \w+)"
    r"|(?:千万|记得|以后|再也)?(?:别|不要|不能|不许|不可以|勿|切勿)(?![记写存加提忘]|要|了).{3,}",
    re.IGNORECASE,
)
"""Words that are kept and say what is not to be done: "never buy that again"."""
_LONGEST_TITLE = 60
"""Characters of free words that may be a title in quotation marks."""


def _named(slot: Slot) -> bool:
    """Of several things each is named: "kitchen and bedroom lights" are not all of them."""
    return re.search(r"\b(?:and|plus)\b|[,&、和跟与及]", slot.text) is not None


class Leftover:
    """The words of a sentence that nothing used yet."""

    def __init__(self, heard: Heard, *, denies: bool) -> None:
        self.heard, self.tokens = heard, heard.tokens
        self.flat, self._places = joined([one.text for one in heard.tokens])
        self.used: set[int] = set()
        self._known: set[int] = set()  # explained by how the intent's own sentences speak
        self._asked_for: set[str] = set()
        self.told: set[int] = set()
        self._written: set[int] = set()
        self._any: set[int] = set()
        self._titles: set[int] = set()
        self._kept: set[int] = set()  # words that are written down or sent: 记下 周三开会
        self._names: list[Slot] = []
        self._some: list[Slot] = []  # one of several things, by what they all are called
        self._meant: set[object] = set()  # values of names that are used
        self._beside = weighed(heard.tokens, heard.remarks)
        self._asides: list[Doubt] = []
        self.used |= self._beside.told
        self._wide = False  # several things are meant, or none by name: no word may be left
        self._stops = True  # all that is wanted is that something ends
        self._beyond: list[Slot] = []
        self._garbled = False  # a word was passed over: the others may be there by chance
        self._courteous = courteous(self.tokens)
        self.used |= self._courteous
        for idiom in signals.IDIOMS.finditer(self.flat):
            self.used |= self.of(idiom.start(), idiom.end())
        if denies:  # "no, ..." takes back what was before
            lead = 0
            while lead < len(self.tokens) and self.tokens[lead].text in signals.LEADS:
                lead += 1
            if lead < len(self.tokens) and self.tokens[lead].mark:
                self.used |= set(range(lead))

    def of(self, start: int, end: int) -> set[int]:
        return {place for place in self._places[start:end] if place >= 0}

    def flat_before(self, start: int) -> str:
        """All before a place of the sentence."""
        ends = [n for n, p in enumerate(self._places) if p >= 0 and self.tokens[p].start >= start]
        return self.flat[: ends[0]] if ends else self.flat

    # -- what is used

    def use_slots(self, slots: Iterable[Slot]) -> None:
        """The words of values are used."""
        for slot in slots:
            free = slot.name in self.heard.free
            self.used |= self.heard.places_of(slot) - (self._beside.turning if free else set())
            if free and slot.name in self.heard.content and _ADVICE.match(slot.text):
                self.used |= self.heard.places_of(slot)
            if free:
                self._any |= self.heard.places_of(slot)
                if slot.name in self.heard.content:
                    self._kept |= self.heard.places_of(slot)
                elif len(slot.text) <= _LONGEST_TITLE:
                    self._titles |= self.heard.places_of(slot)

    def names_in(self, values: Sequence[Slot]) -> None:
        """Names of things stand in the sentence: each must have been used."""
        named = self.heard.named
        self._some = [one for one in values if one.name in named and one.value == WHICH]
        self._names = [one for one in values if one.name in named and not unsaid(one.value)]

    def use_requests(self, requests: Sequence[Recognition]) -> None:
        """The words that told what is wanted are used."""
        for one in requests:
            self.use_slots(one.slots)
            named = [one for one in one.slots if one.name in self.heard.named]
            self._meant |= {one.value for one in named if not is_group(one.value)}
            self.told |= self.heard.told.get(str(one.intent), frozenset())
            self.used |= self.told
            if any(slot.name in self.heard.free for slot in one.slots):
                self._written |= self.used  # what is written down may name any room
            given = {slot.name for slot in one.slots if not unsaid(slot.value)}
            needs = self.heard.speaks(one).needs
            self._asked_for |= needs - given
            self._stops = bool(signals.STOPS & self.heard.speaks(one).words) and self._stops
            self._wide |= any(is_group(slot.value) or slot.value == WHICH for slot in one.slots)
            self._beyond += [s for s in one.slots if s.value == BEYOND and s.name not in needs]
        if not any(is_group(s.value) and not _named(s) for one in requests for s in one.slots):
            for rest in signals.REST.finditer(self.flat):
                self.used |= self.of(rest.start(), rest.end())
        self._garbled = any(
            one.stage == "templates" and one.confidence <= signals.GARBLED for one in requests
        )
        wishes = not all(self.heard.speaks(one).asks for one in requests)
        for one in requests:
            if one.stage != "templates":  # "if the tv is on, ...": "see if the tv is on" is not it
                self._know(one, conditional=not (wishes and self.heard.speaks(one).asks))

    def _know(self, request: Recognition, *, conditional: bool) -> None:
        """Words in the company in which the intent's own sentences have them; `conditional`: the
        words of conditions too."""
        runs = self.heard.speaks(request).runs
        words, places = self.heard.aslearnt(request.slots)
        ways: tuple[tuple[int, int], ...]
        for at, place in enumerate(places):
            ways = ((0, 1), (0, 2), (1, 1)) if at + 1 < len(words) else ((1, 0), (2, 0))
            if "\u3400" <= words[at] <= "\u9fff" and words[at] in DENYING:
                ways = ((0, 2),)  # 不要了 is not 不要取消
            if words[at] in CONDITIONAL:
                ways = ((0, 2),) if conditional else ()
            for before, after in ways:  # what a word turns around comes after it
                if words[at] in NEGATING:
                    break
                run = tuple(words[max(0, at - before) : at + after + 1])
                enough = 3 if any("\u3400" <= word <= "\u9fff" for word in run) else 2
                if len(run) == before + after + 1 >= enough and run in runs:
                    self._known.add(place)
            if words[at] in NEGATING and any(
                negated(words[at : at + length]) in runs for length in range(2, WHOLE + 1)
            ):
                self._known.add(place)

    # -- what explains a word

    def _only(self, word: str, places: set[int]) -> bool:
        return all(self.tokens[place].text == word for place in places)

    def _words(self, places: Iterable[int]) -> str:
        tokens = [self.tokens[place] for place in sorted(places)]
        if not tokens:
            return ""
        said = self.heard.text[tokens[0].start : tokens[-1].end]
        return (said or " ".join(one.text for one in tokens))[:60]

    def _places_told(self, one: Recognition) -> set[int]:
        """The words that told what it wants, and those of its values."""
        told = set(self.heard.told.get(str(one.intent), frozenset()))
        return told.union(*(self.heard.places_of(slot) for slot in one.slots))

    def explained(self, place: int) -> bool:
        token = self.tokens[place]
        return (
            place in self.used
            or place in self._known
            or token.mark
            or token.text in self.heard.called
            or token.text in signals.TODAY
            or self.filling(place)
        )

    def filling(self, place: int) -> bool:
        return any(
            place < end
            for start in range(max(0, place - 5), place + 1)
            for end in FILLER.ends(self.tokens, start)
        )

    def whole(self) -> bool:
        """Nothing is left but small words, and what stands between two requests."""
        joints = {
            place
            for start in range(len(self.tokens))
            for end in JOINT.ends(self.tokens, start)
            for place in range(start, end)
        }
        return all(n in joints or self.explained(n) for n in range(len(self.tokens)))

    def common(self, place: int) -> bool:
        return self.tokens[place].text in common_words()

    def _counts(self, place: int) -> bool:
        token = self.tokens[place]
        if token.text in signals.NUMBERS or ":" in token.text[1:]:  # 25:00 is no time
            return True
        found = number_at(self.tokens, place)
        return found is not None and not found.cost and self._is_count(found, token)

    def _is_count(self, found: Span, token: Token) -> bool:
        one = found.value == 1 and found.end - found.start == 1 and not token.text[0].isdigit()
        return not one and token.text not in ("-", "a")
