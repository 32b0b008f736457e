"""From a YAML tree to a `Spec`. Refuses what is written wrongly; what is senseless, `check.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from penjing.assistant.spec.phrases import FALLBACKS
from penjing.assistant.spec.rules import Rules, expanded, read_rules
from penjing.assistant.spec.steps import read_steps
from penjing.assistant.spec.values import (
    EXACTLY,
    HoldSpec,
    IntentSpec,
    Knowledge,
    Places,
    ReportSpec,
    SlotKind,
    SlotSpec,
    Spec,
    Step,
    ToolRule,
    Words,
)
from penjing.assistant.spec.yaml_nodes import Entry, parse_yaml, read_yaml
from penjing.core.dialogue import Standing

_KEYS = (
    "assistant", "languages", "persona", "model", "slots", "intents", "flows", "tools",
    "knowledge", "fallbacks", "unknown", "out_of_scope", "model_decides",
    "home_assistant_intents", "timeout", "rules",
    "acts_above",
)  # fmt: skip
_STANDINGS: tuple[Standing, ...] = ("owner", "member", "guest")


def load(path: Path) -> Spec:
    """The spec of a file."""
    return _spec(read_yaml(path), str(path.parent), path.name)


def loads(text: str, file: str = "spec") -> Spec:
    """The spec of a text."""
    return _spec(parse_yaml(text, file), ".", file)


def _spec(top: Entry, folder: str, file: str) -> Spec:
    fields = top.fields(*_KEYS, need=("assistant", "languages"))
    languages = tuple(_language(one) for one in fields["languages"].many())
    intents = _each(fields, "intents")
    rules = read_rules(_each(fields, "rules"))
    flows = _each(fields, "flows")
    unknown, packaged = fields.get("unknown"), fields.get("home_assistant_intents")
    return Spec(
        name=fields["assistant"].text(),
        languages=languages,
        persona=_maybe_words(fields, "persona", languages),
        model=fields["model"].text() if "model" in fields else None,
        slots={name: _slot(name, one, languages) for name, one in _each(fields, "slots").items()},
        intents={name: _intent(name, one, languages, rules) for name, one in intents.items()},
        flows={name: _flow(one, languages) for name, one in flows.items()},
        tools={name: _tool(name, one) for name, one in _each(fields, "tools").items()},
        knowledge=_knowledge(fields["knowledge"]) if "knowledge" in fields else Knowledge(),
        fallbacks=_fallbacks(fields.get("fallbacks"), languages),
        unknown=cast(
            Any,
            tuple(one.one_of(("knowledge", "model")) for one in unknown.many()) if unknown else (),
        ),
        out_of_scope=_maybe_words(fields, "out_of_scope", languages),
        model_decides=cast(
            Any,
            fields["model_decides"].one_of(("ask", "act", "never"))
            if "model_decides" in fields
            else "never",
        ),
        home_assistant_intents=packaged is not None
        and (isinstance(packaged.value, dict) or packaged.flag()),
        places=_places(packaged) if packaged is not None else Places(),
        timeout=fields["timeout"].number(1, 86400) if "timeout" in fields else 300.0,
        acts_above=fields["acts_above"].number(0, 1) if "acts_above" in fields else 0.45,
        folder=folder,
        file=file,
    )


def _language(entry: Entry) -> str:
    text = entry.text()
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", text):
        raise entry.wrong(f"'{text[:16]}' is no language: write en, zh ...")
    return text


def _each(fields: Mapping[str, Entry], key: str) -> Mapping[str, Entry]:
    """The entries of a mapping whose keys are names of the spec's own choice."""
    if key not in fields:
        return {}
    found = fields[key].mapping()
    for name, entry in found.items():
        Entry(name, entry.file, entry.line, key).name()
    return found


def read_words(entry: Entry, languages: tuple[str, ...]) -> Words:
    """Ways of saying something, by language."""
    if isinstance(entry.value, dict):
        found = entry.fields(*languages)
        return {key: tuple(one.text() for one in value.many()) for key, value in found.items()}
    if len(languages) > 1:
        raise entry.wrong(
            f"'{entry.what}' needs a language: write it under {' and '.join(languages)}"
        )
    return {languages[0]: tuple(one.text() for one in entry.many())}


