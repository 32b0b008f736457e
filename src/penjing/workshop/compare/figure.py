"""The Pareto plot: mean KLD against bytes above, decode speed against bytes below, on one x axis.

Methods are filled marks joined by a line, each with a shape and a colour of its own; controls are
hollow. The wide pale line is the front: no measured file is both smaller and closer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from penjing.core.units import format_size
from penjing.workshop.pages import axes as kit
from penjing.workshop.pages.plots import (
    Frame,
    Label,
    Scale,
    draw_labels,
    drawing,
    place,
    tag,
)
from penjing.workshop.pages.texts import significant

_SHAPES = ("circle", "square", "diamond", "triangle", "turned", "cross")
_KLD_HEIGHT, _SPEED_HEIGHT, _BETWEEN = 300.0, 170.0, 44.0
_START = "starting model's speed"
_COLOURS = 7
"""Of methods; style.css has as many."""
_ASIDE = 12.0
"""A control is drawn so far to the right of its size, beside its method and not behind it."""


@dataclass(frozen=True)
class Dot:
    """One measured file."""

    name: str
    """The method or control."""
    of: str
    """Of a control, its method; empty for a method."""
    bytes: float
    """Size, above zero."""
    kld: float
    """Mean KLD in nats, at least zero."""
    low: float | None
    """Lower end of its interval."""
    high: float | None
    """Upper end."""
    decode: float | None
    """Tokens written per second; None where it was not measured."""


@dataclass(frozen=True)
class _Axes:
    """Where values go."""

    upper: Frame
    """The panel of KLD."""
    lower: Frame
    """The panel of speed."""
    x: Scale
    """Bytes."""
    kld: Scale
    """Logarithmic."""
    speed: Scale
    """Linear."""

    def above(self, dot: Dot) -> kit.Spot:
        """Its place among the KLDs; a KLD of zero lies on the lower edge."""
        return self._across(dot), self.kld(dot.kld)

    def below(self, dot: Dot) -> kit.Spot | None:
        """Its place among the speeds, if it has one."""
        return None if dot.decode is None else (self._across(dot), self.speed(dot.decode))

    def _across(self, dot: Dot) -> float:
        return self.x(dot.bytes) + (_ASIDE if dot.of else 0.0)


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points (bytes, KLD) no other is better than, smallest first.

    A point is left out when another is as small and as close, and better in one of them.
    """
    best = float("inf")
    found = []
    for i in sorted(range(len(points)), key=lambda i: points[i]):
        if points[i][1] < best:
            found.append(i)
            best = points[i][1]
    return found


def pareto(dots: Sequence[Dot], start_decode: float, *, width: float, class_: str) -> Markup | None:
    """The figure; None where there is nothing to draw."""
    if not dots:
        return None
    legend = kit.legend(_keys(dots), width)
    axes = _axes(dots, start_decode, width, legend.bottom)
    parts = [*legend.drawn, *_grid(axes, start_decode)]
    parts += [*_front(axes, dots), *_lines(axes, dots)]
    for dot in sorted(dots, key=lambda d: not d.of):  # methods above their controls
        x, _ = axes.above(dot)
        if dot.kld > 0:
            parts += kit.bar(x, axes.kld, dot.low, dot.high, _class(dots, dot))
        spots = (axes.above(dot), axes.below(dot))
        parts += [_mark(at, dots, dot) for at in spots if at is not None]
    parts += _names(axes, dots)
    return drawing(parts, width, axes.lower.bottom + kit.BOTTOM, _alt(dots), class_)


def _keys(dots: Sequence[Dot]) -> Iterator[kit.Key]:
    named = {(dot.name, bool(dot.of)): dot for dot in sorted(dots, key=lambda d: bool(d.of))}
    for dot in named.values():
        name = f"control: {dot.name}" if dot.of else dot.name
        yield kit.Key(name, _class(dots, dot), _shape(dots, dot), _size(dot))
    yield kit.Key("front: none smaller and closer", "front", kit.LINE)
    yield kit.Key(_START, "budget", kit.LINE)


