"""The flows of a spec as straight programs: what is entered stands in place, branches are jumps.

Made once; a circle of flows is refused here. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.assistant.spec.values import (
    Answer,
    Ask,
    Branch,
    Call,
    Collect,
    Enter,
    Reply,
    Spec,
    Step,
    Stop,
    Words,
    slots_of,
)
from penjing.core.errors import BadInput
from penjing.core.protocols import Tool
from penjing.core.restoring import Restoring

LATER = "later"
"""The tool that a spec names so that something can be put off."""
MAX_STEPS = 500
"""Of one intent, all entered flows included."""


@dataclass(frozen=True)
class Test:
    """Go on, or jump when a value is another."""

    on: str
    equals: Any
    otherwise: int


@dataclass(frozen=True)
class Jump:
    """Go on elsewhere."""

    to: int


@dataclass(frozen=True)
class Confirmed:
    """A call with the question that comes before it."""

    call: Call
    question: Words


Instruction = Collect | Ask | Call | Confirmed | Answer | Reply | Stop | Test | Jump


@dataclass(frozen=True)
class Plan:
    """Everything that a step of the dialogue may look at besides state and event."""

    spec: Spec
    """What was written."""
    programs: Mapping[str, tuple[Instruction, ...]]
    """Intent to what is done."""
    slots: Mapping[str, frozenset[str]]
    """Intent to the slots it works with."""
    schemas: Mapping[str, Mapping[str, Any]]
    """Tool to the schema of its arguments."""
    careful: frozenset[str]
    """Tools that a person must confirm."""
    keeper: str = ""
    """The tool that keeps what is put off; empty where nothing can be."""
    restoring: frozenset[str] = frozenset()
    """Tools that put back what they changed."""

    def acts(self, intent: str) -> bool:
        """Whether a tool may be called for it."""
        return any(isinstance(one, Call | Confirmed) for one in self.programs.get(intent, ()))


def plan_of(spec: Spec, tools: Sequence[Tool]) -> Plan:
    """The plan of a spec with the tools that exist."""
    programs = {}
    for name, intent in spec.intents.items():
        out: list[Instruction] = []
        _flatten(spec, intent.flow, out, ())
        programs[name] = tuple(out)
    asking = {
        tool.name
        for tool in tools
        if tool.careful or (tool.name in spec.tools and spec.tools[tool.name].confirm == "always")
    }
    return Plan(
        spec=spec,
        programs=programs,
        slots={name: slots_of(one.flow, spec.flows) for name, one in spec.intents.items()},
        schemas={tool.name: tool.parameters for tool in tools},
        careful=frozenset(asking),
        keeper=LATER if LATER in spec.tools else "",
        restoring=frozenset(
            tool.name for tool in tools if isinstance(tool, Restoring) and tool.restores
        ),
    )


def _flatten(
    spec: Spec, steps: Sequence[Step], out: list[Instruction], inside: tuple[str, ...]
) -> None:
    begun = len(out)
    for step in steps:
        if len(out) > MAX_STEPS:
            raise BadInput(f"{spec.file}: a flow has more than {MAX_STEPS} steps: simplify it")
        if isinstance(step, Enter):
            if step.flow in inside:
                circle = " -> ".join((*inside[inside.index(step.flow) :], step.flow))
                raise BadInput(
                    f"{spec.file}:{step.line}: flows go in a circle: {circle}: take one step out"
                )
            if step.flow not in spec.flows:
                raise BadInput(
                    f"{spec.file}:{step.line}: there is no flow '{step.flow}': write it under flows"
                )
            _flatten(spec, spec.flows[step.flow], out, (*inside, step.flow))
        elif isinstance(step, Branch):
            _branch(spec, step, out, inside)
        elif isinstance(step, Call) and len(out) > begun and isinstance(asked := out[-1], Ask):
            out[-1] = Confirmed(step, asked.words)
        else:
            out.append(step)


def _branch(spec: Spec, step: Branch, out: list[Instruction], inside: tuple[str, ...]) -> None:
    place = len(out)
    out.append(Stop())  # room for the test
    _flatten(spec, step.then, out, inside)
    end_of_then = len(out)
    if step.otherwise:
        out.append(Stop())  # room for the jump over the other way
    out[place] = Test(step.on, step.equals, len(out))
    _flatten(spec, step.otherwise, out, inside)
    if step.otherwise:
        out[end_of_then] = Jump(len(out))
