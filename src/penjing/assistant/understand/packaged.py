"""Home Assistant's packaged sentences of one language, compiled into our own network of templates.

Their data says for each block of sentences which intent it means, which slots it fixes and in which
context it holds (https://developers.home-assistant.io/docs/voice/intent-recognition/template-sentence-syntax).
hassil reads the syntax; walking it is `match.py`, which forgives typing errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from penjing.assistant.understand.languages import Language, phrase
from penjing.assistant.understand.network import Network, Rules, parse_template
from penjing.assistant.understand.phrasebook import Phrasebook, Ranged, phrasebook
from penjing.assistant.understand.walk import Walk
from penjing.assistant.understand.words import Phrases

LIVE = ("name", "area", "floor")
"""Lists that the house fills."""
_MOST = 8000
"""Characters of one of their templates."""
_INLINE = re.compile(r"(\d+)\.\.(\d+)(?:,(\d+))?")


@dataclass(frozen=True)
class Block:
    """Sentences that mean the same."""

    intent: str
    """Theirs."""
    slots: Mapping[str, Any]
    """What they say by themselves."""
    requires: Mapping[str, Any]
    """Context without which they do not hold."""
    excludes: Mapping[str, Any]
    """Context in which they do not hold."""

    def holds(self, context: Mapping[str, Any]) -> bool:
        """Whether the context is one of theirs: what they say of a thing holds of it, too."""
        return (
            all(context.get(key, one) == one for key, one in self.slots.items())
            and all(_fits(context.get(key), one) for key, one in self.requires.items())
            and not any(
                context.get(key) is not None and _fits(context[key], one)
                for key, one in self.excludes.items()
            )
        )

    def taken(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Slots that are taken from the context."""
        return {
            key: context[key]
            for key, one in self.requires.items()
            if isinstance(one, Mapping) and one.get("slot") and key in context
        }


def _fits(given: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        wanted = wanted.get("value")
    if given is None or wanted is None:
        return given is not None
    return given in wanted if isinstance(wanted, list) else bool(given == wanted)


@dataclass(frozen=True)
class Packaged:
    """One language of theirs."""

    walk: Walk
    """All sentences."""
    blocks: tuple[Block, ...]
    """Template number to what it means."""
    lists: Mapping[str, Phrasebook | Ranged]
    """Lists by name, without those of the house."""
    texts: frozenset[str]
    """Slots that take any words, as the walk knows them."""
    endings: Mapping[str, frozenset[str]]
    """List to letters that may follow its words."""
    fillers: Phrases
    """What may be left out."""


def compiled(data: Mapping[str, Any], language: Language) -> Packaged:
    """Compile what `home_assistant_intents` says of a language. Raises BadInput."""
    network = Network(_slot)
    rules = {name: parse_template(one, most=_MOST) for name, one in data["expansion_rules"].items()}
    every = Rules(rules)
    blocks: list[Block] = []
    for intent, about in data["intents"].items():
        for one in about["data"]:
            own = one.get("expansion_rules")
            local = {name: parse_template(text, most=_MOST) for name, text in (own or {}).items()}
            scope = Rules({**rules, **local}) if local else every
            for sentence in one["sentences"]:
                network.add(parse_template(sentence, most=_MOST), len(blocks), scope)
            blocks.append(
                Block(
                    intent,
                    one.get("slots", {}),
                    one.get("requires_context", {}),
                    one.get("excludes_context", {}),
                )
            )
    walk = network.closed()
    lists: dict[str, Phrasebook | Ranged] = {}
    wild = set()
    for name in {one.partition(":")[0] for one in walk.slots} - set(LIVE):
        about = data["lists"].get(name, {})
        if about.get("wildcard"):
            wild.add(name)
        elif "values" in about:
            lists[name] = phrasebook(_values(about["values"]), every)
        elif bounds := _bounds(name, about):
            lists[name] = bounds
    endings: dict[str, set[str]] = {}
    for way in walk.endings:
        endings.setdefault(way.slot.partition(":")[0], set()).add(way.ending)
    return Packaged(
        walk,
        tuple(blocks),
        lists,
        frozenset(one for one in walk.slots if one.partition(":")[0] in wild),
        {name: frozenset(many) for name, many in endings.items()},
        Phrases([*map(phrase, data.get("skip_words", ())), *language.fillers]),
    )


def _slot(reference: Any) -> str:
    return f"{reference.list_name}:{reference.slot_name}"


def _values(values: Iterable[Any]) -> Iterable[tuple[Any, Any]]:
    """Trees of what may be said, and what it means."""
    for one in values:
        text, means = (one["in"], one["out"]) if isinstance(one, Mapping) else (one, one)
        yield parse_template(str(text), most=_MOST), means


def _bounds(name: str, about: Mapping[str, Any]) -> Ranged | None:
    if (found := _INLINE.fullmatch(name)) is not None:
        low, high, step = found.groups()
        return Ranged(int(low), int(high), float(step or 1))
    if "range" not in about:
        return None
    bounds = about["range"]
    step = {"halves": 0.5, "tenths": 0.1}.get(bounds.get("fractions"), bounds.get("step", 1))
    return Ranged(bounds["from"], bounds["to"], step, bounds.get("multiplier", 1))
