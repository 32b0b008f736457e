"""Answers to what is no command: from the documents with their sources, or as the model will.

Nothing here can make a call of a tool: it only yields what is said. So a document may write what it
likes; it is read by nobody who acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from penjing.assistant.generate.extractive_answers import (
    RELEVANT,
    STATED,
    Quote,
    borne_out,
    quotes,
    sentences_of,
)
from penjing.assistant.generate.prompt import Memory, fitted, now_line, prompt
from penjing.assistant.generate.uncited import Uncited, unmarked
from penjing.assistant.spec.values import Spec
from penjing.assistant.understand.acts import asks
from penjing.assistant.understand.asking import asks_something
from penjing.assistant.understand.text import tokens_of
from penjing.assistant.writer import Writer
from penjing.core.dialogue import Cited, Event, Passage, Remarked, Said
from penjing.core.folding import shown
from penjing.core.manner import Manner
from penjing.core.messages import GenerationSettings, Message, Usage

Source = Literal["knowledge", "model"]
OPEN_TOKENS = 256
"""Of an open answer."""
_GROUNDED_TOKENS = 160
_RULES: Mapping[str, str] = {
    "en": "Answer in at most two sentences, only from the passages. Put the passage's number in "
    "brackets behind each sentence, like [1].",
    "zh": "只根据资料回答，最多两句话。每句话后面用方括号写上资料编号，例如[1]。",
}


@dataclass(frozen=True)
class Voice:
    """For whom the model writes an open answer, and how."""

    owner: str
    """Whose prompts are cached."""
    language: str
    """Of the answer."""
    manner: Manner
    """As the person wants it in this session."""
    vary: bool = False
    """Not the likeliest answer: that was given before."""
    begun: str = ""
    """How it begins already."""


@dataclass
class Told:
    """What an answer left behind beside its events."""

    memory: Memory
    usage: Usage | None = None
    length: bool = False
    """It was cut."""


def sources_for(sources: Sequence[Source], text: str) -> tuple[Source, ...]:
    """Who is asked, in this order: no documents about what is no question, where the model may
    answer it."""
    if "model" not in sources or asks_something(text):
        return (*sources,)
    return tuple(one for one in sources if one != "knowledge")


def grounded(
    spec: Spec,
    question: str,
    language: str,
    passages: Sequence[Passage],
    *,
    writer: Writer | None,
    owner: str,
    stated: bool = False,
) -> Iterator[Event]:
    """An answer from passages, each sentence with its source; nothing when none is relevant: of
    what is `stated` and not asked, most must stand in it."""
    stated = stated and not asks(tokens_of(question))
    best = quotes(question, passages, least=STATED if stated else RELEVANT)
    if not best:
        return
    if spec.knowledge.wording == "model" and writer is not None:
        worded = False
        for event in _worded(question, language, [one.passage for one in best], writer, owner):
            worded = True
            yield event
        if worded:
            return
    yield from _quoted(best, language)


def quoted(question: str, language: str, passages: Sequence[Passage]) -> Iterator[Event]:
    """The sentences that answer, as they stand, each with its source; nothing when none does."""
    yield from _quoted(quotes(question, passages), language)


def _quoted(best: Sequence[Quote], language: str) -> Iterator[Event]:
    for number, one in enumerate(best, 1):
        gap = "" if number == 1 or language.startswith("zh") else " "
        yield Said(f"{gap}“{unmarked(shown(one.passage.text))}” [{number}]", "document")
        yield Cited(number, one.passage)


def _worded(
    question: str, language: str, passages: Sequence[Passage], writer: Writer, owner: str
) -> Iterator[Event]:
    """The model's own words, sentence by sentence as they are written, as far as the passages bear
    them out; nothing when they do not.
    """
    listed = "\n".join(f"[{n}] {shown(one.text)}" for n, one in enumerate(passages, 1))
    rules = _RULES["zh" if language.startswith("zh") else "en"]
    messages = [Message.of("system", rules), Message.of("user", f"{listed}\n\n{question}")]
    settings = GenerationSettings(max_tokens=_GROUNDED_TOKENS, thinking=False)
    said = False
    told: set[int] = set()
    for sentence in finished(chunk.text for chunk in writer.write(owner, messages, settings)):
        numbers = borne_out(sentence, passages)
        if not numbers:
            continue  # said by nobody but the model
        plain = sentence.split("[")[0].strip()
        gap = " " if said and not language.startswith("zh") else ""
        yield Said(f"{gap}{plain} {''.join(f'[{n}]' for n in numbers)}", "model")
        yield from (Cited(n, passages[n - 1]) for n in numbers if n not in told)
        told |= set(numbers)
        said = True


def finished(pieces: Iterable[str]) -> Iterator[str]:
    """Sentences with the citations behind them, each as soon as the next one has begun."""
    text, done = "", 0
    for piece in pieces:
        text += piece
        found = sentences_of(text)
        # the last one may go on, and half a citation belongs to the one before it
        over = len(found) - (2 if found and found[-1].startswith("[") else 1)
        yield from found[done : max(done, over)]
        done = max(done, over)
    yield from sentences_of(text)[done:]


def opened(spec: Spec, voice: Voice, told: Told, writer: Writer) -> Iterator[Event]:
    """The model's answer to the newest message of `told.memory`, as it is written, without what
    looks like a citation: it has none."""
    language = voice.language
    persona = "\n".join(filter(None, (*spec.persona.get(language, ())[:1], voice.manner.system)))
    room = writer.context_length - min(OPEN_TOKENS, writer.context_length // 3)
    before = told.memory.forgotten

    def count(messages: Sequence[Message]) -> int:
        begun = [Message.of("assistant", voice.begun)] if voice.begun else []
        return writer.count_tokens([*messages, *begun])

    told.memory = fitted(persona, told.memory, language, count, room)
    if told.memory.forgotten > before:
        yield Remarked(spec.fallbacks["summary"][language][0])
    usual = GenerationSettings(max_tokens=OPEN_TOKENS, thinking=False)
    settings = voice.manner.over(usual, vary=voice.vary)
    messages = prompt(persona, told.memory, language)
    uncited = Uncited()
    for chunk in writer.write(voice.owner, messages, settings, voice.begun):
        if text := uncited.take(chunk.text, last=chunk.finish_reason is not None):
            yield Said(text, "model")
        if chunk.finish_reason is not None:
            told.usage, told.length = chunk.usage, chunk.finish_reason == "length"


__all__ = [
    "OPEN_TOKENS",
    "Told",
    "Voice",
    "finished",
    "grounded",
    "now_line",
    "opened",
    "quoted",
    "sources_for",
]
