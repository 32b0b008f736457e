"""The ways a file can be made, as data: which codec goes where, how weights are rounded, and what
is done before and after. `compress` takes one of them, `compare` several beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from penjing.workshop.prune.shape import Shape

Allocation = Literal["even", "searched", "shuffled", "inverted"]
"""One codec everywhere; from measured effects; those codecs dealt out at random; the wrong way."""

Rounding = Literal["nearest", "importance", "gptq"]
"""Each weight alone; scales by importance; errors made up for by the weights not yet rounded."""

Fold = Literal["none", "awq", "rotation"]
"""What is folded into the weights before anything is rounded."""


@dataclass(frozen=True)
class Quantizer:
    """One of the textbook (`quantize/textbook.py`)."""

    name: str
    """As the textbook calls it."""
    bits: int
    """Of a code."""


@dataclass(frozen=True)
class Method:
    """One way."""

    name: str
    """What the command line and tables call it."""
    description: str
    """In one line."""
    allocation: Allocation
    """Which codec goes where."""
    rounding: Rounding
    """How weights become codes."""
    fold: Fold = "none"
    """What is done before."""
    distilled: bool = False
    """Whether the rounded model is then trained through its codecs."""
    control_of: str | None = None
    """The method it is a negative control of; "*": of all; None: a method itself."""
    quantizer: Quantizer | None = None
    """The textbook's, whose file has a size of its own; None: codecs of the engine, any budget."""

    shape: Shape | None = None
    """What of the model stays before that; None: all of it."""

    @property
    def needs_forward(self) -> bool:
        """Whether the workshop must compute the model itself, not the engine alone."""
        return self.fold != "none" or self.distilled or self.shape is not None


_NARROW = Shape(ffn=0.75, repair=True)

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method(
                "importance",
                "one codec everywhere, scales found by importance: llama.cpp's way",
                "even",
                "importance",
            ),
            Method(
                "searched",
                "a codec for each group of tensors, by its measured effect on the output",
                "searched",
                "importance",
            ),
            Method(
                "awq",
                "as searched, after scaling the channels that matter (AWQ, folded)",
                "searched",
                "importance",
                fold="awq",
            ),
            Method(
                "rotation",
                "as searched, after rotating the values of each head (folded)",
                "searched",
                "importance",
                fold="rotation",
            ),
            Method(
                "gptq",
                "as searched, rounding errors made up for by the weights not yet rounded",
                "searched",
                "gptq",
            ),
            Method(
                "distilled",
                "as gptq, then trained through the codecs to say what the starting model says",
                "searched",
                "gptq",
                distilled=True,
            ),
            Method(
                "pruned",
                "a quarter of the feed-forward channels left out, the rest repaired; then as gptq",
                "searched",
                "gptq",
                shape=_NARROW,
            ),
            Method(
                "healed",
                "the same, then trained to say what the starting model says; then as distilled",
                "searched",
                "gptq",
                distilled=True,
                shape=_NARROW,
            ),
            Method(
                "plain",
                "one codec everywhere and nearest rounding",
                "even",
                "nearest",
                control_of="*",
            ),
            Method(
                "shuffled",
                "the codecs of searched, dealt out at random among tensors of equal shape",
                "shuffled",
                "importance",
                control_of="searched",
            ),
            Method(
                "inverted",
                "the most bits where they were measured to matter least",
                "inverted",
                "importance",
                control_of="searched",
            ),
        )
    }
)
"""By name. Controls are not chosen: they come with their method."""
