"""Templates that can never be what is recognised: each is tried out against all the others."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from penjing import __version__
from penjing.assistant.spec.values import FromSlot, IntentSpec, Spec, deed_of
from penjing.assistant.spec.yaml_nodes import nearest
from penjing.assistant.understand.cascade import Stages, Understanding
from penjing.assistant.understand.network import parse_template, samples, slots_in
from penjing.core.errors import BadInput
from penjing.core.files import writing

_SAMPLES = 6
"""Of each template, to see whether it can ever be what is recognised."""
_MOST_READ = 200
"""Templates that are tried out."""
_SAMPLE_VALUES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "number": "7", "percentage": "30 percent", "duration": "10 minutes", "time": "7:30 pm",
        "date": "tomorrow", "days": "every weekday", "colour": "red", "temperature": "21 degrees",
        "place": "Berlin", "text": "something", "sum": "3 plus 4",
    },
    "zh": {
        "number": "7", "percentage": "百分之三十", "duration": "十分钟", "time": "晚上七点半",
        "date": "明天", "days": "每个工作日", "colour": "红色", "temperature": "21度",
        "place": "柏林", "text": "某事", "sum": "三加四",
    },
}  # fmt: skip


def state_names(spec: Spec, intent: IntentSpec) -> Iterator[str]:
    """What is wrong with the states that an intent can look at (`holds`)."""
    where = f"{spec.file}:{intent.line}"
    deed = deed_of(intent.flow)
    if intent.holds and deed is None:
        yield f"{where}: '{intent.name}' holds states and calls nothing first: let a call look"
    needed = {one.slot for one in (deed[1] if deed else {}).values() if isinstance(one, FromSlot)}
    for line in (one for hold in intent.holds for many in hold.sentences.values() for one in many):
        try:
            slots = slots_in(parse_template(line))
        except BadInput as error:
            yield f"{where}: holds of '{intent.name}': {error}"
            continue
        for name in sorted(slots - spec.slots.keys()):
            yield f"{where}: unknown slot '{name}' in '{line}': {nearest(name, spec.slots)}"
        if len(slots) != 1 or not needed <= slots:
            yield f"{where}: '{line}' must have one slot, that of the call that looks"


def never_matching(spec: Spec, cache: Path | None = None) -> Iterator[str]:
    """Templates of which no sample is taken for their intent, each in one line with its place.

    All are read as if they were said, which takes seconds: a spec that was found sound is known by
    an empty file in `cache`.
    """
    known = None if cache is None else cache / f"sound-{_key(spec)}"
    if known is not None and known.exists():
        return
    found = list(_never_matching(spec))
    if known is not None and not found:
        with writing(known):
            pass
    yield from found


def _key(spec: Spec) -> str:
    """Of all that is written in it, and of the program that read it."""
    plain = json.dumps(asdict(spec), default=lambda one: sorted(one, key=repr))
    return hashlib.sha256(f"{__version__}\n{plain}".encode()).hexdigest()[:32]


def _never_matching(spec: Spec) -> Iterator[str]:
    names = {
        (slot.tool, slot.parameter): list(slot.values) or [f"some {slot.name.replace('_', ' ')}"]
        for slot in spec.slots.values()
        if slot.kind == "entity"
    }
    only = Stages(classifier=False, model=False)
    understanding = Understanding(
        spec, lambda tool, parameter: names.get((tool, parameter), []), stages=only, untrained=True
    )
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    every = sum(len(m) for one in spec.intents.values() for m in one.sentences.values())
    apart = -(-every // _MOST_READ)  # of very many, some of each intent
    for intent in spec.intents.values():
        for language, lines in intent.sentences.items():
            for line in lines[::apart] if apart else ():
                said = samples(parse_template(line), _SAMPLES)
                taken = []
                for one in said:
                    text = _sample_sentence(spec, names, one, language)
                    requests = understanding.read(text, now, language).requests
                    taken.append({str(requests[0][0].intent)} if requests else set())
                if not any(intent.name in one for one in taken):
                    others = sorted({name for one in taken for name in one})
                    why = f"'{others[0]}' takes it first" if others else "nothing fits it"
                    yield (
                        f"{spec.file}:{intent.line}: template '{line}' of intent '{intent.name}' "
                        f"never matches ({why}): change or remove it"
                    )


def _sample_sentence(
    spec: Spec, names: Mapping[tuple[str, str], Sequence[str]], sample: str, language: str
) -> str:
    values = _SAMPLE_VALUES["zh" if language.startswith("zh") else "en"]

    def one(found: re.Match[str]) -> str:
        slot = spec.slots[found.group(1)]
        if slot.kind == "entity":
            return names[slot.tool, slot.parameter][0]
        if slot.kind == "group":
            noun = slot.all.get(language, ("",))[0]
            return f"所有{noun}" if language.startswith("zh") else noun
        if slot.values:
            value, words = next(iter(slot.values.items()))
            chinese = [word for word in words if not word.isascii()]
            return chinese[0] if language.startswith("zh") and chinese else value
        return values[slot.kind]

    return re.sub(r"@(\w+)", one, sample)
