"""Stories: conversations that must go as they are written. YAML beside the spec, run against it.

    - story: lights
      language: en            # for the reader only
      who: owner              # or member, guest; who says it
      house: {lights: {light: [kitchen light]}}      # names that the tools of the story know
      turns:
        - say: dim the kitchen lights to thirty percent
          intents: [dim]
          slots: {light: kitchen light, brightness: 30}
          calls: [{lights: {light: kitchen light, brightness: 30}}]
          says: "30%"
        - say: turn off the TV at 11 pm
          plans: [{tv: {device: TV, on: false}}]
        - wait: 400           # seconds that pass; what is due is done then, `calls` says what
        - confirm: yes        # the card is answered
          calls: []

Tools of a story answer what it says under `answers` and do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from penjing.assistant.spec.yaml_nodes import Entry, read_yaml
from penjing.core.assistants import Assistant
from penjing.core.dialogue import (
    Acted,
    Cited,
    Confirm,
    Event,
    Outcome,
    Planned,
    Said,
    Standing,
    Understood,
    When,
)
from penjing.core.errors import NotFound
from penjing.core.protocols import Store, Tool
from penjing.core.restoring import Restoring
from penjing.core.weekdays import NAMES as WEEK

_TURN = (
    "say", "wait", "confirm", "intents", "slots", "calls", "plans", "asks", "says", "says_not",
    "cites", "stage", "fails",
)  # fmt: skip


@dataclass(frozen=True)
class StoryTurn:
    """One thing that happens, and what must come of it."""

    given: Mapping[str, Any]
    """The keys that were written."""
    entry: Entry
    """Where."""


@dataclass(frozen=True)
class Story:
    """A conversation."""

    name: str
    who: Standing
    house: Mapping[str, Mapping[str, Sequence[str]]]
    """Tool to parameter to live names."""
    answers: Mapping[str, Sequence[Mapping[str, Any]]]
    """Tool to what it answers, in turn; {"error": ...} is a failure."""
    turns: tuple[StoryTurn, ...]


@dataclass
class StoryTool:
    """A tool that stands for a real one: same schema, no deed. Satisfies `Tool`."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    careful: bool
    names: Mapping[str, Sequence[str]]
    answers: Sequence[Mapping[str, Any]]
    calls: list[Mapping[str, Any]] = field(default_factory=list)
    restores: bool = False
    """The real one can put back what it changed."""
    undoes: bool = False
    """Or take it back when it is told to."""

    @classmethod
    def of(cls, tool: Tool, story: Story) -> StoryTool:
        """The stand-in of a tool in a story."""
        return cls(
            tool.name, tool.description, tool.parameters, tool.careful,
            story.house.get(tool.name, {}), story.answers.get(tool.name, ()),
            restores=isinstance(tool, Restoring) and tool.restores,
            undoes=isinstance(tool, Restoring) and tool.undoes,
        )  # fmt: skip

    def entities(self, parameter: str) -> Sequence[str]:
        """Names of the story."""
        return self.names.get(parameter, ())

    def call(self, arguments: Mapping[str, Any], person: str) -> Outcome:  # noqa: ARG002
        """Remember it and answer what the story says."""
        self.calls.append(dict(arguments))
        if not self.answers:
            return Outcome(True)
        data = self.answers[min(len(self.calls), len(self.answers)) - 1]
        if "error" in data:
            return Outcome(False, error=str(data["error"]))
        return Outcome(True, data)

    def remember(
        self,
        arguments: Mapping[str, Any],  # noqa: ARG002
        told: Mapping[str, Any],  # noqa: ARG002
        person: str,  # noqa: ARG002
    ) -> Outcome:
        """Nothing changes in a story."""
        return Outcome(True)

    def restore(
        self,
        was: Mapping[str, Any],  # noqa: ARG002
        made: Mapping[str, Any],  # noqa: ARG002
        person: str,  # noqa: ARG002
    ) -> Outcome:
        """Nothing changed."""
        return Outcome(True)

    def close(self) -> None:
        """Nothing to close."""


def stories_beside(spec: Path) -> list[Path]:
    """The story files of a spec: `stories.yaml`, and all in a folder `stories`."""
    one, folder = spec.with_name("stories.yaml"), spec.with_name("stories")
    return [*([one] if one.is_file() else []), *sorted(folder.glob("*.yaml"))]


def read_stories(path: Path) -> list[Story]:
    """The stories of a file."""
    return [_story(one) for one in read_yaml(path).items()]


def _story(entry: Entry) -> Story:
    fields = entry.fields("story", "who", "house", "answers", "turns", need=("story", "turns"))
    who = fields["who"].one_of(("owner", "member", "guest")) if "who" in fields else "owner"
    answers = fields["answers"].mapping() if "answers" in fields else {}
    turns = []
    for one in fields["turns"].items():
        given = one.fields(*_TURN)
        if sum(key in given for key in ("say", "wait", "confirm")) != 1:
            raise one.wrong("a turn has one of say, wait and confirm")
        turns.append(StoryTurn({key: value.plain() for key, value in given.items()}, one))
    return Story(
        name=fields["story"].text(),
        who=who,  # type: ignore[arg-type]
        house=fields["house"].plain() if "house" in fields else {},
        answers={key: [one.plain() for one in value.many()] for key, value in answers.items()},
        turns=tuple(turns),
    )


