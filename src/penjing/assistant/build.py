"""An assistant from a spec and what the command line wired: tools, model, documents."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.assistant.dialogue.plan import plan_of
from penjing.assistant.dialogue.proposal import proposal
from penjing.assistant.permission import Forbids
from penjing.assistant.spec.values import Spec
from penjing.assistant.turn import Facts, Retrievers, SpecAssistant
from penjing.assistant.understand.cascade import Judge, Stages, Understanding
from penjing.assistant.understand.compiled import Compiled
from penjing.assistant.understand.judge import ModelJudge
from penjing.assistant.understand.strangers import Strangers
from penjing.assistant.writer import Writer
from penjing.core.grouping import Grouping
from penjing.core.moments import Planner
from penjing.core.protocols import Tool

if TYPE_CHECKING:
    from penjing.core.protocols import Embedder

_FRESH = 2.0
"""Seconds for which live names are believed."""


class LiveNames:
    """What exists right now, asked from the tools; not more than every two seconds. Names that
    are more than names are left out until the spec has them."""

    def __init__(self, tools: Sequence[Tool], clock: Callable[[], float] = time.monotonic) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = {}
        self._means: dict[tuple[str, str], tuple[float, dict[str, tuple[str, ...]]]] = {}
        self._strange: dict[tuple[str, str], dict[str, str]] = {}
        self.strangers: Strangers | None = None
        """Who tells; nobody does while the assistant is made."""

    def __call__(self, tool: str, parameter: str) -> Sequence[str]:
        """Names that a tool's parameter may have; none when there is no such tool."""
        now = self._clock()
        at, names = self._kept.get((tool, parameter), (float("-inf"), ()))
        if now - at >= _FRESH and tool in self._tools:
            names = tuple(self._tools[tool].entities(parameter))
            if self.strangers is not None:
                names, self._strange[tool, parameter] = self.strangers.sort(tool, parameter, names)
            self._kept[tool, parameter] = (now, names)
        return names

    def members(self, tool: str, parameter: str) -> Mapping[str, Sequence[str]]:
        """Those names, each with the single things it means; empty when the tool does not tell."""
        now = self._clock()
        one: object = self._tools.get(tool)
        at, found = self._means.get((tool, parameter), (float("-inf"), {}))
        if now - at >= _FRESH and isinstance(one, Grouping):
            taken = frozenset(self(tool, parameter))
            found = {
                name: tuple(each for each in means if each in taken)
                for name, means in one.members(parameter).items()
                if name in taken
            }
            self._means[tool, parameter] = (now, found)
        return found

    def strange(self) -> dict[str, str]:
        """Names that were not taken when they were asked for last, with why."""
        return {name: why for one in list(self._strange.values()) for name, why in one.items()}


def build(
    spec: Spec,
    tools: Sequence[Tool],
    *,
    writer: Writer | None = None,
    embedder: Embedder | None = None,
    retrievers: Retrievers | None = None,
    cache: Path | None = None,
    facts: Facts | None = None,
    stages: Stages = Stages(),  # noqa: B008 -- frozen
    clock: Callable[[], float] = time.time,
    planner: Planner | None = None,
    compiled: Mapping[str, Compiled] | None = None,
    forbids: Forbids | None = None,
) -> SpecAssistant:
    """The assistant of a spec. `cache` is a folder for what is trained from it; `planner` keeps
    what is to be done later; `compiled` is what an earlier one of the same spec was made of;
    `forbids` says whom the accounts keep from a tool."""
    names = LiveNames(tools)
    plan = plan_of(spec, tools)
    judge: Judge | None = None
    if writer is not None and spec.model_decides != "never":
        # the judge needs what understanding compiles, and understanding needs the judge
        judge = ModelJudge(
            spec,
            lambda one: understanding.compiled[one],
            writer,
            partial(proposal, plan),
        )
    understanding = Understanding(
        spec,
        names,
        members=names.members,
        embedder=embedder,
        judge=judge,
        cache=cache,
        stages=stages,
        compiled=compiled,
    )
    names.strangers = Strangers(spec, understanding.nameless)
    return SpecAssistant(
        plan if planner is not None else replace(plan, keeper=""),
        understanding,
        tools,
        writer=writer,
        retrievers=retrievers,
        facts=facts,
        clock=clock,
        names=names,
        planner=planner,
        forbids=forbids,
    )


def strange_names(spec: Spec, tools: Sequence[Tool]) -> dict[str, str]:
    """Names that the tools of a spec have now and that are not taken, with why."""
    names = LiveNames(tools)
    names.strangers = Strangers(spec, Understanding(spec, names, untrained=True).nameless)
    for slot in spec.slots.values():
        if slot.kind == "entity":
            names(slot.tool, slot.parameter)
    return names.strange()
