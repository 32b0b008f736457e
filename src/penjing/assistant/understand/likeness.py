"""A packaged sentence of Home Assistant as a request of ours: its slots read where it has them."""

from __future__ import annotations

from penjing.assistant.understand.home_assistant import HomeAssistant, Likeness
from penjing.assistant.understand.sentence import QUOTE, Sentence
from penjing.assistant.understand.span import Span
from penjing.core.dialogue import Recognition, Slot

PACKAGED = 0.9
"""What a packaged sentence is given at most: the spec's own words come first."""


def packaged(sentence: Sentence, known: HomeAssistant, a: int, b: int) -> tuple[Recognition, ...]:
    """What Home Assistant's templates make of a part; every slot it needs must stand in it."""
    if any(one.text == QUOTE for one in sentence.tokens[a:b]):
        return ()
    for one in known.likenesses(sentence.text, sentence.tokens[a:b], sentence.language):
        slots = _slots(sentence, one, a)
        if slots is not None:
            sentence.told.setdefault(one.intent, set()).update(a + n for n in one.meant.told)
            sure = min(PACKAGED, max(0.0, 1.0 - one.meant.cost))
            return (Recognition(one.intent, slots, sure, "home assistant"),)
    return ()


def _slots(sentence: Sentence, one: Likeness, shift: int) -> tuple[Slot, ...] | None:
    """The slots of a packaged sentence, read where it has them; None when one is not there."""
    found = [Slot(name, one.here[name], "", -1, -1, "spec") for name in one.here]
    told = one.meant.told | {n for many in one.said.values() for a, b in many for n in range(a, b)}
    for name, parts in one.said.items():
        a, b = parts[0][0] + shift, parts[-1][1] + shift
        spans = [
            span
            for span in sentence.spans.get(name, ())
            if span.start <= a
            and span.end >= b
            and all(
                n - shift in told or sentence.tokens[n].mark for n in range(span.start, span.end)
            )
            and one.seconds.get(name, span.value) == span.value
        ]
        if not spans and name in sentence.compiled.texts and len(parts) == 1:
            spans = [Span(a, b, None)]
        if not spans:
            return None
        found.append(sentence.slot(name, min(spans, key=lambda span: span.cost)))
    return tuple(sorted(found, key=lambda slot: slot.start))
