"""Lenient parameters: what OpenAI and other servers know, and what changes nothing or cannot be
done here, is left out of a request, and the answer's header names it. What nobody knows is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ModelWrapValidatorHandler, PrivateAttr, model_validator
from starlette.responses import Response

from penjing.serve.strict import Strict

HEADER = "X-Penjing-Ignored"
"""Names the parameters of a request that were left out."""
IGNORED = frozenset({
    # OpenAI's
    "moderation", "prediction", "prompt_cache_retention", "prompt_cache_options", "verbosity",
    "web_search_options",
    # llama.cpp's, Ollama's, vLLM's, LM Studio's
    "add_generation_prompt", "cache_prompt", "dry_allowed_length", "dry_base", "dry_multiplier",
    "dry_penalty_last_n", "dynatemp_exponent", "dynatemp_range", "id_slot", "ignore_eos",
    "include_stop_str_in_output", "keep_alive", "length_penalty", "min_keep", "min_tokens",
    "mirostat", "mirostat_eta", "mirostat_tau", "num_ctx", "options", "priority", "repeat_last_n",
    "return_progress", "samplers", "skip_special_tokens", "spaces_between_special_tokens",
    "t_max_predict_ms", "tfs_z", "timings_per_token", "ttl", "typical_p", "use_beam_search",
    "xtc_probability", "xtc_threshold",
})  # fmt: skip
"""Parameters that may be sent and have no effect."""

M = TypeVar("M", bound="Lenient")


class Lenient(Strict):
    """A body of which known parameters that cannot be honoured are left out, and named."""

    _ignored: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _without(cls: type[M], data: Any, handler: ModelWrapValidatorHandler[M]) -> M:
        if not isinstance(data, dict):
            return handler(data)
        left_out = [one for one in data if one in IGNORED and one not in cls.model_fields]
        made = handler({name: value for name, value in data.items() if name not in left_out})
        made._ignored = tuple(name for name in left_out if data[name] is not None)
        return made

    def ignored(self) -> tuple[str, ...]:
        """The parameters that were sent and have no effect."""
        stored = ("store",) if getattr(self, "store", None) else ()
        return (*self._ignored, *stored)


def named(response: Response, body: Lenient, more: Sequence[str] = ()) -> Response:
    """The answer, with a header that names what was ignored."""
    if ignored := (*body.ignored(), *more):
        response.headers[HEADER] = ", ".join(ignored)
    return response