def _axes(dots: Sequence[Dot], start_decode: float, width: float, top: float) -> _Axes:
    upper = Frame(kit.LEFT, top + 30, width - kit.RIGHT, top + 30 + _KLD_HEIGHT)
    lower_top = upper.bottom + _BETWEEN
    lower = Frame(kit.LEFT, lower_top, width - kit.RIGHT, lower_top + _SPEED_HEIGHT)
    speeds = [start_decode, *(d.decode for d in dots if d.decode is not None)]
    slack = max((max(speeds) - min(speeds)) * 0.12, max(speeds) * 0.05)
    return _Axes(
        upper,
        lower,
        kit.sizes([d.bytes for d in dots], upper),
        kit.klds((v for d in dots for v in (d.kld, d.low, d.high)), upper.bottom, upper.top),
        Scale(max(0.0, min(speeds) - slack), max(speeds) + slack, lower.bottom, lower.top),
    )


def _grid(axes: _Axes, start_decode: float) -> Iterator[Markup]:
    """Both panels; the x axis is written once, below them."""
    yield from kit.upright(axes.kld, axes.upper, kit.KLD)
    yield from kit.level_sizes(axes.x, axes.upper, named=False)
    yield from kit.upright(axes.speed, axes.lower, "tokens written per second (higher is faster)")
    yield from kit.level_sizes(axes.x, axes.lower)
    frame, y = axes.lower, axes.speed(start_decode)
    title = tag("title", f"starting model: {significant(start_decode)} tok/s")
    yield tag("line", title, x1=frame.left, y1=y, x2=frame.right, y2=y, class_="budget")


def _front(axes: _Axes, dots: Sequence[Dot]) -> Iterator[Markup]:
    """A staircase: from each point of the front on, nothing closer until the next."""
    best = [dots[i] for i in front([(d.bytes, d.kld) for d in dots])]
    edge = [(axes.x(dot.bytes), axes.kld(dot.kld)) for dot in best]
    steps = [(edge[0][0], axes.upper.top)]
    for x, y in edge:
        steps += [(x, steps[-1][1]), (x, y)]
    steps.append((axes.upper.right, steps[-1][1]))
    yield kit.polyline(steps, "front")


def _lines(axes: _Axes, dots: Sequence[Dot]) -> Iterator[Markup]:
    """Joins the sizes of each method."""
    for number, name in enumerate(_methods(dots)):
        own = sorted((d for d in dots if d.name == name and not d.of), key=lambda d: d.bytes)
        if len(own) > 1:
            for place_of in (axes.above, axes.below):
                spots = [spot for dot in own if (spot := place_of(dot)) is not None]
                yield kit.polyline(spots, f"join m{number % _COLOURS}")


def _mark(at: kit.Spot, dots: Sequence[Dot], dot: Dot) -> Markup:
    return kit.mark(_shape(dots, dot), at, _class(dots, dot), _says(dot), _size(dot))


def _shape(dots: Sequence[Dot], dot: Dot) -> str:
    names = _controls(dots) if dot.of else _methods(dots)
    return _SHAPES[names.index(dot.name) % len(_SHAPES)]


def _size(dot: Dot) -> float:
    return kit.SIZE * (0.8 if dot.of else 1)


def _names(axes: _Axes, dots: Sequence[Dot]) -> Iterator[Markup]:
    """The name of each method, once in the upper panel, at its smallest file."""
    taken, labels = [], []
    for dot in dots:
        taken.append(kit.around(axes.above(dot)))
    for name in _methods(dots):
        own = sorted((d for d in dots if d.name == name and not d.of), key=lambda d: d.bytes)
        labels.append(Label(*axes.above(own[0]), name, strong=True))
        taken += kit.along(map(axes.above, own))
    yield from draw_labels(place(labels, taken, axes.upper))


def _methods(dots: Sequence[Dot]) -> list[str]:
    return list(dict.fromkeys(dot.name for dot in dots if not dot.of))


def _controls(dots: Sequence[Dot]) -> list[str]:
    return list(dict.fromkeys(dot.name for dot in dots if dot.of))


def _class(dots: Sequence[Dot], dot: Dot) -> str:
    return "control" if dot.of else f"m{_methods(dots).index(dot.name) % _COLOURS}"


def _says(dot: Dot) -> str:
    name = f"{dot.name}, control of {dot.of}" if dot.of else dot.name
    kld = kit.with_interval(dot.kld, dot.low, dot.high)
    speed = "" if dot.decode is None else f", {significant(dot.decode)} tok/s"
    return f"{name}: {format_size(dot.bytes)}, {kld}{speed}"


def _alt(dots: Sequence[Dot]) -> str:
    shown = "; ".join(_says(dot) for dot in dots)
    return f"Mean KLD and decode speed against file size. {shown}."
