"""What a spec says, as frozen values. `parse.py` makes them, `check.py` doubts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from penjing.core.dialogue import Standing

Words = Mapping[str, tuple[str, ...]]
"""Language to ways of saying the same."""

SlotKind = Literal[
    "number", "percentage", "duration", "time", "date", "days", "sum", "colour", "temperature",
    "place", "list", "entity", "group", "text",
]  # fmt: skip
Asks = Literal["careful", "always", "never"]


@dataclass(frozen=True)
class SlotSpec:
    """Something a sentence may tell."""

    name: str
    """Unique in the spec."""
    kind: SlotKind
    """What its values are."""
    tool: str = ""
    """Of an entity: the tool that knows which there are."""
    parameter: str = ""
    """Of an entity: the tool's parameter that takes it."""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a list or places: value to synonyms. Of an entity: more words for a name it may have."""
    ask: Words = field(default_factory=dict)
    """The question for it."""
    low: float | None = None
    """Smallest value."""
    high: float | None = None
    """Largest value."""
    all: Words = field(default_factory=dict)
    """Of an entity or a group: what all of its things together are called (lights, 灯)."""
    of: tuple[str, ...] = ()
    """Of a group: the slots whose things it holds."""
    change: Literal["", "more", "less"] = ""
    """Of a quantity: it says by how much more or less, not how much."""
    step: float | None = None
    """Of a change: what "a bit" is, and what is meant when no amount is said."""
    waking: bool = False
    """Of a time: an hour that may be of either half of the day is the next when people are up."""
    line: int = 0
    """Where it stands."""


@dataclass(frozen=True)
class FromSlot:
    """An argument that a slot gives."""

    slot: str
    """Its name."""
    member: str = ""
    """Of a group: the slot whose things are meant."""


@dataclass(frozen=True)
class Literally:
    """An argument that the spec gives."""

    value: Any
    """Plain data."""


Argument = FromSlot | Literally


@dataclass(frozen=True)
class Collect:
    """Go on when a slot has a value; ask until it has."""

    slot: str
    line: int = 0


@dataclass(frozen=True)
class Ask:
    """Go on when the person says yes."""

    words: Words
    line: int = 0


@dataclass(frozen=True)
class Call:
    """Call a tool."""

    tool: str
    arguments: Mapping[str, Argument]
    optional: frozenset[str] = frozenset()
    """Arguments left out while their slot is empty."""
    describes: Words = field(default_factory=dict)
    """What it does, for the card that asks."""
    line: int = 0


@dataclass(frozen=True)
class Answer:
    """Say something."""

    words: Words
    line: int = 0


@dataclass(frozen=True)
class Branch:
    """One way or the other, by a slot's value or a field of the last tool's answer."""

    on: str
    """A slot's name, "SLOT.several" (it is a group), or "result.FIELD"."""
    equals: Any
    """Plain data; None for "has any value"."""
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...]
    line: int = 0


@dataclass(frozen=True)
class Enter:
    """Do another flow's steps here."""

    flow: str
    line: int = 0


@dataclass(frozen=True)
class Reply:
    """Answer the sentence itself: from the documents, or as the model will."""

    source: Literal["knowledge", "model"]
    otherwise: Words = field(default_factory=dict)
    """What is said when there is no answer to a statement; nothing given: a fallback."""
    line: int = 0


@dataclass(frozen=True)
class Stop:
    """End the flow here."""

    line: int = 0


Step = Collect | Ask | Call | Answer | Branch | Enter | Reply | Stop


EXACTLY = "="
"""Before a value that a slot of a packaged sentence must have."""


@dataclass(frozen=True)
class Places:
    """What packaged sentences are told of a house beside what its tools tell."""

    areas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Rooms and their other names."""
    floors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Storeys and their other names."""
    here: str = ""
    """The room in which it is spoken to, where nothing else tells."""


@dataclass(frozen=True)
class ReportSpec:
    """Statements that begin an intent, though they wish for nothing."""

    slot: str
    """It holds all of the sentence."""
    sentences: Words
    """Templates without slots that may stand anywhere in it, by language."""
    foreign: Words = field(default_factory=dict)
    """Templates likewise: with one of them it is about something else."""


@dataclass(frozen=True)
class HoldSpec:
    """A state that an intent's first call can look at, so that a wish may depend on it."""

    sentences: Words
    """Templates that state it of one thing, by language."""
    field: str
    """Of the tool's answer."""
    value: bool
    """What it is then."""


@dataclass(frozen=True)
class IntentSpec:
    """Something a person may want."""

    name: str
    sentences: Words
    """Templates in the hassil syntax, by language."""
    examples: Words
    """Free examples, by language; `{slot}` may stand in them."""
    flow: tuple[Step, ...]
    """What is done."""
    matched: Words = field(default_factory=dict)
    """More templates: they are matched, and the classifier does not learn from them."""
    like: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Home Assistant intents that mean the same: name to (their slot to ours, or after EXACTLY to
    what theirs must be)."""
    reports: ReportSpec | None = None
    """Statements that begin it."""
    holds: tuple[HoldSpec, ...] = ()
    """What may be a condition: "if the garage is open"."""
    line: int = 0


@dataclass(frozen=True)
class ToolRule:
    """How a tool may be used."""

    name: str
    who: frozenset[Standing]
    """Which people may use it."""
    confirm: Asks = "careful"
    """Ask before: when the tool says it is careful, always, or never (of a tool not careful)."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Plain data for whoever makes the tool."""
    part_of: str = ""
    """The entry that makes it, when that is not its own: one of an MCP server's tools."""
    line: int = 0


