"""The cascade: templates, then the classifier, then the model; the first that is sure decides.

Only a person's own words are read here. No document, no tool's answer and no earlier turn is ever
part of what an intent or a slot is taken from; live names are only compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.assistant.spec.values import Spec
from penjing.assistant.understand import acts
from penjing.assistant.understand.compiled import Compiled, compile_language
from penjing.assistant.understand.features import words_of
from penjing.assistant.understand.gate import passed
from penjing.assistant.understand.home_assistant import HomeAssistant
from penjing.assistant.understand.left import Heard
from penjing.assistant.understand.match import Match, matches
from penjing.assistant.understand.reading import Reading
from penjing.assistant.understand.slots import REFERENCE, Names, Reader, reader
from penjing.assistant.understand.span import Moment, Span
from penjing.assistant.understand.split import Part, merged, split
from penjing.assistant.understand.text import Token, is_chinese, own_words, tokens_of, with_fixes
from penjing.assistant.understand.words import FILLERS, GUARDS, JOINT, JOINTS, common_words, pieces
from penjing.core.dialogue import Recognition, Slot

if TYPE_CHECKING:
    from penjing.core.protocols import Embedder

SURE_GUESS = 0.6
"""What the classifier must give where another reading is at hand: two requests, or a document."""
SURE = 0.2
"""A template that costs no more than this is believed before the sentence is parted."""
_QUOTE = "\N{REPLACEMENT CHARACTER}quote"
"""The token that stands for a quotation: no template and no classifier knows it."""
_SMALL_WORDS = GUARDS | {part for one in (*FILLERS, *JOINTS) for part in pieces(one)}

Scores = Mapping[str, float]
Judge = Callable[[str, str, str, Scores, Mapping[str, Sequence[Slot]]], Recognition | None]
"""The model's say: for whom, own words, language, the classifier's scores, what slots may be."""


@dataclass(frozen=True)
class Stages:
    """Which stages take part; to measure each alone."""

    templates: bool = True
    classifier: bool = True
    model: bool = True


class Understanding:
    """Reads sentences for one spec. Safe to use from several threads once made."""

    def __init__(
        self,
        spec: Spec,
        names: Names,
        *,
        embedder: Embedder | None = None,
        judge: Judge | None = None,
        cache: Path | None = None,
        stages: Stages = Stages(),
        untrained: bool = False,
    ) -> None:
        self.spec = spec
        self._names = names
        self._judge = judge
        self._stages = stages
        self.compiled: Mapping[str, Compiled] = {
            one: compile_language(spec, one, embedder, cache, train=not untrained)
            for one in spec.languages
        }
        self._packaged = HomeAssistant(spec, names) if spec.home_assistant_intents else None
        # where documents answer, a question is not lightly taken for a command
        self._reads = "knowledge" in spec.unknown
        self._reader: tuple[object, Reader] = ((), reader({}, names))
        self._called = frozenset(one.text for one in tokens_of(spec.name))

    def use(self, judge: Judge) -> None:
        """Let a model decide what the other stages do not."""
        self._judge = judge

    def language_of(self, text: str, before: str | None = None) -> str:
        """The language a sentence is in: Chinese when it has Chinese characters."""
        chinese = [one for one in self.spec.languages if one.startswith("zh")]
        others = [one for one in self.spec.languages if not one.startswith("zh")]
        if is_chinese(text):
            return (chinese or others)[0]
        if not any(char.isalpha() for char in text) and before in self.spec.languages:
            return before or self.spec.languages[0]
        return (others or chinese)[0]

    def read(self, text: str, now: datetime, before: str | None = None, owner: str = "") -> Reading:
        """Read one sentence; `before` is the language spoken so far, `owner` who says it."""
        language = self.language_of(text, before)
        compiled = self.compiled[language]
        slots = self._slots_now()
        parts = own_words(text)
        own = " ".join(text[a:b].strip() for a, b in parts)
        known = compiled.walk.vocabulary | slots.words | _SMALL_WORDS
        tokens = with_fixes(_tokens(text, parts), known, common_words())
        pasted = sum(b - a for a, b in parts) < len(text.strip())
        one = _Sentence(
            text,
            tokens,
            slots.spans(tokens, Moment(now)),
            compiled,
            language=language,
            pasted=pasted,
        )
        act, denies = acts.act_of(tokens), acts.denies(tokens)
        bare = acts.is_bare(tokens, [span for many in one.spans.values() for span in many])
        requests = self._requests(one, owner)
        return Reading(
            text=text,
            language=language,
            passed=passed(
                self._heard(one, slots, now),
                requests,
                one.values(),
                act=act,
                bare=bare,
                denies=denies,
            ),
            act=act,
            bare=bare,
            denies=denies,
            asks=acts.asks(tokens),
            own=own,
            pasted=pasted,
        )

    def _heard(self, one: _Sentence, slots: Reader, now: datetime) -> Heard:
        """A sentence as the gate looks at it."""
        return Heard(
            one.text,
            one.tokens,
            Moment(now),
            told={name: frozenset(places) for name, places in one.told.items()},
            familiar=one.compiled.familiar,
            called=self._called,
            counted=self._kinds("number", "percentage", "temperature", "duration", "time"),
            named=self._kinds("entity"),
            free=self._kinds("text"),
            names=slots.names,
        )

    def _kinds(self, *kinds: str) -> frozenset[str]:
        return frozenset(one.name for one in self.spec.slots.values() if one.kind in kinds)

    def _slots_now(self) -> Reader:
        """The reader for the names that exist now; made anew only when they changed."""
        live = tuple(
            tuple(self._names(one.tool, one.parameter))
            for one in self.spec.slots.values()
            if one.kind == "entity"
        )
        key, kept = self._reader
        if key != (live,):
            names = {
                (one.tool, one.parameter): many
                for one, many in zip(
                    (s for s in self.spec.slots.values() if s.kind == "entity"), live, strict=True
                )
            }
            kept = reader(self.spec.slots, lambda tool, parameter: names[tool, parameter])
            self._reader = ((live,), kept)
        return kept

    def _requests(self, one: _Sentence, owner: str) -> tuple[tuple[Recognition, ...], ...]:
        if not one.tokens:
            return ()
        whole = one.templates(0, len(one.tokens)) if self._stages.templates else ()
        if whole and 1 - whole[0].confidence <= SURE:
            return (whole,)
        parted = split(
            len(one.tokens), one.joints(), lambda a, b, last: self._part(one, a, b, last)
        )
        parted = merged(parted)
        if parted and (not whole or min(r[0].confidence for r in parted) > whole[0].confidence):
            guessed = not whole and all(r[0].stage == "classifier" for r in parted)
            found = one.classified(0, len(one.tokens), sure=True) if guessed else ()
            return (found,) if found else tuple(parted)
        if whole:
            return (whole,)
        found = self._guess(one, 0, len(one.tokens), owner)
        return (found,) if found else ()

    def _part(self, one: _Sentence, a: int, b: int, last: Recognition | None) -> Part:
        """One part of a sentence; `last` is what the part before it wants."""
        found = one.templates(a, b) if self._stages.templates else ()
        if not found and last is not None:
            found = one.same_again(a, b, last)
        if not found and self._stages.classifier:
            found = one.classified(a, b, sure=True)
        return Part(found, idle=not one.guarded(a, b))

    def _guess(self, one: _Sentence, a: int, b: int, owner: str) -> tuple[Recognition, ...]:
        """What no template fits: packaged ones, the classifier's opinion, then the model's."""
        if self._packaged is not None and (found := one.packaged(self._packaged, a, b)):
            return found
        if self._stages.classifier and (found := one.classified(a, b)):
            return found
        if self._judge is not None and self._stages.model and not one.pasted:
            candidates: dict[str, list[Slot]] = {}
            for slot in one.values():
                candidates.setdefault(slot.name, []).append(slot)
            judged = self._judge(owner, one.text, one.language, one.scores(a, b), candidates)
            return (judged,) if judged is not None else ()
        return ()


def _tokens(text: str, parts: Sequence[tuple[int, int]]) -> tuple[Token, ...]:
    """The tokens of the person's own words, a quotation as one token that nothing knows."""
    found: list[Token] = []
    at = 0
    for a, b in parts:
        if text[at:a].strip() and at:
            found.append(Token(_QUOTE, at, a))
        found += tokens_of(text, a, b)
        at = b
    if parts and text[at:].strip() and text[at:].lstrip()[0] in "\"“「『《«‘'`":
        found.append(Token(_QUOTE, at + len(text[at:]) - len(text[at:].lstrip()), len(text)))
    return tuple(found)


