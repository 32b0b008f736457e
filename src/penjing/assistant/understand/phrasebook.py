"""What a list of a packaged sentence may be at a place: phrases, live names, numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.assistant.understand.garbled import garbled
from penjing.assistant.understand.languages import Language
from penjing.assistant.understand.network import Network, Rules
from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.walk import Node, Walk

_MAX_STEPS = 400
Mended = tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Phrasebook:
    """Phrases and what each means."""

    walk: Walk
    means: tuple[Any, ...]

    def spans(self, tokens: Sequence[Token], at: int, ending: str = "") -> Iterator[Span]:
        """Phrases that begin at a token; with an ending, those whose last word goes on with it."""
        todo: list[tuple[Node, int, float, Mended, bool]] = [(self.walk.start, at, 0.0, (), False)]
        for _ in range(_MAX_STEPS):
            if not todo:
                return
            node, place, cost, mended, strange = todo.pop()
            after_it = tokens[place].text if place < len(tokens) else ""
            if place > at and (not ending or ending == after_it):
                end = place + bool(ending)
                yield from (Span(at, end, self.means[one], cost, mended) for one in node.ends)
            if place >= len(tokens):
                continue
            token = tokens[place]
            for text, price in ((token.text, 0.0), *token.fixes):
                read = (*mended, (place, text)) if price else mended
                if (after := node.after(text)) is not None:
                    todo.append((after, place + 1, cost + price, read, strange))
                if ending and text.endswith(ending) and (after := node.after(text[: -len(ending)])):
                    for one in after.ends:
                        yield Span(at, place + 1, self.means[one], cost + price, read)
            if token.mark and place > at:
                todo.append((node, place + 1, cost, mended, strange))
            if not strange:
                todo += [
                    (one.after, one.place, cost + one.cost, (*mended, *one.mended), True)
                    for one in garbled(tokens, place, node)
                ]


def phrasebook(phrases: Iterable[tuple[Any, Any]], rules: Rules | None = None) -> Phrasebook:
    """Make phrases ready: hassil's trees, or plain texts; and what each means. Raises BadInput."""
    network, means = Network(), list[Any]()
    for phrase, meaning in phrases:
        if isinstance(phrase, str):
            network.add_text(phrase, len(means))
        else:
            network.add(phrase, len(means), rules)
        means.append(meaning)
    return Phrasebook(network.closed(), tuple(means))


@dataclass(frozen=True)
class Ranged:
    """Numbers between two, in steps."""

    low: float
    high: float
    step: float = 1
    multiplier: float = 1

    def spans(
        self, tokens: Sequence[Token], at: int, ending: str, language: Language
    ) -> Iterator[Span]:
        """The number that begins at a token, if it is one of them; with an ending, and that."""
        found = language.number_at(tokens, at)
        if found is None or not self.low <= found.value <= self.high:
            return
        if ending and (found.end >= len(tokens) or tokens[found.end].text != ending):
            return
        steps = (found.value - self.low) / self.step
        if abs(steps - round(steps)) < 1e-6:
            value = found.value * self.multiplier
            plain = int(value) if value == int(value) else value
            yield Span(at, found.end + bool(ending), plain, found.cost)
