"""What /v1/responses is given: items of a conversation, tools and the form of the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from penjing.core.messages import Role
from penjing.serve import limits
from penjing.serve.openai.conversation import Heard, Words, text_of
from penjing.serve.openai.forms import AnyJson, Form, JsonSchema, PlainText, schema_form
from penjing.serve.openai.shapes import Content, FunctionDefinition, Name
from penjing.serve.refusals import BadParameter
from penjing.serve.strict import Strict


class Item(BaseModel):
    """A message, a call or a call's result; what was answered may be sent back as it is."""

    model_config = ConfigDict(extra="allow", strict=True)
    type: Annotated[str, Field(max_length=64)] | None = None
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: Content | None = None
    call_id: Annotated[str, Field(max_length=256)] | None = None
    name: Name | None = None
    arguments: str | None = None
    output: Content | None = None


Items = Annotated[list[Item], Field(min_length=1, max_length=limits.MESSAGES)]


class FunctionTool(Strict):
    """A function, in the flat shape that responses have."""

    type: Literal["function"]
    name: Name
    description: Annotated[str, Field(max_length=4096)] | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionChoice(Strict):
    """This very function."""

    type: Literal["function"]
    name: Name


class SchemaFormat(JsonSchema):
    """JSON of a schema, in the flat shape that responses have."""

    type: Literal["json_schema"]


TextFormat = Annotated[PlainText | AnyJson | SchemaFormat, Field(discriminator="type")]


class TextConfig(Strict):
    """The form of the text."""

    format: TextFormat | None = None
    verbosity: Literal["medium"] | None = None


def form_of_text(config: TextConfig | None) -> Form:
    """The form a request asks for. Raises BadParameter."""
    wanted = config.format if config is not None else None
    if isinstance(wanted, SchemaFormat):
        return schema_form(wanted, "text.format.schema")
    return Form({"type": "object"}) if isinstance(wanted, AnyJson) else Form()


def definition(tool: FunctionTool) -> FunctionDefinition:
    """A tool in the shape that chat has."""
    return FunctionDefinition(
        name=tool.name,
        description=tool.description,
        parameters=tool.parameters,
        strict=tool.strict,
    )


def conversation_of(given: str | Sequence[Item], instructions: str | None) -> Heard:
    """What the engine is to read. Raises BadParameter."""
    words = Words()
    if instructions:
        words.say("system", instructions)
    if isinstance(given, str):
        words.say("user", given)
    else:
        for number, item in enumerate(given):
            _say(words, item, f"input[{number}]")
    return words.heard()


def _say(words: Words, item: Item, where: str) -> None:
    kind = item.type or "message"
    if kind == "message":
        text = text_of(item.content, f"{where}.content")
        if item.role is None or text is None:
            raise BadParameter("a message has a role and content", where)
        role: Role = "user" if item.role == "user" else "system"
        words.say("assistant" if item.role == "assistant" else role, text)
    elif kind == "function_call" and item.call_id and item.name and item.arguments is not None:
        words.called(item.call_id, item.name, item.arguments)
    elif kind == "function_call_output" and item.call_id:
        text = text_of(item.output, f"{where}.output")
        words.result(item.call_id, text or "", f"{where}.call_id")
    elif kind in ("function_call", "function_call_output"):
        raise BadParameter(f"a {kind} is not whole", where, "missing_required_parameter")
    elif kind != "reasoning":
        raise BadParameter(
            f"an item of type '{kind[:40]}' cannot be read here: leave it out", where
        )
