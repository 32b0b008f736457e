"""compare.html: the plot, the table and the sentences on one self-contained page.

Loads nothing and runs no script; the template escapes every text. Style and words are the report's.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Template
from markupsafe import Markup

from penjing.workshop.compare.figure import Dot, pareto
from penjing.workshop.compare.outcome import Comparison, Result
from penjing.workshop.compare.table import COLUMNS, facts, limits, lines, notes, sentences
from penjing.workshop.compare.verdict import headline, lead_sentence
from penjing.workshop.report.page import NARROW, WIDE, environment
from penjing.workshop.report.words import together

_REPORT, _HERE = "penjing.workshop.report", "penjing.workshop.compare"


def render_comparison(found: Comparison) -> str:
    """The whole page. Same comparison, same bytes."""
    dots, decode = dots_of(found), found.start.speed.decode_tps
    page = _template().render(
        c=found,
        style=Markup(_text(_REPORT, "style.css") + _text(_HERE, "style.css")),  # noqa: S704
        headline=together(headline(found)),
        leads=[together(lead_sentence(lead)) for lead in found.leads],
        wide=pareto(dots, decode, width=WIDE, class_="wide"),
        narrow=pareto(dots, decode, width=NARROW, class_="narrow"),
        columns=COLUMNS,
        lines=list(lines(found)),
        notes=notes(found),
        sentences=[(title, [together(s) for s in said]) for title, said in sentences(found)],
        limits=limits(found),
        facts=facts(found),
    )
    return page + "\n"


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
        decode=found.speeds[result.sha256].decode_tps,
    )


@cache
def _template() -> Template:
    return environment().from_string(_text(_HERE, "page.html"))


def _text(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")
