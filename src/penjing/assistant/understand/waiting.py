"""What a sentence wants that is not plainly for now: at another time, or only if something is so.

The words for it are taken out, and the rest must pass the gate as a plain command by itself; no
model has a say in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from penjing.assistant.spec.values import Spec, content_of
from penjing.assistant.understand import conditions, later, reports
from penjing.assistant.understand.compiled import Compiled
from penjing.assistant.understand.conditions import Holds, Provided, Way
from penjing.assistant.understand.reading import Reading
from penjing.assistant.understand.sentence import Sentence
from penjing.assistant.understand.slots import unsaid, wide
from penjing.assistant.understand.span import Moment
from penjing.assistant.understand.text import Token, tokens_of
from penjing.core.dialogue import Recognition

SURE_LATER = 0.8
"""What the classifier must give for something that is put off."""
_ON_CONDITION = frozenset({"on_condition", "with_exception", "not_used", "said_not"})
"""What a condition may be told as, and what may stand in one."""


class Read(Protocol):
    """Reads a part of a sentence by itself."""

    def __call__(self, text: str, now: datetime, language: str, owner: str) -> Reading:
        """What it wants."""
        ...


class Values(Protocol):
    """Finds the values in a part of a sentence."""

    def __call__(
        self, text: str, now: datetime, language: str, compiled: Compiled | None = None
    ) -> Sentence:
        """The part, to be read."""
        ...


def _clear(reading: Reading) -> bool:
    """Templates said so, and plainly."""
    return all(
        one[0].stage == "templates" and one[0].confidence >= SURE_LATER for one in reading.requests
    )


class Waiting:
    """Reads what is not plainly for now."""

    def __init__(
        self, spec: Spec, compiled: Mapping[str, Compiled], read: Read, values: Values
    ) -> None:
        self.spec, self.compiled = spec, compiled
        self._read, self._values = read, values
        self._content = content_of(spec)
        found = {one: conditions.holds_of(spec, one, compiled[one]) for one in compiled}
        self._holds = {one: holds for one, holds in found.items() if holds is not None}

    def instead(self, first: Reading, now: datetime, owner: str) -> Reading | None:
        """What is wanted where that is for another time, or depends on a state."""
        put_off = self._put_off(first, now, owner)
        return put_off if put_off is not None else self._provided(first, now, owner)

    # -- only if something is so

    def _provided(self, first: Reading, now: datetime, owner: str) -> Reading | None:
        """The wish and what it depends on, where that can be looked at."""
        holds = self._holds.get(first.language)
        doubted = first.doubt is None or first.doubt.kind in _ON_CONDITION
        familiar = self.compiled[first.language].familiar
        asks = all(familiar[str(one[0].intent)].asks for one in first.requests)
        if holds is None or not asks or first.act or first.pasted or not doubted:
            return None
        chinese = first.language.startswith("zh")
        for way in conditions.ways(first.text, chinese=chinese):
            for state in self._states(way, holds, now, first.language):
                for wish in conditions.with_name(way.wish, state.slots[0].text, chinese=chinese):
                    rest = self._read(wish, now, first.language, owner)
                    if self._can_depend(rest):
                        passed = replace(rest.passed, values=())
                        return replace(
                            rest, text=first.text, own=first.own, passed=passed, provided=state,
                            bare=False, denies=False,
                        )  # fmt: skip
        return None

    def _can_depend(self, rest: Reading) -> bool:
        """It is one plain command with all that it needs."""
        if len(rest.requests) != 1 or not self._can_wait(rest) or not _clear(rest):
            return False
        one = rest.requests[0][0]
        given = {slot.name for slot in one.slots if not unsaid(slot.value)}
        needs = self.compiled[rest.language].familiar[str(one.intent)].needs
        said = needs <= given and len(given) == len(one.slots)
        return said and rest.passed.whole and not rest.passed.unsure

    def _states(self, way: Way, holds: Holds, now: datetime, language: str) -> Iterator[Provided]:
        """What a condition looks at; "it" is one of the things of the wish."""
        chinese = language.startswith("zh")
        things = self._things(way.condition, holds, now, language)
        said = [way.condition]
        if not things:
            names = self._things(way.wish, holds, now, language)
            said = [
                one
                for name in dict.fromkeys(names)
                for one in conditions.with_name(way.condition, name, chinese=chinese)
            ]
        for condition in said:
            one = self._values(condition, now, language, holds.compiled)
            found = [w for w in one.templates(0, len(one.tokens)) if _tells(w)]
            if len(found) == 1:
                intent, hold = holds.states[int(str(found[0].intent))]
                value = hold.value is not way.turned
                yield Provided(intent, found[0].slots, hold.field, value, way.words)

    def _things(self, text: str, holds: Holds, now: datetime, language: str) -> list[str]:
        """The words for single things that may be looked at, the longest first."""
        one = self._values(text, now, language)
        found = [
            slot
            for slot in one.values()
            if slot.name in holds.slots and not (unsaid(slot.value) or wide(slot.value))
        ]
        return [slot.text for slot in sorted(found, key=lambda one: one.start - one.end)]

    # -- at another time

    def _put_off(self, first: Reading, now: datetime, owner: str) -> Reading | None:
        """The sentence without its words for another time, where that is a plain command; no
        model has a say in it."""
        if first.act or first.pasted or reports.is_report(first.requests):
            return None
        clear = _clear(first)
        if first.requests and clear and not first.passed.unsure:
            return None
        tokens = tokens_of(first.text)
        for end, begin in later.joints(tokens) if later.may_wait(first.doubt) else ():
            if both := self._apart(first, tokens[end].start, tokens[begin].start, now, owner):
                return both
        used = [
            slot
            for one in first.requests
            for slot in one[0].slots
            if one[0].stage == "templates"
            if self.spec.slots[slot.name].kind != "text" or slot.name in self._content
        ]
        ways = later.cuts(first.text, tokens, Moment(now))
        for cut in (one for one in ways if later.may_wait(first.doubt, one)):
            if not first.requests and later.says_no_more(tokens, cut):
                return replace(first, whens=(cut.when,))
            if first.requests and self._of_remark(first, tokens, cut, now, owner):
                continue
            words = [tokens[place] for place in cut.gone]
            taken = any(w.start < slot.end and slot.start < w.end for w in words for slot in used)
            rest = self._read(cut.rest, now, first.language, owner)
            sure = _clear(rest) and rest.passed.whole and not rest.passed.unsure
            if not sure and first.doubt is not None and first.doubt.kind == "with_exception":
                continue  # "except on sundays" is of the time; "all lights except the lamp" is not
            told = any(one[0].stage == "templates" for one in first.requests)
            if not self._can_wait(rest) or (
                not sure and (taken or (told and not first.passed.unsure))
            ):
                continue
            several = len(rest.requests) > 1 and not cut.leads
            unsure = rest.passed.unsure or cut.unsure or several or not rest.passed.whole
            return replace(
                rest, text=first.text, own=first.own, whens=(cut.when,) * len(rest.requests),
                passed=replace(rest.passed, unsure=unsure),
            )  # fmt: skip
        return None

    def _of_remark(
        self, first: Reading, tokens: Sequence[Token], cut: later.Cut, now: datetime, owner: str
    ) -> bool:
        """The time is that of something else, told in a clause of its own beside a plain command:
        "to the airport, my flight is at two"."""
        inside = later.clause_of(tokens, cut)
        if inside is None or not any(
            n not in cut.gone and not later.fills(tokens, n) for n in range(*inside)
        ):
            return False
        a, b = inside
        text = first.text[: tokens[a].start] + " " + first.text[tokens[b - 1].end :]
        rest = self._read(text.strip(" ,，。."), now, first.language, owner)
        own = first.text[tokens[a].start : tokens[b - 1].end]
        for place in sorted(cut.gone, reverse=True):
            token = tokens[place]
            own = own[: token.start - tokens[a].start] + own[token.end - tokens[a].start :]
        if self._read(own, now, first.language, owner).requests:
            return False  # "... and turn off the tv in ten minutes": it is a wish
        wanted = [one[0].intent for one in first.requests]
        same = wanted == [one[0].intent for one in rest.requests]
        return same and _clear(rest) and rest.passed.whole and not rest.passed.unsure

    def _apart(
        self, first: Reading, end: int, begin: int, now: datetime, owner: str
    ) -> Reading | None:
        """Two commands of different times: "... at 7 and ... at 8", "... and at 11 pm ..."."""
        left, right = first.text[:end], first.text[begin:]
        ways = later.cuts(right, tokens_of(right), Moment(now))
        if not ways:
            return None
        one = self._read(left, now, first.language, owner)
        other = self._read(right, now, first.language, owner)
        put_off = self._put_off(other, now, owner)
        before = self._put_off(one, now, owner)
        if before is None and any(cut.leads for cut in ways) and self._can_wait(one):
            before = replace(one, whens=(None,) * len(one.requests))
        if put_off is None or before is None:
            return None
        passed_both = replace(
            put_off.passed,
            requests=(*before.requests, *put_off.requests),
            unsure=before.passed.unsure or put_off.passed.unsure or not before.passed.whole,
        )
        whens = (*before.whens, *put_off.whens)
        return replace(put_off, text=first.text, own=first.own, whens=whens, passed=passed_both)

    def _can_wait(self, rest: Reading) -> bool:
        """It is a plain command, and none that has a time of its own."""
        familiar = self.compiled[rest.language].familiar
        names = [str(one[0].intent) for one in rest.requests]
        timed = {
            self.spec.slots[slot].kind
            for name in names
            for slot in self.compiled[rest.language].wanted[name]
        } & {"time", "date", "duration"}
        acts = all(familiar[name].acts and not familiar[name].asks for name in names)
        sure = all(
            one[0].stage != "classifier" or one[0].confidence >= SURE_LATER for one in rest.requests
        )
        plain = rest.doubt is None and rest.act is None
        return bool(names) and plain and acts and sure and not timed


def _tells(one: Recognition) -> bool:
    """It is said of one thing, and plainly."""
    single = [slot for slot in one.slots if not (unsaid(slot.value) or wide(slot.value))]
    return one.confidence >= SURE_LATER and len(single) == len(one.slots) == 1
