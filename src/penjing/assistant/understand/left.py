"""What is left of a sentence when all that was read in it is taken away, and what it says. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from penjing.assistant.understand import signals, times
from penjing.assistant.understand.beside import weighed
from penjing.assistant.understand.familiar import joined
from penjing.assistant.understand.groups import is_group
from penjing.assistant.understand.heard import Doubt, Heard
from penjing.assistant.understand.numbers import number_at
from penjing.assistant.understand.quantities import durations
from penjing.assistant.understand.signals import Kind
from penjing.assistant.understand.slots import BEYOND, WHICH, unsaid
from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.twofold import twofold
from penjing.assistant.understand.words import FILLER, GUARDS, JOINT, common_words
from penjing.core.dialogue import Recognition, Slot


class Left:
    """The words of a sentence that nothing used yet."""

    def __init__(self, heard: Heard, *, denies: bool) -> None:
        self._heard, self._tokens = heard, heard.tokens
        self._flat, self._places = joined([one.text for one in heard.tokens])
        self._used: set[int] = set()
        self._known: set[int] = set()  # explained by how the intent's own sentences speak
        self._asked_for: set[str] = set()
        self._told: set[int] = set()
        self._written: set[int] = set()
        self._any: set[int] = set()
        self._names: list[Slot] = []
        self._meant: set[object] = set()  # values of names that are used
        self._beside = weighed(heard.tokens, heard.remarks)
        self._asides: list[Doubt] = []
        self._used |= self._beside.told
        self._wide = False  # several things are meant, or none by name: no word may be left
        self._beyond: list[Slot] = []
        for idiom in signals.IDIOMS.finditer(self._flat):
            self._used |= self._of(idiom.start(), idiom.end())
        if denies:  # "no, ..." takes back what was before
            lead = 0
            while lead < len(self._tokens) and self._tokens[lead].text in signals.LEADS:
                lead += 1
            if lead < len(self._tokens) and self._tokens[lead].mark:
                self._used |= set(range(lead))

    def _of(self, start: int, end: int) -> set[int]:
        return {place for place in self._places[start:end] if place >= 0}

    def flat_before(self, start: int) -> str:
        """All before a place of the sentence."""
        ends = [n for n, p in enumerate(self._places) if p >= 0 and self._tokens[p].start >= start]
        return self._flat[: ends[0]] if ends else self._flat

    # -- what is used

    def use_slots(self, slots: Iterable[Slot]) -> None:
        """The words of values are used."""
        for slot in slots:
            free = slot.name in self._heard.free
            self._used |= self._heard.places_of(slot) - (self._beside.turning if free else set())
            if free:
                self._any |= self._heard.places_of(slot)

    def names_in(self, values: Sequence[Slot]) -> None:
        """Names of things stand in the sentence: each must have been used."""
        named = self._heard.named
        self._names = [one for one in values if one.name in named and not unsaid(one.value)]

    def use_requests(self, requests: Sequence[Recognition]) -> None:
        """The words that told what is wanted are used."""
        for one in requests:
            self.use_slots(one.slots)
            named = [one for one in one.slots if one.name in self._heard.named]
            self._meant |= {one.value for one in named if not is_group(one.value)}
            self._told |= self._heard.told.get(str(one.intent), frozenset())
            self._used |= self._told
            if any(slot.name in self._heard.free for slot in one.slots):
                self._written |= self._used  # what is written down may name any room
            given = {slot.name for slot in one.slots if not unsaid(slot.value)}
            needs = self._heard.speaks(one).needs
            self._asked_for |= needs - given
            self._wide |= any(is_group(slot.value) or slot.value == WHICH for slot in one.slots)
            self._beyond += [s for s in one.slots if s.value == BEYOND and s.name not in needs]
        for one in requests:
            if one.stage != "templates":
                self._know(one)

    def _know(self, request: Recognition) -> None:
        """Words in the company in which the intent's own sentences have them."""
        runs = self._heard.speaks(request).runs
        words, places = self._heard.aslearnt(request.slots)
        for at, place in enumerate(places):
            ways = ((0, 1), (0, 2), (1, 1)) if at + 1 < len(words) else ((1, 0), (2, 0))
            for before, after in ways:  # what a word turns around comes after it
                run = tuple(words[max(0, at - before) : at + after + 1])
                enough = 3 if any("\u3400" <= word <= "\u9fff" for word in run) else 2
                if len(run) == before + after + 1 >= enough and run in runs:
                    self._known.add(place)

    # -- what is left

    def doubts(
        self, requests: Sequence[Recognition] = (), *, tells: bool = False
    ) -> Iterator[Doubt]:
        """Why it is no plain command; `tells`: it only tells something, and may be asked for."""
        if (slot := self._heard.contradicted(requests)) is not None:
            yield Doubt("not_used", slot.text)
        yield from self._prefix()
        if self._beside.back:
            yield Doubt("said_not", self._words(self._beside.back))
        yield from self._signalled(tells=tells)
        for place in sorted(self._heard.turning - self._used - self._known):
            yield Doubt("not_used", self._words({place}))
        yield from self._late()
        yield from self._elsewhere()
        if not tells:
            yield from self._uncounted()
        yield from self._nameless(tells=tells)
        yield from self._asides

    def _signalled(self, *, tells: bool) -> Iterator[Doubt]:
        polite = signals.POLITE.search(self._flat) is not None
        needless = [
            self._of(found.start(), found.end())
            for pattern in signals.NO_NEED
            for found in re.finditer(pattern, self._flat)
        ]
        for signal in signals.STOPPING:
            if tells and signal.kind in ("only_asked", "in_the_past", "unsure", "not_now"):
                continue
            for found in signal.pattern.finditer(self._flat):
                places = self._of(*found.span("w" if found.groupdict().get("w") else 0))
                if not places or self._explains(places):
                    continue
                if signal.kind == "only_asked" and polite and self._only("吗", places):
                    continue
                kind = signal.kind
                if tells and kind == "others_words" and signals.ASKING.search(found.group()):
                    continue
                if kind == "said_not" and any(places & one for one in needless):
                    kind = "unsure"
                yield from self._or_aside(kind, places)
        if signals.QUERY.search(self._flat) and not polite and not tells:
            yield Doubt("unsure", "?")

    def _or_aside(self, kind: Kind, places: set[int]) -> Iterator[Doubt]:
        """A doubt; about what only stands beside the request it is asked, when nothing else is."""
        doubt = Doubt(kind, self._words(places))
        if places <= (self._beside.aside if kind == "said_not" else self._beside.leading):
            self._asides.append(replace(doubt, kind="unsure"))
        else:
            yield doubt

    def _explains(self, places: set[int]) -> bool:
        """Used, and not by cutting a word in two ("hear" in 听说)."""
        cut = places & self._told and places & self._any
        return places <= self._used | self._known and not cut

    def _only(self, word: str, places: set[int]) -> bool:
        return all(self._tokens[place].text == word for place in places)

    def _words(self, places: Iterable[int]) -> str:
        tokens = [self._tokens[place] for place in sorted(places)]
        return self._heard.text[tokens[0].start : tokens[-1].end][:60] if tokens else ""

    def _prefix(self) -> Iterator[Doubt]:
        """ "Ben: turn off the light"."""
        for place, token in enumerate(self._tokens[:12]):
            if token.text == ":" and place:
                strange = [n for n in range(place) if not self._explained(n)]
                if strange and place + 1 < len(self._tokens):
                    yield Doubt("others_words", self._words(range(place)))
                return

    def _explained(self, place: int) -> bool:
        token = self._tokens[place]
        return (
            place in self._used
            or place in self._known
            or token.mark
            or token.text in self._heard.called
            or self._filling(place)
        )

    def _filling(self, place: int) -> bool:
        return any(
            place < end
            for start in range(max(0, place - 5), place + 1)
            for end in FILLER.ends(self._tokens, start)
        )

    def whole(self) -> bool:
        """Nothing is left but small words, and what stands between two requests."""
        joints = {
            place
            for start in range(len(self._tokens))
            for end in JOINT.ends(self._tokens, start)
            for place in range(start, end)
        }
        return all(n in joints or self._explained(n) for n in range(len(self._tokens)))

    def _late(self) -> Iterator[Doubt]:
        """A time, a while or a date that nothing used."""
        spans = [one for one in times.times(self._tokens, self._heard.moment) if one.cost < 0.15]
        spans += list(durations(self._tokens, self._heard.moment))
        spans += list(times.dates(self._tokens, self._heard.moment))
        for one in spans:
            places = set(range(one.start, one.end))
            plain = {self._tokens[place].text for place in places}
            today = plain <= signals.TODAY or plain == {"今", "天"}
            if not today and not places <= self._used | self._known:
                yield from self._or_aside("not_now", places)

    def _elsewhere(self) -> Iterator[Doubt]:
        """A place that nothing knows."""
        found = signals.PLACE.search(self._flat) or signals.PLACE_ZH.search(self._flat)
        places = sorted(self._of(*found.span("w"))) if found else []
        strange = [n for n in places if not self._explained(n) and not self._common(n)]
        if strange:
            yield Doubt("not_used", self._words(places))

    def _common(self, place: int) -> bool:
        return self._tokens[place].text in common_words()

    def _uncounted(self) -> Iterator[Doubt]:
        """A number that nothing used."""
        asked = self._asked_for & self._heard.counted  # a number out of bounds: it is asked for
        for place in () if asked else range(len(self._tokens)):
            if place not in self._used and place not in self._known and self._counts(place):
                yield from self._or_aside("not_used", {place})

    def _nameless(self, *, tells: bool) -> Iterator[Doubt]:
        """A room or a thing that nothing used, or that is none."""
        for found in signals.ROOMS.finditer(self._flat):
            places = self._of(found.start(), found.end())
            nowhere = found.group() not in self._heard.names  # and may have been misheard
            if not places & (self._told | self._written if nowhere else self._used | self._known):
                yield Doubt("not_used", self._words(places))
        for slot in () if tells else self._names:
            meant = not is_group(slot.value) and slot.value in self._meant
            if not meant and not self._heard.places_of(slot) & (self._used | self._known):
                yield Doubt("not_used", slot.text)
        for slot in self._beyond:  # and nobody will ask for it
            yield Doubt("not_used", slot.text)
        every = set(range(len(self._tokens))) - self._beside.leading if self._wide else ()
        strange = [n for n in every if not (self._explained(n) or JOINT.ends(self._tokens, n))]
        if strange:
            yield Doubt("not_used", self._words(strange))

    def _counts(self, place: int) -> bool:
        token = self._tokens[place]
        if token.text in signals.NUMBERS or ":" in token.text[1:]:  # 25:00 is no time
            return True
        found = number_at(self._tokens, place)
        return found is not None and not found.cost and self._is_count(found, token)

    def _is_count(self, found: Span, token: Token) -> bool:
        one = found.value == 1 and found.end - found.start == 1 and not token.text[0].isdigit()
        return not one and token.text not in ("-", "a")

    # -- what is asked about

    def unsure(self, requests: Sequence[Recognition]) -> bool:
        """Whether a value may have been read where none was said."""
        slots = [slot for one in requests for slot in one.slots]
        heard = self._heard
        return (
            any(self._doubtful(slot) or self._cut(slot) for slot in slots)
            or any(heard.at_night(slot, self._flat) for slot in slots)
            or any(twofold(one, self._tokens, heard.moment, heard.content) for one in requests)
            or any(self._swallowed(slot) for slot in slots if slot.name not in heard.content)
            or any(
                slot.name in self._heard.free - self._heard.content
                and signals.NO_TITLE.match(slot.text.lower())
                for slot in slots
            )
            or (any(map(self._garbled, requests)) and self._overlooked())
            or any(self._turned(one) for one in requests if one.stage != "templates")
            or self._foreign(requests)
            or any(self._unheard(one) for one in requests if one.stage != "templates")
            or bool(self._told & self._heard.mended)
        )

    def _garbled(self, request: Recognition) -> bool:
        return request.stage == "templates" and request.confidence <= signals.GARBLED

    def _overlooked(self) -> bool:
        """A word that nothing explains: "I play the guitar"."""
        return any(
            not self._explained(place) and not JOINT.ends(self._tokens, place)
            for place in range(len(self._tokens))
        )

    def _foreign(self, requests: Sequence[Recognition]) -> bool:
        """Words that are left, and that only another intent's sentences have."""
        if all(one.stage == "templates" for one in requests):
            return False
        own = frozenset().union(*(self._heard.speaks(one).words for one in requests))
        left = (
            {
                one.text
                for n, one in enumerate(self._tokens)
                if n not in self._used and not self._explained(n) and not self._common(n)
            }
            - own
            - signals.SMALL
            - GUARDS
        )
        others = [one.words for one in self._heard.familiar.values()]
        return any(
            sum(word in words for words in others) in (1, 2) for word in left if len(word) > 1
        )

    def _unheard(self, request: Recognition) -> bool:
        """It takes no values, and ends in a word that its sentences never have: "put me through to
        the president"."""
        speaks = self._heard.speaks(request)
        if request.slots or speaks.needs or speaks.asks:
            return False
        words = [t.text for n, t in enumerate(self._tokens) if not t.mark and not self._filling(n)]
        last = words[-2:] if words and "\u3400" <= words[-1] <= "\u9fff" else words[-1:]
        return any(one not in speaks.words and one not in signals.SMALL for one in last)

    def bare_name(self, request: Recognition) -> bool:
        """A name or a time alone tells nobody what to do with it."""
        telling = self._heard.named | self._heard.counted
        names = [slot.name in telling for slot in request.slots]
        return bool(names) and all(names)

    def _turned(self, request: Recognition) -> bool:
        """It says off, and the intent's sentences say on and never off."""
        words = self._heard.speaks(request).words
        said = {one.text for n, one in enumerate(self._tokens) if n not in self._used}
        return any(
            said & side and not words & side and words & other
            for pair in signals.OPPOSITES
            for side, other in (pair, pair[::-1])
        )

    def _cut(self, slot: Slot) -> bool:
        """Free words that end where more follow: "note down salt and pepper"."""
        if slot.name not in self._heard.free:
            return False
        after = [n for n, one in enumerate(self._tokens) if one.start >= slot.end]
        rest = [n for n in after if self._tokens[n].text not in signals.ENDING]
        if not rest or rest[0] in self._used:
            return False
        ends = JOINT.ends(self._tokens, rest[0])
        return not ends or ends[0] >= len(self._tokens) or ends[0] not in self._used

    def _swallowed(self, slot: Slot) -> bool:
        """Free words that end in what may be meant for the whole: "play some jazz later"."""
        inside = self._heard.places_of(slot) if slot.name in self._heard.free else set()
        if not inside or max(inside) < self._last():
            return False
        return any(
            places <= inside - {min(inside)}
            for signal in signals.STOPPING
            if signal.kind in signals.OF_ALL
            for found in signal.pattern.finditer(self._flat)
            if (places := self._of(*found.span("w" if found.groupdict().get("w") else 0)))
        )

    def _last(self) -> int:
        return max((n for n, one in enumerate(self._tokens) if not one.mark), default=0)

    def _doubtful(self, slot: Slot) -> bool:
        if slot.start < 0 or unsaid(slot.value):
            return False
        places = [n for n, t in enumerate(self._tokens) if slot.start <= t.start < slot.end]
        if not places:
            return False
        if slot.name in self._heard.counted:
            homophone = self._tokens[places[0]].text in signals.HOMOPHONES
            if slot.name in self._heard.changes:
                return homophone
            return homophone or bool(signals.RELATIVE.search(self.flat_before(slot.start)))
        if slot.name not in self._heard.named:
            return False
        return self._strange(places[0] - 1) or self._strange(places[-1] + 1, behind=True)

    def _strange(self, place: int, *, behind: bool = False) -> bool:
        """A word beside a name that may make it another name: "the old office", 老王家."""
        if not 0 <= place < len(self._tokens) or self._explained(place):
            return False
        if JOINT.ends(self._tokens, place):
            return False
        token = self._tokens[place]
        if token.chinese:
            return token.text not in GUARDS
        plain = token.text in signals.SMALL or (behind and self._common(place))
        return token.text.isalpha() and not plain and len(token.text) > 1
