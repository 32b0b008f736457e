"""What a passport says beyond its numbers: whether the file is of any use, why bytes are left, and
what an embedding that is much of the file costs.

Whether a file is broken is judged from its measurements alone, so that an older passport is judged
too. Plain text only: escaping is the business of whoever shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penjing.core.units import format_size
from penjing.workshop.pages.texts import significant
from penjing.workshop.report.reading import Measure, Passport, number, text

LEAST_TOP = 0.5
"""Share of positions whose top token is unchanged: with less, most answers are other ones."""

NEAR = 0.2
"""Mean KLD, nats: no further from its start, a model whose top tokens change hardly preferred them
to others before (weights of chance do not)."""

MOST_PERPLEXITY = 3.0
"""Times the starting model's perplexity: beyond, text reads as noise to it."""

_LITTLE = 0.005
"""A smaller share of the budget is nothing that is left."""


def faults(measures: Mapping[str, Measure]) -> list[str]:
    """Why the file is broken, a phrase each; empty where it is not."""
    out = []
    same, ratio = measures.get("same_top"), measures.get("perplexity_ratio")
    kld = measures.get("kld_mean")
    moved = kld is None or kld.value > NEAR
    if same is not None and same.value < LEAST_TOP and moved:
        out.append(f"it gives the same next token only {same.value:.1%} of the time")
    if ratio is not None and ratio.value > MOST_PERPLEXITY:
        out.append(f"its perplexity is {significant(ratio.value, 2)} times the starting model's")
    return out


def broken(passport: Passport) -> str:
    """That it is not to be used, why, and what size would be; empty where it is not broken."""
    found = faults(passport.ours.measures)
    if not found:
        return ""
    sound = number(passport.advice, "sound_bytes")
    larger = f"about {format_size(sound)} would not be" if sound else "make a larger one"
    return f"This file is broken: {' and '.join(found)}. It was kept, {larger}."


def path(passport: Passport) -> str:
    """That the engine measured everything; empty where a forward pass of our own did."""
    if text(passport.advice, "path") != "engine":
        return ""
    return (
        "Effects were measured in the engine: of this kind of model Penjing has no forward pass of "
        "its own, or was told to use none, so nothing was trained."
    )


def left(passport: Passport) -> str:
    """Why not all of the budget was spent; empty where it was, or nobody knows."""
    budget, size = passport.budget, passport.ours.bytes
    why = text(passport.advice, "left")
    if not budget or not size or not why or budget - size < _LITTLE * budget:
        return ""
    return f"{format_size(budget - size)} of the budget are left: {why}."


def vocabulary(passport: Passport) -> str:
    """What trimming or splitting the embedding would give; empty where it is a small part."""
    part = _part(passport.advice)
    size, codec, half = number(part, "bytes"), text(part, "codec"), number(part, "half_bytes")
    share, rows, split = (number(part, key) for key in ("share", "rows", "split_bytes"))
    if not size or not share or not rows or not half:
        return ""
    words = (
        f"The vocabulary of {rows:,.0f} tokens is {share:.0%} of the weights and takes "
        f"{format_size(size)}, in {codec}. Without its rarer half the file would be "
        f"{format_size(half)} smaller, with each 1,000 tokens {format_size(size / rows * 1000)}"
    )
    if split:
        words += (
            f"; that half in {text(part, 'split_codec')} would save {format_size(split)}, but "
            "the engine reads one codec a tensor"
        )
    return f"{words}. Neither is done here."


def _part(advice: Mapping[str, Any]) -> Mapping[str, Any]:
    found = advice.get("vocabulary")
    return found if isinstance(found, Mapping) else {}
