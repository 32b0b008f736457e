"""The requests of a sentence that has more to it: several of them, and what stands beside them.

A clause that is a plain request alone is taken for one; what the others tell is noted on the
sentence as a remark, which the gate weighs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from penjing.assistant.understand import acts
from penjing.assistant.understand.beside import (
    MAX_CLAUSES,
    Remark,
    clauses,
    empty,
    states,
    told_from,
)
from penjing.assistant.understand.compiled import COMMON
from penjing.assistant.understand.sentence import Sentence
from penjing.assistant.understand.slots import WHICH, unsaid, wide
from penjing.assistant.understand.span import Span
from penjing.assistant.understand.split import CLEAR, merged
from penjing.core.dialogue import Recognition

_FAR = 24
"""Tokens among which two requests may meet with nothing between them."""
_MOST_ABUTTING = 3
"""Of them."""
_LINKS = frozenset({"and", "but", "so"})
"""What leads from one clause to the next."""


class Wishes:
    """What a sentence wants, clause by clause."""

    def __init__(self, one: Sentence) -> None:
        self._one = one

    def several(self, content: frozenset[str]) -> tuple[tuple[Recognition, ...], ...]:
        """Requests that two clauses or more make, each alone and plainly, with remarks beside them;
        empty when there are fewer. None of them has words that are kept or sent as they are.
        """
        parts = self._clauses()
        if not 2 <= len(parts) <= MAX_CLAUSES:
            return ()
        found = [self._one.whole(a, b) for a, b in parts]
        wishes = [n for n, ways in enumerate(found) if ways and self._one.acts(ways[0])]
        firsts = [found[n][0] for n in wishes]
        texts = self._one.compiled.texts | content
        if len(wishes) < 2 or any(slot.name in texts for one in firsts for slot in one.slots):
            return ()
        if merged([(one,) for one in firsts]) != [(one,) for one in firsts]:
            return ()  # one thing said twice
        for n in wishes:
            self._one.templates(*parts[n])
        for n, (a, b) in enumerate(parts):
            if n not in wishes and not self._says_nothing(a, b):
                start = told_from(self._one.tokens, a, b)
                self._one.remarks.append(Remark(start, b, n < wishes[0], parted=True, text=False))
        return tuple(found[n] for n in wishes)

    def abutting(self) -> tuple[tuple[Recognition, ...], ...]:
        """Plain requests with nothing between them: "bedroom light off hallway light on"."""
        if any(one.mark for one in self._one.tokens[:-1]):
            return ()  # 调到六成亮，百分之六十: what a pause parts is not put together
        return self._abutting(0, _MOST_ABUTTING, self._one.inside())

    def _abutting(
        self, a: int, most: int, inside: Collection[int]
    ) -> tuple[tuple[Recognition, ...], ...]:
        end = len(self._one.tokens)
        for at in range(a + 1, min(end, a + _FAR)):
            if at in inside or not self._plain(before := self._one.whole(a, at)):
                continue
            after: tuple[tuple[Recognition, ...], ...] = ()
            if self._plain(last := self._one.whole(at, end)):
                after = (last,)
            elif most > 2:
                after = self._abutting(at, most - 1, inside)
            if (
                after and len(merged([before, *after])) == len(after) + 1
            ):  # not one thing said twice
                self._one.templates(a, at)
                if len(after) == 1:
                    self._one.templates(at, end)
                return (before, *after)
        return ()

    def run_on(self) -> tuple[Recognition, ...]:
        """A plain request behind a remark with nothing between them, as it is spoken: "it's
        roasting in here get the ac on"."""
        tokens, end = self._one.tokens, len(self._one.tokens)
        if end > _FAR or any(one.mark for one in tokens[:-1]):
            return ()
        inside = self._one.inside()
        for at in range(2, end - 1):
            if at in inside or not states(tokens[:at]):
                continue
            if self._plain(found := self._one.whole(at, end)):
                self._one.templates(at, end)
                self._one.remarks.append(
                    Remark(0, at, leads=True, parted=False, text=False, run_on=True)
                )
                return found
        return ()

    def _plain(self, ways: Sequence[Recognition]) -> bool:
        """It acts, and says all that it wants: free words might go on, and a number that is out of
        bounds is no wish beside another."""
        return (
            bool(ways)
            and self._one.acts(ways[0])
            and not any(
                slot.name in self._one.compiled.texts or unsaid(slot.value)
                for slot in ways[0].slots
            )
        )

    def _clauses(self) -> list[tuple[int, int]]:
        """The clauses; those that only together are a request, with all its values, as one."""
        parts = clauses(self._one.tokens, 0, len(self._one.tokens), self._one.inside())
        parts = [
            (a + 1 if b - a > 1 and self._one.tokens[a].text in _LINKS else a, b) for a, b in parts
        ]
        if len(parts) > MAX_CLAUSES:
            return parts
        found: list[tuple[int, int]] = []
        at = 0
        while at < len(parts):
            size = next((n for n in (3, 2) if self._one_request(parts[at : at + n], n)), 1)
            found.append((parts[at][0], parts[min(at + size, len(parts)) - 1][1]))
            at += size
        return found

    def _one_request(self, parts: Sequence[tuple[int, int]], size: int) -> bool:
        if len(parts) < size:
            return False
        whole = self._one.whole(parts[0][0], parts[-1][1])
        if not whole or not self._one.acts(whole[0]):
            return False
        alone = [self._one.whole(a, b) for a, b in parts]
        return not all(alone) or all(len(one[0].slots) < len(whole[0].slots) for one in alone)

    def beside(self, content: frozenset[str]) -> tuple[Recognition, ...]:
        """A request that one clause makes alone, with what the others tell; empty when none does,
        or two do. `content`: slots that are kept or sent as they are.
        """
        parts = self._clauses()
        if not 2 <= len(parts) <= MAX_CLAUSES:
            return ()
        told = {name: set(places) for name, places in self._one.told.items()}
        clear = [
            found if (found := self._one.templates(a, b)) and found[0].confidence >= CLEAR else ()
            for a, b in parts
        ]
        wishes = [n for n, found in enumerate(clear) if found and self._one.acts(found[0])]
        if not wishes:
            for n, (a, b) in enumerate(parts):
                found = () if clear[n] else self._one.classified(a, b, sure=True)
                if found and self._one.acts(found[0]) and self._about(found[0], content):
                    clear[n] = found
                    wishes.append(n)
        others = [one for one, found in zip(parts, clear, strict=True) if not found]
        for n in wishes:
            clear[n] = self._anchored(clear[n], others)
        if len({clear[n][0].intent for n in wishes}) != 1 or self._elsewhere_valued(
            clear[wishes[0]][0], others
        ):
            self._one.told = told
            return ()
        best = max(wishes, key=lambda n: (bool(clear[n][0].slots), clear[n][0].confidence, n))
        found = clear[best]
        self._one.told = told
        if found[0].stage == "templates":
            self._one.templates(*parts[best])
        return self._with_remarks(found, parts, best, [bool(one) for one in clear], content)

    def single(self, parted: Sequence[tuple[Recognition, ...]], content: frozenset[str]) -> bool:
        """The parts hold one request at most that is sure, or whose text is still missing; what
        beside one was only guessed, from no value, is a remark.
        """
        acting = [one[0] for one in parted if self._one.acts(one[0])]
        sure = [one for one in acting if one.stage == "templates"]
        vague = any(one.stage == "classifier" and not one.slots for one in acting)
        return (
            len(acting) < 2
            or (vague and bool(sure))
            or (len(sure) == 1 and bool(self._about(sure[0], content)))
        )

    def _anchored(
        self, found: tuple[Recognition, ...], parts: Sequence[tuple[int, int]]
    ) -> tuple[Recognition, ...]:
        """ "The light" is that of the one place another clause speaks of: "it is dark in the
        kitchen, light on"."""
        which = next((s for s in found[0].slots if s.value == WHICH), None)
        if which is None:
            return found
        spans = [
            span
            for span in self._one.spans.get(which.name, ())
            for a, b in parts
            if a <= span.start and span.end <= b and not (unsaid(span.value) or wide(span.value))
        ]
        if len({span.value for span in spans}) != 1:
            return found
        there = self._one.slot(which.name, spans[0])
        return tuple(
            replace(one, slots=tuple(there if s.value == WHICH else s for s in one.slots))
            for one in found
        )

    def _elsewhere_valued(self, one: Recognition, parts: Sequence[tuple[int, int]]) -> bool:
        """Another clause has a value that the request has a use for, and not yet."""
        given = {slot.name: slot for slot in one.slots if not unsaid(slot.value)}
        return any(
            a <= span.start and span.end <= b and not unsaid(span.value)
            for name in set(self._one.compiled.wanted[str(one.intent)]) - given.keys()
            if name not in self._one.compiled.unasked
            for span in self._one.spans.get(name, ())
            for a, b in parts
        )

    def _says_nothing(self, a: int, b: int) -> bool:
        words = {one.text for one in self._one.tokens[told_from(self._one.tokens, a, b) : b]}
        return empty(self._one.tokens, a, b) or words <= COMMON

    def _about(self, one: Recognition, content: frozenset[str]) -> str:
        """The slot that says what a request is about, and that nothing has filled."""
        needs = self._one.compiled.familiar[str(one.intent)].needs
        needed = needs - {slot.name for slot in one.slots}
        return next(iter(self._texts(one, content) & needed), "")

    def _texts(self, one: Recognition, content: frozenset[str]) -> frozenset[str]:
        """The one slot that takes what a request is about; none where there are several."""
        wanted = content.intersection(self._one.compiled.wanted[str(one.intent)])
        return wanted if len(wanted) == 1 else frozenset()

    def _with_remarks(
        self,
        found: tuple[Recognition, ...],
        parts: Sequence[tuple[int, int]],
        best: int,
        clear: Sequence[bool],
        content: frozenset[str],
    ) -> tuple[Recognition, ...]:
        """The request with the longest of the remarks as what it is about."""
        self._one.remarks += [
            Remark(a, b, n < best, parted=True, text=True)
            for n, (a, b) in enumerate(parts)
            if clear[n] and n != best
        ]
        runs: list[Remark] = []
        after = -1
        for n, (a, b) in enumerate(parts):
            answers = n < best and acts.act_of(self._one.tokens[a:b]) is not None  # "no, ..."
            if clear[n] or answers or self._says_nothing(a, b):
                continue
            start = told_from(self._one.tokens, a, b)
            mark = self._one.tokens[parts[best][0] - 1].text
            if after == n - 1 and runs:
                runs[-1] = replace(runs[-1], end=b)
            else:
                leads = n < best
                runs.append(Remark(start, b, leads, not leads or mark != ":", text=False))
            after = n
        given = {slot.name for slot in found[0].slots}
        asked = (
            self._one.compiled.familiar[str(found[0].intent)].needs - given
        )  # nothing is done at once
        if self._about(found[0], content) or (asked and self._texts(found[0], content)):
            runs = [replace(one, text=True) for one in runs]
        if runs and (slot := self._about(found[0], content)):
            longest = max(runs, key=lambda one: one.end - one.start)
            value = self._one.slot(slot, Span(longest.start, longest.end, None))
            found = tuple(replace(way, slots=(*way.slots, value)) for way in found)
        self._one.remarks += runs
        return found
