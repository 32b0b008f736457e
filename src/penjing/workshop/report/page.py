"""report.html: one quiet page that shows a passport to people.

Same input, same bytes. What any page is made of is in `workshop/pages/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from penjing.bundle.codecs import CODECS
from penjing.workshop.mixture import OWN
from penjing.workshop.pages.layout import Picture, picture, render
from penjing.workshop.pages.terms import explain
from penjing.workshop.pages.texts import moment
from penjing.workshop.report import (
    figure_bytes,
    figure_frontier,
    figure_layers,
    figure_shapes,
    figure_training,
    shapes,
)
from penjing.workshop.report.advice import broken, left, path, vocabulary
from penjing.workshop.report.diff import compare
from penjing.workshop.report.reading import (
    Details,
    Passport,
    number,
    read_details,
    read_passport,
    text,
)
from penjing.workshop.report.tables import passport_columns, passport_rows, runtime_rows, work_rows
from penjing.workshop.report.words import facts, headline, limits, machine, training, verdict

MOST_ROWS = 800
"""Rows of the tensor table at most: the page stays small for any model."""
LONGEST_RECIPE = 20_000
"""Signs of the recipe that are shown; the bundle holds all of it."""
MOST_ANSWERS = 8
"""Prompts side by side at most."""
_TERMS = (
    "Mean KLD",
    "Median, 99th percentile, worst",
    "Same-top",
    "Perplexity",
    "Probability change",
    "95% interval",
    "Effective bits",
    "Control",
)


def render_report(passport: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    """The whole page. FormatError when a passport or its details are of the wrong kind."""
    p, d = read_passport(passport), read_details(details)
    return render(
        "report/page.html",
        p=p,
        d=d,
        headline=headline(p),
        when=moment(p.created),
        facts=facts(p),
        left=left(p),
        broken=broken(p),
        vocabulary=vocabulary(p),
        path=path(p),
        scale=_scale(p),
        columns=passport_columns(p),
        rows=passport_rows(p),
        verdict=verdict(p),
        tokens=next((m.n for m in p.ours.measures.values() if m.n), None),
        frontier=_frontier(p, d),
        beyond=figure_frontier.beyond(d.frontier),
        layers=picture(
            lambda width, kind: figure_layers.layers(d.tensors, width=width, class_=kind)
        ),
        tensors=figure_layers.drawn(d.tensors),
        shading=figure_layers.coloured_by(d.tensors),
        splits=_splits(p, d),
        trained=training(p),
        course=_course(p, d),
        shaped=shapes.told(passport),
        shapes=shapes.tried(details),
        shapes_drawn=_shapes(details),
        answers=[(a, compare(a.before, a.after)) for a in d.answers[:MOST_ANSWERS]],
        runtime=runtime_rows(p),
        work=work_rows(p),
        machine=machine(p.hardware),
        terms=explain(*_TERMS),
        made=list(_making(p, d)),
        hashes=list(_hashes(p)),
        recipe=d.recipe[:LONGEST_RECIPE],
        cut=max(0, len(d.recipe) - LONGEST_RECIPE),
        limits=limits(p, d.answers),
        most_rows=MOST_ROWS,
    )


def _scale(p: Passport) -> Markup | None:
    """The two sizes as two bars, drawn to scale."""
    before, after = p.baseline_bytes, p.ours.bytes
    if not before or not after:
        return None
    return figure_bytes.pair(before, after, p.budget)


def _frontier(p: Passport, d: Details) -> Picture | None:
    return picture(
        lambda width, kind: figure_frontier.frontier(
            d.frontier, width=width, budget=p.budget, class_=kind
        )
    )


def _course(p: Passport, d: Details) -> Picture | None:
    if (told := p.training) is None:
        return None
    return picture(
        lambda width, kind: figure_training.training(d.course, told, width=width, class_=kind)
    )


def _shapes(details: Mapping[str, Any]) -> Picture | None:
    found = shapes.tried(details)
    return picture(lambda width, kind: figure_shapes.shapes(found, width=width, class_=kind))


def _splits(p: Passport, d: Details) -> list[Picture | None]:
    bits = {name: codec.bits for name, codec in CODECS.items()}
    found = figure_bytes.splits(d.tensors, bits, p.ours.bytes or 0, p.baseline_bytes)
    return [picture(partial(_split, split)) for split in found]


def _split(split: figure_bytes.Split, width: float, kind: str) -> Markup:
    names = ("starting model", "this bundle")
    return figure_bytes.sizes(split, width=width, names=names, class_=kind)


def _making(p: Passport, d: Details) -> Iterator[tuple[str, str]]:
    """Name and value of everything needed to make the bundle again."""
    yield "Model", p.model
    yield "Date", moment(p.created)
    if p.penjing:
        yield "Made with", f"Penjing {p.penjing}"
    if p.engine:
        threads = f", {p.threads:.0f} threads" if p.threads else ""
        yield "Engine", f"{p.engine}{threads}"
    if p.hardware:
        yield "Machine", machine(p.hardware)
    if p.seed:
        yield "Seed", p.seed
    if d.calibration:
        yield "Calibration text", _calibration(d.calibration)
    if p.held_out:
        yield "Held-out text", _held_out(p.held_out)


def _calibration(calibration: Mapping[str, Any]) -> str:
    tokens = number(calibration, "tokens")
    own, given = number(calibration, "written_by_model"), number(calibration, "from_text")
    parts = []
    if own:
        parts.append("all" if own == tokens else f"{own:,.0f}")
        parts[-1] += " written by the model itself"
    if given:
        told = calibration.get("domains")
        names = [str(n) for n in told if n != OWN] if isinstance(told, list) else []
        kinds = f" ({', '.join(names)})" if len(names) > 1 else ""
        parts.append(f"{given:,.0f} from {'texts' if kinds else 'the given text'}{kinds}")
    total = f"{tokens:,.0f} tokens" if tokens is not None else "length not recorded"
    seed = text(calibration, "seed")
    return total + (f": {', '.join(parts)}" if parts else "") + (f"; seed {seed}" if seed else "")


def _held_out(held: Mapping[str, Any]) -> str:
    parts = [text(held, "name")]
    tokens, windows, context = (number(held, key) for key in ("tokens", "windows", "context"))
    parts.append(f"{tokens:,.0f} tokens" if tokens else "")
    parts.append(f"{windows:.0f} windows" if windows else "")
    parts.append(f"context {context:,.0f}" if context else "")
    return ", ".join(part for part in parts if part)


def _hashes(p: Passport) -> Iterator[tuple[str, str]]:
    pairs: Sequence[tuple[str, str]] = (
        (p.ours.name, p.file_sha256),
        (p.baseline_name, p.baseline_sha256),
        (f"held-out text {text(p.held_out, 'name')}".strip(), text(p.held_out, "sha256")),
    )
    yield from ((name, value) for name, value in pairs if value)
