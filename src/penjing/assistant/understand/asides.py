"""A command with something told beside it, clause by clause: "..., my eyes aren't what they were".

Where the sentence as a whole is stopped or asked about, the clauses are looked at one by one. If
some of them are a command by themselves and the others only tell something, it is this command:
done where they plainly give its reason, asked about where they may be meant for it, and left as it
was where they are (see `reasons`). No model has a say in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from penjing.assistant.understand.beside import clauses, told_from
from penjing.assistant.understand.compiled import Compiled
from penjing.assistant.understand.groups import is_group
from penjing.assistant.understand.reading import Reading
from penjing.assistant.understand.reasons import forbids, kind_of
from penjing.assistant.understand.reports import STAGE as REPORTED
from penjing.assistant.understand.reworded import as_question, with_place
from penjing.assistant.understand.slots import WHICH, unsaid
from penjing.assistant.understand.text import Token, tokens_of
from penjing.assistant.understand.unmarked import places
from penjing.core.dialogue import Recognition, Slot

MAX_CLAUSES = 6
"""Of a sentence that is looked through."""
MAX_READ = 5
"""Ways to part a sentence that are read."""

_CLEAR = 0.8
_GUESSED = 0.9
_ASKED = 0.6
"""What templates, and the classifier, must give for the command; what is asked about anyway."""

Read = Callable[[str], Reading]
"""What a part of a sentence wants by itself, at whatever time."""
Values = Callable[[str], Sequence[Slot]]
"""The values in a part of a sentence."""


@dataclass(frozen=True)
class Parting:
    """One way to part a sentence."""

    command: str
    """Some clauses next to each other."""
    told: tuple[str, ...]
    """All before them, all after them."""
    plain: bool
    """What is told is plainly why."""
    marked: bool = True
    """A mark, a gap or a joining word parts it."""


def partings(text: str, tokens: Sequence[Token]) -> Iterator[Parting]:
    """Ways to part a sentence into a command and what is told beside it, the longest command
    first; none in which something that is told is meant for the command."""
    parts = _clauses(tokens)
    if not 2 <= len(parts) <= MAX_CLAUSES:
        return
    ahead = [kind_of(tokens[a:b], leads=True) for a, b in parts]
    behind = [kind_of(tokens[a:b], leads=False) for a, b in parts]
    for size in range(len(parts) - 1, 0, -1):
        for at in range(len(parts) - size + 1):
            kinds = [*ahead[:at], *behind[at + size :]]
            if "turning" in kinds or (at and _goes_on(tokens, *parts[at - 1 : at + 1])):
                continue
            begin = told_from(tokens, parts[at][0], parts[at + size - 1][1])
            spans = [(parts[0][0], parts[at][0]), (begin, parts[at + size - 1][1])]
            spans.append((parts[at + size - 1][1], parts[-1][1]))
            before, command, after = (_said(text, tokens, a, b) for a, b in spans)
            told = tuple(one for one in (before, after) if one)
            yield Parting(command, told, set(kinds) <= {"reason"})


def run_on(text: str, tokens: Sequence[Token]) -> Iterator[Parting]:
    """Ways to part a command from its reason where no mark does."""
    for at, over in places(tokens):
        command = _said(text, tokens, 0, at)
        yield Parting(command, (_said(text, tokens, at, len(tokens)),), over, marked=False)


def _clauses(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """The clauses; a dash between spaces parts them too."""
    found: list[tuple[int, int]] = []
    for a, b in clauses(tokens, 0, len(tokens)):
        begin = a
        for place in range(a, b):
            if tokens[place].text == "-" and _alone(tokens, place):
                found.append((begin, place))
                begin = place + 1
        found.append((begin, b))
    spoken = [(a, b) for a, b in found if any(not one.mark for one in tokens[a:b])]
    return list(_joined(tokens, spoken))


def _joined(tokens: Sequence[Token], parts: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The clauses; "or" alone is the beginning of the next: "..., or I'll freeze"."""
    begin = -1
    for a, b in parts:
        start = a if begin < 0 else begin
        begin = start if [one.text for one in tokens[a:b]] == ["or"] else -1
        if begin < 0:
            yield start, b
    if begin >= 0:
        yield begin, parts[-1][1]


