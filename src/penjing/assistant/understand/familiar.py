"""How an intent's own sentences speak, so that words they use themselves stop nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penjing.assistant.understand import signals


@dataclass(frozen=True)
class Familiar:
    """How an intent's own sentences speak."""

    runs: frozenset[tuple[str, ...]]
    """Words that follow each other in them, slots as `@slot`."""
    asks: bool
    """They are questions: it tells something and changes nothing."""
    needs: frozenset[str] = frozenset()
    """Slots that are asked for before anything is done."""
    words: frozenset[str] = frozenset()
    """All of them."""
    acts: bool = True
    """It calls a tool."""


_LEARNT = {"don't": "not", "dont": "not", "doesn't": "not", "won't": "not", "can't": "not"}


def learnt(word: str) -> str:
    """A word as it is compared."""
    return _LEARNT.get(word, word)


CONDITIONAL = frozenset({
    "if", "when", "whenever", "once", "while", "until", "till", "before", "after", "unless",
})  # fmt: skip
"""Words that are known only with what comes after them: "when the time is up"."""
NEGATING = frozenset({"not", "no", "never", "without", "不", "别", "没", "勿"})
"""What turns around all that follows: known with all of it, or not at all."""
WHOLE = 8
"""Words after which a negation is known by those before."""


def negated(words: Sequence[str]) -> tuple[str, ...]:
    """A negation and what it negates, as one run."""
    return ("", *words)


def runs_of(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Words that follow each other in a sentence of an intent: two or three, and all that a
    negation negates."""
    alike = [learnt(one) for one in words]
    for length in (2, 3):
        yield from (tuple(alike[n : n + length]) for n in range(len(alike) - length + 1))
    for n, word in enumerate(alike):
        if word in NEGATING:
            yield negated(alike[n : n + WHOLE])


def is_question(words: Sequence[str]) -> bool:
    """A sentence of an intent asks something: not 能帮我转人工吗, which is a polite wish."""
    flat, _ = joined([one for one in words if one])
    if signals.POLITE.search(flat):
        flat = flat.replace("吗", "")
    return any(one.pattern.search(flat) for one in signals.QUESTIONS)


def joined(words: Sequence[str]) -> tuple[str, list[int]]:
    """Words as one text, and for each character the word it is of; -1 for a gap."""
    text, places = "", list[int]()
    for place, word in enumerate(words):
        if text and not ("\u3400" <= text[-1] <= "\u9fff" or "\u3400" <= word[0] <= "\u9fff"):
            text, places = text + " ", [*places, -1]
        text += word
        places += [place] * len(word)
    return text, places
