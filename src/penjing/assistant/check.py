"""What can be wrong with a spec that is written correctly. Each mistake is one line with its place.

Looks at the spec and, where they are given, the tools; calls none of them but for names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from penjing.assistant.check_templates import never_matching, state_names
from penjing.assistant.dialogue.plan import plan_of
from penjing.assistant.spec.schema import wrong_argument, wrong_value
from penjing.assistant.spec.values import (
    Answer,
    Ask,
    Branch,
    Call,
    Collect,
    Enter,
    FromSlot,
    IntentSpec,
    Literally,
    Reply,
    SlotSpec,
    Spec,
    Step,
    Words,
    slots_of,
)
from penjing.assistant.spec.yaml_nodes import nearest
from penjing.assistant.understand.cascade import Stages, Understanding
from penjing.assistant.understand.languages import known_codes
from penjing.assistant.understand.languages import language as language_of
from penjing.assistant.understand.network import parse_template, slots_in
from penjing.core.errors import BadInput
from penjing.core.protocols import Tool
from penjing.core.strangers import is_there, open_plain, why

MCP = "mcp"
"""What makes tools of other names, those of MCP servers."""
_NUMBERS = ("number", "percentage", "temperature", "duration")


def check(spec: Spec, tools: Sequence[Tool] | None = None, cache: Path | None = None) -> list[str]:
    """All that is wrong, in the order of the file; empty when nothing is."""
    found = list(_mistakes(spec, tools, cache))
    return sorted(dict.fromkeys(found), key=_line)


def require_sound(
    spec: Spec, tools: Sequence[Tool] | None = None, cache: Path | None = None
) -> None:
    """BadInput with the first mistake when there is one; see `never_matching` for `cache`."""
    found = check(spec, tools, cache)
    if found:
        more = f" (and {len(found) - 1} more: penjing assistant check)" if len(found) > 1 else ""
        raise BadInput(found[0] + more)


def remarks(spec: Spec) -> list[str]:
    """What is no mistake and yet to be known, for each language."""
    only = Understanding(spec, lambda tool, parameter: (), stages=Stages(), untrained=True)  # noqa: ARG005
    return [
        f"{spec.file}: {one.left_out} of {one.given} sample sentences in '{language}' are too many "
        "to train from: evenly fewer of the intents that have most are; give those fewer examples"
        for language, one in only.compiled.items()
        if one.left_out
    ] + list(_digits_only(spec))


def _digits_only(spec: Spec) -> Iterator[str]:
    """Languages of which no number, time or date in words is known."""
    typed = sorted(
        one.name for one in spec.slots.values() if one.kind in language_of("xx").extractors
    )
    for code in spec.languages if typed else ():
        if not language_of(code).typed:
            yield (
                f"{spec.file}: slots such as '{typed[0]}' read only digits in '{code}': words of "
                f"numbers, times and dates are known in {', '.join(known_codes())}"
            )


def _line(mistake: str) -> tuple[int, str]:
    place = re.match(r"[^:]*:(\d+):", mistake)
    return (int(place.group(1)) if place else 0, mistake)


def _mistakes(spec: Spec, tools: Sequence[Tool] | None, cache: Path | None) -> Iterator[str]:
    sound = True
    for one in _names(spec, tools):
        sound = False
        yield one
    if not sound:
        return  # what follows would only say the same again
    try:
        plan_of(spec, tools or ())
    except BadInput as error:
        yield str(error)
        return
    for intent in spec.intents.values():
        yield from _fillable(spec, intent)
    for steps in _all_flows(spec):
        yield from _words(spec, steps)
        yield from _decided_by_tools(spec, steps, within=False)
        if tools is not None:
            yield from _arguments(spec, steps, {tool.name: tool for tool in tools})
    for path in spec.knowledge.sources:
        yield from _unreadable(spec, path)
    yield from never_matching(spec, cache)


def _unreadable(spec: Spec, path: str) -> Iterator[str]:
    folder = Path(spec.folder)
    if not is_there(folder / path):
        yield f"{spec.file}:1: there is no document '{path}' beside the spec: add it"
        return
    try:
        open_plain(folder / path, inside=folder).close()
    except OSError as error:
        yield f"{spec.file}:1: the document '{path}' cannot be read: {why(error)}"


def _all_flows(spec: Spec) -> Iterator[tuple[Step, ...]]:
    yield from (one.flow for one in spec.intents.values())
    yield from spec.flows.values()


def _steps(steps: Sequence[Step]) -> Iterator[Step]:
    for one in steps:
        yield one
        if isinstance(one, Branch):
            yield from _steps(one.then)
            yield from _steps(one.otherwise)


# -- names that must exist


def _names(spec: Spec, tools: Sequence[Tool] | None) -> Iterator[str]:
    where = spec.file
    existing = None if tools is None else {tool.name: tool for tool in tools}
    for rule in spec.tools.values():
        if existing is not None and rule.name not in existing and rule.name != MCP:
            yield f"{where}:{rule.line}: unknown tool '{rule.name}': {nearest(rule.name, existing)}"
    for slot in spec.slots.values():
        yield from _slot_names(spec, slot, existing)
    for intent in spec.intents.values():
        every = (intent.sentences, intent.examples, intent.matched)
        for language, lines in (one for words in every for one in words.items()):
            for line in lines:
                yield from _template_names(spec, intent, language, line)
        yield from _report_names(spec, intent)
        yield from state_names(spec, intent)
    for steps in _all_flows(spec):
        for one in _steps(steps):
            yield from _step_names(spec, one)


def _report_names(spec: Spec, intent: IntentSpec) -> Iterator[str]:
    where = f"{spec.file}:{intent.line}"
    reports = intent.reports
    if reports is None:
        return
    if reports.slot not in slots_of(intent.flow, spec.flows):
        yield f"{where}: reports of '{intent.name}' fill '{reports.slot}', which its steps ignore"
    elif reports.slot not in spec.slots or spec.slots[reports.slot].kind != "text":
        yield f"{where}: slot '{reports.slot}' takes no sentence: make its type text"
    for many in (*reports.sentences.values(), *reports.foreign.values()):
        for line in many:
            try:
                if slots_in(parse_template(line)):
                    yield f"{where}: '{line}' has a slot: words of a report have none"
            except BadInput as error:
                yield f"{where}: reports of '{intent.name}': {error}"


def _slot_names(spec: Spec, slot: SlotSpec, tools: Mapping[str, Tool] | None) -> Iterator[str]:
    for one in slot.of:
        if one not in spec.slots:
            yield f"{spec.file}:{slot.line}: unknown slot '{one}': {nearest(one, spec.slots)}"
        elif spec.slots[one].kind not in ("entity", "list"):
            yield (
                f"{spec.file}:{slot.line}: group '{slot.name}' holds '{one}', which is a "
                f"{spec.slots[one].kind}: only an entity or a list has things"
            )
    if slot.kind != "entity":
        return
    where = f"{spec.file}:{slot.line}"
    if slot.tool not in spec.tools:
        yield f"{where}: slot '{slot.name}' asks an unknown tool '{slot.tool}': " + nearest(
            slot.tool, spec.tools
        )
    elif tools is not None and slot.tool in tools:
        known = tools[slot.tool].parameters.get("properties", {})
        if slot.parameter not in known:
            yield f"{where}: tool '{slot.tool}' has no parameter '{slot.parameter}': " + nearest(
                slot.parameter, known
            )


def _template_names(spec: Spec, intent: IntentSpec, language: str, line: str) -> Iterator[str]:
    where = f"{spec.file}:{intent.line}"
    try:
        used = slots_in(parse_template(line)) if "{" in line or "(" in line or "[" in line else ()
    except BadInput as error:
        yield f"{where}: intent '{intent.name}' ({language}): {error}"
        return
    for name in sorted(used):
        if name not in spec.slots:
            yield f"{where}: unknown slot '{name}' in '{line}': {nearest(name, spec.slots)}"


def _step_names(spec: Spec, one: Step) -> Iterator[str]:
    where = f"{spec.file}:{one.line}"
    if isinstance(one, Collect) and one.slot not in spec.slots:
        yield f"{where}: unknown slot '{one.slot}': {nearest(one.slot, spec.slots)}"
    if isinstance(one, Call):
        if one.tool not in spec.tools:
            known = nearest(one.tool, spec.tools)
            yield f"{where}: unknown tool '{one.tool}': {known}{_of_a_server(spec)}"
        elif one.tool == MCP:
            yield f"{where}: '{MCP}' is no tool by itself{_of_a_server(spec)}"
        for argument in one.arguments.values():
            if isinstance(argument, FromSlot):
                yield from _argument_names(spec, argument, where)
        if len(_several(spec, one)) > 1:
            yield f"{where}: '{one.tool}' would be called for two groups at once: call it twice"
    on = one.on.removesuffix(".several") if isinstance(one, Branch) else ""
    if isinstance(one, Branch) and not on.startswith("result.") and on not in spec.slots:
        yield (f"{where}: '{on}' is no slot and no result.FIELD: {nearest(on, spec.slots)}")
    if isinstance(one, Enter) and one.flow not in spec.flows:
        yield f"{where}: unknown flow '{one.flow}': {nearest(one.flow, spec.flows)}"


def _of_a_server(spec: Spec) -> str:
    """How a tool of an MCP server is called, where there are such servers."""
    if MCP not in spec.tools:
        return ""
    return f"; a tool of an MCP server is named under tools as SERVER_TOOL: {{part_of: {MCP}}}"


def _argument_names(spec: Spec, one: FromSlot, where: str) -> Iterator[str]:
    if one.slot not in spec.slots:
        yield f"{where}: unknown slot '{one.slot}': {nearest(one.slot, spec.slots)}"
        return
    slot = spec.slots[one.slot]
    if slot.kind != "group" and one.member:
        yield f"{where}: '{one.slot}' is no group: write ${one.slot}"
    elif slot.kind == "group" and one.member not in slot.of:
        of = " or ".join(f"${one.slot}.{name}" for name in slot.of)
        yield f"{where}: say which things of group '{one.slot}' are meant: write {of}"


def _several(spec: Spec, call: Call) -> list[str]:
    """Slots of a call that may hold several things."""
    every = [one.slot for one in call.arguments.values() if isinstance(one, FromSlot)]
    return [one for one in every if one in spec.slots and spec.slots[one].all]


# -- what can be filled, said and done


def _fillable(spec: Spec, intent: IntentSpec) -> Iterator[str]:
    where = f"{spec.file}:{intent.line}"
    every = (intent.sentences, intent.examples, intent.matched)
    lines = [one for words in every for many in words.values() for one in many]
    if not lines and not intent.like:
        yield f"{where}: intent '{intent.name}' has no sentence: nobody can ask for it"
    told = {name for line in lines for name in slots_in(parse_template(line))}
    told |= {slot for slots in intent.like.values() for slot in slots.values()}
    optional = _optional_only(intent.flow)
    for name in sorted(slots_of(intent.flow, spec.flows) - told):
        if not spec.slots[name].ask and name not in optional:
            yield (
                f"{where}: nothing fills slot '{name}' of intent '{intent.name}': put "
                f"{{{name}}} into a sentence, or give the slot a question under 'ask'"
            )


def _optional_only(steps: Sequence[Step]) -> set[str]:
    """Slots that are only ever passed on when they happen to be known."""
    needed: set[str] = set()
    maybe: set[str] = set()
    for one in _steps(steps):
        if isinstance(one, Collect):
            needed.add(one.slot)
        elif isinstance(one, Branch):
            maybe.add(one.on.removesuffix(".several"))
        elif isinstance(one, Call):
            for name, argument in one.arguments.items():
                if isinstance(argument, FromSlot):
                    (maybe if name in one.optional else needed).add(argument.slot)
    return maybe - needed


def _words(spec: Spec, steps: Sequence[Step]) -> Iterator[str]:
    for one in _steps(steps):
        said: Words = {}
        if isinstance(one, Answer | Ask):
            said = one.words
        elif isinstance(one, Call):
            said = one.describes
        elif isinstance(one, Reply):
            said = one.otherwise
        for language in spec.languages:
            if said and language not in said:
                yield f"{spec.file}:{one.line}: this is not said in '{language}': add it"
        for name in {name for many in said.values() for text in many for name in _places(text)}:
            if name not in spec.slots and name != "result":
                yield f"{spec.file}:{one.line}: '{{{name}}}' is no slot: " + nearest(
                    name, [*spec.slots, "result"]
                )


def _places(text: str) -> list[str]:
    return re.findall(r"\{([a-zA-Z_]\w*)", text)


def _decided_by_tools(spec: Spec, steps: Sequence[Step], *, within: bool) -> Iterator[str]:
    """A tool's answer may not decide that another tool is called: a person must say yes."""
    asked = False
    for one in steps:
        if isinstance(one, Branch):
            inside = within or one.on.startswith("result.")
            yield from _decided_by_tools(spec, one.then, within=inside)
            yield from _decided_by_tools(spec, one.otherwise, within=inside)
        elif isinstance(one, Enter) and within:
            yield from _decided_by_tools(spec, spec.flows[one.flow], within=True)
        elif isinstance(one, Call) and _unasked(spec, one, within and not asked):
            yield (
                f"{spec.file}:{one.line}: a tool's answer would decide that '{one.tool}' is "
                "called: put a 'confirm' before it"
            )
        asked = isinstance(one, Ask)