def _goes_on(tokens: Sequence[Token], before: tuple[int, int], behind: tuple[int, int]) -> bool:
    """The order not to is for what comes behind it too: "don't turn the lamp and the telly off"."""
    begin = behind[0]
    together = tokens[begin].text == "and" and not tokens[begin - 1].mark
    return together and forbids(tokens[before[0] : before[1]])


def _alone(tokens: Sequence[Token], place: int) -> bool:
    """A mark with a space on both sides."""
    if not 0 < place < len(tokens) - 1:
        return False
    before, mark, after = tokens[place - 1 : place + 2]
    return before.end < mark.start and mark.end < after.start


def _said(text: str, tokens: Sequence[Token], a: int, b: int) -> str:
    return text[tokens[a].start : tokens[b - 1].end].strip(" ,，-") if a < b else ""


class Asides:
    """Reads a sentence that tells something beside what it wants."""

    def __init__(
        self, content: frozenset[str], things: frozenset[str], compiled: Mapping[str, Compiled]
    ) -> None:
        self._content, self._things, self._compiled = content, things, compiled

    def instead(self, first: Reading, read: Read, values: Values) -> Reading | None:
        """The command in a sentence that tells something beside it; None where there is none."""
        settled = bool(first.requests) and not first.passed.unsure
        if settled or first.act or first.pasted:
            return None
        tokens = tokens_of(first.text)
        ways = chain(islice(partings(first.text, tokens), MAX_READ), run_on(first.text, tokens))
        return next(
            (found for way in ways if (found := self._read(first, way, read, values))), None
        )

    def reworded(self, first: Reading, read: Read, values: Values) -> Reading | None:
        """What a question asks that is turned round, and a place that only a remark names."""
        if first.act or first.pasted:
            return None
        asked = as_question(first.text)
        if asked and self._asks(found := read(asked)):
            return replace(_found_in(found, first.text), own=first.own)
        tokens = tokens_of(first.text)
        named = [one for one in values(first.text) if one.name in self._things]
        places = [one for one in named if not unsaid(one.value) and not is_group(one.value)]
        for said, place, plain in with_place(first.text, tokens, _clauses(tokens), places):
            found = read(said)
            if _plain(found) and all(_has(one[0], place) for one in found.requests):
                passed = replace(found.passed, values=(), unsure=found.passed.unsure or not plain)
                return replace(_found_in(replace(found, passed=passed), first.text), own=first.own)
        return None

    def _asks(self, found: Reading) -> bool:
        familiar = self._compiled[found.language].familiar
        return _plain(found) and all(familiar[str(one[0].intent)].asks for one in found.requests)

    def _read(self, first: Reading, way: Parting, read: Read, values: Values) -> Reading | None:
        found = read(way.command)
        if not _plain(found) or (found.bare and not _names(values(way.command))):
            return None
        if not self._goes_with(first, found) or not (way.marked or self._complete(found)):
            return None
        told = [slot for one in way.told for slot in values(one) if not unsaid(slot.value)]
        lacking = [slot for slot in told if self._lacks(found, slot)]
        beside = [read(one) for one in way.told]
        if any(_wants(one, found, guessed=way.marked and not lacking) for one in beside):
            return None
        if lacking:
            named = self._named(found, lacking)
            parts = (way.command, *way.told)
            return replace(_placed(named, first.text, parts), own=first.own) if named else None
        if not way.plain and any(map(_wide, found.requests)):
            return None
        plain = way.plain and not found.passed.unsure
        sure = plain and not any(self._counts(found, slot) for slot in told)
        passed = replace(found.passed, values=(), unsure=not sure)
        whole = _placed(replace(found, passed=passed), first.text, (way.command,))
        return replace(whole, own=first.own)

    def _goes_with(self, first: Reading, found: Reading) -> bool:
        """It wants what the whole sentence was read to want, or less, and keeps all that was to be
        written down or sent."""
        guessed = all(one[0].stage != "templates" for one in first.requests)
        said = all(one[0].stage == "templates" for one in found.requests)
        wanted = [] if guessed and said else [_key(one[0]) for one in first.requests]
        return not wanted or (
            all(_key(one[0]) in wanted for one in found.requests)
            and not any(
                slot.name in self._content
                for one in first.requests
                for slot in one[0].slots
                if _key(one[0]) not in {_key(o[0]) for o in found.requests}
            )
        )

    def _complete(self, found: Reading) -> bool:
        """All that it needs is said, be it "the light": only "turn off" is no command."""
        return all(
            self._compiled[found.language].familiar[str(one[0].intent)].needs
            <= {slot.name for slot in one[0].slots}
            for one in found.requests
        )

    def _named(self, found: Reading, told: Sequence[Slot]) -> Reading | None:
        """The command for the one thing that is told of: "the kitchen light is too bright, 20
        percent less"; to be asked about."""
        one = found.requests[0][0]
        things = {(slot.name, repr(slot.value)) for slot in told}
        if len(things) != 1 or len(found.requests) != 1 or told[0].name not in self._things:
            return None
        if told[0].name not in self._compiled[found.language].familiar[str(one.intent)].needs:
            return None
        filled = replace(one, slots=(*one.slots, told[0]))
        passed = replace(found.passed, requests=((filled,),), values=(), unsure=True)
        return replace(found, passed=passed)

    def _lacks(self, found: Reading, told: Slot) -> bool:
        """A value that is told, and that a request has a use for and not yet."""
        return any(
            told.name in self._compiled[found.language].wanted[str(one[0].intent)]
            and told.name not in {slot.name for slot in one[0].slots}
            and told.name not in self._compiled[found.language].unasked
            for one in found.requests
        )

    def _counts(self, found: Reading, told: Slot) -> bool:
        """Another value than one that a request has."""
        return any(
            slot.name == told.name and slot.value != told.value
            for one in found.requests
            for slot in one[0].slots
        )


