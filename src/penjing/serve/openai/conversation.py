"""From OpenAI's messages to ours, which are words alone.

Calls and their results become words too, because chat templates of small models know no tools: a
call stands in the assistant's message, results in a message of the user. Templates want users and
assistants to take turns, so neighbours of one role that come of this are joined.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from penjing.core.messages import Message, Role
from penjing.serve import limits
from penjing.serve.openai.shapes import Content, Part, ToolCall
from penjing.serve.refusals import BadParameter
from penjing.serve.strict import Strict

USE_IT = "Answer with it."
"""What is said after results at the end of a conversation."""


class ChatMessage(Strict):
    """A message as clients send it; what they got may be sent back as it is."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content | None = None
    name: Annotated[str, Field(max_length=256)] | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=limits.TOOLS)] | None = None
    tool_call_id: Annotated[str, Field(max_length=256)] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    """Thoughts are not read again."""
    annotations: list[Any] | None = None
    audio: None = None
    function_call: None = None


@dataclass(frozen=True)
class AnsweredCall:
    """A call whose result is known."""

    name: str
    """Of the function."""
    arguments: str
    """As JSON, spelled as `spelled` does."""


@dataclass(frozen=True)
class Heard:
    """A conversation as the engine reads it."""

    messages: tuple[Message, ...]
    """What was said."""
    answered: tuple[AnsweredCall, ...] = ()
    """The calls whose results came since the person last spoke."""
    said: tuple[tuple[Role, str], ...] = ()
    """The words of the person and of the assistant alone."""
    results: bool = False
    """It ends with results."""


def spelled(arguments: str) -> str:
    """Arguments in one spelling, to be compared."""
    try:
        return json.dumps(json.loads(arguments or "{}"), sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return arguments


class Words:
    """Collects what is said, turn by turn."""

    def __init__(self) -> None:
        self._said: list[tuple[Role, str, bool]] = []
        self._names: dict[str, AnsweredCall] = {}
        self._answered: list[AnsweredCall] = []
        self._plain: list[tuple[Role, str]] = []

    def say(self, role: Role, text: str) -> None:
        """Plain words."""
        if role == "user":
            self._answered.clear()
        if text and role in ("user", "assistant"):
            self._plain.append((role, text))
        self._add(role, text, False)

    def called(self, call_id: str, name: str, arguments: str) -> None:
        """The assistant called a function."""
        self._names[call_id] = AnsweredCall(name, spelled(arguments))
        self._add("assistant", f"(called {name} with {arguments})", True)

    def result(self, call_id: str, text: str, param: str) -> None:
        """What a function answered."""
        call = self._names.get(call_id)
        if call is None:
            raise BadParameter(f"'{call_id[:64]}' is no call that was made before", param)
        self._answered.append(call)
        self._add("user", f"Result of {call.name}: {text}", True)

    def heard(self) -> Heard:
        """The conversation."""
        said = list(self._said)
        results = bool(said) and said[-1][0] == "user" and said[-1][2]
        if results:
            said[-1] = ("user", f"{said[-1][1]}\n{USE_IT}", True)
        messages = tuple(Message.of(role, text) for role, text, _ in said)
        return Heard(messages, tuple(self._answered), tuple(self._plain), results)

    def _add(self, role: Role, text: str, made: bool) -> None:
        if self._said and self._said[-1][0] == role and (made or self._said[-1][2]):
            before = self._said.pop()[1]
            text = f"{before}\n{text}" if before else text
        self._said.append((role, text, made))


def conversation(messages: Sequence[ChatMessage]) -> Heard:
    """What the engine is to read. Raises BadParameter."""
    words = Words()
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        text = text_of(message.content, f"{where}.content")
        if message.role == "tool":
            words.result(_call_id(message, where), text or "", f"{where}.tool_call_id")
            continue
        if text is None and not (message.role == "assistant" and message.tool_calls):
            raise BadParameter("say something, or leave the message out", f"{where}.content")
        if text is not None and (text or not message.tool_calls):
            words.say(_role(message.role), text)
        for call in message.tool_calls or ():
            words.called(call.id, call.function.name, call.function.arguments)
    return words.heard()


def text_of(content: str | Sequence[Part] | None, param: str) -> str | None:
    """The words of a message's content. Raises BadParameter for pictures and sound."""
    if content is None or isinstance(content, str):
        return content
    texts = []
    for number, part in enumerate(content):
        text = part.refusal if part.type == "refusal" else part.text
        if part.type not in ("text", "input_text", "output_text", "refusal") or text is None:
            raise BadParameter(
                f"this model reads text only, and no '{part.type[:40]}': leave that part out",
                f"{param}[{number}]",
                "unsupported_content",
            )
        texts.append(text)
    return "\n".join(texts)


def _role(role: str) -> Role:
    return (
        "system" if role in ("system", "developer") else "user" if role == "user" else "assistant"
    )


def _call_id(message: ChatMessage, where: str) -> str:
    if message.tool_call_id is None:
        raise BadParameter("say which call this is the result of", f"{where}.tool_call_id",
                           "missing_required_parameter")  # fmt: skip
    return message.tool_call_id
