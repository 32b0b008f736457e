"""Sentences written by hands that had not read the specs, said to whole assistants, all stages on.

`data/blind/SET/SPEC.LANGUAGE.yaml` holds what people want, `data/blind/SET/unwanted-SPEC.yaml` what
nothing may come of; SET is `chosen` (looked at while the assistants were written), `judged` (looked
at after it had judged), `later` (another hand's, which judged after that), `november` (two other
hands', after that) or `late-november` (two more, one for each language, last of all). The tools
have the schemas of the real ones and do nothing; every card is answered yes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from assisted import DATA, EXAMPLES, HOUSE

from penjing.app.assistants import documents_of, tools_of
from penjing.assistant.build import build
from penjing.assistant.spec.parse import load
from penjing.assistant.stories import Story, StoryClock, StoryTool
from penjing.assistant.turn import SpecAssistant
from penjing.assistant.understand.cascade import Judge
from penjing.core.dialogue import Acted, Confirm, Event, Planned, Said, Understood, When
from penjing.tools.arithmetic import calculate
from penjing.tools.failed import ToolError
from penjing.tools.names import plain
from penjing.tools.places import Place, by_name
from penjing.tools.registry import check_section
from penjing.vault.memory import MemoryStore

BLIND = DATA / "blind"
SPECS = ("smart-home", "in-car", "personal", "customer-service")
_NOON = 1_795_608_000.0
"""2026-11-25 12:00 UTC, a Wednesday."""
_MOMENTS = {"advent": 1_795_687_200.0}
"""When else a set is said: 2026-11-26 10:00 UTC, a Thursday."""
_DESK = {"tickets": "ticket", "handover": "person"}
"""Intents of the service desk by their tools."""
_LOOKING = frozenset({"states", "clock", "weather", "calculator", "list"})
"""Tools and actions that change nothing."""
_CARDS = 6
"""Of one sentence that are answered."""

Call = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Blind:
    """One sentence, and what its writer wanted of it."""

    say: str
    given: Mapping[str, Any]
    """As written: wants, asks, question, when, reply or kind."""

    @property
    def language(self) -> str:
        """By its characters."""
        return "zh" if any("\u3400" <= one <= "\u9fff" for one in self.say) else "en"


@dataclass(frozen=True)
class Came:
    """What came of a sentence."""

    at_once: tuple[Call, ...]
    """Called before anybody said yes."""
    after_yes: tuple[Call, ...]
    put_off: tuple[tuple[Call, When], ...]
    """Kept for another time, and when that is."""
    intents: tuple[str, ...]
    """What was understood."""
    said: str
    at: float = _NOON
    """When that was."""

    @property
    def calls(self) -> tuple[Call, ...]:
        """All of them, in order."""
        return (*self.at_once, *self.after_yes)

    @property
    def unwanted(self) -> tuple[Call, ...]:
        """What was done, by somebody who may have wanted nothing, without being asked."""
        return tuple(one for one in self.at_once if not looks(one))


class _Keeper:
    """Keeps nothing: what is put off is told by the events. Satisfies `Planner`."""

    def plan(self, person: str, label: str, when: When, data: Mapping[str, Any]) -> None:
        """Let it be."""


def looks(call: Call) -> bool:
    """A call that changes nothing."""
    tool, arguments = call
    return tool in _LOOKING or arguments.get("action") in _LOOKING or "how_long_to" in arguments


def sentences(name: str, folder: Path) -> list[Blind]:
    """The sentences of one file of a set."""
    read = yaml.safe_load((folder / f"{name}.yaml").read_text("utf-8"))
    return [Blind(str(one["say"]), one) for one in read]


class Stage:
    """One example's assistant, whole, that remembers nothing between sentences."""

    def __init__(self, spec: str, cache: Path | None = None) -> None:
        names: dict[str, dict[str, Sequence[str]]] = {}
        for (tool, parameter), many in HOUSE.items():
            names.setdefault(tool, {})[parameter] = many
        loaded = load(EXAMPLES / spec / "assistant.yaml")
        with tools_of(loaded) as tools:
            for slot in loaded.slots.values():
                real = next((one for one in tools if one.name == slot.tool), None)
                if real is not None and slot.tool not in names:
                    names[slot.tool] = {slot.parameter: real.entities(slot.parameter)}
            story = Story("blind", "owner", names, {}, ())
            acting = [StoryTool.of(tool, story) for tool in tools]
        retrievers = documents_of(loaded)
        self._clock = StoryClock(_NOON)
        self.assistant: SpecAssistant = build(
            loaded,
            acting,
            cache=cache,
            clock=self._clock,
            retrievers=retrievers,
            planner=_Keeper(),
        )

    def begin(self, folder: Path) -> None:
        """It is when the sentences of this set are said."""
        self._clock.at = _MOMENTS.get(folder.name, _NOON)

    def use(self, judge: Judge) -> None:
        """Let somebody decide what the other stages do not."""
        self.assistant._understanding.use(judge)

    def hear(self, text: str) -> Came:
        """Say one sentence in a fresh conversation, and yes to all that is asked."""
        store = MemoryStore()
        session = store.history.begin().id
        events = list(self.assistant.reply("p", store, session, text, role="owner"))
        first = events
        later: list[Event] = []
        for _ in range(_CARDS):
            card = next((one for one in events if isinstance(one, Confirm)), None)
            if card is None:
                break
            events = list(
                self.assistant.confirm("p", store, session, card.action.id, yes=True, role="owner")
            )
            later += events
        said = "".join(one.text for one in (*first, *later) if isinstance(one, Said))
        intents = tuple(
            str(one.recognition.intent) for one in (*first, *later) if isinstance(one, Understood)
        )
        put_off = tuple(
            ((one.action.tool, dict(one.action.arguments)), one.when)
            for one in (*first, *later)
            if isinstance(one, Planned)
        )
        return Came(
            tuple(_calls(first)), tuple(_calls(later)), put_off, intents, said, self._clock.at
        )