def _wide(ways: Sequence[Recognition]) -> bool:
    """It is for several things: no word that may be meant for it is passed over."""
    return any(is_group(slot.value) or slot.value == WHICH for slot in ways[0].slots)


def _plain(found: Reading) -> bool:
    """It is a command and nothing else; what is reported was looked for in the whole sentence."""
    plain = found.passed.whole and found.doubt is None and found.act is None
    if any(one[0].stage == REPORTED for one in found.requests):
        return False
    return bool(found.requests) and plain and all(_clear(one[0]) for one in found.requests)


def _placed(found: Reading, text: str, parts: Sequence[str]) -> Reading:
    """What was read in parts of a text, its slots where they stand in the whole."""

    def moved(slot: Slot) -> Slot:
        for part in parts:
            if part[slot.start : slot.end] == slot.text and (at := text.find(part)) >= 0:
                return replace(slot, start=slot.start + at, end=slot.end + at)
        return slot

    requests = tuple(
        tuple(replace(one, slots=tuple(map(moved, one.slots))) for one in ways)
        for ways in found.requests
    )
    return replace(found, text=text, passed=replace(found.passed, requests=requests))


def _found_in(found: Reading, text: str) -> Reading:
    """What was read in other words, its slots where a text says them."""

    def moved(slot: Slot) -> Slot:
        at = text.find(slot.text)
        return replace(slot, start=at, end=at + len(slot.text)) if at >= 0 else slot

    requests = tuple(
        tuple(replace(one, slots=tuple(map(moved, one.slots))) for one in ways)
        for ways in found.requests
    )
    return replace(found, text=text, passed=replace(found.passed, requests=requests))


def _has(one: Recognition, place: Slot) -> bool:
    """It is about this and nothing else."""
    return [(slot.name, slot.value) for slot in one.slots] == [(place.name, place.value)]


def _names(values: Sequence[Slot]) -> bool:
    """A name is among them: how much or when alone is no command beside a remark."""
    words = [slot.value for slot in values if isinstance(slot.value, str)]
    return any(not unsaid(one) and any(map(str.isalpha, one)) for one in words)


def _clear(one: Recognition) -> bool:
    if any(slot.value == WHICH for slot in one.slots) and one.confidence >= _ASKED:
        return True  # 关灯: which one is asked
    return one.confidence >= (_CLEAR if one.stage == "templates" else _GUESSED)


def _key(one: Recognition) -> tuple[object, ...]:
    return (one.intent, *sorted((slot.name, repr(slot.value)) for slot in one.slots))


def _wants(told: Reading, found: Reading, *, guessed: bool) -> bool:
    """What is told wants something else itself, or is nothing but a value; `guessed`: though that
    is only a guess ("the light is too bright")."""
    wanted = {one[0].intent for one in found.requests}
    other = [one[0] for one in told.requests if one[0].intent not in wanted]
    sure = guessed or any(map(_clear, other))
    return told.bare or bool(other and sure)
