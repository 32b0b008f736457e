"""Figure 1: mean KLD against size, on a log axis, with error bars.

Measured points only; the plan's own prediction is dashed and says so. A KLD of zero (the starting
model against itself) has no place on a log axis: it stands on a line of its own below a break.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from penjing.core.units import format_size
from penjing.workshop.pages import axes as kit
from penjing.workshop.pages.plots import (
    FONT,
    Frame,
    Label,
    Scale,
    draw_labels,
    drawing,
    place,
    rule,
    tag,
    text_width,
    words,
)
from penjing.workshop.report.reading import Point

_MARKS = {"ours": "this method", "control": "control", "baseline": "starting model"}
_HEIGHT = 368.0
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
    """Bytes."""
    y: Scale
    """KLD."""
    zero: float | None
    """y of the line for a KLD of zero."""
    budget: float | None
    """x of the budget, where it lies inside."""

    def at(self, point: Point) -> kit.Spot:
        y = self.zero if self.zero is not None and point.kld == 0 else self.y(point.kld)
        return self.x(point.bytes), y


def frontier(
    points: Sequence[Point], *, width: float, budget: float | None, class_: str
) -> Markup | None:
    """The figure; None where nothing can be drawn."""
    measured = [p for p in points if p.kind != "predicted"]
    predicted = sorted(_near(points), key=lambda p: p.bytes)
    if not measured and not predicted:
        return None
    legend = kit.legend(_keys(measured, predicted), width)
    axes = _axes([*measured, *predicted], width, legend.bottom, budget)
    parts = [*legend.drawn, *_grid(axes), *_curve(axes, predicted)]
    for point in measured:
        parts += kit.bar(axes.x(point.bytes), axes.y, *_interval(point), _kind(point))
    for point in measured:
        shape = "diamond" if _kind(point) == "baseline" else "circle"
        parts.append(kit.mark(shape, axes.at(point), _kind(point), _says(point)))
    parts += _names(axes, measured, predicted, budget)
    return drawing(parts, width, axes.frame.bottom + kit.BOTTOM, _alt(measured), class_)


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


def _axes(points: Sequence[Point], width: float, top: float, budget: float | None) -> _Axes:
    zero = any(p.kld == 0 for p in points)
    frame = Frame(kit.LEFT, top + 30, width - kit.RIGHT, top + _HEIGHT)
    x = kit.sizes([p.bytes for p in points], frame)
    inside = budget is not None and x.low < budget < x.high
    return _Axes(
        frame,
        x,
        kit.klds(
            (v for p in points for v in (p.kld, p.low, p.high)),
            frame.bottom - (_FLOOR if zero else 0),
            frame.top,
        ),
        frame.bottom - 14 if zero else None,
        x(budget) if budget is not None and inside else None,
    )


def _grid(axes: _Axes) -> Iterator[Markup]:
    frame = axes.frame
    yield from kit.upright(axes.y, frame, kit.KLD)
    if axes.zero is not None:
        yield kit.across(axes.zero, frame, "0")
        middle = (axes.y.start + axes.zero) / 2
        for y in (middle - 2.5, middle + 2.5):
            yield rule(frame.left - 14, y + 3, frame.left - 4, y - 3, "axis")
    yield from kit.level_sizes(axes.x, frame)
    if axes.budget is not None:
        yield rule(axes.budget, frame.top, axes.budget, frame.bottom, "budget")


def _curve(axes: _Axes, predicted: Sequence[Point]) -> Iterator[Markup]:
    shown = [p for p in predicted if p.kld > 0]
    if len(shown) > 1:
        yield kit.polyline(map(axes.at, shown), "predicted")
    for point in shown:
        x, y = axes.at(point)
        yield tag("circle", tag("title", _says(point)), cx=x, cy=y, r=2, class_="predicted-dot")


def _names(
    axes: _Axes, measured: Sequence[Point], predicted: Sequence[Point], budget: float | None
) -> Iterator[Markup]:
    taken, labels = [], []
    for point in measured:
        x, y = axes.at(point)
        taken.append(kit.around((x, y)))
        low, high = _interval(point)
        if low is not None and high is not None:
            taken.append(Frame(x - 5, axes.y(high), x + 5, axes.y(low)))
        labels.append(Label(x, y, point.label, strong=_kind(point) == "ours"))
    if axes.budget is not None and budget is not None:
        x, name = axes.budget, f"budget {format_size(budget)}"
        left = x - text_width(name) - 5 if x > axes.frame.right - 120 else x + 5
        box = Frame(left, axes.frame.top, left + text_width(name), axes.frame.top + FONT + 4)
        taken += [box, Frame(x - 1, axes.frame.top, x + 1, axes.frame.bottom)]
        yield words(left, box.bottom - 4, name, "label quiet")
    taken += kit.along(axes.at(p) for p in predicted if p.kld > 0)
    taken.append(Frame(0, axes.frame.bottom - 1, axes.frame.right, axes.frame.bottom + 1))
    yield from draw_labels(place(labels, taken, axes.frame))


def _keys(measured: Sequence[Point], predicted: Sequence[Point]) -> Iterator[kit.Key]:
    for kind, name in _MARKS.items():
        if any(_kind(p) == kind for p in measured):
            yield kit.Key(name, kind, "diamond" if kind == "baseline" else "circle")
    if predicted:
        yield kit.Key("predicted by the plan", "predicted", kit.LINE)


def _interval(point: Point) -> tuple[float | None, float | None]:
    """Of what was measured; a KLD of zero is by definition."""
    if point.kld <= 0 or point.kind == "predicted":
        return None, None
    return point.low, point.high


def _kind(point: Point) -> str:
    return point.kind if point.kind in _MARKS else "control"


def _says(point: Point) -> str:
    kld = kit.with_interval(point.kld, *_interval(point))
    return f"{point.label or point.kind}: {format_size(point.bytes)}, {kld}"


def _alt(measured: Sequence[Point]) -> str:
    return "Mean KLD against file size. " + "; ".join(_says(p) for p in measured) + "."
