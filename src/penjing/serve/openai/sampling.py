"""From OpenAI's parameters to `GenerationSettings`.

What is not said is as `penjing chat` has it: greedy, with a penalty on repetition that keeps small
models from going round in circles. That penalty is off where a request brings its own penalties,
and where a grammar decides (JSON repeats itself). More than one answer would be the same one
greedily, so they are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field

from penjing.core.messages import GenerationSettings
from penjing.serve import limits
from penjing.serve.openai.lenient import Lenient
from penjing.serve.openai.shapes import Biases, Penalty, Seed, Share, Stops, Temperature

_SEEDS = 2**32


class Sampled(Lenient):
    """The parameters that all endpoints which write have in common: OpenAI's, and those that
    llama.cpp, vLLM and Ollama have beside them (a penalty on repetition by either name).
    """

    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: int | None = Field(default=None, ge=-1, le=2**31 - 1)
    min_p: Share | None = None
    repeat_penalty: float | None = Field(default=None, ge=0.01, le=100)
    repetition_penalty: float | None = Field(default=None, ge=0.01, le=100)
    logit_bias: Biases | None = None

    @property
    def repeats(self) -> float | None:
        """The penalty on repetition that was asked for."""
        return self.repeat_penalty if self.repeat_penalty is not None else self.repetition_penalty


class Penalized(Sampled):
    """Those of chat and of completions."""

    n: int | None = Field(default=None, ge=1, le=limits.CHOICES)
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    seed: Seed | None = None
    stop: Stops | None = None


def settings_of(
    body: Sampled, *, max_tokens: int | None, top_logprobs: int | None = None
) -> GenerationSettings:
    """How to write, without any form that the answer must have."""
    given = {
        name: value
        for name in ("temperature", "top_p", "min_p", "frequency_penalty", "presence_penalty")
        if (value := getattr(body, name, None)) is not None
    }
    if body.top_k is not None:
        given["top_k"] = max(body.top_k, 0)
    settings = GenerationSettings(
        max_tokens=limits.DEFAULT_TOKENS if max_tokens is None else max_tokens,
        top_logprobs=top_logprobs,
        logit_bias=tuple((int(token), bias) for token, bias in (body.logit_bias or {}).items()),
        **given,
    )
    return _repeating(body, _drawn(body, settings) if isinstance(body, Penalized) else settings)


def _drawn(body: Penalized, settings: GenerationSettings) -> GenerationSettings:
    if (body.n or 1) > 1 and body.temperature is None:
        settings = replace(settings, temperature=1.0)
    if body.frequency_penalty is not None or body.presence_penalty is not None:
        settings = replace(settings, repeat_penalty=1.0)
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    seed = None if body.seed is None else body.seed % _SEEDS
    return replace(settings, stop=stop, seed=seed)


def _repeating(body: Sampled, settings: GenerationSettings) -> GenerationSettings:
    return settings if body.repeats is None else replace(settings, repeat_penalty=body.repeats)


def formed(settings: GenerationSettings, schema: Mapping[str, Any] | None) -> GenerationSettings:
    """The same, for an answer that must satisfy a schema."""
    if schema is None:
        return settings
    wanted = settings.repeat_penalty != GenerationSettings.repeat_penalty
    repeats = settings.repeat_penalty if wanted else 1.0
    return replace(settings, json_schema=schema, repeat_penalty=repeats)


def another(settings: GenerationSettings, number: int) -> GenerationSettings:
    """For the answer after `number` others: a fixed seed moves on, or it would be the same."""
    if settings.seed is None or not number:
        return settings
    return replace(settings, seed=(settings.seed + number) % _SEEDS)
