"""The table as Markdown. Names are cleaned, and never act as markup."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penjing.workshop.compare.outcome import Comparison
from penjing.workshop.compare.table import (
    COLUMNS,
    Line,
    facts,
    limits,
    lines,
    notes,
    sentences,
)
from penjing.workshop.compare.verdict import headline, lead_sentence
from penjing.workshop.pages.texts import clean
from penjing.workshop.report.words import Shown

_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")


def markdown(found: Comparison) -> str:
    """The whole of compare.md."""
    return "\n".join(_parts(found)) + "\n"


def _parts(found: Comparison) -> Iterator[str]:
    yield f"# {_safe(found.start.name)}: methods compared\n"
    yield f"{_safe(headline(found))}\n"
    yield from (f"{_safe(lead_sentence(lead))}\n" for lead in found.leads)
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---|--:|--:|--:|--:|---|"
    yield from (_row(line) for line in lines(found))
    yield "\nA control's last cell says how far its mean KLD lies above its method's, position by"
    yield "position. In brackets: 95% intervals.\n"
    yield from (f"- **{_safe(name)}**: {_safe(says)}" for name, says in notes(found))
    yield "\n## Against the controls\n"
    for title, said in sentences(found):
        yield f"- **{_safe(title)}**: {_safe(' '.join(said))}"
    yield "\n## What was not measured\n"
    yield from (f"- {_safe(said)}" for said in limits(found))
    yield "\n## How this was made\n"
    yield from (f"- {_safe(name)}: {_safe(value)}" for name, value in facts(found))


def _row(line: Line) -> str:
    if line.kind == "size":
        return f"| **{line.name}** | | | | | |"
    name = _safe(line.name)
    name = f"**{name}**" if line.kind == "method" else f"control: {name}"
    numbers = (_shown(line.kld), _shown(line.same_top), line.decode)
    cells = (name, line.size, *numbers, _safe(line.words))
    return f"| {' | '.join(cells)} |"


def _shown(shown: Shown | None) -> str:
    if shown is None:
        return ""
    return f"{shown.value} ({shown.interval})" if shown.interval else shown.value


def _safe(text: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(clean(text).split()))
