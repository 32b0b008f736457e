"""What Ollama's requests have in common: bodies, options, times, and the lines of a stream.

Ollama leaves out what it does not know; so does this, and the answer's header names it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ModelWrapValidatorHandler, PrivateAttr, model_validator
from starlette.responses import Response

from penjing.core.errors import PenjingError
from penjing.core.messages import GenerationSettings, Usage
from penjing.serve import limits
from penjing.serve.openai.forms import Form
from penjing.serve.openai.lenient import HEADER
from penjing.serve.openai.reasoning import thinking
from penjing.serve.openai.schemas import checked
from penjing.serve.openai.shapes import Penalty, Seed, Share, Stops
from penjing.serve.refusals import status_of
from penjing.serve.streaming import EventStream
from penjing.serve.strict import Strict

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MOST_NAMED = 32
_SEEDS = 2**32
_ANY: Mapping[str, Any] = {"type": "object"}

ModelName = Annotated[str, Field(max_length=256)]
KeepAlive = Annotated[str, Field(max_length=32)] | int | float
Think = bool | Literal["low", "medium", "high", "max"]
Format = Literal["", "json"] | dict[str, Any]

M = TypeVar("M", bound="Loose")


class Loose(Strict):
    """A body whose unknown parameters are left out, and named."""

    _ignored: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _without(cls: type[M], data: Any, handler: ModelWrapValidatorHandler[M]) -> M:
        if not isinstance(data, dict):
            return handler(data)
        known = set(cls.model_fields)
        made = handler({name: value for name, value in data.items() if name in known})
        unknown = [name for name in data if name not in known and data[name] is not None]
        made._ignored = tuple(name if _NAME.fullmatch(name) else "?" for name in unknown)
        return made

    def ignored(self) -> tuple[str, ...]:
        """The parameters that were sent and have no effect."""
        return self._ignored


class Options(Loose):
    """How to write. What loads or places a model has no effect: it is loaded already."""

    num_ctx: int | None = None
    num_predict: Annotated[int, Field(ge=-2, le=limits.TOKENS)] | None = None
    temperature: Annotated[float, Field(ge=0, le=100)] | None = None
    top_k: Annotated[int, Field(ge=-1, le=2**31 - 1)] | None = None
    top_p: Share | None = None
    min_p: Share | None = None
    repeat_penalty: Annotated[float, Field(ge=0.01, le=100)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: Seed | None = None
    stop: Stops | None = None

    def settings(self) -> GenerationSettings:
        """The same as the engine has it; what is not said is as `penjing chat` has it."""
        names = ("temperature", "top_p", "min_p", "repeat_penalty", "presence_penalty")
        given = {
            name: value
            for name in (*names, "frequency_penalty")
            if (value := getattr(self, name)) is not None
        }
        if self.top_k is not None:
            given["top_k"] = max(self.top_k, 0)
        most = self.num_predict
        if most is not None and most < 0:
            most = limits.TOKENS  # the context bounds it
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        seed = None if self.seed is None else self.seed % _SEEDS
        tokens = limits.DEFAULT_TOKENS if most is None else max(most, 1)
        return GenerationSettings(max_tokens=tokens, stop=stop, seed=seed, **given)


class Asking(Loose):
    """What asking for words has in common."""

    model: ModelName
    stream: bool | None = None
    format: Format | None = None
    options: Options | None = None
    keep_alive: KeepAlive | None = None
    think: Think | None = None

    def settings(self) -> GenerationSettings:
        """How to write, form apart."""
        settings = (self.options or Options()).settings()
        if isinstance(self.think, str):
            effort = "high" if self.think == "max" else self.think
            return thinking(settings, effort, None)
        return replace(settings, thinking=self.think)

    def form(self) -> Form:
        """What the answer must look like. Raises BadParameter."""
        if not self.format:
            return Form()
        return Form(_ANY if self.format == "json" else checked(self.format, "format"))

    def without_effect(self, context: int) -> tuple[str, ...]:
        """What was sent and changes nothing, with a context of so many tokens."""
        options = self.options or Options()
        named = [*self.ignored(), *(f"options.{one}" for one in options.ignored())]
        if options.num_ctx is not None and options.num_ctx != context:
            named.append("options.num_ctx")
        if self.keep_alive is not None:
            named.append("keep_alive")
        return tuple(named)


def named(response: Response, ignored: tuple[str, ...]) -> Response:
    """The answer, with a header that names what was ignored."""
    if ignored:
        response.headers[HEADER] = ", ".join(ignored[:_MOST_NAMED])
    return response


def timestamp(seconds: float | None = None) -> str:
    """A time as Ollama writes it: RFC 3339 in UTC."""
    at = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def counted(usage: Usage | None, seconds: float) -> dict[str, int]:
    """Counts, and durations in nanoseconds."""
    read = usage or Usage(0, 0, 0, 0.0, 0.0)
    return {
        "total_duration": int(seconds * 1e9),
        "load_duration": 0,
        "prompt_eval_count": read.prompt_tokens,
        "prompt_eval_duration": int(read.prefill_seconds * 1e9),
        "eval_count": read.completion_tokens,
        "eval_duration": int(read.decode_seconds * 1e9),
    }


class LineStream(EventStream):
    """NDJSON: a document in each line. No comment is sent in silence: a line must be JSON."""

    media_type = "application/x-ndjson"
    beats = False


def line(document: Mapping[str, Any]) -> bytes:
    """One line."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"{text}\n".encode()


def failed(error: PenjingError) -> bytes:
    """What ends a stream that cannot go on."""
    return line({"error": str(error), "status": status_of(error)})
