"""The steps of a flow, read from a YAML tree. One branch for each kind of step; siblings rhyme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from penjing.assistant.spec.values import (
    Answer,
    Argument,
    Ask,
    Branch,
    Call,
    Collect,
    Enter,
    FromSlot,
    Literally,
    Reply,
    Step,
    Stop,
    Words,
)
from penjing.assistant.spec.yaml_nodes import Entry, nearest

ReadWords = Callable[[Entry], Words]
_KINDS = ("collect", "confirm", "call", "answer", "when", "flow", "reply", "stop")


def read_steps(entry: Entry, words: ReadWords) -> tuple[Step, ...]:
    """The steps of a list."""
    steps: list[Step] = []
    for one in entry.many():
        steps += _step(one, words)
    return tuple(steps)


def _step(entry: Entry, words: ReadWords) -> list[Step]:
    fields = entry.mapping()
    kinds = [key for key in _KINDS if key in fields]
    if len(kinds) != 1:
        near = nearest(next(iter(fields), "")[:64], _KINDS)
        raise entry.wrong(f"a step is one of {', '.join(_KINDS)}: {near}")
    return _READERS[kinds[0]](entry, words)


def _collect(entry: Entry, _words: ReadWords) -> list[Step]:
    found = entry.fields("collect")["collect"]
    return [Collect(one.name(), one.line) for one in found.many()]


def _confirm(entry: Entry, words: ReadWords) -> list[Step]:
    return [Ask(words(entry.fields("confirm")["confirm"]), entry.line)]


def _call(entry: Entry, words: ReadWords) -> list[Step]:
    fields = entry.fields("call", "with", "maybe", "describes")
    given = dict(fields["with"].mapping()) if "with" in fields else {}
    maybe = fields["maybe"].mapping() if "maybe" in fields else {}
    for key, one in maybe.items():
        if key in given:
            raise one.wrong(f"'{key}' stands under 'with' and under 'maybe': keep one")
    return [
        Call(
            tool=fields["call"].name(),
            arguments={key: _argument(one) for key, one in (given | dict(maybe)).items()},
            optional=frozenset(maybe),
            describes=words(fields["describes"]) if "describes" in fields else {},
            line=entry.line,
        )
    ]


def _argument(entry: Entry) -> Argument:
    if isinstance(entry.value, str) and entry.value.startswith("$"):
        slot, dot, member = entry.value[1:].partition(".")
        names = [
            Entry(one, entry.file, entry.line, entry.what).name()
            for one in (slot, member)[: 1 + bool(dot)]
        ]
        return FromSlot(*names)
    return Literally(entry.plain())


def _answer(entry: Entry, words: ReadWords) -> list[Step]:
    return [Answer(words(entry.fields("answer")["answer"]), entry.line)]


def _when(entry: Entry, words: ReadWords) -> list[Step]:
    fields = entry.fields("when", "is", "then", "else", need=("then",))
    return [
        Branch(
            on=fields["when"].text(),
            equals=fields["is"].plain() if "is" in fields else None,
            then=read_steps(fields["then"], words),
            otherwise=read_steps(fields["else"], words) if "else" in fields else (),
            line=entry.line,
        )
    ]


def _flow(entry: Entry, _words: ReadWords) -> list[Step]:
    return [Enter(entry.fields("flow")["flow"].name(), entry.line)]


def _reply(entry: Entry, words: ReadWords) -> list[Step]:
    fields = entry.fields("reply", "otherwise")
    source = fields["reply"].one_of(("knowledge", "model"))
    otherwise = words(fields["otherwise"]) if "otherwise" in fields else {}
    return [Reply(cast(Any, source), otherwise, entry.line)]


def _stop(entry: Entry, words: ReadWords) -> list[Step]:
    said = entry.fields("stop")["stop"]
    return [Stop(entry.line)] if said.value in (None, True) else [Answer(words(said)), Stop()]


_READERS: dict[str, Callable[[Entry, ReadWords], list[Step]]] = {
    "collect": _collect,
    "confirm": _confirm,
    "call": _call,
    "answer": _answer,
    "when": _when,
    "flow": _flow,
    "reply": _reply,
    "stop": _stop,
}
