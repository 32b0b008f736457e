"""Everything of a spec that understanding needs, made ready once for each language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.assistant.spec.values import Spec, Words, calls_of, needed_of, slots_of
from penjing.assistant.understand.classifier import ELSEWHERE, TURNED, Classifier, Sample, trained
from penjing.assistant.understand.elsewhere import SENTENCES
from penjing.assistant.understand.familiar import Familiar, is_question, runs_of
from penjing.assistant.understand.features import counted, words_of
from penjing.assistant.understand.network import (
    Counts,
    Network,
    parse_template,
    plain_words,
    samples,
    slots_in,
)
from penjing.assistant.understand.reports import Reports, reports_of
from penjing.assistant.understand.slots import Reader, reader
from penjing.assistant.understand.span import Moment
from penjing.assistant.understand.text import tokens_of, with_fixes
from penjing.assistant.understand.thinning import MOST_ELSEWHERE, thinned
from penjing.assistant.understand.turned import turned
from penjing.assistant.understand.walk import Walk
from penjing.assistant.understand.weighing import nearness
from penjing.assistant.understand.words import common_words

if TYPE_CHECKING:
    from penjing.core.protocols import Embedder

_SAMPLES = 24
"""Of one template."""
_FEW = 4
"""Of one that is only matched, and of an example with slots in it."""
_TOO_NEAR = 0.5
"""Everyday sentences that resemble an intent so much do not count as elsewhere."""


@dataclass(frozen=True)
class Compiled:
    """One language of a spec."""

    walk: Walk
    """All its templates."""
    intents: tuple[str, ...]
    """What a walk finds at the end of a template to its intent."""
    texts: frozenset[str]
    """Slots that take any words."""
    classifier: Classifier | None
    """None when no intent has a sentence in this language."""
    keywords: Mapping[str, frozenset[str]]
    """Intent to the words that its own sentences use."""
    wanted: Mapping[str, tuple[str, ...]]
    """Intent to the slots that it may have."""
    familiar: Mapping[str, Familiar]
    """Intent to how its own sentences speak."""
    reports: Reports | None = None
    """Statements that begin an intent."""
    words: frozenset[str] = frozenset()
    """All words of its sentences, examples too: none of them is a typing error."""
    given: int = 0
    """Sample sentences of intents."""
    left_out: int = 0
    """Of them, those that are too many to train from."""
    silent: frozenset[str] = frozenset()
    """Slots of names that no sentence has: their words are words like others to the classifier."""
    unasked: frozenset[str] = frozenset()
    """Slots of fixed names that nobody is asked for: a remark may hold one."""

    @property
    def done_with(self) -> frozenset[str]:
        """Slots of the intents that change something."""
        changes = (name for name, one in self.familiar.items() if one.acts and not one.asks)
        return frozenset(slot for name in changes for slot in self.wanted[name])


def compile_language(
    spec: Spec,
    language: str,
    embedder: Embedder | None = None,
    cache: Path | None = None,
    *,
    train: bool = True,
) -> Compiled:
    """Make one language ready: parse its templates, train its classifier."""
    network = Network()
    intents = tuple(spec.intents)
    said: list[tuple[str, str, int, bool]] = []  # text, intent, group, from a template
    alike, quiet = _alike(spec), list[Sample]()
    named: dict[str, set[str]] = {}
    count = Counts()
    plain = reader(spec.slots, lambda tool, parameter: _spec_names(spec, tool, parameter))
    for number, intent in enumerate(spec.intents.values()):
        lines = [*intent.sentences.get(language, ()), *intent.examples.get(language, ())]
        templates = len(intent.sentences.get(language, ()))
        for place, line in enumerate(lines):
            group = len(said)
            if place < templates or "{" in line:
                tree = parse_template(line)
                network.add(tree, number)  # the intent's: its templates share their ends
                named.setdefault(intent.name, set()).update(slots_in(tree))
                for text in samples(tree, _SAMPLES if place < templates else _FEW, count):
                    said.append((text, intent.name, group, True))
            else:
                said.append((line, intent.name, group, False))
        for line in intent.matched.get(language, ()):
            tree = parse_template(line)
            network.add(tree, number)
            named.setdefault(intent.name, set()).update(slots_in(tree))
            quiet += [_placeheld(one, intent.name, -1, alike) for one in samples(tree, _FEW, count)]
    told = network.words()
    words = {name: set(told.get(number, ())) for number, name in enumerate(intents)}
    silent = frozenset(
        one.name
        for one in spec.slots.values()
        if one.kind in ("list", "entity") and not any(one.name in many for many in named.values())
    )
    plain = replace(plain, lexicons={k: v for k, v in plain.lexicons.items() if k not in silent})
    stay = [said[place] for place in thinned([intent for _, intent, *_ in said])]
    every = [
        _placeheld(text, intent, group, alike) if drawn else _said(text, intent, group, plain)
        for text, intent, group, drawn in stay
    ]
    for sample, (*_, drawn) in zip(every, stay, strict=True):
        if not drawn:
            words[sample.intent].update(sample.words)
    texts = frozenset(name for name, slot in spec.slots.items() if slot.kind in ("text", "place"))
    keywords = _keywords(every)
    classifier = None
    if every and train:
        away = _elsewhere(every, language, spec.out_of_scope, plain)
        classifier = trained([*every, *away], embedder, cache)
    wanted = {
        one.name: tuple(sorted(slots_of(one.flow, spec.flows) | named.get(one.name, set())))
        for one in spec.intents.values()
    }
    familiar = _familiar(spec, [*every, *quiet], words)
    closed, given, left_out = network.closed(), len(said), len(said) - len(stay)
    reports = reports_of(spec, language)
    every_word = closed.vocabulary.union(*words.values())
    every_word |= reports.walk.vocabulary if reports else frozenset()
    return Compiled(
        closed, intents, texts, classifier, keywords, wanted, familiar, reports,
        every_word, given, left_out, silent,
        frozenset(one.name for one in spec.slots.values() if one.kind == "list" and not one.ask),
    )  # fmt: skip


_ASKING = 1 / 3
"""Of an intent's sentences that are questions: it is asked, not told."""