class _Sentence:
    """One sentence while it is read."""

    def __init__(
        self,
        text: str,
        tokens: tuple[Token, ...],
        spans: Mapping[str, list[Span]],
        compiled: Compiled,
        *,
        language: str,
        pasted: bool,
    ) -> None:
        self.text, self.tokens, self.spans = text, tokens, spans
        self.compiled, self.language, self.pasted = compiled, language, pasted
        self.told: dict[str, set[int]] = {}

    def templates(self, a: int, b: int) -> tuple[Recognition, ...]:
        """What the templates make of a part."""
        by_place: dict[str, dict[int, list[Span]]] = {}
        for slot, spans in self.spans.items():
            places = by_place.setdefault(slot, {})
            for span in spans:
                if span.start >= a and span.end <= b:
                    moved = Span(span.start - a, span.end - a, span.value, span.cost)
                    places.setdefault(moved.start, []).append(moved)
        found = matches(self.compiled.walk, self.tokens[a:b], by_place, self.compiled.texts)
        seen: dict[object, Recognition] = {}
        for one in found:
            if one.literal or (one.slots and one.cost <= SURE):  # a garbled name alone is nothing
                recognition = self._of_match(one, a)
                key = (recognition.intent, tuple((s.name, str(s.value)) for s in recognition.slots))
                seen.setdefault(key, recognition)
        return tuple(seen.values())

    def _of_match(self, match: Match, shift: int) -> Recognition:
        slots = tuple(
            self.slot(name, Span(span.start + shift, span.end + shift, span.value))
            for name, span in match.slots
        )
        intent = self.compiled.intents[match.template]
        self.told.setdefault(intent, set()).update(
            shift + place
            for place in range(match.literal.bit_length())
            if match.literal >> place & 1
        )
        return Recognition(intent, slots, max(0.0, 1.0 - match.cost), "templates")

    def packaged(self, packaged: HomeAssistant, a: int, b: int) -> tuple[Recognition, ...]:
        """What Home Assistant's templates make of a part; every slot it needs must stand in it."""
        if any(one.text == _QUOTE for one in self.tokens[a:b]):
            return ()
        text = self.text[self.tokens[a].start : self.tokens[b - 1].end]
        for intent, needed in packaged.intents_of(text, self.language, b - a):
            slots = self.fill(intent, a, b)
            if needed <= {slot.name for slot in slots}:
                return (Recognition(intent, slots, 0.9, "home assistant"),)
        return ()

    def slot(self, name: str, span: Span) -> Slot:
        """A slot that carries the person's own words."""
        start, end = self.tokens[span.start].start, self.tokens[span.end - 1].end
        words = self.text[start:end]
        value = words.strip("\"“”「」『』《》«»‘’'` ") if span.value is None else span.value
        return Slot(name, value, words, start, end, "person")

    def values(self) -> tuple[Slot, ...]:
        """All values, in the order of the sentence."""
        found = [
            (span.start, -span.end, self.slot(name, span))
            for name, spans in self.spans.items()
            for span in spans
        ]
        return tuple(slot for *_, slot in sorted(found, key=lambda one: one[:2]))

    def joints(self) -> list[tuple[int, int]]:
        """Where two requests may meet: first token of the joint, and one past its last."""
        inside = {
            place
            for spans in self.spans.values()
            for span in spans
            for place in range(span.start + 1, span.end - 1)
        }
        found, place = [], 0
        while place < len(self.tokens):
            ends = JOINT.ends(self.tokens, place)
            if ends and place and place not in inside:
                end = ends[0]
                while end < len(self.tokens) and (more := JOINT.ends(self.tokens, end)):
                    end = more[0]
                found.append((place, end))
                place = end
            else:
                place += 1
        return found

    def guarded(self, a: int, b: int) -> bool:
        """A part that may turn the rest around."""
        return any(one.text in GUARDS or one.text == _QUOTE for one in self.tokens[a:b])

    def same_again(self, a: int, b: int, last: Recognition) -> tuple[Recognition, ...]:
        """ "... and the bedroom light": the same as before with another value."""
        names = {slot.name for slot in last.slots}
        spans = {
            name: [one for one in self.spans[name] if one.start >= a and one.end <= b]
            for name in names & self.spans.keys()
        }
        moved = [Span(s.start - a, s.end - a, s.value) for many in spans.values() for s in many]
        if not moved or not acts.is_bare(self.tokens[a:b], moved):
            return ()
        fresh = {
            name: self.slot(name, min(many, key=lambda one: one.cost))
            for name, many in spans.items()
            if many
        }
        slots = tuple(fresh.get(slot.name, slot) for slot in last.slots)
        return (Recognition(last.intent, slots, last.confidence * 0.95, last.stage),)

    def scores(self, a: int, b: int) -> Scores:
        """The classifier's scores for a part."""
        if self.compiled.classifier is None:
            return {}
        spans = {
            name: [
                Span(s.start - a, s.end - a, s.value, s.cost)
                for s in many
                if s.start >= a and s.end <= b and s.value != REFERENCE
            ]
            for name, many in self.spans.items()
        }
        text = self.text[self.tokens[a].start : self.tokens[b - 1].end]
        return self.compiled.classifier.scores(words_of(self.tokens[a:b], spans), text)

    def classified(self, a: int, b: int, *, sure: bool = False) -> tuple[Recognition, ...]:
        """What the classifier makes of a part; nothing when it is not sure enough."""
        from penjing.assistant.understand.classifier import ELSEWHERE

        classifier = self.compiled.classifier
        if classifier is None or any(one.text == _QUOTE for one in self.tokens[a:b]):
            return ()
        scores = self.scores(a, b)
        intent, chance = next(iter(scores.items()))
        bar = max(classifier.threshold, SURE_GUESS) if sure else classifier.threshold
        if intent == ELSEWHERE or chance < bar:
            return ()
        return (Recognition(intent, self.fill(intent, a, b), chance, "classifier"),)

    def fill(self, intent: str, a: int, b: int) -> tuple[Slot, ...]:
        """The slots of an intent, each with its cheapest value in a part; no word is used twice."""
        wanted = self.compiled.wanted[intent]
        every = sorted(
            (
                (span.cost, span.start - span.end, span.start, name, span)
                for name in wanted
                for span in self.spans.get(name, ())
                if span.start >= a and span.end <= b
            ),
            key=lambda one: one[:4],
        )
        taken: set[int] = set()
        found: dict[str, Slot] = {}
        for *_, name, span in every:
            places = set(range(span.start, span.end))
            if name not in found and not places & taken:
                taken |= places
                found[name] = self.slot(name, span)
        return tuple(sorted(found.values(), key=lambda one: one.start))
