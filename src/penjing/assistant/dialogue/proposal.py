"""What a request would do, in the spec's words, before anything of it runs. Pure."""

from __future__ import annotations

import re

from penjing.assistant.dialogue.plan import Confirmed, Plan
from penjing.assistant.generate.say import choose, fill, slot_values
from penjing.assistant.spec.values import Call
from penjing.assistant.understand.slots import unsaid
from penjing.core.dialogue import Recognition

_PLACE = re.compile(r"\{([a-zA-Z_]\w*)\}")
_OPEN = "…"


def proposal(plan: Plan, one: Recognition, language: str) -> str:
    """What the call of an intent that fits its values best does; empty when it calls nothing.

    Of a value that was not said, "…" stands in its place.
    """
    slots = {slot.name: slot for slot in one.slots if not unsaid(slot.value)}
    ways: list[tuple[int, int, str]] = []
    for step in plan.programs[str(one.intent)]:
        call = step.call if isinstance(step, Confirmed) else step
        if isinstance(call, Call) and call.describes:
            words = choose(call.describes, language)
            places = set(_PLACE.findall(words))
            ways.append((len(places & slots.keys()), -len(places - slots.keys()), words))
    if not ways:
        return ""
    words = max(ways, key=lambda way: way[:2])[2]
    empty = dict.fromkeys(_PLACE.findall(words), _OPEN)
    return fill(words, {**empty, **slot_values(plan.spec, slots, language)}, language)