def _familiar(
    spec: Spec, every: list[Sample], words: Mapping[str, set[str]]
) -> Mapping[str, Familiar]:
    """How the sentences of each intent speak."""
    said: dict[str, list[tuple[str, ...]]] = {name: [] for name in spec.intents}
    for sample in every:
        said[sample.intent].append(sample.words)
    return {
        name: Familiar(
            frozenset(run for one in many for run in runs_of(one)),
            asks=sum(map(is_question, many)) > _ASKING * len(many),
            needs=needed_of(spec.intents[name].flow, spec.flows),
            words=frozenset(words[name]),
            acts=calls_of(spec.intents[name].flow, spec.flows),
        )
        for name, many in said.items()
    }


def _spec_names(spec: Spec, tool: str, parameter: str) -> tuple[str, ...]:
    """Names that the spec itself knows: training must not depend on which lamps are lit."""
    return tuple(
        name
        for slot in spec.slots.values()
        if slot.kind == "entity" and (slot.tool, slot.parameter) == (tool, parameter)
        for name in slot.values
    )


def _alike(spec: Spec) -> Mapping[str, str]:
    """Slots of times that are read like others: the classifier hears the first of them."""
    times = [one for one in spec.slots.values() if one.kind == "time"]
    return {f"@{one.name}": f"@{times[0].name}" for one in times if one.waking}


def _placeheld(text: str, intent: str, group: int, alike: Mapping[str, str]) -> Sample:
    words: list[str] = []
    for part in text.split():
        if part.startswith("@"):
            words.append(alike.get(part, part))
        else:
            words += plain_words(part)
    return Sample(intent, tuple(words), text.replace("@", ""), group)


def _said(text: str, intent: str, group: int, plain: Reader) -> Sample:
    from datetime import UTC, datetime

    tokens = with_fixes(tokens_of(text), plain.words, common_words())
    spans = plain.spans(tokens, Moment(datetime(2026, 1, 1, tzinfo=UTC)))
    return Sample(intent, tuple(words_of(tokens, spans)), text, group)


def _elsewhere(every: list[Sample], language: str, own: Words, plain: Reader) -> list[Sample]:
    all_own = own.get(language, ())
    lines = [all_own[place] for place in thinned([ELSEWHERE] * len(all_own), MOST_ELSEWHERE)]
    found = [_said(one, ELSEWHERE, -n - 1, plain) for n, one in enumerate(lines)]
    said: dict[str, list[tuple[str, ...]]] = {}
    for one in every:
        said.setdefault(one.intent, []).append(one.words)
    found += [
        Sample(TURNED, words, text, n) for n, (words, text) in enumerate(turned(said, language))
    ]
    common = SENTENCES.get(language.split("-", maxsplit=1)[0], ())
    if not every:
        return found
    away = [_said(one, ELSEWHERE, len(every) + n, plain) for n, one in enumerate(common)]
    if not away:
        return found
    near = nearness([counted(one.words) for one in away], [counted(one.words) for one in every])
    return found + [one for one, score in zip(away, near, strict=True) if score < _TOO_NEAR]


COMMON = frozenset({
    "a", "an", "and", "are", "at", "be", "by", "can", "could", "do", "down", "for", "from", "get",
    "have", "i", "in", "is", "it", "like", "make", "me", "my", "of", "on", "or", "please", "put",
    "that", "the", "this", "to", "up", "want", "we", "with", "would", "you", "一", "下", "个",
    "了", "到", "吧", "在", "我", "把", "是", "的", "给", "要", "请",
})  # fmt: skip
"""Words that tell no intent."""


def _keywords(every: list[Sample]) -> Mapping[str, frozenset[str]]:
    """Words that tell an intent: not those that most intents share."""
    found: dict[str, set[str]] = {}
    for sample in every:
        found.setdefault(sample.intent, set()).update(
            word for word in sample.words if not word.startswith("@")
        )
    shared = Counter(word for words in found.values() for word in words)
    most = max(2, len(found) // 2)
    return {
        intent: frozenset(one for one in words if one not in COMMON and shared[one] <= most)
        for intent, words in found.items()
    }
