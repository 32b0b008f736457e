"""Texts that were written, a line each: how near they are to references and how varied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penjing.core.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    from penjing.evaluation.texts.measure import TextReport
    from penjing.evaluation.texts.words import Rule

MOST_LINES = 20_000
MOST_CHARACTERS = 20_000
"""Of one line."""


def evaluate_texts(
    texts: Path, references: Path | None = None, *, rule: Rule | None = None, seed: int = 0
) -> TextReport:
    """BLEU, chrF, ROUGE against `references` (a line for each line), distinct-n, self-BLEU and
    repetition. `rule` parts words; by default `zh` where most letters are Chinese."""
    from penjing.evaluation.texts.measure import measure_texts
    from penjing.evaluation.texts.words import rule_for

    lines = _lines(texts)
    wanted = None if references is None else _lines(references)
    if wanted is not None and len(wanted) != len(lines):
        raise BadInput(
            f"{texts.name} has {len(lines)} lines and {references} has {len(wanted)}: "
            "write one reference a line, in the same order"
        )
    return measure_texts(
        texts.name,
        lines,
        references.name if references else None,
        wanted,
        rule or rule_for(wanted or lines),
        seed=seed,
    )


def _lines(path: Path) -> list[str]:
    from penjing.core.files import read_text

    lines = read_text(path, limit=2**26).removesuffix("\n").split("\n")
    if len(lines) > MOST_LINES or max(map(len, lines)) > MOST_CHARACTERS:
        raise BadInput(
            f"{path}: at most {MOST_LINES} lines of {MOST_CHARACTERS} characters are read: "
            "give fewer or shorter ones"
        )
    return lines
