"""Whether a model thinks before it answers: OpenAI's `reasoning_effort`, and the switches of
chat templates as vLLM and llama.cpp take them.

What is switched is the template's, whose own words are trusted: values are flags, numbers and
single words, and none takes the place of what was said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from penjing.core.messages import GenerationSettings

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]
_TAKEN = ("messages", "tools", "documents", "bos_token", "eos_token", "add_generation_prompt")
_THINKING = ("enable_thinking", "thinking")


def _free(switches: dict[str, bool | int | str | None]) -> dict[str, bool | int | str | None]:
    for name in _TAKEN:
        if name in switches:
            raise ValueError(f"'{name}' is not a switch: leave it out")
    return switches


class ReasoningObject(BaseModel):
    """`reasoning` in chat, as some routers and pages send it."""

    model_config = ConfigDict(extra="ignore", strict=True)
    effort: Effort | None = None
    enabled: bool | None = None


_Name = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,63}$")]
_Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{0,64}$")]
Switches = Annotated[
    dict[_Name, bool | int | _Word | None], Field(max_length=16), AfterValidator(_free)
]
"""`chat_template_kwargs`."""


def thinking(
    settings: GenerationSettings,
    effort: Effort | None,
    switches: Mapping[str, bool | int | str | None] | None,
) -> GenerationSettings:
    """The same, for a model that shall think so hard, or not at all."""
    told = {name: value for name, value in (switches or {}).items() if value is not None}
    wanted = next((bool(told.pop(name)) for name in _THINKING if name in told), None)
    for name in _THINKING:
        told.pop(name, None)
    if effort is not None:
        wanted = effort != "none" if wanted is None else wanted
        if effort != "none":
            told.setdefault("reasoning_effort", effort)
    return replace(settings, thinking=wanted, switches=told)
