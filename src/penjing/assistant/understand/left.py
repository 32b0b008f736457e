"""What is left of a sentence when all that was read in it is taken away, and what it says. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from penjing.assistant.understand import signals, times, whose
from penjing.assistant.understand.groups import is_group
from penjing.assistant.understand.heard import Doubt
from penjing.assistant.understand.leftover import Leftover
from penjing.assistant.understand.quantities import durations
from penjing.assistant.understand.reasons import STILL
from penjing.assistant.understand.sentence import QUOTE
from penjing.assistant.understand.whose import Kind
from penjing.assistant.understand.words import JOINT, Phrases
from penjing.core.dialogue import Recognition

_ASKED: frozenset[Kind] = frozenset(
    {"said_not", "not_now", "in_the_past", "others_words", "not_used"}
)
"""About what only stands behind a request too, it is asked."""
_TOLD_TIMES = frozenset({"after", "before", "while", "once", "when", "until", "till"})
"""Conditions that inside of a remark only tell when something is: "..., I nap after my shift"."""
_UNTIL = frozenset({"till", "until", "before"})
"""Those that a question about how long something takes may have."""
_POLITE = Phrases((
    "please", "kindly", "could you", "can you", "would you", "will you", "could you please",
    "can you please", "i need", "i need you to", "i want", "i'd like", "i would like", "let's",
    "请", "请你", "请您",
    "麻烦", "麻烦你", "麻烦您", "劳驾", "给我", "帮我", "我要", "我想", "拜托",
))  # fmt: skip
"""How somebody begins to wish for something."""
_ENDS = frozenset("了啦呀啊呢吧")
"""A question is over with these: 几点了."""
_PARTING = frozenset({",", ".", "?", "!", ";", ":", "and", "but", "so", "or"})
_ALSO = frozenset({"and", "&", "plus", "和", "跟", "与", "及", "、", "同"})
"""Between things that are all meant."""


class Left(Leftover):
    """What the words say that nothing used yet."""

    def doubts(
        self, requests: Sequence[Recognition] = (), *, tells: bool = False
    ) -> Iterator[Doubt]:
        """Why it is no plain command; `tells`: it only tells something, and may be asked for."""
        if (slot := self.heard.contradicted(requests)) is not None:
            yield Doubt("not_used", slot.text)
        yield from self._prefix(requests)
        if written := whose.WRITTEN.search(self.flat):
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
                if tells and self._only_asks(kind, places):
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

    def _only_asks(self, kind: Kind, places: set[int]) -> bool:
        """What is only asked is asked now ("how long till I'm home"), and 会不会 asks too."""
        if kind == "on_condition":
            return self._words(places).lower() in _UNTIL
        first, last = min(places), max(places)
        asked = kind == "said_not" and first and last + 1 < len(self.tokens)
        return bool(asked) and self.tokens[first - 1].text == self.tokens[last + 1].text

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

    def _prefix(self, requests: Sequence[Recognition]) -> Iterator[Doubt]:
        """ "Ben: turn off the light"; "please open a ticket: ..." is the person's own."""
        own = frozenset[str]().union(*(self.heard.speaks(one).words for one in requests))
        for place, token in enumerate(self.tokens[:12]):
            if token.text == ":" and place:
                strange = [n for n in range(place) if not self.explained(n)]
                said = {one.text for one in self.tokens[:place]} - signals.SMALL
                if _POLITE.ends(self.tokens, 0) and said & own:
                    return
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
