"""The Pareto plot: mean KLD against bytes above, decode speed against bytes below, on one x axis.

Methods are filled marks joined by a line, each with a shape and a colour of its own; controls are
hollow. The wide pale line is the front: no measured file is both smaller and closer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from penjing.core.units import format_size
from penjing.workshop.report.plots import (
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
from penjing.workshop.report.words import significant

_SHAPES = ("circle", "square", "diamond", "triangle", "turned", "cross")
_KLD_HEIGHT, _SPEED_HEIGHT, _BETWEEN = 300.0, 170.0, 44.0
_SIZE = 5.5
"""Half the width of a mark."""
_START = "starting model's speed"
_NOTHING = 1e-9
"""A KLD below this is rounding: it lies on the lower edge."""
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
    decode: float
    """Tokens written per second."""


@dataclass(frozen=True)
class _Axes:
    """Where values go."""

    upper: Frame
    """The panel of KLD."""
    lower: Frame
    """The panel of speed."""
    x: Scale
    """Size in units of `unit`."""
    kld: Scale
    """Logarithmic."""
    speed: Scale
    """Linear."""
    unit: float
    """Bytes of one step of x."""

    def above(self, dot: Dot) -> tuple[float, float]:
        """Its place among the KLDs; a KLD of zero lies on the lower edge."""
        return self._across(dot), self.kld(dot.kld)

    def below(self, dot: Dot) -> tuple[float, float]:
        """Its place among the speeds."""
        return self._across(dot), self.speed(dot.decode)

    def _across(self, dot: Dot) -> float:
        return self.x(dot.bytes / self.unit) + (_ASIDE if dot.of else 0.0)


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
    legend = list(_legend(dots, width))
    axes = _axes(dots, start_decode, width, legend[-1].bottom)
    parts = [entry.drawn for entry in legend]
    parts += [*_upper_grid(axes), *_lower_grid(axes, start_decode), *_sizes(axes)]
    parts += [*_front(axes, dots), *_lines(axes, dots)]
    for dot in sorted(dots, key=lambda d: not d.of):  # methods above their controls
        parts += [*_bar(axes, dot, dots)]
        for at in (axes.above(dot), axes.below(dot)):
            parts.append(_mark(at, dots, dot))
    parts += _names(axes, dots)
    height = axes.lower.bottom + 44
    return drawing(parts, width, height, _alt(dots), class_)


@dataclass(frozen=True)
class _Entry:
    """One entry of the legend."""

    drawn: Markup
    """The mark and its name."""
    bottom: float
    """y below its row."""


def _legend(dots: Sequence[Dot], width: float) -> Iterator[_Entry]:
    """What each mark means, in rows that break at the width."""
    x, y = 7.0, 12.0
    named = {(dot.name, bool(dot.of)): dot for dot in sorted(dots, key=lambda d: bool(d.of))}
    for dot in named.values():
        name = f"control: {dot.name}" if dot.of else dot.name
        if x > 7 and x + 11 + text_width(name) > width:
            x, y = 7.0, y + 20
        drawn = _mark((x, y), dots, dot) + words(x + 11, y + 4, name, "label quiet")
        yield _Entry(drawn, y + 20)
        x += 11 + text_width(name) + 22
    for name, kind in (("front: none smaller and closer", "front"), (_START, "budget")):
        if x > 7 and x + 22 + text_width(name) > width:
            x, y = 7.0, y + 20
        drawn = rule(x - 6, y, x + 16, y, kind) + words(x + 22, y + 4, name, "label quiet")
        yield _Entry(drawn, y + 20)
        x += 22 + text_width(name) + 22


def _axes(dots: Sequence[Dot], start_decode: float, width: float, top: float) -> _Axes:
    upper = Frame(48.0, top + 30, width - 10, top + 30 + _KLD_HEIGHT)
    lower_top = upper.bottom + _BETWEEN
    lower = Frame(48.0, lower_top, width - 10, lower_top + _SPEED_HEIGHT)
    unit = 1e9 if max(d.bytes for d in dots) >= 2e9 else 1e6
    sizes = [d.bytes / unit for d in dots]
    room = max((max(sizes) - min(sizes)) * 0.1, max(sizes) * 0.02)
    ends = [v for d in dots for v in (d.kld, d.low, d.high) if v is not None and v > _NOTHING]
    low, high = (min(ends), max(ends)) if ends else (0.01, 0.1)
    if high / low < 4:
        middle = (low * high) ** 0.5
        low, high = middle / 2, middle * 2
    speeds = [start_decode, *(d.decode for d in dots)]
    slack = max((max(speeds) - min(speeds)) * 0.12, max(speeds) * 0.05)
    return _Axes(
        upper,
        lower,
        Scale(max(0.0, min(sizes) - room), max(sizes) + room, upper.left + 10, upper.right),
        Scale(low / 1.25, high * 1.25, upper.bottom, upper.top, log=True),
        Scale(max(0.0, min(speeds) - slack), max(speeds) + slack, lower.bottom, lower.top),
        unit,
    )


def _upper_grid(axes: _Axes) -> Iterator[Markup]:
    frame, values = axes.upper, log_ticks(axes.kld.low, axes.kld.high)
    yield words(0, frame.top - 14, "mean KLD, nats (lower is closer)", "name")
    for value, name in zip(values, tick_texts(values), strict=True):
        yield rule(frame.left, axes.kld(value), frame.right, axes.kld(value), "grid")
        yield words(frame.left - 8, axes.kld(value) + 4, name, "tick", "end")
    yield rule(frame.left, frame.bottom, frame.right, frame.bottom, "axis")


def _lower_grid(axes: _Axes, start_decode: float) -> Iterator[Markup]:
    frame, values = axes.lower, ticks(axes.speed.low, axes.speed.high, 4)
    yield words(0, frame.top - 14, "tokens written per second (higher is faster)", "name")
    for value, name in zip(values, tick_texts(values), strict=True):
        yield rule(frame.left, axes.speed(value), frame.right, axes.speed(value), "grid")
        yield words(frame.left - 8, axes.speed(value) + 4, name, "tick", "end")
    yield rule(frame.left, frame.bottom, frame.right, frame.bottom, "axis")
    y = axes.speed(start_decode)
    title = tag("title", f"starting model: {significant(start_decode)} tok/s")
    yield tag("line", title, x1=frame.left, y1=y, x2=frame.right, y2=y, class_="budget")


def _sizes(axes: _Axes) -> Iterator[Markup]:
    """The x axis, written once below both panels."""
    values = ticks(axes.x.low, axes.x.high, 7 if axes.upper.right > 500 else 4)
    for value, name in zip(values, tick_texts(values), strict=True):
        for frame in (axes.upper, axes.lower):
            yield rule(axes.x(value), frame.bottom, axes.x(value), frame.bottom + 5, "axis")
        yield words(axes.x(value), axes.lower.bottom + 19, name, "tick", "middle")
    unit = "GB" if axes.unit == 1e9 else "MB"
    yield words(axes.lower.right, axes.lower.bottom + 38, f"file size, {unit}", "name", "end")


def _front(axes: _Axes, dots: Sequence[Dot]) -> Iterator[Markup]:
    """A staircase: from each point of the front on, nothing closer until the next."""
    best = [dots[i] for i in front([(d.bytes, d.kld) for d in dots])]
    edge = [(axes.x(dot.bytes / axes.unit), axes.kld(dot.kld)) for dot in best]
    steps = [(edge[0][0], axes.upper.top)]
    for x, y in edge:
        steps += [(x, steps[-1][1]), (x, y)]
    steps.append((axes.upper.right, steps[-1][1]))
    yield _polyline(steps, "front")


def _lines(axes: _Axes, dots: Sequence[Dot]) -> Iterator[Markup]:
    """Joins the sizes of each method."""
    for number, name in enumerate(_methods(dots)):
        own = sorted((d for d in dots if d.name == name and not d.of), key=lambda d: d.bytes)
        if len(own) > 1:
            for place_of in (axes.above, axes.below):
                yield _polyline([place_of(dot) for dot in own], f"join m{number % 7}")


def _bar(axes: _Axes, dot: Dot, dots: Sequence[Dot]) -> Iterator[Markup]:
    if dot.low is None or dot.high is None or not dot.high > dot.low or dot.kld <= 0:
        return
    x, _ = axes.above(dot)
    top, bottom = axes.kld(dot.high), axes.kld(max(dot.low, axes.kld.low))
    kind = f"bar {_class(dots, dot)}"
    yield rule(x, top, x, bottom, kind)
    for y in (top, bottom):
        yield rule(x - 4, y, x + 4, y, kind)


def _mark(at: tuple[float, float], dots: Sequence[Dot], dot: Dot) -> Markup:
    x, y = at
    names = _controls(dots) if dot.of else _methods(dots)
    shape = _SHAPES[names.index(dot.name) % len(_SHAPES)]
    kind, title, r = f"mark {_class(dots, dot)}", tag("title", _says(dot)), _SIZE
    if dot.of:
        r *= 0.8
    if shape == "circle":
        return tag("circle", title, cx=x, cy=y, r=r, class_=kind)
    paths = {
        "square": f"M{x - r:.1f} {y - r:.1f}h{2 * r:.1f}v{2 * r:.1f}h{-2 * r:.1f}z",
        "diamond": f"M{x:.1f} {y - r - 2:.1f}L{x + r + 2:.1f} {y:.1f}L{x:.1f} {y + r + 2:.1f}"
        f"L{x - r - 2:.1f} {y:.1f}z",
        "triangle": f"M{x:.1f} {y - r - 1:.1f}L{x + r + 1:.1f} {y + r:.1f}H{x - r - 1:.1f}z",
        "turned": f"M{x:.1f} {y + r + 1:.1f}L{x + r + 1:.1f} {y - r:.1f}H{x - r - 1:.1f}z",
        "cross": f"M{x - r:.1f} {y:.1f}H{x + r:.1f}M{x:.1f} {y - r:.1f}V{y + r:.1f}",
    }
    return tag("path", title, d=paths[shape], class_=kind)


def _names(axes: _Axes, dots: Sequence[Dot]) -> Iterator[Markup]:
    """The name of each method, once in the upper panel, at its smallest file."""
    taken, labels = [], []
    for dot in dots:
        x, y = axes.above(dot)
        taken.append(Frame(x - 7, y - 7, x + 7, y + 7))
    for name in _methods(dots):
        own = sorted((d for d in dots if d.name == name and not d.of), key=lambda d: d.bytes)
        labels.append(Label(*axes.above(own[0]), name, strong=True))
        taken += [box for a, b in pairwise(map(axes.above, own)) for box in _along(a, b)]
    yield from draw_labels(place(labels, taken, axes.upper))


def _along(a: tuple[float, float], b: tuple[float, float]) -> Iterator[Frame]:
    """Small boxes on a line, so that no label stands on it."""
    count = max(2, int((abs(b[0] - a[0]) + abs(b[1] - a[1])) / 6))
    for i in range(count + 1):
        x, y = a[0] + (b[0] - a[0]) * i / count, a[1] + (b[1] - a[1]) * i / count
        yield Frame(x - 1, y - 1, x + 1, y + 1)


def _polyline(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    return tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=class_)


def _methods(dots: Sequence[Dot]) -> list[str]:
    return list(dict.fromkeys(dot.name for dot in dots if not dot.of))


def _controls(dots: Sequence[Dot]) -> list[str]:
    return list(dict.fromkeys(dot.name for dot in dots if dot.of))


def _class(dots: Sequence[Dot], dot: Dot) -> str:
    return "control" if dot.of else f"m{_methods(dots).index(dot.name) % 7}"


def _says(dot: Dot) -> str:
    spread = ""
    if dot.low is not None and dot.high is not None:
        spread = f" ({significant(dot.low)} to {significant(dot.high)})"
    name = f"{dot.name}, control of {dot.of}" if dot.of else dot.name
    return (
        f"{name}: {format_size(dot.bytes)}, KLD {significant(dot.kld)}{spread} nats, "
        f"{significant(dot.decode)} tok/s"
    )


def _alt(dots: Sequence[Dot]) -> str:
    shown = "; ".join(_says(dot) for dot in dots)
    return f"Mean KLD and decode speed against file size. {shown}."
