"""How a model reads a text, and whether two models read it alike.

Looked at before any long work begins, so that a comparison that cannot be is refused in a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from penjing.core.errors import BadInput
from penjing.core.protocols import LanguageModel
from penjing.evaluation.windows import Windows, cut, read_tokens, start_token


@dataclass(frozen=True)
class Reading:
    """A text as one model sees it."""

    name: str
    """The model."""
    tokens: list[int] = field(repr=False)
    """At least as many as the windows hold."""
    windows: Windows = field(repr=False)
    """What would be scored."""
    vocabulary: int
    """Logits the model gives for a token."""


def read(model: LanguageModel, text: str, context: int, *, limit: int | None = None) -> Reading:
    """Read the beginning of a text, `limit` windows of it or all."""
    tokens = read_tokens(model, text, context, limit=limit)
    windows = cut(tokens, context, start=start_token(model), limit=limit)
    return Reading(model.name, tokens, windows, vocabulary_of(model, windows))


def vocabulary_of(model: LanguageModel, windows: Windows) -> int:
    """How many logits the model gives for a token. Checks that a window fits its context."""
    if windows.context > model.context_length:
        raise BadInput(
            f"{model.name} reads at most {model.context_length} tokens: "
            f"give a --context of that or less, not {windows.context}"
        )
    return int(model.score(windows.tokens(0)[:1]).shape[1])


def require_same_vocabulary(name: str, size: int, baseline: str, baseline_size: int) -> None:
    """BadInput unless both vocabularies have the same size."""
    if size != baseline_size:
        raise BadInput(
            f"{name} has a vocabulary of {size} tokens and {baseline} one of {baseline_size}: "
            "compare models that share a tokenizer"
        )


def require_alike(model: Reading, baseline: Reading) -> None:
    """BadInput unless both read the text as the same tokens.

    Vocabularies of equal size can still differ; their comparison would be silently wrong.
    """
    require_same_vocabulary(model.name, model.vocabulary, baseline.name, baseline.vocabulary)
    if not np.array_equal(model.windows.ids, baseline.windows.ids):
        raise BadInput(
            f"{model.name} and {baseline.name} split the text into different tokens: "
            "compare models that share a tokenizer"
        )
