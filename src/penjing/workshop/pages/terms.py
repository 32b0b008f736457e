"""What the words on a page mean, each said once for all pages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TERMS: Mapping[str, str] = MappingProxyType(
    {
        "Mean KLD": "How far a file’s next-token probabilities lie from the starting model’s, "
        "averaged over all positions, in nats. 0 is identical.",
        "Median, 99th percentile, worst": "Of the same distance: the median shows the usual "
        "position, the other two show the rare large slips that a mean hides.",
        "Same-top": "The share of positions where both models would pick the same next token.",
        "Perplexity": "How surprised a model is by the held-out text; lower is better. The ratio "
        "divides this bundle’s by the starting model’s: 1 is no loss. How hard the passages are "
        "moves both alike, so the ratio is the surer number.",
        "Probability change": "How much the probability of the word that really followed has "
        "changed, as a root mean square.",
        "95% interval": "Where the number would lie for all text of this kind: intervals made "
        "this way are meant to hold the true value 95 times in 100. They count whole blocks of "
        "text, because neighbouring words depend on each other.",
        "Effective bits": "Bits of the file per parameter, with everything counted that the file "
        "holds.",
        "Control": "A file of about this size made without the method, without a part of it, or "
        "with its choices dealt out wrongly. A method that does not beat it is not worth its "
        "trouble.",
    }
)


def explain(*names: str) -> list[tuple[str, str]]:
    """Terms with their meanings; KeyError for one that nobody has explained."""
    return [(name, TERMS[name]) for name in names]
