"""compare.html: the plot, the table and the sentences on one self-contained page.

Same comparison, same bytes. What any page is made of is in `workshop/pages/`.
"""

from __future__ import annotations

from penjing.workshop.compare.figure import Dot, pareto
from penjing.workshop.compare.outcome import Comparison, Result
from penjing.workshop.compare.table import COLUMNS, facts, limits, lines, notes, sentences
from penjing.workshop.compare.verdict import headline, lead_sentence
from penjing.workshop.pages.layout import picture, render
from penjing.workshop.pages.terms import explain

_TERMS = ("Mean KLD", "Same-top", "Control", "95% interval")


def render_comparison(found: Comparison) -> str:
    """The whole page."""
    dots, decode = dots_of(found), found.start.speed.decode_tps
    return render(
        "compare/page.html",
        c=found,
        headline=headline(found),
        leads=[lead_sentence(lead) for lead in found.leads],
        plot=picture(lambda width, kind: pareto(dots, decode, width=width, class_=kind)),
        columns=COLUMNS,
        lines=list(lines(found)),
        notes=notes(found),
        sentences=sentences(found),
        terms=explain(*_TERMS),
        limits=limits(found),
        made=facts(found),
    )


def dots_of(found: Comparison) -> list[Dot]:
    """Every file of the comparison as a point of the plot; a shared control once."""
    named = {row.method.name for row in found.rows}
    dots: dict[tuple[str, str, int], Dot] = {}
    for row in found.rows:
        if not row.result.impossible:
            dots[row.method.name, "", row.result.bytes] = _dot(found, row.result, "")
        for beside in row.controls:
            result = beside.result
            if not result.impossible and beside.control.name not in named:
                key = (result.method, "control", result.bytes)
                dots.setdefault(key, _dot(found, result, row.method.name))
    return list(dots.values())


def _dot(found: Comparison, result: Result, of: str) -> Dot:
    kld = result.find("kld_mean")
    return Dot(
        name=result.method,
        of=of,
        bytes=result.bytes,
        kld=kld.value,
        low=kld.low,
        high=kld.high,
        decode=None if result.counted else found.speeds[result.sha256].decode_tps,
    )
