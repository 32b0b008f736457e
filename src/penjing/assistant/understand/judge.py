"""The model's say about a sentence that nothing else understood, and the check of what it said.

The prompt holds the person's own words and the spec's, nothing else: no document, no tool's answer,
no earlier turn; live names stand in the grammar only. What the model says counts when every value
it names was read from the sentence by the extractors, and most words are the intent's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from penjing.assistant.spec.values import Spec
from penjing.assistant.understand.classifier import ELSEWHERE
from penjing.assistant.understand.compiled import Compiled
from penjing.assistant.understand.groups import is_group
from penjing.assistant.understand.slots import unsaid
from penjing.assistant.understand.text import tokens_of
from penjing.assistant.understand.words import FILLERS, pieces
from penjing.assistant.writer import Writer
from penjing.core.dialogue import Recognition, Slot
from penjing.core.errors import EngineError
from penjing.core.messages import GenerationSettings, Message

SHORTLIST = 5
FLOOR = 0.12
"""Of what the classifier gives less than this, nothing is asked: there is no such intent."""
_MAX_TOKENS = 48
_MAX_CHOICES = 40
"""Live names of one slot in the grammar."""
_SYSTEM = (
    "You match what a person says to one of the choices. Answer none when no choice fits. "
    "Use only values that the person says."
)
_SMALL = frozenset(part for one in FILLERS for part in pieces(one))


class ModelJudge:
    """Satisfies `Judge` of the cascade."""

    def __init__(
        self,
        spec: Spec,
        compiled: Callable[[str], Compiled],
        writer: Writer,
        names: Callable[[str, str], Sequence[str]],
    ) -> None:
        self._spec, self._compiled, self._writer, self._names = spec, compiled, writer, names
        self.asked = 0
        """How often the model was asked."""

    def __call__(
        self,
        owner: str,
        text: str,
        language: str,
        scores: Mapping[str, float],
        candidates: Mapping[str, Sequence[Slot]],
    ) -> Recognition | None:
        """What the model says a sentence wants; None when it says nothing that holds."""
        shortlist = [one for one, chance in scores.items() if one != ELSEWHERE and chance >= FLOOR][
            :SHORTLIST
        ]
        if not shortlist or self._spec.model_decides == "never":
            return None
        compiled = self._compiled(language)
        settings = GenerationSettings(
            max_tokens=_MAX_TOKENS, repeat_penalty=1.0, grammar=self.grammar(shortlist, compiled)
        )
        self.asked += 1
        try:
            pieces = self._writer.write(owner, self.prompt(shortlist, text, language), settings)
            said = "".join(one.text for one in pieces)
        except EngineError:
            return None  # the sentence is then not understood, which is said
        return self.checked(said, text, shortlist, scores, candidates=candidates, compiled=compiled)

    def prompt(self, shortlist: Sequence[str], text: str, language: str) -> list[Message]:
        """What the model reads: the spec's words, then the person's."""
        lines = []
        for name in shortlist:
            intent = self._spec.intents[name]
            said = (*intent.examples.get(language, ()), *intent.sentences.get(language, ()))
            lines.append(f"- {name}: {said[0] if said else name}")
        lines.append("- none: anything else")
        asked = "Choices:\n" + "\n".join(lines) + f"\nThe person says: {text}"
        return [Message.of("system", _SYSTEM), Message.of("user", asked)]

    def grammar(self, shortlist: Sequence[str], compiled: Compiled) -> str:
        """GBNF for one line of JSON: a choice and its slots."""
        rules = ["root ::= " + " | ".join(["none", *(f"c{n}" for n in range(len(shortlist)))])]
        rules.append("none ::= " + _quoted('{"choice": "none"}'))
        rules.append('number ::= "-"? [0-9]{1,6} ("." [0-9]{1,2})?')
        rules.append('time ::= "\\"" [0-2] [0-9] ":" [0-5] [0-9] "\\""')
        for n, name in enumerate(shortlist):
            parts = [_quoted(f'{{"choice": "{name}"')]
            for slot in compiled.wanted[name]:
                choices = self._choices(slot)
                if choices:
                    parts.append(_quoted(f', "{slot}": ') + f" ({choices} | {_quoted('null')})")
            rules.append(f"c{n} ::= " + " ".join([*parts, _quoted("}")]))
        return "\n".join(rules)

    def _choices(self, name: str) -> str:
        slot = self._spec.slots[name]
        if slot.kind == "entity":
            live = [one for one in self._names(slot.tool, slot.parameter) if one.isprintable()]
            return " | ".join(
                _quoted(json.dumps(one, ensure_ascii=False)) for one in live[:_MAX_CHOICES]
            )
        if slot.kind == "list":
            return " | ".join(_quoted(json.dumps(one, ensure_ascii=False)) for one in slot.values)
        if slot.kind in ("number", "percentage", "temperature", "duration"):
            return "number"
        return "time" if slot.kind == "time" else ""

    def checked(
        self,
        said: str,
        text: str,
        shortlist: Sequence[str],
        scores: Mapping[str, float],
        *,
        candidates: Mapping[str, Sequence[Slot]],
        compiled: Compiled,
    ) -> Recognition | None:
        """What of the model's words may be believed."""
        try:
            answer = json.loads(said)
        except ValueError:
            return None
        intent = answer.get("choice") if isinstance(answer, dict) else None
        if not isinstance(intent, str) or intent not in shortlist:
            return None
        if not self._tells(text, compiled.keywords.get(intent, frozenset()), candidates):
            return None
        slots = []
        for name in compiled.wanted[intent]:
            value = answer.get(name)
            found = [
                one
                for one in candidates.get(name, ())
                if not unsaid(one.value) and not is_group(one.value)
            ]
            same = [one for one in found if _same(one.value, value)]
            if value is not None and not same:
                return None  # it names what the person did not say
            if same or found:
                slots.append((same or found)[0])
        return Recognition(intent, tuple(slots), round(scores[intent], 4), "model")

    def _tells(
        self,
        text: str,
        keywords: frozenset[str],
        candidates: Mapping[str, Sequence[Slot]],
    ) -> bool:
        """Most of what a sentence says is the intent's own: one of its words at least, and half of
        all words with values. "Summarise the letter about the garage" does not open it."""
        inside = [(one.start, one.end) for many in candidates.values() for one in many]
        words = [one for one in tokens_of(text) if not one.mark and one.text not in _SMALL]
        own = [one for one in words if one.text in keywords]
        told = [
            one
            for one in words
            if one in own or any(a <= one.start and one.end <= b for a, b in inside)
        ]
        return bool(own) and 2 * len(told) > len(words)


def _same(one: object, other: object) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) < 1e-9
    return str(one).casefold() == str(other).casefold()


def _quoted(text: str) -> str:
    """A text as a literal of the grammar."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
