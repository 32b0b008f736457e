"""A small drawing kit for SVG figures: elements, scales, ticks, axes and labels that keep apart.

Colours are class names and live in style.css, so that one drawing serves light, dark and print.
Every text goes through markupsafe. Knows nothing of passports.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from penjing.workshop.pages.texts import clean

FONT = 12.0
"""Text size in figures, in drawing units; style.css says the same."""
_NARROW = frozenset("ijl.,:;'|!()[]ftI ")
_WIDE = frozenset("mwMW@%—")


@dataclass(frozen=True)
class Frame:
    """The rectangle inside the axes."""

    left: float
    """x of the left edge."""
    top: float
    """y of the upper edge."""
    right: float
    """x of the right edge."""
    bottom: float
    """y of the lower edge."""

    def overlap(self, other: Frame) -> float:
        """Area shared with another rectangle."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    def holds(self, other: Frame) -> bool:
        """Whether another rectangle lies inside."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.right <= self.right
            and other.bottom <= self.bottom
        )


@dataclass(frozen=True)
class Scale:
    """A value to a coordinate, linear or logarithmic."""

    low: float
    """Value at `start`."""
    high: float
    """Value at `end`."""
    start: float
    """First coordinate."""
    end: float
    """Last coordinate."""
    log: bool = False
    """Logarithmic; both ends are then above zero."""

    def __call__(self, value: float) -> float:
        """The coordinate; values outside are held at the ends."""
        value = min(max(value, self.low), self.high)
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        at = math.log(value) if self.log else value
        share = (at - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True)
class Label:
    """A text that wants to stand near a point."""

    x: float
    """The point."""
    y: float
    """The point."""
    text: str
    """What to write."""
    strong: bool = False
    """Placed first and written bold."""


@dataclass(frozen=True)
class PlacedLabel:
    """Where a label came to stand."""

    label: Label
    """Which one."""
    box: Frame
    """The room it takes."""


def tag(name: str, *children: str | Markup, **attributes: str | float) -> Markup:
    """An SVG element. Text is escaped; `class_` is class and `_` becomes `-`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
    )
    inside = "".join(c if isinstance(c, Markup) else escape(clean(c)) for c in children)
    return Markup(f"<{name}{written}>{inside}</{name}>")  # noqa: S704 (all parts are escaped)


def words(x: float, y: float, text: str, class_: str = "", anchor: str = "start") -> Markup:
    """A line of text whose baseline starts, centres or ends at (x, y)."""
    extra: dict[str, str | float] = {} if anchor == "start" else {"text_anchor": anchor}
    if class_:
        extra["class_"] = class_
    return tag("text", text, x=x, y=y, **extra)


