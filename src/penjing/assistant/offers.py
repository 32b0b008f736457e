"""What a person is offered: names to choose from, sentences that work, and names that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penjing.assistant.dialogue.events import Say
from penjing.assistant.dialogue.plan import Plan
from penjing.assistant.generate.say import slot_words
from penjing.assistant.helping import quoted
from penjing.assistant.live_names import Names, listed
from penjing.assistant.understand.group_names import collectives, nouns_of
from penjing.core.protocols import Tool

_MOST = 12


def helped(plan: Plan, said: Sequence[str], language: str) -> Say:
    """What can be said, with examples."""
    words = plan.spec.fallbacks["help" if said else "unknown"][language][0]
    return Say(words.replace("{examples}", quoted(said, language)))


def strange_names(plan: Plan, names: Names | None, language: str) -> str:
    """The names that are not taken; empty where all are."""
    strange = names.strange() if names is not None else {}
    words = plan.spec.fallbacks["strange_names"][language][0]
    return words.replace("{names}", listed(strange)) if strange else ""


class Offers:
    """Of one spec."""

    def __init__(self, plan: Plan, tools: Mapping[str, Tool], names: Names | None) -> None:
        self._plan, self._tools, self._names = plan, tools, names

    def __call__(self, order: Say, language: str) -> str:
        """What is said behind a question; empty where there is nothing to choose from."""
        slot = self._plan.spec.slots.get(order.offers)
        if slot is None or slot.tool not in self._tools:
            return ""
        known = self._names or (lambda tool, parameter: self._tools[tool].entities(parameter))
        live = [n for n in known(slot.tool, slot.parameter) if n.isprintable()]
        together = collectives(live, nouns_of(slot.all))
        means = {} if self._names is None else self._names.members(slot.tool, slot.parameter)
        own = {one for many in means.values() for one in many}  # what devices are called themselves
        live = [n for n in live if n not in together and (not own or n in own)]
        names = list(dict.fromkeys(slot_words(slot, n, language) for n in live))
        if not names:
            return ""
        chinese, words = language.startswith("zh"), self._plan.spec.fallbacks["which"][language][0]
        gap = "" if chinese else " "
        return gap + words.replace("{names}", ("、" if chinese else ", ").join(names[:_MOST]))
