"""What tests of the assistant share: recording tools, a house, and the sentences kept apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from penjing.core.dialogue import Outcome
from penjing.testing import FakeTool

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DATA = ROOT / "tests/assistant/data"
CLERK = """\
assistant: Clerk
languages: [en, zh]
tools: {timers: , clock: }
slots:
  duration: {type: duration, ask: {en: "For how long?", zh: "多久？"}}
intents:
  timer:
    sentences: {en: ["set a timer for {duration}"], zh: ["计时{duration}"]}
    do:
      - collect: duration
      - call: timers
        with: {action: set, seconds: $duration}
        describes: {en: "set a timer for {duration}", zh: "计时{duration}"}
      - answer: {en: "It runs for {duration}.", zh: "开始计时{duration}。"}
"""
"""A spec that sets timers in two languages."""
NOW = datetime(2026, 11, 25, 16, 0)
"""A Wednesday."""

HOUSE: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("lights", "light"): (
        "kitchen light", "living room light", "bedroom light", "hallway light", "desk lamp",
    ),
    ("covers", "cover"): ("garage door", "blinds", "curtains"),
}  # fmt: skip
"""What exists in the house of the tests."""


def house(tool: str, parameter: str) -> Sequence[str]:
    """Live names of the house."""
    return HOUSE.get((tool, parameter), ())


class RecordingTool(FakeTool):
    """A tool that remembers, in the house of the tests."""

    def __init__(
        self,
        name: str,
        properties: Mapping[str, Any] | None = None,
        *,
        careful: bool = False,
        required: Sequence[str] = (),
        answers: Sequence[Outcome] = (),
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(
            name, properties, careful=careful, required=required, names=names,
            answers=answers or [Outcome(True, {"state": "open"})],
        )  # fmt: skip

    def entities(self, parameter: str) -> Sequence[str]:
        return self._names.get(parameter, house(self.name, parameter))


@dataclass(frozen=True)
class Kept:
    """A sentence kept apart, and what it means."""

    text: str
    language: str
    intents: tuple[str, ...]
    """Empty: out of scope."""
    slots: tuple[Mapping[str, str], ...]
    """For each request, name to value."""


def kept(name: str) -> list[Kept]:
    """The sentences of a file in `data`."""
    found = []
    for line in (DATA / f"{name}.tsv").read_text("utf-8").splitlines():
        text, intents, slots = (line + "\t\t").split("\t")[:3]
        names = () if intents == "-" else tuple(intents.split(";"))
        parts = slots.split(";") + [""] * len(names)
        read = tuple(
            dict(one.strip().split("=") for one in part.split(",") if one.strip())
            for part in parts[: len(names)]
        )
        chinese = any("\u3400" <= char <= "\u9fff" for char in text)
        found.append(Kept(text, "zh" if chinese else "en", names, read))
    return found


_ON, _NUMBER, _TEXT = {"type": "boolean"}, {"type": "number"}, {"type": "string"}
_PERCENT = {"type": "number", "minimum": 0, "maximum": 100}
_SECONDS = {"type": "integer", "minimum": 1}
_DAYS = {"type": "array", "items": _TEXT}


def _one_of(*words: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)}


SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "lights": {
        "light": _TEXT, "on": _ON, "brightness": _PERCENT, "brightness_change": _NUMBER,
        "colour": _TEXT,
    },
    "climate": {
        "device": _TEXT, "on": _ON, "temperature": _NUMBER, "temperature_change": _NUMBER,
    },
    "tv": {"device": _TEXT, "on": _ON, "volume": _PERCENT},
    "covers": {"cover": _TEXT, "action": _one_of("open", "close", "stop")},
    "states": {"device": _TEXT},
    "scenes": {"scene": _TEXT},
    "timers": {
        "action": _one_of("set", "list", "cancel"), "seconds": _SECONDS, "label": _TEXT,
        "all": _ON,
    },
    "alarms": {
        "action": _one_of("set", "list", "cancel"), "time": _TEXT, "date": _TEXT, "days": _DAYS,
        "seconds": _SECONDS, "all": _ON,
    },
    "reminders": {
        "action": _one_of("set", "list", "cancel"), "text": _TEXT, "time": _TEXT, "date": _TEXT,
        "days": _DAYS, "seconds": _SECONDS, "all": _ON,
    },
    "weather": {"place": _TEXT, "date": _TEXT},
    "music": {
        "action": _one_of("play", "pause", "next", "volume"), "query": _TEXT, "volume": _PERCENT,
    },
    "notes": {"action": _one_of("add", "list", "remove"), "text": _TEXT},
    "calculator": {"expression": _TEXT},
    "clock": {},
    "bell": {"action": _one_of("start", "stop", "snooze"), "minutes": {"type": "number"}},
    "navigation": {"to": _TEXT, "how_long_to": _TEXT},
    "later": {"action": _one_of("list", "cancel"), "what": _TEXT, "all": _ON},
    "tickets": {"subject": _TEXT, "contact": _TEXT},
    "handover": {"reason": _TEXT},
}  # fmt: skip
"""Tools of the examples, with what of the real ones' parameters is used here."""
_REQUIRED = {"lights": ["light"], "covers": ["cover"], "scenes": ["scene"], "timers": ["action"]}


def recording(*names: str) -> dict[str, RecordingTool]:
    """Recording tools by name."""
    return {
        name: RecordingTool(
            name, SCHEMAS[name], careful=name == "covers", required=_REQUIRED.get(name, ())
        )
        for name in names
    }


def smart_tools() -> dict[str, RecordingTool]:
    """The tools of the smart home."""
    return recording(
        "lights", "climate", "tv", "covers", "states", "scenes", "timers", "bell", "later"
    )