class StoryClock:
    """A clock that stories turn."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        """Now."""
        return self.at


class StoryPlanner:
    """Keeps what is put off in a story. Satisfies `Planner`."""

    def __init__(self, clock: StoryClock) -> None:
        self._clock = clock
        self.kept: list[tuple[float, When, Mapping[str, Any]]] = []
        """When each is due, as it was said, and what is kept of it."""

    def plan(self, person: str, label: str, when: When, data: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Keep it."""
        self.kept.append((self._next(when), when, data))

    def due(self, carry_out: Callable[[Mapping[str, Any]], Acted | Outcome]) -> list[Event]:
        """Have done what is due by now, the earliest first."""
        made: list[Event] = []
        while ready := [one for one in self.kept if one[0] <= self._clock.at]:
            first = min(ready, key=lambda one: one[0])
            self.kept.remove(first)
            done = carry_out(first[2])
            made += [done] if isinstance(done, Acted) else []
            if first[1].days:
                self.plan("", "", first[1], first[2])
        return made

    def _next(self, when: When) -> float:
        if when.after is not None:
            return self._clock.at + when.after
        day = datetime.fromtimestamp(self._clock.at).date()
        while True:
            at = datetime.fromisoformat(f"{when.date or day} {when.time}").timestamp()
            if when.date or (at > self._clock.at and WEEK[day.weekday()] in when.days):
                return at
            day += timedelta(days=1)


def play(
    story: Story,
    assistant: Assistant,
    store: Store,
    clock: StoryClock,
    due: Callable[[], list[Event]] = list,
) -> list[str]:
    """What did not go as written; empty when all did. `due` has done what is due by now."""
    session = store.history.begin(story.name).id
    wrong: list[str] = []
    waiting = ""
    for turn in story.turns:
        clock.at += 5
        if "wait" in turn.given:
            clock.at += float(turn.given["wait"])
            found = due()
            wrong += [f"{_place(turn)}: {one}" for one in _compared(turn.given, found)]
            continue
        if "say" in turn.given:
            said = str(turn.given["say"])
            events = list(assistant.reply("story", store, session, said, role=story.who))
        else:
            try:
                events = list(
                    assistant.confirm(
                        "story", store, session, waiting, role=story.who,
                        yes=turn.given["confirm"] in (True, "yes"),
                    )
                )  # fmt: skip
            except NotFound:
                wrong.append(f"{_place(turn)}: nothing waits for a confirmation")
                continue
        waiting = next((one.action.id for one in events if isinstance(one, Confirm)), "")
        wrong += [f"{_place(turn)}: {one}" for one in _compared(turn.given, events)]
    return wrong


def _place(turn: StoryTurn) -> str:
    return f"{turn.entry.file}:{turn.entry.line}"


def _compared(given: Mapping[str, Any], events: Sequence[Event]) -> Iterator[str]:
    text = "".join(one.text for one in events if isinstance(one, Said))
    for key, look in _LOOKS.items():
        if key in given:
            found = look(events)
            wanted = given[key] if isinstance(given[key], list) else [given[key]]
            if not _same(wanted, found):
                yield f"{key} should be {wanted} and are {found}"
    for one in _many(given.get("says")):
        if str(one).lower() not in text.lower():
            yield f"'{one}' should be said; said was '{text}'"
    for one in _many(given.get("says_not")):
        if str(one).lower() in text.lower():
            yield f"'{one}' should not be said; said was '{text}'"


def _many(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(_same, wanted, found))
    if isinstance(wanted, dict) and isinstance(found, dict):
        return wanted.keys() == found.keys() and all(_same(wanted[k], found[k]) for k in wanted)
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    return bool(wanted == found) or str(wanted) == str(found)


def _calls(events: Sequence[Event]) -> list[Any]:
    return [
        {one.action.tool: dict(one.action.arguments)} for one in events if isinstance(one, Acted)
    ]


def _asked(events: Sequence[Event]) -> list[Any]:
    return [
        {one.action.tool: dict(one.action.arguments)} for one in events if isinstance(one, Confirm)
    ]


def _slots(events: Sequence[Event]) -> list[Any]:
    slots: dict[str, Any] = {}
    for one in events:
        if isinstance(one, Understood):
            slots |= {slot.name: slot.value for slot in one.recognition.slots}
    return [slots]


_LOOKS: Mapping[str, Callable[[Sequence[Event]], list[Any]]] = {
    "intents": lambda events: [
        one.recognition.intent for one in events if isinstance(one, Understood)
    ],
    "stage": lambda events: [
        one.recognition.stage for one in events if isinstance(one, Understood)
    ],
    "slots": _slots,
    "calls": _calls,
    "plans": lambda events: [
        {one.action.tool: dict(one.action.arguments)} for one in events if isinstance(one, Planned)
    ],
    "asks": _asked,
    "cites": lambda events: list(
        dict.fromkeys(one.passage.source for one in events if isinstance(one, Cited))
    ),
    "fails": lambda events: [
        one.action.tool for one in events if isinstance(one, Acted) and not one.outcome.ok
    ],
}
