"""A sentence as the gate looks at it, and why nothing may be done about it. Pure values."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from penjing.assistant.understand import signals, times
from penjing.assistant.understand.beside import Remark
from penjing.assistant.understand.familiar import Familiar, learnt
from penjing.assistant.understand.span import Moment
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.whose import Kind
from penjing.core.dialogue import Recognition, Slot

_IN_TURN = frozenset({"then", "after", "and", "again", "later", "再", "然", "接", "又", "后"})
"""Of two opposite wishes the one follows the other."""


@dataclass(frozen=True)
class Doubt:
    """Why nothing is done about a sentence."""

    kind: Kind
    words: str
    """What says so, as it was said."""
    of_values: bool = False
    """Nothing was wanted, and only the values in it may answer nothing."""
    named: bool = False
    """Nothing was wanted, and yet it speaks of a thing that exists."""


@dataclass(frozen=True)
class Heard:
    """A sentence as the stages saw it."""

    text: str
    tokens: tuple[Token, ...]
    moment: Moment
    told: Mapping[str, frozenset[int]]
    """Intent to the tokens that its templates have themselves."""
    familiar: Mapping[str, Familiar]
    called: frozenset[str]
    """Words by which the assistant itself is called."""
    counted: frozenset[str]
    """Slots that are numbers or times."""
    named: frozenset[str]
    """Slots that are names of things that exist."""
    things: frozenset[str]
    """Those of them that something is done with; a city is only asked about."""
    changes: frozenset[str]
    """Slots that say by how much more or less."""
    levels: frozenset[str]
    """Slots of which a thing has one value at a time."""
    free: frozenset[str]
    """Slots that take any words."""
    content: frozenset[str]
    """Those of them that are written down or sent as they are, whatever they say."""
    names: str
    """All names, a line each."""
    remarks: tuple[Remark, ...] = ()
    """What stands beside the request."""
    mended: frozenset[int] = frozenset()
    """Tokens that may be typing errors or words that nobody knows here."""
    turning: frozenset[int] = frozenset()
    """Tokens that in a language without signals turn a sentence around, or count, or say when."""

    def speaks(self, one: Recognition) -> Familiar:
        """How the intent of a request speaks."""
        return self.familiar.get(str(one.intent), Familiar(frozenset(), asks=False))

    def contradicted(self, requests: Sequence[Recognition]) -> Slot | None:
        """A second level for a thing that has one already: "between 30 and 50 percent"."""
        for n, one in enumerate(requests):
            for other in requests[:n]:
                if one.intent != other.intent or self._things(one) != self._things(other):
                    continue
                old = {slot.name: slot.value for slot in other.slots if slot.name in self.levels}
                for slot in one.slots:
                    if old.get(slot.name, slot.value) != slot.value:
                        return slot
        return None

    def opposed(self, requests: Sequence[Recognition]) -> bool:
        """One thing is wanted so and otherwise, and not in turn: "light off, I want it on"."""
        if any(one.text in _IN_TURN for one in self.tokens):
            return False
        said = [
            {self.tokens[place].text for place in self.told.get(str(one.intent), ())}
            for one in requests
        ]
        return any(
            self._things(one) == self._things(other)
            and (self._things(one) or _same_thing(a, b))
            and any((a & x and b & y) or (a & y and b & x) for x, y in signals.OPPOSITES)
            for (one, a), (other, b) in itertools.combinations(zip(requests, said, strict=True), 2)
        )

    def _things(self, one: Recognition) -> list[str]:
        return sorted(f"{slot.name} {slot.value}" for slot in one.slots if slot.name in self.named)

    def aslearnt(self, slots: Sequence[Slot]) -> tuple[list[str], list[int]]:
        """Its words as they are compared, values as `@slot`, and the place of each."""
        words: list[str] = []
        places: list[int] = []
        for place, token in enumerate(self.tokens):
            inside = [s for s in slots if s.start <= token.start and token.end <= s.end]
            word = f"@{inside[0].name}" if inside else token.text
            if not token.mark and not (inside and words and words[-1] == word):
                words.append(learnt(word))
                places.append(place)
        return words, places

    def at_night(self, slot: Slot, flat: str) -> bool:
        """An hour of the morning, and the sentence speaks of the evening."""
        if slot.name not in self.counted or not isinstance(slot.value, str):
            return False
        places = self.places_of(slot)
        if times.has_part(self.tokens, min(places, default=0), max(places, default=-1) + 1):
            return False  # it was read with its part of the day
        inside = signals.LATE_PART.search(slot.text.lower())
        late = signals.LATE_PART.search(flat) and not inside and slot.value < "12:00"
        night = slot.value[:2] == "12" and signals.NIGHT.search(flat)
        return bool(late or night)

    def places_of(self, slot: Slot) -> set[int]:
        """The tokens of a value."""
        return {
            place
            for place, one in enumerate(self.tokens)
            if one.start >= slot.start and one.end <= slot.end
        }


def _same_thing(one: Collection[str], other: Collection[str]) -> bool:
    """Two wishes that name no thing are told with one word for it: 关掉空调，打开空调."""
    shared = {word for word in one if word in other} - signals.SMALL
    return sum(2 if len(word) > 1 else 1 for word in shared) > 1