def _maybe_words(fields: Mapping[str, Entry], key: str, languages: tuple[str, ...]) -> Words:
    return read_words(fields[key], languages) if key in fields else {}


def _templates(
    fields: Mapping[str, Entry], key: str, languages: tuple[str, ...], rules: Rules
) -> Words:
    """The sentences of an intent, with their rules written out."""
    return {
        language: tuple(expanded(one, rules, fields[key]) for one in many)
        for language, many in _maybe_words(fields, key, languages).items()
    }


def _slot(name: str, entry: Entry, languages: tuple[str, ...]) -> SlotSpec:
    fields = entry.fields(
        "type", "tool", "parameter", "values", "ask", "low", "high", "all", "of", "change", "step",
        "waking", need=("type",),
    )  # fmt: skip
    kind = cast(SlotKind, fields["type"].one_of(get_args(SlotKind)))
    if kind == "entity":
        entry.fields(*fields, need=("tool", "parameter"))
    if kind == "list":
        entry.fields(*fields, need=("values",))
    if "values" in fields and kind not in ("entity", "list", "place"):
        raise fields["values"].wrong(f"a {kind} has no list of values: remove it")
    _require_kind(fields, kind)
    return SlotSpec(
        name=name,
        kind=kind,
        tool=fields["tool"].name() if "tool" in fields else "",
        parameter=fields["parameter"].name() if "parameter" in fields else "",
        values=_values(fields["values"]) if "values" in fields else {},
        ask=_maybe_words(fields, "ask", languages),
        low=fields["low"].number(-1e9, 1e9) if "low" in fields else None,
        high=fields["high"].number(-1e9, 1e9) if "high" in fields else None,
        all=_maybe_words(fields, "all", languages),
        of=tuple(one.name() for one in fields["of"].many()) if "of" in fields else (),
        change=cast(Any, fields["change"].one_of(("more", "less")) if "change" in fields else ""),
        step=fields["step"].number(0, 1e9) if "step" in fields else None,
        waking="waking" in fields and fields["waking"].flag(),
        line=entry.line,
    )


_QUANTITIES = ("number", "percentage", "temperature")


def _require_kind(fields: Mapping[str, Entry], kind: SlotKind) -> None:
    """BadInput when a slot has what its kind has no use for, or lacks what it needs."""
    if kind == "group":
        for key in ("of", "all"):
            if key not in fields:
                raise fields["type"].wrong(f"a group needs '{key}': write it")
    if "of" in fields and kind != "group":
        raise fields["of"].wrong(f"a {kind} holds no other slots: make it a group, or remove 'of'")
    if "all" in fields and kind not in ("entity", "group"):
        raise fields["all"].wrong(f"a {kind} has no things to be called all: remove it")
    if "change" in fields and kind not in _QUANTITIES:
        raise fields["change"].wrong(f"a {kind} cannot become more or less: remove 'change'")
    if "waking" in fields and kind != "time":
        raise fields["waking"].wrong(f"a {kind} is no time of day: remove 'waking'")
    if "step" in fields and "change" not in fields:
        raise fields["step"].wrong("a step belongs to a change: write 'change: more' or 'less'")


def _values(entry: Entry) -> Mapping[str, tuple[str, ...]]:
    if isinstance(entry.value, tuple):
        return {one.text(): () for one in entry.items()}
    return {
        key: tuple(word.text() for word in one.many()) if one.value is not None else ()
        for key, one in entry.mapping().items()
    }


def _places(entry: Entry) -> Places:
    """What `home_assistant_intents` says when it says more than yes."""
    if not isinstance(entry.value, dict):
        return Places()
    fields = entry.fields("areas", "floors", "here")
    areas, floors = (_values(fields[one]) if one in fields else {} for one in ("areas", "floors"))
    return Places(areas, floors, fields["here"].text() if "here" in fields else "")