def rule(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def block(box: Frame, class_: str, *children: Markup, radius: float = 0) -> Markup:
    """A rectangle."""
    extra: dict[str, str | float] = {"rx": radius} if radius else {}
    width, height = max(0.0, box.right - box.left), max(0.0, box.bottom - box.top)
    return tag(
        "rect", *children, x=box.left, y=box.top, width=width, height=height, class_=class_, **extra
    )


def drawing(parts: Iterable[Markup], width: float, height: float, alt: str, class_: str) -> Markup:
    """The whole SVG, with its text alternative."""
    return tag(
        "svg",
        Markup("").join(parts),
        viewBox=f"0 0 {_attribute(width)} {_attribute(height)}",
        role="img",
        aria_label=alt,
        class_=class_,
    )


def text_width(text: str, size: float = FONT) -> float:
    """About how wide a text stands in a plain sans-serif; errs on the wide side."""
    total = 0.0
    for sign in text:
        if unicodedata.east_asian_width(sign) in "WF":
            total += 1.02
        elif sign in _NARROW:
            total += 0.34
        elif sign in _WIDE:
            total += 0.92
        else:
            total += 0.7 if sign.isupper() else 0.58
    return total * size


def shorten(text: str, room: float, size: float = FONT) -> str:
    """The text, or as much of it as fits in `room` with an ellipsis; "" where nothing does."""
    if text_width(text, size) <= room:
        return text
    for end in range(min(len(text) - 1, 200), 1, -1):
        if text_width(text[:end] + "…", size) <= room:
            return text[:end].rstrip() + "…"
    return ""


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between low and high: steps of 1, 2, 2.5 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def log_ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers for a log axis: decades, then 1-3, 1-2-5, and linear steps when narrow."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    stride = max(1, math.ceil(len(decades) / (about + 1)))
    found: list[float] = []
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        every = stride if steps == (1,) else 1
        ladder = [s * 10.0**d for d in decades if d % every == 0 for s in steps]
        inside = [t for t in ladder if low * 0.9999 <= t <= high * 1.0001]
        if len(inside) > about + 2:
            break
        found = inside
    return found if len(found) >= 3 else ticks(low, high, 4)


def tick_texts(values: Sequence[float]) -> list[str]:
    """Ticks written alike where they are evenly spaced, each as short as it can be otherwise."""
    return [f"{value:.10f}".rstrip("0").rstrip(".") if value else "0" for value in values]


def place(labels: Sequence[Label], taken: Sequence[Frame], bounds: Frame) -> list[PlacedLabel]:
    """Find room for each label near its point, strong ones first.

    Placed labels lie inside `bounds` and never overlap each other or anything in `taken`; one that
    finds no room is left out (its point still has a title and a row in the table).
    """
    filled, placed = list(taken), []
    for label in sorted(labels, key=lambda item: not item.strong):
        box = next((b for b in _places(label) if _free(b, filled, bounds)), None)
        if box is not None:
            filled.append(box)
            placed.append(PlacedLabel(label, box))
    return placed


def draw_labels(placed: Sequence[PlacedLabel], class_: str = "label") -> Iterator[Markup]:
    """The labels, with a thin leader where one stands far from its point."""
    for item in placed:
        box, label = item.box, item.label
        near_x = min(max(label.x, box.left), box.right)
        near_y = min(max(label.y, box.top + 2), box.bottom - 2)
        distance = math.hypot(near_x - label.x, near_y - label.y)
        if distance > 16:
            share = 6 / distance
            start_x, start_y = (
                label.x + share * (near_x - label.x),
                label.y + share * (near_y - label.y),
            )
            yield rule(start_x, start_y, near_x, near_y, "leader")
        kind = f"{class_} strong" if label.strong else class_
        anchor = _anchor(item)
        x = {"start": box.left, "middle": (box.left + box.right) / 2, "end": box.right}[anchor]
        yield words(x, box.bottom - 4, label.text, kind, anchor)


def _anchor(item: PlacedLabel) -> str:
    """Text is tied to the side that faces its point: a font of other widths then does no harm."""
    if item.box.left > item.label.x:
        return "start"
    return "end" if item.box.right < item.label.x else "middle"


def _places(label: Label) -> Iterator[Frame]:
    """Boxes around the point, nearest first: right, left, above, below, then the corners."""
    width, height = text_width(label.text) * (1.08 if label.strong else 1) + 2, FONT + 4
    for gap in (11.0, 18.0, 26.0, 38.0, 54.0, 74.0, 98.0):
        side, across = gap, gap * 0.75
        offsets = (
            (side, -height / 2),
            (-side - width, -height / 2),
            (-width / 2, -across - height),
            (-width / 2, across),
            (across, -across - height / 2),
            (across, across - height / 2),
            (-across - width, -across - height / 2),
            (-across - width, across - height / 2),
            (-width * 0.85, -across - height),
            (-width * 0.15, -across - height),
            (-width * 0.85, across),
            (-width * 0.15, across),
        )
        for dx, dy in offsets:
            left, top = label.x + dx, label.y + dy
            yield Frame(left, top, left + width, top + height)


def _free(box: Frame, filled: Sequence[Frame], bounds: Frame) -> bool:
    return bounds.holds(box) and all(box.overlap(other) == 0 for other in filled)


def _attribute(value: str | float) -> str:
    if isinstance(value, str):
        return str(escape(clean(value)))
    if not math.isfinite(value):
        raise ValueError(f"a drawing cannot hold {value}")
    return f"{value:.1f}".removesuffix(".0")
