"""A template of the workshop to a page: whole, quiet, and the same bytes for the same input.

Pages load nothing and run no script; their content policy forbids both. Templates escape every
text, and texts are cleaned of control characters first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from penjing.core.units import format_size
from penjing.workshop.pages.texts import clean, sentence, significant, together

WIDE, NARROW = 760.0, 344.0
"""Widths of each figure's two drawings; style.css shows one of them."""


@dataclass(frozen=True)
class Picture:
    """One figure in its two widths."""

    wide: Markup
    """For screens and paper."""
    narrow: Markup
    """For a phone."""


def render(template: str, **values: Any) -> str:
    """The page that `template` ("report/page.html", below workshop/) makes of the values."""
    return _environment().get_template(template).render(values) + "\n"


def picture(draw: Callable[[float, str], Markup | None]) -> Picture | None:
    """What `draw(width, class)` draws, twice; None where there is nothing to draw."""
    wide, narrow = draw(WIDE, "wide"), draw(NARROW, "narrow")
    return None if wide is None or narrow is None else Picture(wide, narrow)


@cache
def _environment() -> Environment:
    """Every text is cleaned and escaped, a missing one is an error."""
    out = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    out.filters.update(
        size=format_size,
        significant=significant,
        sentence=sentence,
        together=together,
        thousands=lambda n: f"{n:,.0f}",
    )
    return out


def _source(name: str) -> str:
    return resources.files("penjing.workshop").joinpath(*name.split("/")).read_text("utf-8")
