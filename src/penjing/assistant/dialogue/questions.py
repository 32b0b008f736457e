"""Slot filling: what is asked of a person for a slot, and who is asked beyond intents. Pure."""

from __future__ import annotations

from penjing.assistant.dialogue.events import Consult, Situation
from penjing.assistant.dialogue.plan import Plan
from penjing.assistant.generate.say import choose
from penjing.assistant.spec.phrases import ASKED_BY_KIND
from penjing.assistant.spec.values import Reply, SlotSpec, Words
from penjing.assistant.understand.asking import asks_something
from penjing.assistant.understand.reading import Reading


def question_for(plan: Plan, slot: SlotSpec, language: str) -> Words:
    """The question for a slot; what it is called in the spec is never said."""
    known = ASKED_BY_KIND[slot.kind].get(language.split("-", maxsplit=1)[0])
    return slot.ask or ({language: known} if known else plan.spec.fallbacks["ask"])


def consulted(plan: Plan, reading: Reading) -> Consult | None:
    """Who answers what is no intent. None where something was to be done that no tool does: a
    model would say that it did it."""
    sources = plan.spec.unknown
    to_do = reading.orders and not asks_something(reading.text)
    boasts = to_do and bool(plan.schemas) and "model" in sources
    return None if boasts else Consult(sources, reading.text)


def reply_to(step: Reply, text: str, language: str, turn: int) -> Consult:
    """The answer that a flow gives to the sentence itself."""
    otherwise: Situation = "no_answer" if step.source == "knowledge" else "unknown"
    words = choose(step.otherwise, language, turn)
    return Consult((step.source,), text, otherwise, words or None)
