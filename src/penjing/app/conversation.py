"""A conversation as a value: what was said, what still fits, and how it is kept in a file.

Pure but for `save` and `load`. Knows no model, only how to count its tokens; draws nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput
from penjing.core.files import read_text, write_text
from penjing.core.fitting import first_that_fits
from penjing.core.messages import Message, Role

FORMAT = "penjing conversation"
VERSION = 1
_MAX_FILE = 64 * 2**20
_ROLES: tuple[Role, Role] = ("user", "assistant")
_KEYS = {"format", "version", "model", "system", "messages"}


@dataclass(frozen=True)
class Conversation:
    """What was said so far: the system's words apart, then turns of a question and its answer."""

    system: str | None = None
    """The system prompt; None leaves it to the model's template."""
    messages: tuple[Message, ...] = ()
    """Everything said, oldest first."""
    forgotten: int = 0
    """How many of the oldest messages are no longer sent to the model."""

    def asked(self, text: str) -> Conversation:
        """With one more question."""
        return replace(self, messages=(*self.messages, Message.of("user", text)))

    def answered(self, text: str) -> Conversation:
        """With the answer to it."""
        return replace(self, messages=(*self.messages, Message.of("assistant", text)))

    def before_last_question(self) -> Conversation:
        """Without the last question and what followed it."""
        start = max((i for i, message in enumerate(self.messages) if message.role == "user"))
        return replace(self, messages=self.messages[:start], forgotten=min(self.forgotten, start))

    @property
    def last_question(self) -> str | None:
        """The newest question; None before the first."""
        asked = [message.text for message in self.messages if message.role == "user"]
        return asked[-1] if asked else None

    def prompt(self) -> tuple[Message, ...]:
        """The messages the model is to read."""
        system = () if self.system is None else (Message.of("system", self.system),)
        return (*system, *self.messages[self.forgotten :])


@dataclass(frozen=True)
class FittedConversation:
    """A conversation whose prompt fits."""

    conversation: Conversation
    """The same, with more messages forgotten if need be."""
    prompt_tokens: int
    """Of what is sent."""
    dropped: tuple[Message, ...]
    """What was forgotten just now."""
    dropped_tokens: int
    """How much shorter that made the prompt."""

    def notice(self, context: int) -> str | None:
        """What a person is told; None when nothing was dropped."""
        if not self.dropped:
            return None
        count = len(self.dropped)
        return (
            f"dropped the {count} oldest message{'s' * (count > 1)} "
            f"({self.dropped_tokens} tokens) to stay within {context}"
        )


def fit(
    conversation: Conversation,
    count_tokens: Callable[[Sequence[Message]], int],
    *,
    context: int,
    reserve: int,
    slack: int = 0,
) -> FittedConversation:
    """Forget the oldest whole turns until the prompt and `reserve` tokens of answer fit `context`.

    The system prompt and the newest question always stay; BadInput when they alone are too long.
    When something must go, `slack` more tokens are freed if they can be: the beginning of the
    prompt then stays the same for some turns, and the engine need not read it all again each time.
    """
    room = context - reserve
    before = count_tokens(conversation.prompt())
    if before <= room:
        return FittedConversation(conversation, before, (), 0)
    starts = [
        i
        for i, message in enumerate(conversation.messages)
        if message.role == "user" and i > conversation.forgotten
    ]

    def size(start: int) -> int:
        return count_tokens(replace(conversation, forgotten=start).prompt())

    newest = starts[-1] if starts else conversation.forgotten
    smallest = size(newest)
    if smallest > room:
        raise BadInput(_too_long(smallest, context, reserve))
    found = first_that_fits(starts, size, room, slack)
    start = newest if found is None else found
    after = size(start)
    return FittedConversation(
        replace(conversation, forgotten=start),
        after,
        conversation.messages[conversation.forgotten : start],
        before - after,
    )


def _too_long(tokens: int, context: int, reserve: int) -> str:
    return (
        f"this message makes a prompt of {tokens} tokens and {max(context - reserve, 0)} fit "
        f"({context} of context, {reserve} kept for the answer): shorten it, or use a larger "
        "--context or a smaller --max-tokens"
    )


LEAVING = frozenset({"/quit", "/bye", "/exit"})
"""Lines that end a talk."""


def said(text: str) -> str:
    """What a person typed or piped, as valid text: what was no UTF-8 becomes U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def save(conversation: Conversation, path: Path, *, model: str) -> None:
    """Write a conversation as JSON, readable by its owner only; whole or not at all.

    Refuses to replace a file that is not a saved conversation.
    """
    if path.exists():
        try:
            load(path)
        except BadInput as error:
            raise BadInput(
                f"{path} exists and is not a saved conversation: choose another name"
            ) from error
    document = {
        "format": FORMAT,
        "version": VERSION,
        "model": model,
        "system": conversation.system,
        "messages": [
            {"role": message.role, "text": message.text} for message in conversation.messages
        ],
    }
    write_text(path, json.dumps(document, ensure_ascii=False, indent=1) + "\n", private=True)


def load(path: Path) -> Conversation:
    """Read a saved conversation. BadInput says what is wrong with it."""
    text = read_text(path, limit=_MAX_FILE)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: give a file written by /save") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadInput(f"{path} is not a saved conversation: give a file written by /save")
    if (version := document.get("version")) != VERSION:
        raise BadInput(
            f"{path} has version {str(version)[:40]!r} and this penjing reads {VERSION}: "
            "install a newer penjing"
        )
    if unknown := sorted(document.keys() - _KEYS):
        raise BadInput(f"{path} has an unknown entry '{unknown[0]}': give a file written by /save")
    system = document.get("system")
    if not (system is None or isinstance(system, str)):
        raise BadInput(f"{path} is damaged: 'system' is not a text")
    return Conversation(system and said(system), _messages(path, document.get("messages")))


def _messages(path: Path, items: Any) -> tuple[Message, ...]:
    if not isinstance(items, list):
        raise BadInput(f"{path} is damaged: 'messages' is not a list")
    messages = []
    for i, item in enumerate(items):
        role = _ROLES[i % 2]
        if (
            not isinstance(item, dict)
            or item.keys() != {"role", "text"}
            or item["role"] != role
            or not isinstance(item["text"], str)
        ):
            raise BadInput(f"{path} is damaged: message {i + 1} is not a text of the {role}")
        messages.append(Message.of(_ROLES[i % 2], said(item["text"])))
    if len(messages) % 2:
        raise BadInput(f"{path} is damaged: the last question has no answer")
    return tuple(messages)
