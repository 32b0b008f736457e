"""Whether a model thinks before it answers, how it is told to, and how it is told not to.

Knows a model's template and tokens; must not know who asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from penjing.core.messages import GenerationSettings
from penjing.engine.thoughts import KNOWN, Markers, Thoughts

_SWITCHES = re.compile(r"\b(enable_thinking|thinking)\b")
_LAST = 16  # tokens at the end of a prompt that a marker may have


class Words(Protocol):
    """What must be known of a model's tokens; `Vocabulary`."""

    def tokenize(self, text: str, *, special: bool, bos: bool) -> list[int]:
        """Token ids of a text."""
        ...

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of one token."""
        ...


def thinks(settings: GenerationSettings) -> bool | None:
    """Whether an answer may begin with thoughts: a form that it must have leaves no room."""
    if settings.json_schema is not None or settings.grammar is not None:
        return False
    return settings.thinking


def switches_of(settings: GenerationSettings) -> dict[str, bool | int | str]:
    """What a chat template is told of thinking, by the names that templates know it by."""
    wanted = thinks(settings)
    told = {} if wanted is None else {"enable_thinking": wanted, "thinking": wanted}
    return {**settings.switches, **told}


class Thinker:
    """One model's way of thinking."""

    def __init__(self, template: str, words: Words) -> None:
        self._template, self._words = template, words
        self._markers = tuple(one for one in KNOWN if self._writes(one) or self._has(one))

    def thoughts(self, prompt: Sequence[int]) -> Thoughts | None:
        """What tells thoughts from the answer to a prompt; None for a model that has none."""
        return Thoughts(self._markers, self._opened(prompt)) if self._markers else None

    def skipping(self, prompt: Sequence[int], settings: GenerationSettings) -> list[int]:
        """What a prompt lacks for the answer to follow at once, where that is wanted.

        A template with a switch of its own was told; where there is none and thinking is switched
        off (not merely left no room), a thought of nothing follows.
        """
        if thinks(settings) is not False or not self._markers:
            return []
        if (opened := self._opened(prompt)) is not None:
            text = f"\n\n{opened.closes}\n\n" if opened.closes else ""
        elif settings.thinking is not False or _SWITCHES.search(self._template):
            text = ""
        else:
            text = next((one.skipped for one in self._markers[::-1] if self._writes(one)), "")
        return self._words.tokenize(text, special=True, bos=False) if text else []

    def _writes(self, one: Markers) -> bool:
        """Whether the template has them."""
        return one.opens in self._template or bool(one.closes and one.closes in self._template)

    def _has(self, one: Markers) -> bool:
        """Whether they are tokens of their own."""
        lengths = (
            len(self._words.tokenize(text, special=True, bos=False))
            for text in (one.opens, one.closes)
        )
        return all(length == 1 for length in lengths)

    def _opened(self, prompt: Sequence[int]) -> Markers | None:
        """The marker that a prompt ends with: the answer begins as a thought."""
        pieces = (self._words.piece(token, special=True) for token in prompt[-_LAST:])
        end = b"".join(pieces).decode("utf-8", "replace").rstrip()
        return next((one for one in self._markers if end.endswith(one.opens)), None)
