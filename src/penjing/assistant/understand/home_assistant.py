"""Home Assistant's packaged sentences as one more stage, for specs that switch them on.

They say which intent a sentence is and where its slots stand; what stands there is read by the
spec's own extractors, as everywhere. An intent of the spec says which of theirs means the same:

    like: {HassLightSet: {name: light, brightness: level}}  # their slots; to our slots
    like: {HassTurnOn: {name: lock, domain: =lock}}         # only where theirs is exactly this
    like: {HassStartTimer: {hours: time, minutes: time, seconds: time}}  # any of them

Whatever else their sentence says of what is meant (a room, a kind of device) must have a place in
ours: otherwise it is not ours.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.assistant.spec.values import EXACTLY, Spec
from penjing.assistant.understand.house import House, Thing
from penjing.assistant.understand.languages import language as language_of
from penjing.assistant.understand.packaged import Packaged, compiled
from penjing.assistant.understand.recogniser import Meant, Recogniser
from penjing.assistant.understand.slots import Names
from penjing.assistant.understand.text import Token
from penjing.core.errors import BadInput
from penjing.core.extras import needed

_DOMAINS = {
    "lights": ("light",), "covers": ("cover", "valve"), "climate": ("climate",),
    "tv": ("media_player",), "music": ("media_player",), "switches": ("switch", "fan"),
    "scenes": ("scene", "script"),
}  # fmt: skip
"""Our tools to what theirs are called, the most usual first."""
_CODES = {"zh": "zh-CN"}
_WHOLE = "all"


@dataclass(frozen=True)
class Likeness:
    """An intent of ours that a sentence of theirs means."""

    intent: str
    said: Mapping[str, tuple[tuple[int, int], ...]]
    """Our slots to the tokens in which they were said: first and one past the last of each part."""
    here: Mapping[str, str]
    """Our slots that are the room of the asking device."""
    seconds: Mapping[str, float]
    """What the parts of a duration come to."""
    meant: Meant


class HomeAssistant:
    """The packaged sentences of a spec's languages, compiled when the first one needs them."""

    def __init__(self, spec: Spec, names: Names) -> None:
        self._spec, self._names = spec, names
        self._packaged: dict[str, Packaged] = {}
        self._recognisers: dict[str, tuple[House, Recogniser]] = {}
        self._lock = threading.Lock()

    def likenesses(
        self, text: str, tokens: Sequence[Token], language: str, here: str = ""
    ) -> Iterator[Likeness]:
        """Our intents that a sentence may be. `here` is the room of the device that was asked."""
        recogniser = self._recogniser(language)
        here = here or self._spec.places.here
        fixed = recogniser.fixed(tokens)
        meant = recogniser.meant(text, fixed, {"area": here} if here else {})
        if meant is None:
            return
        for intent in self._spec.intents.values():
            if (like := intent.like.get(meant.intent)) is not None:
                found = self._likeness(intent.name, like, meant)
                if found is not None:
                    yield found

    def _likeness(self, intent: str, like: Mapping[str, str], meant: Meant) -> Likeness | None:
        said: dict[str, list[tuple[int, int]]] = {}
        seconds: dict[str, float] = {}
        here: dict[str, str] = {}
        for theirs, value in meant.slots.items():
            ours = like.get(theirs)
            if ours is not None and ours.startswith(EXACTLY):
                if ours.removeprefix(EXACTLY) != str(value):
                    return None
            elif ours is None:
                if not self._goes_without(theirs, value, like):
                    return None
            elif theirs in meant.places:
                said.setdefault(ours, []).append(meant.places[theirs])
                size = _SECONDS.get(theirs)
                if size is not None:
                    seconds[ours] = seconds.get(ours, 0) + size * value
            elif theirs == "area":
                here[ours] = str(value)
            elif theirs in _SECONDS:
                return None
        wanted = {one for one in like.values() if not one.startswith(EXACTLY)}
        exact = {theirs for theirs, one in like.items() if one.startswith(EXACTLY)}
        if wanted - said.keys() - here.keys() or exact - meant.slots.keys():
            return None
        parts = {ours: tuple(sorted(many)) for ours, many in said.items()}
        return Likeness(intent, parts, here, seconds, meant)

    def _goes_without(self, theirs: str, value: Any, like: Mapping[str, str]) -> bool:
        """What a sentence of theirs fixes, and ours means anyhow."""
        slots = [self._spec.slots[one] for one in like.values() if one in self._spec.slots]
        if theirs == "domain":
            return any(value in _DOMAINS.get(one.tool, ()) for one in slots)
        return theirs == "name" and value == _WHOLE and bool({"area", "floor"} & like.keys())

    # -- what there is

    def _recogniser(self, language: str) -> Recogniser:
        house = self._house()
        with self._lock:
            kept = self._recognisers.get(language)
            if kept is None or kept[0] != house:
                packaged = self._packaged_of(language)
                made = Recogniser(packaged, language_of(language), house)
                kept = self._recognisers[language] = house, made
            return kept[1]

    def _packaged_of(self, language: str) -> Packaged:
        if language not in self._packaged:
            with needed("home_assistant_intents", "intents"):
                from home_assistant_intents import get_intents
            data = get_intents(_CODES.get(language, language))
            if data is None:
                raise BadInput(
                    f"Home Assistant has no sentences in '{language}': "
                    "remove home_assistant_intents"
                )
            self._packaged[language] = compiled(data, language_of(language))
        return self._packaged[language]

    def _house(self) -> House:
        areas, floors = dict(self._spec.places.areas), dict(self._spec.places.floors)
        for tool in dict.fromkeys(one.tool for one in self._spec.slots.values() if one.tool):
            for room, others in _rooms(self._spec.tools[tool].settings):
                areas.setdefault(room, others)
        rooms = {one.casefold() for name, others in areas.items() for one in (name, *others)}
        things = []
        for slot in self._spec.slots.values():
            if slot.kind == "entity":
                domain = _DOMAINS.get(slot.tool, ("",))[0]
                for name in self._names(slot.tool, slot.parameter):
                    for said in (name, *slot.values.get(name, ())):
                        if name.casefold() in rooms:
                            areas[name] = (*areas.get(name, ()), *slot.values.get(name, ()))
                        elif _plain(said):
                            things.append(Thing(said, name, {"domain": domain}))
        return House(tuple(things), tuple(_things(areas)), tuple(_things(floors)))


_SECONDS = {"hours": 3600, "minutes": 60, "seconds": 1}


def _things(names: Mapping[str, Sequence[str]]) -> Iterator[Thing]:
    for name, others in names.items():
        for said in dict.fromkeys((name, *others)):
            if _plain(said):
                yield Thing(said, name)


def _rooms(settings: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Rooms that a tool's settings name, and what else they are called."""
    if not isinstance(settings, Mapping):
        return
    rooms = settings.get("rooms")
    for room, others in rooms.items() if isinstance(rooms, Mapping) else ():
        yield str(room), tuple(map(str, others if isinstance(others, list) else [others]))
    devices = settings.get("devices")
    for one in devices if isinstance(devices, list) else ():
        if isinstance(one, Mapping) and one.get("room"):
            yield str(one["room"]), ()


def _plain(name: str) -> bool:
    return name.isprintable() and 0 < len(name) <= 64