def _liked(entry: Entry) -> str:
    """A slot of ours, or what theirs must be."""
    return entry.text() if entry.text().startswith(EXACTLY) else entry.name()


def _intent(name: str, entry: Entry, languages: tuple[str, ...], rules: Rules) -> IntentSpec:
    fields = entry.fields(
        "sentences", "examples", "matched", "like", "reports", "holds", "do", need=("do",)
    )
    like = fields["like"].mapping() if "like" in fields else {}
    return IntentSpec(
        name=name,
        sentences=_templates(fields, "sentences", languages, rules),
        examples=_maybe_words(fields, "examples", languages),
        flow=_flow(fields["do"], languages),
        matched=_templates(fields, "matched", languages, rules),
        like={
            one: {key: _liked(slot) for key, slot in slots.mapping().items()} if slots.value else {}
            for one, slots in like.items()
        },
        reports=_reports(fields["reports"], languages, rules) if "reports" in fields else None,
        holds=tuple(_hold(one, languages, rules) for one in fields["holds"].items())
        if "holds" in fields
        else (),
        line=entry.line,
    )


def _hold(entry: Entry, languages: tuple[str, ...], rules: Rules) -> HoldSpec:
    fields = entry.fields("sentences", "when", "is", need=("sentences", "when", "is"))
    field = fields["when"].text()
    if not re.fullmatch(r"result\.[a-z_]+", field):
        raise fields["when"].wrong(f"'{field[:40]}' is no field of an answer: write result.FIELD")
    sentences = _templates(fields, "sentences", languages, rules)
    return HoldSpec(sentences, field.removeprefix("result."), fields["is"].flag())


def _reports(entry: Entry, languages: tuple[str, ...], rules: Rules) -> ReportSpec:
    fields = entry.fields("slot", "sentences", "foreign", need=("slot", "sentences"))
    return ReportSpec(
        slot=fields["slot"].name(),
        sentences=_templates(fields, "sentences", languages, rules),
        foreign=_templates(fields, "foreign", languages, rules),
    )


def _flow(entry: Entry, languages: tuple[str, ...]) -> tuple[Step, ...]:
    return read_steps(entry, lambda one: read_words(one, languages))


def _tool(name: str, entry: Entry) -> ToolRule:
    if entry.value is None:
        return ToolRule(name, frozenset(_STANDINGS), line=entry.line)
    fields = entry.fields("who", "confirm", "settings", "part_of")
    who = (
        frozenset(cast(Standing, one.one_of(_STANDINGS)) for one in fields["who"].many())
        if "who" in fields
        else frozenset(_STANDINGS)
    )
    asks = fields["confirm"].one_of(("careful", "always", "never")) if "confirm" in fields else None
    return ToolRule(
        name=name,
        who=who,
        confirm=cast(Any, asks or "careful"),
        settings=fields["settings"].plain() if "settings" in fields else {},
        part_of=fields["part_of"].name() if "part_of" in fields else "",
        line=entry.line,
    )


def _knowledge(entry: Entry) -> Knowledge:
    fields = entry.fields("sources", "wording")
    sources = fields["sources"].many() if "sources" in fields else ()
    for one in sources:
        path = Path(one.text())
        if path.is_absolute() or ".." in path.parts:
            raise one.wrong(f"'{path}' leaves the spec's folder: put the document beside the spec")
    wording = fields["wording"].one_of(("quote", "model")) if "wording" in fields else "quote"
    return Knowledge(tuple(one.text() for one in sources), cast(Any, wording))


def _fallbacks(entry: Entry | None, languages: tuple[str, ...]) -> Mapping[str, Words]:
    own = entry.fields(*FALLBACKS) if entry is not None else {}
    found: dict[str, Words] = {}
    for key, words in FALLBACKS.items():
        given = read_words(own[key], languages) if key in own else {}
        found[key] = {
            one: given.get(one) or words.get(one.split("-")[0]) or words["en"] for one in languages
        }
    return found
