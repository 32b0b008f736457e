"""The cascade: templates, then the classifier, then the model; the first that is sure decides.

Only a person's own words are read here. No document, no tool's answer and no earlier turn is ever
part of what an intent or a slot is taken from; live names are only compared with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.assistant.spec.values import Spec, content_of, deed_of
from penjing.assistant.understand import acts, reports
from penjing.assistant.understand.asides import Asides
from penjing.assistant.understand.compiled import Compiled, compile_language
from penjing.assistant.understand.corrections import corrected, takes_back
from penjing.assistant.understand.gate import Passed, Requests, passed
from penjing.assistant.understand.heard import Heard
from penjing.assistant.understand.home_assistant import HomeAssistant
from penjing.assistant.understand.judge import proposals
from penjing.assistant.understand.languages import language as language_of
from penjing.assistant.understand.likeness import packaged
from penjing.assistant.understand.nearby import asked_for
from penjing.assistant.understand.reading import Reading
from penjing.assistant.understand.repairs import Fit, Plain
from penjing.assistant.understand.retold import Retold, retold
from penjing.assistant.understand.sentence import SURE, Sentence, said_once
from penjing.assistant.understand.slots import Members, Names, Reader, reader
from penjing.assistant.understand.span import Moment
from penjing.assistant.understand.split import CLEAR, Part, clear, merged, split, tells_more
from penjing.assistant.understand.text import Token, is_chinese, own_words, tokens_of, with_fixes
from penjing.assistant.understand.together import together
from penjing.assistant.understand.waiting import Waiting
from penjing.assistant.understand.wishes import Wishes
from penjing.assistant.understand.words import FILLERS, GUARDS, JOINTS, common_words, pieces
from penjing.core.dialogue import Recognition

if TYPE_CHECKING:
    from penjing.core.protocols import Embedder

_SMALL_WORDS = GUARDS | {part for one in (*FILLERS, *JOINTS) for part in pieces(one)}

_COMMA = re.compile(r"[,，]|(?<=[^\W\d_]{4})[.!?]\s+(?=\w)|[。！？](?=\w)")
"""Where free words may end and something else begin."""

Judge = Callable[[str, str, str, Sequence[Recognition]], Recognition | None]
"""The model's say: for whom, own words, language, what may be wanted; one of these, or nothing."""


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
        members: Members | None = None,
        embedder: Embedder | None = None,
        judge: Judge | None = None,
        cache: Path | None = None,
        stages: Stages = Stages(),
        untrained: bool = False,
        compiled: Mapping[str, Compiled] | None = None,
    ) -> None:
        self.spec = spec
        self._names, self._members = names, members
        self._judge, self._stages = judge, stages
        self.compiled: Mapping[str, Compiled] = compiled or {
            one: compile_language(spec, one, embedder, cache, train=not untrained)
            for one in spec.languages
        }
        self._packaged = HomeAssistant(spec, names) if spec.home_assistant_intents else None
        self._reader: tuple[object, Reader] = ((), reader({}, names))
        self._nameless = reader(spec.slots, lambda _tool, _parameter: ())
        self._words: dict[str, tuple[Reader, frozenset[str]]] = {}
        self._content = content_of(spec)
        self._deeds = {one.name: deed_of(one.flow) for one in spec.intents.values()}
        self._called = frozenset(one.text for one in tokens_of(spec.name))
        self._waiting = Waiting(spec, self.compiled, self._plainly, self._values)
        self._asides = Asides(self._content, self._kinds("entity"), self.compiled)

    def use(self, judge: Judge) -> None:
        """Let a model decide what the other stages do not."""
        self._judge = judge

    def nameless(self, text: str, language: str) -> Requests:
        """What templates alone make of a sentence, as if nothing in the house had a name."""
        slots = self._nameless
        compiled = self.compiled[language]
        tokens = tokens_of(text)
        spans = slots.spans(tokens, Moment(datetime(2026, 1, 1, tzinfo=UTC)), language)
        one = Sentence(text, tokens, spans, compiled, language=language, pasted=False)
        found = one.templates(0, len(tokens)) if tokens else ()
        return (found,) if found else ()

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
        meant = self._meant(text, now, before)
        if meant is None:
            return self._whole(text, now, before, owner)
        return meant.placed(self._whole(meant.text, now, before, owner))

    def _whole(self, text: str, now: datetime, before: str | None, owner: str) -> Reading:
        """A sentence that takes nothing back, with what stands beside the command in it."""
        first = self._read(text, now, before, owner, judging=False)
        if (told := self._beside(first, now, owner, self._asides.reworded)) is not None:
            return told
        waits = self._waiting.instead(first, now, owner)
        if waits is not None and all(one[0].stage == "templates" for one in waits.requests):
            return waits
        if (told := self._beside(first, now, owner, self._asides.instead) or waits) is not None:
            return told
        stopped = first.doubt is not None and not first.doubt.of_values
        if self._judge is None or first.requests or stopped:
            return first
        return self._read(text, now, before, owner)

    def _beside(
        self, first: Reading, now: datetime, owner: str, look: Callable[..., Reading | None]
    ) -> Reading | None:
        """The command in a sentence that also tells something; no model has a say in it."""

        def read(text: str) -> Reading:
            one = self._plainly(text, now, first.language, owner)
            return self._waiting.instead(one, now, owner) or one

        return look(first, read, lambda text: self._values(text, now, first.language).values())

    def _plainly(self, text: str, now: datetime, language: str, owner: str) -> Reading:
        """A part of a sentence by itself; no model has a say in it."""
        return self._read(text, now, language, owner, judging=False)

    def _values(
        self, text: str, now: datetime, language: str, compiled: Compiled | None = None
    ) -> Sentence:
        """A part of a sentence with the values in it, and nothing made of it yet."""
        slots, tokens = self._slots_now(), tokens_of(text)
        tokens = with_fixes(tokens, self._known(language, slots), common_words())
        spans = slots.spans(tokens, Moment(now), language)
        own = compiled or self.compiled[language]
        return Sentence(text, tokens, spans, own, language=language, pasted=False)

    def _read(
        self, text: str, now: datetime, before: str | None, owner: str, *, judging: bool = True
    ) -> Reading:
        language = self.language_of(text, before)
        compiled = self.compiled[language]
        slots = self._slots_now()
        parts = own_words(text)
        own = " ".join(text[a:b].strip() for a, b in parts)
        known = self._known(language, slots)
        tokens = with_fixes(said_once(text, parts), known, common_words())
        tokens = slots.groups.gathered(tokens)
        pasted = sum(b - a for a, b in parts) < len(text.strip())
        one = Sentence(
            text,
            tokens,
            slots.spans(tokens, Moment(now), language),
            compiled,
            language=language,
            pasted=pasted,
        )
        act, denies = acts.act_of(tokens), acts.denies(tokens)
        bare = acts.is_bare(tokens, [span for many in one.spans.values() for span in many])

        def gate(requests: Requests) -> Passed:
            heard, values = self._heard(one, requests, slots, now), one.values()
            return passed(heard, requests, values, act=act, bare=bare, denies=denies)

        requests = asked_for(tokens, self._requests(one))
        for found in requests:
            one.loose(found)
        if judging and not requests:
            requests = self._judged(one, owner, gate)
        out = gate(requests)
        return Reading(
            text=text,
            language=language,
            passed=out if act else reports.instead(one, requests, out, gate),
            act=act,
            bare=bare,
            denies=denies,
            asks=acts.asks(tokens),
            orders=acts.orders(tokens),
            own=own,
            pasted=pasted,
        )

    def _meant(self, text: str, now: datetime, before: str | None) -> Retold | None:
        """A sentence without what it takes back itself; None where it takes nothing back, or where
        something was pasted."""
        language, parts = self.language_of(text, before), own_words(text)
        if sum(b - a for a, b in parts) < len(text.strip()):
            return None
        tokens = with_fixes(
            said_once(text, parts), self._known(language, self._slots_now()), common_words()
        )
        if not takes_back(tokens):
            return None

        def read(some: tuple[Token, ...]) -> Plain | None:
            one = self._values(retold(text, some).text, now, language)
            found = one.templates(0, len(one.tokens)) if some else ()
            texts = one.compiled.texts
            return Plain.of(found[0], one.tokens, texts, self._content) if found else None

        counted = self._kinds("number", "percentage", "temperature", "duration", "time", "date")
        fit = Fit(
            lambda some: self._values(retold(text, some).text, now, language).spans, read, counted
        )
        meant = corrected(text, tokens, fit)
        return None if meant == tokens else retold(text, meant)

    def _heard(self, one: Sentence, requests: Requests, slots: Reader, now: datetime) -> Heard:
        """A sentence as the gate looks at it."""
        return Heard(
            one.text,
            one.tokens,
            Moment(now),
            told=one.told_by([each[0] for each in requests]),
            familiar=one.compiled.familiar,
            called=self._called,
            counted=self._kinds("number", "percentage", "temperature", "duration", "time"),
            named=self._kinds("entity"),
            things=one.compiled.done_with,
            levels=self._kinds("percentage", "temperature"),
            changes=frozenset(one.name for one in self.spec.slots.values() if one.change),
            free=self._kinds("text"),
            content=self._content,
            names=slots.names,
            remarks=tuple(one.remarks),
            turning=language_of(one.language).turning(
                one.tokens, Moment(now), self._known(one.language, slots)
            ),
            mended=language_of(one.language).mended(one.tokens),
        )

    def _known(self, language: str, slots: Reader) -> frozenset[str]:
        """Words that are no typing errors; put together anew only when names changed."""
        kept = self._words.get(language)
        if kept is None or kept[0] is not slots:
            own = self.compiled[language].words | language_of(language).words
            kept = self._words[language] = slots, own | slots.words | _SMALL_WORDS
        return kept[1]

    def _kinds(self, *kinds: str) -> frozenset[str]:
        return frozenset(one.name for one in self.spec.slots.values() if one.kind in kinds)

    def _slots_now(self) -> Reader:
        """The reader for the names that exist now; made anew only when they changed."""
        asked = dict.fromkeys((s.tool, s.parameter) for s in self.spec.slots.values() if s.tool)
        live = tuple(tuple(self._names(*one)) for one in asked)
        told = tuple(dict(self._members(*one)) if self._members else {} for one in asked)
        key, kept = self._reader
        if key != (live, told):
            names, means = dict(zip(asked, live, strict=True)), dict(zip(asked, told, strict=True))
            kept = reader(self.spec.slots, lambda *of: names[of], lambda *of: means[of])
            self._reader = ((live, told), kept)
        return kept

    def _requests(self, one: Sentence) -> Requests:
        if not one.tokens:
            return ()
        whole = one.templates(0, len(one.tokens)) if self._stages.templates else ()
        runs_on = bool(whole) and self._runs_on(one, whole[0])
        if whole and 1 - whole[0].confidence <= SURE and not runs_on:
            return (whole,)
        written = "" if runs_on else one.written(whole)
        parted = split(
            len(one.tokens),
            one.joints(),
            (lambda a, b, _last: self._own_part(one, a, b, written))
            if written
            else (lambda a, b, last: self._part(one, a, b, last)),
        )
        said = parted
        parted = together(merged(parted), one.lacks, self.spec.slots, self._deeds)
        if len(parted) == 1 < len(said) and all(map(clear, said)):
            return tuple(parted)  # one thing said twice, each time plainly
        wishes = Wishes(one)
        aside = not written and wishes.single(parted, self._content)
        if one.goes_on(whole, parted):
            parted, aside = [], False
        plain = len(parted) > 1 and all(map(clear, parted))
        if not (plain or written) and (many := wishes.several(self._content) or wishes.abutting()):
            return tuple(together(many, one.lacks, self.spec.slots, self._deeds))
        found = wishes.beside(self._content) if aside else ()
        fuller = bool(whole) and len(parted) == 1 and tells_more(whole[0], parted[0][0])
        if found or fuller or not parted:
            beaten = True
        else:
            beaten = (
                bool(whole)
                and not (runs_on and plain)
                and min(r[0].confidence for r in parted) <= whole[0].confidence
            )
        if not beaten:
            guessed = not whole and all(r[0].stage == "classifier" for r in parted)
            found = one.classified(0, len(one.tokens), sure=True) if guessed else ()
            return (found,) if found else tuple(parted)
        if not found and not (whole and whole[0].confidence >= CLEAR):
            found = wishes.run_on() if self._stages.templates else ()
        found = found or whole or self._guess(one, 0, len(one.tokens))
        return (found,) if found else ()

    def _runs_on(self, one: Sentence, found: Recognition) -> bool:
        """Free words that may have swallowed a remark: "play some jazz, I like it"."""
        return any(
            slot.name in one.compiled.texts - self._content and _COMMA.search(slot.text)
            for slot in found.slots
        )

    def _part(self, one: Sentence, a: int, b: int, last: Recognition | None) -> Part:
        """One part of a sentence; `last` is what the part before it wants."""
        found = one.templates(a, b) if self._stages.templates else ()
        if not found and last is not None:
            found = one.same_again(a, b, last)
        swallowed = bool(found) and self._runs_on(one, found[0]) and not one.is_title(found[0])
        if swallowed or (found and a > 0 and one.is_no_title(found[0])):
            found = ()
        if not found and not swallowed and self._stages.classifier:
            found = one.classified(a, b, sure=True)
            if found and found[0].confidence < self.spec.acts_above:
                found = ()
        return Part(found, idle=not one.guarded(a, b))

    def _own_part(self, one: Sentence, a: int, b: int, written: str) -> Part:
        """One part of a sentence that may be words to be kept: a plain request, or none. "Milk and
        eggs" is not parted, and "milk and set a timer for ten minutes" is."""
        found = one.templates(a, b)
        kept = written in self._content and a > 0
        free = found and any(slot.name in one.compiled.texts for slot in found[0].slots)
        plain = found and found[0].confidence >= 1 - SURE and not (kept and free)
        return Part(found if plain else (), idle=False)

    def _guess(self, one: Sentence, a: int, b: int) -> tuple[Recognition, ...]:
        """What no template fits: packaged ones, then the classifier's opinion."""
        if self._packaged is not None and (found := packaged(one, self._packaged, a, b)):
            return found
        return one.classified(a, b) if self._stages.classifier else ()

    def _judged(self, one: Sentence, owner: str, gate: Callable[[Requests], Passed]) -> Requests:
        """What the model is sure of. It is asked only about what the gate would let pass."""
        if self._judge is None or not self._stages.model or one.pasted or not one.tokens:
            return ()
        wanted = proposals(one, lambda each: bool(gate(((each,),)).requests))
        judged = self._judge(owner, one.text, one.language, wanted) if wanted else None
        return () if judged is None else ((judged,),)
