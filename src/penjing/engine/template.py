"""From messages to a prompt, by the model's own Jinja template, as Hugging Face transformers does.

A template writes control markers such as <|im_start|>; a person may type the same characters.
`render_segments` keeps the two apart (`prompt.py` says how), so that only the template's own
markers become control tokens. A template is code from a stranger: it runs in a process of its own
(`rendering.py`). Knows text; must not know token ids beyond passing them on, nor where a model
came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from penjing.core.errors import EngineError
from penjing.core.messages import Message
from penjing.engine.rendering import RENDERER
from penjing.engine.said import Segment

__all__ = ["Segment", "encode", "render", "render_segments"]

_MOST_SIGNS = 20_000
"""Beginnings of markers in what the engine looks for markers in: it looks at each again and again,
and is half a second at so many."""


def render(
    template: str,
    messages: Sequence[Message],
    *,
    bos_token: str = "",
    eos_token: str = "",
    add_generation_prompt: bool = True,
) -> str:
    """The prompt as one text. Raises EngineError when the template refuses or misbehaves.

    `bos_token` appears in the text where the template writes it: do not add another.
    """
    values = {
        "bos_token": bos_token,
        "eos_token": eos_token,
        "add_generation_prompt": add_generation_prompt,
    }
    return RENDERER.whole(template, messages, values)


def render_segments(
    template: str,
    messages: Sequence[Message],
    *,
    bos_token: str = "",
    eos_token: str = "",
    add_generation_prompt: bool = True,
    switches: Mapping[str, Any] = MappingProxyType({}),
) -> list[Segment]:
    """The prompt in pieces that say who wrote them. Joined, they are what `render` gives.

    A template may transform what people say (upper case, JSON) so that its origin is lost. Then
    the prompt is one trusted piece if nobody said anything that looks like a marker, and BadInput
    otherwise. A template that takes messages only as lists of parts is given such lists, and one
    that refuses a role has its words said by another. `switches` are further names it may know.
    """
    values = {
        **switches,
        "bos_token": bos_token,
        "eos_token": eos_token,
        "add_generation_prompt": add_generation_prompt,
    }
    return RENDERER.pieces(template, messages, values)


def encode(
    segments: Sequence[Segment],
    tokenize: Callable[[str, bool], list[int]],
    control_text: Callable[[int], str | None],
) -> list[int]:
    """Token ids of a prompt: exactly the stock ones, unless somebody typed a control marker.

    `tokenize(text, special)` adds no start token; `control_text(id)` is the text of a control
    token and None for any other. Segments are not tokenized one by one, because a token may well
    reach from the template's text into a message's: the text between two control tokens is one run.
    """
    trusted = [segment for segment in segments if segment.trusted]
    if _signs(trusted) > _MOST_SIGNS:
        raise EngineError("the model's chat template does not work: it writes too many markers")
    if _signs(segments) <= _MOST_SIGNS:
        whole = tokenize("".join(segment.text for segment in segments), True)
        meant = [
            token
            for segment in trusted
            for token in tokenize(segment.text, True)
            if control_text(token) is not None
        ]
        if [token for token in whole if control_text(token) is not None] == meant:
            return whole
    tokens: list[int] = []
    run = ""
    for segment in segments:
        if not segment.trusted:
            run += segment.text
            continue
        rest = segment.text
        for token in tokenize(rest, True):
            marker = control_text(token)
            if marker and marker in rest:
                before, _, rest = rest.partition(marker)
                tokens += [*_run_tokens(run + before, tokenize), token]
                run = ""
        run += rest
    return tokens + _run_tokens(run, tokenize)


def _signs(segments: Sequence[Segment]) -> int:
    return sum(segment.text.count(sign) for segment in segments for sign in "<[")


def _run_tokens(text: str, tokenize: Callable[[str, bool], list[int]]) -> list[int]:
    return tokenize(text, False) if text else []