def _unasked(spec: Spec, call: Call, within: bool) -> bool:
    return within and spec.tools[call.tool].confirm != "always"


def _arguments(spec: Spec, steps: Sequence[Step], tools: Mapping[str, Tool]) -> Iterator[str]:
    for one in _steps(steps):
        if not isinstance(one, Call) or one.tool not in tools:
            continue
        schema = tools[one.tool].parameters
        given: dict[str, Any] = {}
        later, problems = [], []
        for name, argument in one.arguments.items():
            wanted = schema.get("properties", {}).get(name)
            if isinstance(argument, Literally):
                given[name] = argument.value
                continue
            later.append(name)
            if wanted is not None:
                slot = spec.slots[argument.member or argument.slot]
                problems += [problem] if (problem := _wrong_kind(name, slot, wanted)) else []
        problem = wrong_argument(schema, given, later)
        for text in [*problems, *([problem] if problem else [])]:
            yield f"{spec.file}:{one.line}: tool '{one.tool}' refuses this: {text}"


def _wrong_kind(name: str, slot: SlotSpec, wanted: Mapping[str, Any]) -> str | None:
    kinds = wanted.get("type", ())
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    numeric = slot.kind in _NUMBERS
    wants = {"number", "integer"} if numeric else {"array"} if slot.kind == "days" else {"string"}
    if kinds and not kinds & wants:
        return f"'{name}' is {' or '.join(sorted(kinds))} and slot '{slot.name}' is a {slot.kind}"
    if slot.kind == "list" and "enum" in wanted:
        return next((p for one in slot.values if (p := wrong_value(name, wanted, one))), None)
    return None
