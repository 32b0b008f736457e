"""What the model reads for an open answer: what never changes first, what changes always last.

So the engine finds the beginning of each prompt in its cache. The time and the state of things
stand behind the newest words; and what was sent once is sent the same again, for ever. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from penjing.assistant.generate.uncited import unframed
from penjing.core import weekdays
from penjing.core.fitting import first_that_fits
from penjing.core.messages import Message, Role

_SUMMARY = 600
"""Characters of what is kept of forgotten turns."""
_PIECE = 80


@dataclass(frozen=True)
class Said:
    """One message as the model reads it."""

    role: Role
    text: str


@dataclass(frozen=True)
class Memory:
    """What the model is told of a conversation."""

    messages: tuple[Said, ...] = ()
    """As they were sent, the newest last."""
    summary: tuple[str, ...] = ()
    """A few words of each forgotten turn, the newest last."""
    forgotten: int = 0
    """Messages that are only in the summary."""

    def with_more(self, role: Role, text: str) -> Memory:
        """With one more message; of an answer not the citations, or the model makes some."""
        words = unframed(text) if role == "assistant" else text
        return replace(self, messages=(*self.messages, Said(role, words)))

    def without_unanswered(self) -> Memory:
        """Without what was said last, if nothing came after it: it led to a deed, and a model that
        reads how deeds are told tells of some that never were."""
        waits = bool(self.messages) and self.messages[-1].role == "user"
        return replace(self, messages=self.messages[:-1]) if waits else self


def now_line(now: datetime, language: str, facts: Sequence[str] = ()) -> str:
    """The time and the state of things, as they stand behind a person's words."""
    if language.startswith("zh"):
        time = f"现在是{now:%Y-%m-%d} 星期{weekdays.CHINESE[now.weekday()]} {now:%H:%M}"
    else:
        time = f"It is {now:%A, %Y-%m-%d, %H:%M}"
    return f"({'; '.join((time, *facts))})"


def prompt(persona: str, memory: Memory, language: str) -> list[Message]:
    """The messages for the model."""
    system = persona
    if memory.summary:
        lead = "之前说过：" if language.startswith("zh") else "Said before: "
        system = f"{persona}\n{lead}{' / '.join(memory.summary)}"
    first = [Message.of("system", system)] if system else []
    return [*first, *(Message.of(one.role, one.text) for one in memory.messages)]


def fitted(
    persona: str,
    memory: Memory,
    language: str,
    count: Callable[[Sequence[Message]], int],
    room: int,
) -> Memory:
    """A memory whose prompt fits: the oldest turns become a few words each, half of all where one
    would do, so that the prompt's beginning, which the engine has read, stays the same for a while.
    The newest message always stays."""

    def size(forgotten: int) -> int:
        return count(prompt(persona, forget(memory, forgotten), language))

    every = len(memory.messages)
    if every < 2 or size(0) <= room:
        return memory
    found = first_that_fits(range(2, every + 1, 2), size, room // 2)
    return forget(memory, every if found is None else found)


def forget(memory: Memory, messages: int) -> Memory:
    """Without the oldest messages; of each person's turn a few words stay."""
    messages = min(messages, len(memory.messages) - 1)
    gone, rest = memory.messages[:messages], memory.messages[messages:]
    summary = [*memory.summary, *(_few_words(one.text) for one in gone if one.role == "user")]
    while sum(len(one) for one in summary) > _SUMMARY:
        summary.pop(0)
    return Memory(rest, tuple(summary), memory.forgotten + len(gone))


def _few_words(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= _PIECE else line[: _PIECE - 1] + "…"
