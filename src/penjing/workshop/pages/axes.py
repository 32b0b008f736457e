"""Axes, marks and legends of the figures in which files or steps are points.

A KLD stands on a log axis, a size on a linear one in MB or GB. Knows nothing of passports.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from penjing.workshop.pages.plots import (
    Frame,
    Scale,
    log_ticks,
    rule,
    tag,
    text_width,
    tick_texts,
    ticks,
    words,
)
from penjing.workshop.pages.texts import significant

LEFT, RIGHT, BOTTOM = 48.0, 10.0, 44.0
"""Room for the names of the ticks; at the right only so that no mark is cut."""
KLD = "mean KLD, nats (lower is closer)"
SIZE = 5.5
"""Half the width of a mark."""
LINE = "line"
"""The shape of a legend's entry that is no mark."""
_LEGEND_SIZE = 5.0
_NOTHING = 1e-9
"""A KLD below this is rounding."""

Spot = tuple[float, float]
"""x and y in drawing units."""


@dataclass(frozen=True)
class Key:
    """An entry of a legend."""

    name: str
    """What the mark means."""
    kind: str
    """Its class."""
    shape: str = "circle"
    """Of `mark`, or LINE."""
    size: float = _LEGEND_SIZE
    """Half its width."""


@dataclass(frozen=True)
class Legend:
    """What each mark means, in rows that break at the width."""

    drawn: tuple[Markup, ...]
    """Marks and names."""
    bottom: float
    """y below the last row."""


def sizes(values: Sequence[float], frame: Frame) -> Scale:
    """An x axis for file sizes in bytes, with some room at both ends."""
    room = max((max(values) - min(values)) * 0.1, max(values) * 0.02)
    return Scale(max(0.0, min(values) - room), max(values) + room, frame.left + 10, frame.right)


def klds(values: Iterable[float | None], bottom: float, top: float) -> Scale:
    """A log axis for KLDs and the ends of their intervals; what is zero lies on the lower edge."""
    ends = [v for v in values if v is not None and _NOTHING < v < math.inf]
    low, high = (min(ends), max(ends)) if ends else (0.01, 0.1)
    if high / low < 4:
        middle = (low * high) ** 0.5
        low, high = middle / 2, middle * 2
    return Scale(low / 1.25, high * 1.25, bottom, top, log=True)


def upright(scale: Scale, frame: Frame, name: str) -> Iterator[Markup]:
    """The y axis: its name above, a line across for each tick."""
    yield words(0, frame.top - 14, name, "name")
    values = log_ticks(scale.low, scale.high) if scale.log else ticks(scale.low, scale.high, 4)
    for value, written in zip(values, tick_texts(values), strict=True):
        yield across(scale(value), frame, written)


def across(y: float, frame: Frame, written: str) -> Markup:
    """One line across the frame, with what it stands for."""
    line = rule(frame.left, y, frame.right, y, "grid")
    return line + words(frame.left - 8, y + 4, written, "tick", "end")


def level(scale: Scale, frame: Frame, name: str, *, whole: bool = False) -> Iterator[Markup]:
    """The x axis below a frame; without a name its ticks have no texts. `whole`: no fractions."""
    yield rule(frame.left, frame.bottom, frame.right, frame.bottom, "axis")
    values = ticks(scale.low, scale.high, 7 if frame.right > 500 else 4)
    values = [value for value in values if not whole or value == round(value)]
    for value, written in zip(values, tick_texts(values), strict=True):
        yield rule(scale(value), frame.bottom, scale(value), frame.bottom + 5, "axis")
        if name:
            yield words(scale(value), frame.bottom + 19, written, "tick", "middle")
    if name:
        yield words(frame.right, frame.bottom + 38, name, "name", "end")


def level_sizes(scale: Scale, frame: Frame, *, named: bool = True) -> Iterator[Markup]:
    """The x axis of file sizes, in MB or GB."""
    unit, name = (1e9, "GB") if scale.high >= 2e9 else (1e6, "MB")
    shown = Scale(scale.low / unit, scale.high / unit, scale.start, scale.end)
    yield from level(shown, frame, f"file size, {name}" if named else "")


def bar(x: float, scale: Scale, low: float | None, high: float | None, kind: str) -> list[Markup]:
    """An interval with its two ends; nothing where there is none."""
    if low is None or high is None or not high > low:
        return []
    top, bottom = scale(high), scale(low)
    ends = [rule(x - 4, y, x + 4, y, f"bar {kind}") for y in (top, bottom)]
    return [rule(x, top, x, bottom, f"bar {kind}"), *ends]


def mark(shape: str, at: Spot, kind: str, says: str = "", size: float = SIZE) -> Markup:
    """A point; `says` is shown when one points at it."""
    (x, y), r, class_ = at, size, f"mark {kind}"
    title = [tag("title", says)] if says else []
    if shape == "circle":
        return tag("circle", *title, cx=x, cy=y, r=r, class_=class_)
    d = r + 1.5
    paths = {
        "square": f"M{x - r:.1f} {y - r:.1f}h{2 * r:.1f}v{2 * r:.1f}h{-2 * r:.1f}z",
        "diamond": f"M{x:.1f} {y - d:.1f}l{d:g} {d:g}l{-d:g} {d:g}l{-d:g} {-d:g}z",
        "triangle": f"M{x:.1f} {y - r - 1:.1f}L{x + r + 1:.1f} {y + r:.1f}H{x - r - 1:.1f}z",
        "turned": f"M{x:.1f} {y + r + 1:.1f}L{x + r + 1:.1f} {y - r:.1f}H{x - r - 1:.1f}z",
        "cross": f"M{x - r:.1f} {y:.1f}H{x + r:.1f}M{x:.1f} {y - r:.1f}V{y + r:.1f}",
    }
    return tag("path", *title, d=paths[shape], class_=class_)


def legend(keys: Iterable[Key], width: float) -> Legend:
    """The entries one after another; the rows break at the width."""
    x, y, drawn = 7.0, 12.0, []
    for key in keys:
        indent = 22.0 if key.shape == LINE else 11.0
        if x > 7 and x + indent + text_width(key.name) > width:
            x, y = 7.0, y + 20
        if key.shape == LINE:
            drawn.append(rule(x - 6, y, x + 16, y, key.kind))
        else:
            drawn.append(mark(key.shape, (x, y), key.kind, size=key.size))
        drawn.append(words(x + indent, y + 4, key.name, "label quiet"))
        x += indent + text_width(key.name) + 22
    return Legend(tuple(drawn), y + 20)


def polyline(spots: Iterable[Spot], kind: str) -> Markup:
    """A line through all of them."""
    return tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in spots), class_=kind)


def along(spots: Iterable[Spot]) -> Iterator[Frame]:
    """Small boxes on a line through the spots, so that no label stands on it."""
    for (x1, y1), (x2, y2) in pairwise(spots):
        count = max(2, int((abs(x2 - x1) + abs(y2 - y1)) / 6))
        for i in range(count + 1):
            x, y = x1 + (x2 - x1) * i / count, y1 + (y2 - y1) * i / count
            yield Frame(x - 1, y - 1, x + 1, y + 1)


def around(at: Spot) -> Frame:
    """The room that a mark takes."""
    return Frame(at[0] - 7, at[1] - 7, at[0] + 7, at[1] + 7)


def with_interval(value: float, low: float | None, high: float | None) -> str:
    """ "KLD 0.130 (0.121 to 0.140) nats", for titles and text alternatives."""
    spread = ""
    if low is not None and high is not None:
        spread = f" ({significant(low)} to {significant(high)})"
    return f"KLD {significant(value)}{spread} nats"
