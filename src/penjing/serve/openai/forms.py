"""`response_format`: an answer in JSON, any or of a schema.

The form is kept by a grammar, whatever the model is told; it is told too, or a small one would
write the right form with nothing in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from penjing.core.messages import Message
from penjing.serve.openai.schemas import checked
from penjing.serve.openai.shapes import Name
from penjing.serve.openai.tools import with_system
from penjing.serve.strict import Strict

_TOLD = 4096
"""Characters of a schema that a model is told; a longer one it is only held to."""


class PlainText(Strict):
    """As it comes."""

    type: Literal["text"]


class AnyJson(Strict):
    """Some JSON object."""

    type: Literal["json_object"]


class JsonSchema(Strict):
    """A schema and its name."""

    name: Name
    description: Annotated[str, Field(max_length=4096)] | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: bool | None = None


class OfSchema(Strict):
    """JSON of this schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


ResponseFormat = Annotated[PlainText | AnyJson | OfSchema, Field(discriminator="type")]


@dataclass(frozen=True)
class Form:
    """What an answer must look like."""

    schema: Mapping[str, Any] | None = None
    """None for plain text."""

    def told(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The conversation, in which the model is told."""
        if self.schema is None:
            return tuple(messages)
        text = json.dumps(self.schema, ensure_ascii=False)
        if self.schema == _ANY or len(text) > _TOLD:
            return with_system(messages, "Answer with a JSON object.")
        return with_system(messages, f"Answer with JSON that satisfies this schema: {text}")


_ANY: Mapping[str, Any] = {"type": "object"}


def form_of(wanted: PlainText | AnyJson | OfSchema | None, param: str) -> Form:
    """The form a request asks for. Raises BadParameter."""
    if wanted is None or isinstance(wanted, PlainText):
        return Form()
    if isinstance(wanted, AnyJson):
        return Form(_ANY)
    return schema_form(wanted.json_schema, f"{param}.json_schema.schema")


def schema_form(schema: JsonSchema, param: str) -> Form:
    """The form of a named schema."""
    return Form(checked(schema.schema_, param) if schema.schema_ is not None else _ANY)
