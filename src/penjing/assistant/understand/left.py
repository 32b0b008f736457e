"""What is left of a sentence when all that was read in it is taken away, and what it says. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from penjing.assistant.understand import signals, times
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
from penjing.assistant.understand.quantities import durations
from penjing.assistant.understand.reasons import STILL
from penjing.assistant.understand.sentence import QUOTE
from penjing.assistant.understand.signals import Kind
from penjing.assistant.understand.slots import BEYOND, WHICH, unsaid
from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import DENYING, FILLER, JOINT, common_words, courteous
from penjing.core.dialogue import Recognition, Slot

_ASKED: frozenset[Kind] = frozenset(
    {"said_not", "not_now", "in_the_past", "others_words", "not_used"}
)
"""About what only stands behind a request too, it is asked."""


_TOLD_TIMES = frozenset({"after", "before", "while", "once", "when", "until", "till"})
"""Conditions that inside of a remark only tell when something is: "..., I nap after my shift"."""
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
_ENDS = frozenset("了啦呀啊呢吧")
"""A question is over with these: 几点了."""
_PARTING = frozenset({",", ".", "?", "!", ";", ":", "and", "but", "so", "or"})
_ALSO = frozenset({"and", "&", "plus", "和", "跟", "与", "及", "、", "同"})
"""Between things that are all meant."""


def _named(slot: Slot) -> bool:
    """Of several things each is named: "kitchen and bedroom lights" are not all of them."""
    return re.search(r"\b(?:and|plus)\b|[,&、和跟与及]", slot.text) is not None


class Left:
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

    # -- what is left

    def doubts(
        self, requests: Sequence[Recognition] = (), *, tells: bool = False
    ) -> Iterator[Doubt]:
        """Why it is no plain command; `tells`: it only tells something, and may be asked for."""
        if (slot := self.heard.contradicted(requests)) is not None:
            yield Doubt("not_used", slot.text)
        yield from self._prefix()
        if written := signals.WRITTEN.search(self.flat):
            yield Doubt("others_words", written.group())
        yield from self._run_on(requests)
        if self._beside.back:
            yield Doubt("said_not", self._words(self._beside.back))
        yield from self._signalled(tells=tells)
        for place in sorted(self.heard.turning - self.used - self._known):
            yield Doubt("not_used", self._words({place}))
        yield from self._late()
        yield from self._elsewhere()
        if not tells:
            yield from self._uncounted()
        yield from self._nameless(tells=tells)
        if self._stops and (goes_on := STILL.search(self.flat)):
            yield Doubt("unsure", goes_on.group())
        yield from self._asides

    def _signalled(self, *, tells: bool) -> Iterator[Doubt]:
        polite = bool(self._courteous) or signals.POLITE.search(self.flat) is not None
        if not tells and (able := signals.ABLE.search(self.flat)):
            yield Doubt("only_asked", able.group())
        needless = [
            self.of(found.start(), found.end())
            for pattern in signals.NO_NEED
            for found in re.finditer(pattern, self.flat)
        ]
        for signal in signals.STOPPING:
            if tells and signal.kind in ("only_asked", "in_the_past", "unsure", "not_now"):
                continue
            for found in signal.pattern.finditer(self.flat):
                places = self.of(*found.span("w" if found.groupdict().get("w") else 0))
                garbled = self._garbled and signal.kind in ("on_condition", "in_the_past")
                if not places or (self._explains(places) and not garbled):
                    continue
                if signal.kind == "only_asked" and polite and self._only("吗", places):
                    continue
                kind = signal.kind
                if kind == "others_words" and self._is_title(places):
                    continue
                if tells and kind == "others_words" and signals.ASKING.search(found.group()):
                    continue
                if kind == "said_not" and any(places & one for one in needless):
                    kind = "unsure"
                yield from self._or_aside(kind, places)
        if signals.QUERY.search(self.flat) and not polite and not tells:
            yield Doubt("unsure", "?")

    def _or_aside(self, kind: Kind, places: set[int]) -> Iterator[Doubt]:
        """A doubt; about what only stands beside the request it is asked, when nothing else is."""
        doubt = Doubt(kind, self._words(places))
        asked = kind in _ASKED or (kind == "on_condition" and doubt.words.lower() in _TOLD_TIMES)
        asked = asked or (kind == "only_asked" and self._told_of(places))
        beside = self._beside.aside if asked else self._beside.leading
        if places <= beside | (self._beside.needless if self._stops else set()):
            self._asides.append(replace(doubt, kind="unsure"))
        else:
            yield doubt

    def _told_of(self, places: set[int]) -> bool:
        """A question word that a remark only tells with: "I never remember which exit it is"."""
        before = self.tokens[min(places) - 1].text if min(places) else ","
        after = {one.text for one in self.tokens[max(places) :]}
        return before not in _PARTING and not after & {"?", "吗", "呢"}

    def _explains(self, places: set[int]) -> bool:
        """Used, and not by cutting a word in two ("hear" in 听说)."""
        parted = any(
            self.tokens[n].start > self.tokens[n - 1].end for n in places if n - 1 in places
        )  # 记下来 电表: no 来电
        cut = places & self.told and places & self._any and not parted
        return places <= self.used | self._known and not cut

    def _is_title(self, places: set[int]) -> bool:
        """A quotation in free words that are not kept as they are: 放《稻香》."""
        return self._only(QUOTE, places) and places <= self._titles

    def _only(self, word: str, places: set[int]) -> bool:
        return all(self.tokens[place].text == word for place in places)

    def _words(self, places: Iterable[int]) -> str:
        tokens = [self.tokens[place] for place in sorted(places)]
        if not tokens:
            return ""
        said = self.heard.text[tokens[0].start : tokens[-1].end]
        return (said or " ".join(one.text for one in tokens))[:60]

    def _prefix(self) -> Iterator[Doubt]:
        """ "Ben: turn off the light"."""
        for place, token in enumerate(self.tokens[:12]):
            if token.text == ":" and place:
                strange = [n for n in range(place) if not self.explained(n)]
                if strange and place + 1 < len(self.tokens):
                    yield Doubt("others_words", self._words(range(place)))
                return

    def _run_on(self, requests: Sequence[Recognition]) -> Iterator[Doubt]:
        """A question that runs on asks about what would be done: 什么时候六点半叫我起床."""
        speaks = self.heard.speaks
        for one, other in itertools.pairwise(requests):
            if not (speaks(one).asks and speaks(other).acts):
                continue
            asked, wanted = self._places_told(one), self._places_told(other)
            last = max(asked, default=-1)
            begin = min((place for place in wanted if place > last), default=0)
            between = range(last + 1, begin)
            apart = any(JOINT.ends(self.tokens, n) or self.tokens[n].text in _ENDS for n in between)
            if begin and not apart and self.tokens[last].chinese:
                yield Doubt("only_asked", self._words(asked))

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

    def _late(self) -> Iterator[Doubt]:
        """A time, a while or a date that nothing used."""
        spans = [one for one in times.times(self.tokens, self.heard.moment) if one.cost < 0.15]
        spans += [one for one in durations(self.tokens, self.heard.moment) if one.value > 1]
        spans += list(times.dates(self.tokens, self.heard.moment))
        for one in spans:
            places = set(range(one.start, one.end))
            plain = {self.tokens[place].text for place in places}
            today = plain <= signals.TODAY or plain == {"今", "天"}
            cut = places & (self._any - self._kept) and places - self._any
            if not today and (cut or not places <= self.used | self._known):
                yield from self._or_aside("not_now", places)

    def _elsewhere(self) -> Iterator[Doubt]:
        """A place that nothing knows."""
        found = signals.PLACE.search(self.flat) or signals.PLACE_ZH.search(self.flat)
        places = sorted(self.of(*found.span("w"))) if found else []
        strange = [n for n in places if not self.explained(n) and not self.common(n)]
        if strange and not any(map(self._counts, places)):  # "at nine" is no place
            yield from self._or_aside("not_used", set(places))

    def common(self, place: int) -> bool:
        return self.tokens[place].text in common_words()

    def _uncounted(self) -> Iterator[Doubt]:
        """A number that nothing used."""
        asked = self._asked_for & self.heard.counted  # a number out of bounds: it is asked for
        for place in () if asked else range(len(self.tokens)):
            if place not in self.used and place not in self._known and self._counts(place):
                yield from self._or_aside("not_used", {place})

    def _nameless(self, *, tells: bool) -> Iterator[Doubt]:
        """A room or a thing that nothing used, or that is none."""
        for found in signals.ROOMS.finditer(self.flat):
            places = self.of(found.start(), found.end())
            nowhere = found.group() not in self.heard.names  # and may have been misheard
            if not places & (self.told | self._written if nowhere else self.used | self._known):
                yield from self._or_aside("not_used", places)
        for slot in () if tells else self._names:
            meant = not is_group(slot.value) and slot.value in self._meant
            places = self.heard.places_of(slot)
            if meant or places & (self.used | self._known):
                continue
            if slot.text.casefold() in self.heard.names and slot.name in self.heard.things:
                yield Doubt("not_used", slot.text)
            else:  # "the lamb's in" may be no lamp
                yield from self._or_aside("not_used", places)
        for slot in () if tells else self._some:  # 灯和电视: the one is dropped for the other
            places = self.heard.places_of(slot)
            beside = {min(places) - 1, max(places) + 1} if places else set()
            joined = any(
                self.tokens[n].text in _ALSO for n in beside & set(range(len(self.tokens)))
            )
            if joined and not places & (self.used | self._known):
                yield Doubt("not_used", slot.text)
        for slot in self._beyond:  # and nobody will ask for it
            yield Doubt("not_used", slot.text)
        every = set(range(len(self.tokens))) - self._beside.leading if self._wide else ()
        strange = [n for n in every if not (self.explained(n) or JOINT.ends(self.tokens, n))]
        if strange:
            yield from self._or_aside("not_used", set(strange))

    def _counts(self, place: int) -> bool:
        token = self.tokens[place]
        if token.text in signals.NUMBERS or ":" in token.text[1:]:  # 25:00 is no time
            return True
        found = number_at(self.tokens, place)
        return found is not None and not found.cost and self._is_count(found, token)

    def _is_count(self, found: Span, token: Token) -> bool:
        one = found.value == 1 and found.end - found.start == 1 and not token.text[0].isdigit()
        return not one and token.text not in ("-", "a")
