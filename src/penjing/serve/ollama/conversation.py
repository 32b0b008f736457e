"""From Ollama's messages to ours. Calls and results have no ids there: results follow calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from penjing.core.messages import Role
from penjing.serve import limits
from penjing.serve.ollama.shapes import Loose
from penjing.serve.openai.conversation import Heard, Words, spelled
from penjing.serve.openai.shapes import FunctionDefinition, Name
from penjing.serve.refusals import BadParameter

IMAGES = "this model reads text only: leave the images out"


class Calling(Loose):
    """A function that was called."""

    name: Name
    arguments: dict[str, Any] | None = None


class MadeCall(Loose):
    """A call, as it was answered and as it is sent back."""

    function: Calling


class OfferedTool(Loose):
    """A function that may be called."""

    name: Name
    description: Annotated[str, Field(max_length=4096)] | None = None
    parameters: dict[str, Any] | None = None


class Tool(Loose):
    """A tool, as OpenAI has it."""

    type: Literal["function"] | None = None
    function: OfferedTool


class Spoken(Loose):
    """A message."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    images: list[Any] | None = None
    tool_calls: Annotated[list[MadeCall], Field(max_length=limits.TOOLS)] | None = None
    tool_name: Annotated[str, Field(max_length=256)] | None = None
    name: Annotated[str, Field(max_length=256)] | None = None
    thinking: str | None = None


def conversation(messages: Sequence[Spoken]) -> Heard:
    """What the engine is to read. Raises BadParameter."""
    words, waiting = Words(), list[tuple[str, str]]()
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        if message.images:
            raise BadParameter(IMAGES, f"{where}.images", "unsupported_content")
        if message.role == "tool":
            call = _answered(waiting, message.tool_name or message.name)
            words.result(call, message.content or "", where)
            continue
        if message.content or not message.tool_calls:
            role: Role = message.role
            words.say(role, message.content or "")
        for at, made in enumerate(message.tool_calls or ()):
            call = f"{number}.{at}"
            waiting.append((call, made.function.name))
            words.called(call, made.function.name, spelled_of(made.function.arguments))
    return words.heard()


def spelled_of(arguments: dict[str, Any] | None) -> str:
    """Arguments as JSON."""
    return spelled(json.dumps(arguments or {}))


def _answered(waiting: list[tuple[str, str]], name: str | None) -> str:
    """The call that a result belongs to: the first of its name, or the first at all."""
    for at, (call, called) in enumerate(waiting):
        if name is None or called == name:
            del waiting[at]
            return call
    return ""


def offered(tools: Sequence[Tool] | None) -> list[FunctionDefinition]:
    """The functions of a request."""
    return [
        FunctionDefinition(
            name=one.function.name,
            description=one.function.description,
            parameters=one.function.parameters,
        )
        for one in tools or ()
    ]