@dataclass(frozen=True)
class Knowledge:
    """What documents the assistant answers from."""

    sources: tuple[str, ...] = ()
    """Files, relative to the spec."""
    wording: Literal["quote", "model"] = "quote"
    """The best sentences as they stand, or the model's words where the passages bear them out."""


@dataclass(frozen=True)
class Spec:
    """An assistant."""

    name: str
    languages: tuple[str, ...]
    """The first one is spoken when nothing tells another."""
    persona: Words
    """The model's standing instructions."""
    model: str | None
    """The catalogue's default when None."""
    slots: Mapping[str, SlotSpec]
    intents: Mapping[str, IntentSpec]
    flows: Mapping[str, tuple[Step, ...]]
    tools: Mapping[str, ToolRule]
    knowledge: Knowledge
    fallbacks: Mapping[str, Words]
    """What is said when: see FALLBACKS in `parse.py`."""
    unknown: tuple[Literal["knowledge", "model"], ...]
    """Who is asked, in order, about a sentence that is no intent; then the fallback is said."""
    out_of_scope: Words
    """Examples of what it is not for."""
    model_decides: Literal["ask", "act", "never"] = "never"
    """What becomes of a request that only the model recognised."""
    acts_above: float = 0.45
    """Confidence of the classifier below which the person is asked first."""
    home_assistant_intents: bool = False
    """Whether Home Assistant's packaged sentences are a stage."""
    places: Places = Places()
    timeout: float = 300.0
    """Seconds of silence after which what was begun is dropped."""
    folder: str = "."
    """Where the file lies."""
    file: str = ""
    """What it is called."""


def slots_of(
    steps: tuple[Step, ...], flows: Mapping[str, tuple[Step, ...]], inside: tuple[str, ...] = ()
) -> frozenset[str]:
    """Slots that steps collect, pass on or look at; also in the flows they enter."""
    found: set[str] = set()
    for step in steps:
        if isinstance(step, Collect):
            found.add(step.slot)
        elif isinstance(step, Call):
            found |= {one.slot for one in step.arguments.values() if isinstance(one, FromSlot)}
        elif isinstance(step, Branch):
            found |= slots_of(step.then, flows, inside) | slots_of(step.otherwise, flows, inside)
            if not step.on.startswith("result."):
                found.add(step.on.removesuffix(".several"))
        elif isinstance(step, Enter) and step.flow not in inside:
            found |= slots_of(flows.get(step.flow, ()), flows, (*inside, step.flow))
    return frozenset(found)


def calls_of(
    steps: tuple[Step, ...], flows: Mapping[str, tuple[Step, ...]], inside: tuple[str, ...] = ()
) -> bool:
    """Whether steps call a tool; also in the flows they enter."""
    for step in steps:
        within: tuple[Step, ...] = ()
        into = inside
        if isinstance(step, Branch):
            within = (*step.then, *step.otherwise)
        elif isinstance(step, Enter) and step.flow not in inside:
            within, into = flows.get(step.flow, ()), (*inside, step.flow)
        if isinstance(step, Call) or (within and calls_of(within, flows, into)):
            return True
    return False


def deed_of(steps: tuple[Step, ...]) -> tuple[str, Mapping[str, Argument]] | None:
    """What steps do first, and with what; None where no call stands among them."""
    first = next((one for one in steps if isinstance(one, Call)), None)
    return None if first is None else (first.tool, first.arguments)


def needed_of(
    steps: tuple[Step, ...], flows: Mapping[str, tuple[Step, ...]], inside: tuple[str, ...] = ()
) -> frozenset[str]:
    """Slots that are asked for before steps go on, whatever the branches; flows entered too."""
    found: set[str] = set()
    for step in steps:
        if isinstance(step, Collect):
            found.add(step.slot)
        elif isinstance(step, Call):
            found |= {
                one.slot
                for name, one in step.arguments.items()
                if isinstance(one, FromSlot) and name not in step.optional
            }
        elif isinstance(step, Enter) and step.flow not in inside:
            found |= needed_of(flows.get(step.flow, ()), flows, (*inside, step.flow))
    return frozenset(found)


_CONTENT = frozenset({
    "text", "message", "body", "content", "note", "subject", "reason", "title", "label",
    "expression",
})  # fmt: skip
"""Arguments that take words as they are."""


def content_of(spec: Spec) -> frozenset[str]:
    """Slots whose words are kept or sent as they are: a note may say "later"."""
    steps = [step for one in spec.intents.values() for step in one.flow]
    steps += [step for flow in spec.flows.values() for step in flow]
    found: set[str] = set()
    while steps:
        step = steps.pop()
        if isinstance(step, Branch):
            steps += [*step.then, *step.otherwise]
        elif isinstance(step, Call):
            found |= {
                one.slot
                for name, one in step.arguments.items()
                if isinstance(one, FromSlot) and name in _CONTENT
            }
    return frozenset(found)