def _calls(events: Sequence[Event]) -> Iterator[Call]:
    for one in events:
        if isinstance(one, Acted):
            yield one.action.tool, dict(one.action.arguments)


def right(one: Blind, came: Came) -> bool:
    """Whether what came is what its writer wanted: these calls, in whatever order, and no others
    that change things."""
    wanted = [(tool, dict(how or {})) for each in one.given["wants"] for tool, how in each.items()]
    if "tickets" in (tools := [tool for tool, _ in wanted]):
        return came.intents == tuple(_DESK[one] for one in tools)  # what is missing is asked for
    if one.given.get("reply") in ("greeting", "thanks"):
        return came.intents == (one.given["reply"],)
    if not wanted:
        return not [call for call in came.calls if not looks(call)]
    if "when" in one.given:
        return _timely(str(one.given["when"]), wanted, came)
    return not came.put_off and _same(wanted, came.calls, came.at)


def _timely(when: str, wanted: Sequence[Call], came: Came) -> bool:
    """ "in 1800", "at 23:00": kept for then, not done now; "for 600": done, and taken back."""
    how, value = when.split()
    kept = [call for call, _ in came.put_off]
    if how == "for":
        times = {one.after for _, one in came.put_off}
        once = times == {float(value)} and len(kept) == len(wanted)
        return once and _same(wanted, came.calls, came.at)
    if came.calls or not _same(wanted, kept, came.at):
        return False
    if how == "in":
        return all(one.after == float(value) for _, one in came.put_off)
    return all(one.time.zfill(5) == value.zfill(5) for _, one in came.put_off)


def _same(wanted: Sequence[Call], found: Sequence[Call], at: float) -> bool:
    left = [(tool, _plain(how, at)) for tool, how in _joined(found)]
    for tool, how in _joined(wanted):
        one = _plain(how, at)
        met = next((o for o in left if o[0] == tool and _unnamed(o[1], one) == one), None)
        if met is None:
            return False
        left.remove(met)
    return not left


def _unnamed(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is found, without a timer's name where none was asked for."""
    return found if "label" in wanted else {k: v for k, v in found.items() if k != "label"}


def _joined(calls: Sequence[Call]) -> list[Call]:
    """Calls that follow each other and say several things of one device, as one: hands differ in
    how they write "red, at 40 percent" and "on, at 22 degrees"."""
    joined: list[Call] = []
    for tool, how in calls:
        last = joined[-1] if joined else ("", {})
        thing = {key: how.get(key) for key in ("light", "device")}
        same = (
            last[0] == tool
            and any(thing.values())
            and not last[1].keys() & how.keys() - thing.keys()
        )
        if same and thing == {key: last[1].get(key) for key in thing}:
            joined[-1] = (tool, {**last[1], **how})
        else:
            joined.append((tool, how))
    levels = ("brightness", "colour", "temperature")
    return [
        (tool, {k: v for k, v in how.items() if k != "on" or not v or not how.keys() & set(levels)})
        for tool, how in joined
    ]


def _plain(given: Mapping[str, Any], at: float) -> dict[str, Any]:
    """Arguments without what means the same."""
    usual = _next(str(given.get("time", "")), at)
    return {
        key: _meaning(key, value)
        for key, value in given.items()
        if key != "date" or str(value) != usual
    }


def _meaning(key: str, value: Any) -> Any:
    if key == "expression":
        return _worked_out(str(value))
    if key == "place":
        return _city(str(value))
    if key in ("text", "query", "subject"):
        return "".join(char for char in str(value).casefold() if char.isalnum())
    if key == "days":
        return sorted(value)
    if key == "time":
        return str(value).zfill(5)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return value


@functools.cache
def _cities() -> Mapping[str, Place]:
    spec = load(EXAMPLES / "personal/assistant.yaml")
    (settings,) = check_section(
        {"weather": spec.tools["weather"].settings}, Path(spec.folder)
    ).values()
    return by_name(settings.everywhere())


def _city(name: str) -> str:
    """伦敦 is London."""
    found = _cities().get(plain(name))
    return found.name if found else name


def _next(time: str, at: float) -> str:
    """The day on which a time comes next; today without one."""
    now = datetime.fromtimestamp(at)
    if not time:
        return now.date().isoformat()
    day = now.date() if time.zfill(5) > f"{now:%H:%M}" else now.date() + timedelta(days=1)
    return day.isoformat()


def _worked_out(expression: str) -> Any:
    try:
        return round(float(calculate(expression).value), 6)
    except (ToolError, ValueError):
        return expression
