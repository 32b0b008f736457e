"""Home Assistant's packaged sentence templates as one more stage, for specs that switch them on.

They say which intent a sentence is; what its slots are is read from the sentence by the spec's own
extractors, as everywhere. An intent of the spec says which of theirs means the same:

    like: {HassLightSet: {brightness: brightness}}      # theirs with that slot; to our slot
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from penjing.assistant.spec.values import Spec
from penjing.assistant.understand.slots import Names
from penjing.core.errors import BadInput, MissingExtra

MAX_WORDS = 24
"""Of a sentence that is looked at: theirs is a search without bounds of its own."""
_DOMAINS = {
    "lights": "light", "covers": "cover", "climate": "climate", "tv": "media_player",
    "switches": "switch", "scenes": "scene",
}  # fmt: skip
"""Our tools to what theirs are called."""


class HomeAssistant:
    """The packaged intents of a spec's languages, read when the first sentence needs them."""

    def __init__(self, spec: Spec, names: Names) -> None:
        self._spec, self._names = spec, names
        self._loaded: dict[str, Any] = {}
        self._lock = threading.Lock()

    def intents_of(self, text: str, language: str, words: int) -> list[tuple[str, frozenset[str]]]:
        """Our intents that a sentence may be, each with the slots that it must have."""
        if words > MAX_WORDS:
            return []
        recognize, intents = self._of(language)
        found = recognize(text, intents, slot_lists=self._lists(), intent_context={})
        if found is None:
            return []
        given = set(found.entities)
        return [
            (name, frozenset(slots.values()))
            for name, intent in self._spec.intents.items()
            for theirs, slots in intent.like.items()
            if theirs == found.intent.name and slots.keys() <= given
        ]

    def _of(self, language: str) -> tuple[Callable[..., Any], Any]:
        try:
            from hassil import Intents, recognize_best
            from home_assistant_intents import get_intents
        except ImportError as error:
            raise MissingExtra("home_assistant_intents", "intents") from error
        with self._lock:
            if language not in self._loaded:
                data = get_intents("zh-CN" if language == "zh" else language)
                if data is None:
                    raise BadInput(
                        f"Home Assistant has no sentences in '{language}': "
                        "remove home_assistant_intents"
                    )
                self._loaded[language] = Intents.from_dict(data)
            return recognize_best, self._loaded[language]

    def _lists(self) -> dict[str, Any]:
        from hassil import TextSlotList

        known: dict[str, str] = {}
        for slot in self._spec.slots.values():
            if slot.kind == "entity":
                live: Sequence[str] = self._names(slot.tool, slot.parameter)
                every = [*live, *(word for one in live for word in slot.values.get(one, ()))]
                known |= {one: _DOMAINS.get(slot.tool, "") for one in every if _plain(one)}
        return {
            "name": TextSlotList.from_tuples(
                [(one, one, {"domain": domain}) for one, domain in known.items()], name="name"
            ),
            "area": TextSlotList.from_strings([], name="area"),
            "floor": TextSlotList.from_strings([], name="floor"),
        }


def _plain(name: str) -> bool:
    return name.isprintable() and 0 < len(name) <= 64
