"""Figure 1: mean KLD against size, on a log axis, with error bars.

Measured points only; the plan's own prediction is dashed and says so. A KLD of zero (the starting
model against itself) has no place on a log axis: it stands on a line of its own below a break.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from penjing.core.units import format_size
from penjing.workshop.report.plots import (
    FONT,
    Frame,
    Label,
    Scale,
    draw_labels,
    drawing,
    log_ticks,
    place,
    rule,
    tag,
    text_width,
    tick_texts,
    ticks,
    words,
)
from penjing.workshop.report.reading import Point
from penjing.workshop.report.words import significant

_MARKS = {"ours": "this method", "control": "control", "baseline": "starting model"}
_REACH = 4.0
"""A prediction further than this many times above every measurement is not drawn."""
_FLOOR = 46.0
"""Room below the break for a KLD of zero."""


@dataclass(frozen=True)
class _Axes:
    """Where values go."""

    frame: Frame
    """Inside the axes."""
    x: Scale
    """Size in units of `unit`."""
    y: Scale
    """KLD."""
    unit: float
    """Bytes of one step of x."""
    zero: float | None
    """y of the line for a KLD of zero."""

    def at(self, point: Point) -> tuple[float, float]:
        y = self.zero if self.zero is not None and point.kld == 0 else self.y(point.kld)
        return self.x(point.bytes / self.unit), y


def frontier(
    points: Sequence[Point], *, width: float, budget: float | None, class_: str
) -> Markup | None:
    """The figure; None where nothing can be drawn."""
    measured = [p for p in points if p.kind != "predicted"]
    predicted = sorted(_near(points), key=lambda p: p.bytes)
    if not measured and not predicted:
        return None
    height = 430.0 if width > 500 else 420.0
    axes = _axes([*measured, *predicted], width, height)
    parts = [*_grid(axes, budget), *_curve(axes, predicted)]
    for point in measured:
        parts.extend(_bar(axes, point))
    parts.extend(_mark(axes, point) for point in measured)
    parts.extend(_names(axes, measured, predicted, budget))
    parts.extend(_legend(measured, predicted, width))
    return drawing(parts, width, height, _alt(measured), class_)


def beyond(points: Sequence[Point]) -> int:
    """How many predictions are left out of the figure."""
    return sum(p.kind == "predicted" for p in points) - len(_near(points))


def _near(points: Sequence[Point]) -> list[Point]:
    """Predictions worth drawing: rounding errors add up only while they are small.

    Those far above every measurement say nothing and would press the measurements together.
    """
    predicted = [p for p in points if p.kind == "predicted"]
    measured = [p.high or p.kld for p in points if p.kind != "predicted" and p.kld > 0]
    return [p for p in predicted if not measured or p.kld <= _REACH * max(measured)]


def _axes(points: Sequence[Point], width: float, height: float) -> _Axes:
    wide = width > 500
    zero = any(p.kld == 0 for p in points)
    frame = Frame(48.0, 62.0 if wide else 82.0, width - 10, height - 44)
    unit = 1e9 if max(p.bytes for p in points) >= 2e9 else 1e6
    sizes = [p.bytes / unit for p in points]
    room = max((max(sizes) - min(sizes)) * (0.08 if wide else 0.12), max(sizes) * 0.02)
    ends = [v for p in points for v in (p.kld, p.low, p.high) if v is not None and v > 0]
    low, high = (min(ends), max(ends)) if ends else (0.01, 0.1)
    if high / low < 4:
        middle = (low * high) ** 0.5
        low, high = middle / 2, middle * 2
    floor = frame.bottom - (_FLOOR if zero else 0)
    return _Axes(
        frame,
        Scale(max(0.0, min(sizes) - room), max(sizes) + room, frame.left + 10, frame.right),
        Scale(low / 1.25, high * 1.25, floor, frame.top, log=True),
        unit,
        frame.bottom - 14 if zero else None,
    )


def _grid(axes: _Axes, budget: float | None) -> Iterator[Markup]:
    frame = axes.frame
    values = log_ticks(axes.y.low, axes.y.high)
    for value, name in zip(values, tick_texts(values), strict=True):
        yield rule(frame.left, axes.y(value), frame.right, axes.y(value), "grid")
        yield words(frame.left - 8, axes.y(value) + 4, name, "tick", "end")
    if axes.zero is not None:
        yield rule(frame.left, axes.zero, frame.right, axes.zero, "grid")
        yield words(frame.left - 8, axes.zero + 4, "0", "tick", "end")
        middle = (axes.y.start + axes.zero) / 2
        for y in (middle - 2.5, middle + 2.5):
            yield rule(frame.left - 14, y + 3, frame.left - 4, y - 3, "axis")
    yield rule(frame.left, frame.bottom, frame.right, frame.bottom, "axis")
    values = ticks(axes.x.low, axes.x.high, 7 if frame.right > 500 else 4)
    for value, name in zip(values, tick_texts(values), strict=True):
        yield rule(axes.x(value), frame.bottom, axes.x(value), frame.bottom + 5, "axis")
        yield words(axes.x(value), frame.bottom + 19, name, "tick", "middle")
    unit = "GB" if axes.unit == 1e9 else "MB"
    yield words(frame.right, frame.bottom + 38, f"file size, {unit}", "name", "end")
    yield words(0, frame.top - 16, "mean KLD, nats (lower is closer)", "name")
    if budget is not None and axes.x.low < budget / axes.unit < axes.x.high:
        x = axes.x(budget / axes.unit)
        yield rule(x, frame.top, x, frame.bottom, "budget")


def _curve(axes: _Axes, predicted: Sequence[Point]) -> Iterator[Markup]:
    shown = [p for p in predicted if p.kld > 0]
    if len(shown) > 1:
        steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(axes.at, shown))
        yield tag("polyline", points=steps, class_="predicted")
    for point in shown:
        x, y = axes.at(point)
        yield tag("circle", tag("title", _says(point)), cx=x, cy=y, r=2, class_="predicted-dot")


def _bar(axes: _Axes, point: Point) -> Iterator[Markup]:
    if point.low is None or point.high is None or point.kld <= 0 or not point.high > point.low:
        return
    x, _ = axes.at(point)
    top, bottom = axes.y(point.high), axes.y(max(point.low, axes.y.low))
    kind = f"bar {_kind(point)}"
    yield rule(x, top, x, bottom, kind)
    for y in (top, bottom):
        yield rule(x - 4, y, x + 4, y, kind)


def _mark(axes: _Axes, point: Point) -> Markup:
    x, y = axes.at(point)
    title, kind = tag("title", _says(point)), _kind(point)
    if kind == "baseline":
        shape = f"M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7 -7z"
        return tag("path", title, d=shape, class_="mark baseline")
    return tag("circle", title, cx=x, cy=y, r=5.5, class_=f"mark {kind}")


def _names(
    axes: _Axes, measured: Sequence[Point], predicted: Sequence[Point], budget: float | None
) -> Iterator[Markup]:
    taken, labels = [], []
    for point in measured:
        x, y = axes.at(point)
        taken.append(Frame(x - 7, y - 7, x + 7, y + 7))
        if point.low is not None and point.high is not None and point.kld > 0:
            top, bottom = axes.y(point.high), axes.y(max(point.low, axes.y.low))
            taken.append(Frame(x - 5, top, x + 5, bottom))
        labels.append(Label(x, y, point.label, strong=_kind(point) == "ours"))
    if budget is not None and axes.x.low < budget / axes.unit < axes.x.high:
        x = axes.x(budget / axes.unit)
        name = f"budget {format_size(budget)}"
        left = x - text_width(name) - 5 if x > axes.frame.right - 120 else x + 5
        box = Frame(left, axes.frame.top, left + text_width(name), axes.frame.top + FONT + 4)
        taken.append(box)
        taken.append(Frame(x - 1, axes.frame.top, x + 1, axes.frame.bottom))
        yield words(left, box.bottom - 4, name, "label quiet")
    curve = [axes.at(p) for p in predicted if p.kld > 0]
    taken.extend(_along(curve))
    taken.append(Frame(0, axes.frame.bottom - 1, axes.frame.right, axes.frame.bottom + 1))
    yield from draw_labels(place(labels, taken, axes.frame))


def _along(curve: Sequence[tuple[float, float]]) -> Iterator[Frame]:
    """Small boxes along the curve, so that no label stands on it."""
    for (x1, y1), (x2, y2) in pairwise(curve):
        count = max(2, int((abs(x2 - x1) + abs(y2 - y1)) / 6))
        for i in range(count + 1):
            x, y = x1 + (x2 - x1) * i / count, y1 + (y2 - y1) * i / count
            yield Frame(x - 1, y - 1, x + 1, y + 1)


def _legend(
    measured: Sequence[Point], predicted: Sequence[Point], width: float
) -> Iterator[Markup]:
    """What each mark means, in a row that breaks at the width."""
    kinds = [kind for kind in _MARKS if any(_kind(p) == kind for p in measured)]
    x, y = 7.0, 12.0
    for kind in [*kinds, *(["predicted"] if predicted else [])]:
        name = _MARKS.get(kind, "predicted by the plan")
        indent = 22.0 if kind == "predicted" else 11.0
        if x > 7 and x + indent + text_width(name) > width:
            x, y = 7.0, y + 20
        if kind == "predicted":
            yield rule(x - 6, y, x + 16, y, "predicted")
        elif kind == "baseline":
            yield tag("path", d=f"M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z", class_="mark baseline")
        else:
            yield tag("circle", cx=x, cy=y, r=5, class_=f"mark {kind}")
        yield words(x + indent, y + 4, name, "label quiet")
        x += indent + text_width(name) + 22


def _kind(point: Point) -> str:
    return point.kind if point.kind in _MARKS else "control"


def _says(point: Point) -> str:
    spread = ""
    if point.low is not None and point.high is not None and point.kind != "predicted":
        spread = f" ({significant(point.low)} to {significant(point.high)})"
    label = point.label or point.kind
    return f"{label}: {format_size(point.bytes)}, KLD {significant(point.kld)}{spread} nats"


def _alt(measured: Sequence[Point]) -> str:
    return "Mean KLD against file size. " + "; ".join(_says(p) for p in measured) + "."
