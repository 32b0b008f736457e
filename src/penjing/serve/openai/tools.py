"""How a small model calls functions: every call parses, names a known one and fits its schema.

Nothing is read out of free text. Two questions are asked instead, each decoded under a schema:

    which     an enum of the functions' names and "answer in words"; skipped where one is left
    how       the arguments, under the schema of the function that was chosen

The functions stand in a system message, and each question at the end of the last message, so that
the second finds all but its last words in the prompt cache. When the model would rather answer in
words, it is asked without any of this: what a small model reads it repeats. One call at a time;
with its result in the conversation the model may choose again, but never the same call with the
same arguments since the person last spoke: small models would, for ever. A function without
parameters is called with {} and asked nothing. Arguments that `max_tokens` cut short are no call:
the answer then ends with "length".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from penjing.core.errors import EngineError
from penjing.core.messages import GenerationSettings, Message
from penjing.core.schema_check import fault
from penjing.serve import limits
from penjing.serve.openai.conversation import AnsweredCall, spelled
from penjing.serve.openai.sampling import formed
from penjing.serve.openai.schemas import checked, is_empty
from penjing.serve.openai.shapes import FunctionDefinition, Name
from penjing.serve.refusals import BadParameter
from penjing.serve.strict import Strict

WORDS = "answer in words"
"""The choice that calls nothing: no function can have spaces in its name."""
_CHOICE_TOKENS = 128


class Tool(Strict):
    """A function offered to chat."""

    type: Literal["function"]
    function: FunctionDefinition


class NamedFunction(Strict):
    """Just its name."""

    name: Name


class ToolChoice(Strict):
    """This very function."""

    type: Literal["function"]
    function: NamedFunction


Choice = Literal["none", "auto", "required"] | ToolChoice
Tools = Annotated[list[Tool], Field(max_length=64)]


@dataclass(frozen=True)
class Function:
    """A function that may be called."""

    name: str
    """What it is called."""
    description: str
    """What it is for."""
    schema: Mapping[str, Any]
    """Of its arguments: an object."""

    @property
    def is_empty(self) -> bool:
        """It takes no arguments: there is nothing to ask for."""
        return is_empty(self.schema)


@dataclass(frozen=True)
class Toolbox:
    """The functions of one request."""

    functions: tuple[Function, ...]
    """At least one."""
    must: bool
    """One of them has to be called."""
    answered: frozenset[AnsweredCall] = frozenset()
    """Calls whose results are known."""

    def only(self) -> Function | None:
        """The function that will be called in any case."""
        return self.functions[0] if self.must and len(self.functions) == 1 else None

    def is_answered(self, function: Function, arguments: str) -> bool:
        """Whether this very call was made, and its result is there. Where one must be, it may be
        made again."""
        return not self.must and AnsweredCall(function.name, spelled(arguments)) in self.answered

    def without(self, function: Function) -> Toolbox | None:
        """The others; None where there are none."""
        others = tuple(one for one in self.functions if one is not function)
        return replace(self, functions=others) if others else None

    def asking_which(
        self, messages: Sequence[Message], settings: GenerationSettings
    ) -> tuple[tuple[Message, ...], GenerationSettings]:
        """The first question."""
        names = [one.name for one in self.functions] + [WORDS] * (not self.must)
        question = f"Which of these helps most: {', '.join(names)}? Say its name only."
        schema = {"type": "string", "enum": names}
        asked = replace(formed(settings, schema), max_tokens=_CHOICE_TOKENS, stop=())
        return self._ask(messages, question), replace(asked, top_logprobs=None)

    def asking_how(
        self, function: Function, messages: Sequence[Message], settings: GenerationSettings
    ) -> tuple[tuple[Message, ...], GenerationSettings]:
        """The second question."""
        question = f"Give the arguments of {function.name} as JSON, with what was said above."
        asked = replace(formed(settings, function.schema), stop=(), top_logprobs=None)
        return self._ask(messages, question), asked

    def chosen(self, text: str) -> Function | None:
        """What the answer to the first question names; None for words."""
        name = _parsed(text)
        if name == WORDS and not self.must:
            return None
        for function in self.functions:
            if function.name == name:
                return function
        raise _disobeyed()

    def _ask(self, messages: Sequence[Message], question: str) -> tuple[Message, ...]:
        lines = [
            json.dumps(
                {"name": one.name, "description": one.description, "parameters": one.schema},
                ensure_ascii=False,
            )
            for one in self.functions
        ]
        offer = "\n".join(("These functions can be called:", *lines))
        return with_system(ending_with(messages, question), offer)


def arguments_of(text: str, function: Function) -> str:
    """The answer to the second question, as it is handed on. Raises EngineError when it is none."""
    value = _parsed(text)
    if not isinstance(value, dict):
        raise _disobeyed()
    if (wrong := fault(function.schema, value)) is not None:
        raise EngineError(
            f"the model called {function.name} with what its schema does not allow ({wrong}): "
            "ask again, or allow more"
        )
    return text.strip()


def toolbox_of(
    functions: Sequence[FunctionDefinition],
    choice: str | None,
    answered: Sequence[AnsweredCall] = (),
    param: str = "tools",
) -> Toolbox | None:
    """What may be called: `choice` is none, auto, required, or the name of the one to call.

    None where nothing may: many calls were answered already, or all that could be made were.
    """
    names = [one.name for one in functions]
    if len(set(names)) < len(names):
        raise BadParameter("two functions have the same name", param)
    if choice not in (None, "none", "auto", "required"):
        functions = [one for one in functions if one.name == choice]
        if not functions:
            raise BadParameter(f"'{choice}' is none of the tools", "tool_choice")
    if not functions:
        if choice == "required":
            raise BadParameter("there are no tools to choose from", "tool_choice")
        return None
    made = tuple(_function(one, f"{param}[{n}]") for n, one in enumerate(functions))
    box = Toolbox(made, choice not in (None, "auto"), frozenset(answered))
    left = tuple(one for one in made if not (one.is_empty and box.is_answered(one, "{}")))
    over = len(answered) >= limits.CALLS and not box.must
    return None if choice == "none" or over or not left else replace(box, functions=left)


def name_of(choice: Choice | None) -> str | None:
    """A choice in one word."""
    return choice.function.name if isinstance(choice, ToolChoice) else choice


def _function(one: FunctionDefinition, param: str) -> Function:
    given = one.parameters or {"type": "object", "properties": {}}
    if given.get("type", "object") != "object":
        raise BadParameter("the parameters must be of type object", f"{param}.function.parameters")
    schema = checked({"type": "object", **given}, f"{param}.function.parameters")
    return Function(one.name, one.description or "", schema)


def with_system(messages: Sequence[Message], text: str) -> tuple[Message, ...]:
    """The conversation with a text at the end of its first system message, or with one of it."""
    if messages and messages[0].role == "system":
        first = Message.of("system", f"{messages[0].text}\n\n{text}")
        return (first, *messages[1:])
    return (Message.of("system", text), *messages)


def ending_with(messages: Sequence[Message], text: str) -> tuple[Message, ...]:
    """The conversation with a text at the end of its last message of the user."""
    if messages and messages[-1].role == "user":
        last = Message.of("user", f"{messages[-1].text}\n\n({text})")
        return (*messages[:-1], last)
    return (*messages, Message.of("user", text))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _disobeyed() from None


def _disobeyed() -> EngineError:
    return EngineError("the engine did not keep to the schema: ask again, or without tools")
