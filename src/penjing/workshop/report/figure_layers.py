"""Figure 2: how sensitive each tensor is (colour) and which codec it got (letter).

Wide pictures run the layers left to right, narrow ones top to bottom. Without sensitivities the
colour shows the bits per weight instead, and the caption must say so (`coloured_by`).
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from penjing.core.units import format_size
from penjing.workshop.report.plots import (
    Frame,
    block,
    drawing,
    shorten,
    tag,
    text_width,
    words,
)
from penjing.workshop.report.reading import TensorRow
from penjing.workshop.report.words import significant

LEVELS = 7
"""Steps of the colour ramp; style.css has as many."""
_BAND = 40
"""Layers side by side at most; deeper models break into bands."""
_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits
_GAP = 1.5


@dataclass(frozen=True)
class _Shading:
    """How a tensor becomes a colour and a letter."""

    low: float
    """Value of the lightest colour, above zero."""
    high: float
    """Value of the darkest."""
    by_bits: bool
    """Bits per weight instead of sensitivity."""
    letters: Mapping[str, str]
    """Codec name to letter; fewer bits come first."""
    bits: Mapping[str, float]
    """Codec name to bits per weight, in the same order."""

    def level(self, tensor: TensorRow) -> int | None:
        """0 to LEVELS - 1; None where nothing was measured."""
        value = bits_of(tensor) if self.by_bits else tensor.sensitivity
        if value is None:
            return None
        if value <= self.low or self.high <= self.low:
            return 0
        share = math.log(min(value, self.high) / self.low) / math.log(self.high / self.low)
        return min(LEVELS - 1, int(share * LEVELS))


def drawn(tensors: Sequence[TensorRow]) -> list[TensorRow]:
    """The tensors worth a cell: probed ones, and all of any kind that holds 0.1% of the weights."""
    total = sum(t.parameters for t in tensors) or 1.0
    weights: dict[str, float] = {}
    for t in tensors:
        weights[t.group] = weights.get(t.group, 0.0) + t.parameters
    return [t for t in tensors if t.sensitivity is not None or weights[t.group] / total >= 1e-3]


def coloured_by(tensors: Sequence[TensorRow]) -> str:
    """What the colour of the figure means: "sensitivity" or "bits"."""
    return "sensitivity" if any(t.sensitivity is not None for t in tensors) else "bits"


def layers(tensors: Sequence[TensorRow], *, width: float, class_: str) -> Markup | None:
    """The figure; None where no tensor is worth a cell."""
    cells = drawn(tensors)
    if not cells:
        return None
    shading, wide = _shading(cells), width > 500
    parts = list(_legend(shading, width))
    top = _legend_height(shading, width) + 14
    within = [t for t in cells if t.layer is not None]
    whole = [t for t in cells if t.layer is None]
    margin = _margin(_kinds(cells))
    if within:
        paint = _across if wide else _down
        bottom = top + paint(within, shading, parts, top, width, margin)
    else:
        bottom = top
    bottom = _whole(whole, shading, parts, bottom, width, margin)
    what = "Sensitivity" if not shading.by_bits else "Bits per weight"
    alt = f"{what} and codec of {len(cells)} tensors; the table below has the same as text."
    return drawing(parts, width, bottom + 4, alt, class_)


def bits_of(tensor: TensorRow) -> float | None:
    """Bits per weight of one tensor."""
    return 8 * tensor.bytes / tensor.parameters if tensor.parameters > 0 else None


def _shading(cells: Sequence[TensorRow]) -> _Shading:
    by_bits = coloured_by(cells) == "bits"
    values = [bits_of(t) if by_bits else t.sensitivity for t in cells]
    positive = [v for v in values if v is not None and v > 0]
    low, high = (min(positive), max(positive)) if positive else (1.0, 1.0)
    bits: dict[str, float] = {}
    for t in cells:
        bits[t.codec] = max(bits.get(t.codec, 0.0), bits_of(t) or 0.0)
    ordered = dict(sorted(bits.items(), key=lambda item: (item[1], item[0])))
    letters = {name: _LETTERS[i % len(_LETTERS)] for i, name in enumerate(ordered)}
    return _Shading(low, high, by_bits, letters, ordered)


def _across(
    cells: Sequence[TensorRow],
    shading: _Shading,
    parts: list[Markup],
    top: float,
    width: float,
    margin: float,
) -> float:
    """Kinds as rows and layers as columns, in bands; returns the height used."""
    kinds, numbers = _kinds(cells), sorted({t.layer for t in cells if t.layer is not None})
    by_place = {(t.group, t.layer): t for t in cells}
    left, row = margin, 24.0
    bands = math.ceil(len(numbers) / _BAND)
    per_band = math.ceil(len(numbers) / bands)
    column = min(40.0, (width - left) / per_band)
    y = top
    for band in range(bands):
        here = numbers[band * per_band : (band + 1) * per_band]
        for kind in kinds:
            parts.append(words(left - 10, y + row / 2 + 4, shorten(kind, left - 10), "name", "end"))
            for i, layer in enumerate(here):
                x = left + i * column
                box = Frame(x, y, x + column - _GAP, y + row - _GAP)
                parts.extend(_cell(by_place.get((kind, layer)), shading, box, hover=True))
            y += row
        for i, layer in enumerate(here):
            if layer % 5 == 0 or len(here) <= 12:
                x = left + (i + 0.5) * column
                parts.append(words(x, y + 14, str(layer), "tick", "middle"))
        parts.append(words(left - 10, y + 14, "layer", "tick", "end"))
        y += 30
    return y - top


def _down(
    cells: Sequence[TensorRow],
    shading: _Shading,
    parts: list[Markup],
    top: float,
    width: float,
    _margin: float,
) -> float:
    """Layers as rows and kinds as columns; returns the height used."""
    kinds, numbers = _kinds(cells), sorted({t.layer for t in cells if t.layer is not None})
    by_place = {(t.group, t.layer): t for t in cells}
    left, row = 28.0, 17.0
    column = min(60.0, (width - left - 24) / len(kinds))
    head = min(max(text_width(kind) for kind in kinds), 110.0) * 0.85 + 8
    for i, kind in enumerate(kinds):
        x, y = left + (i + 0.5) * column + 2, top + head - 6
        name = shorten(kind, 110)
        turned = f"rotate(-58 {x:.1f} {y:.1f})"
        parts.append(tag("text", name, x=x, y=y, transform=turned, class_="name"))
    y = top + head
    for layer in numbers:
        if layer % 5 == 0 or len(numbers) <= 12:
            parts.append(words(left - 8, y + row / 2 + 4, str(layer), "tick", "end"))
        for i, kind in enumerate(kinds):
            x = left + i * column
            box = Frame(x, y, x + column - _GAP, y + row - _GAP)
            parts.extend(_cell(by_place.get((kind, layer)), shading, box, hover=False))
        y += row
    return y - top + 8


def _whole(
    tensors: Sequence[TensorRow],
    shading: _Shading,
    parts: list[Markup],
    top: float,
    width: float,
    margin: float,
) -> float:
    """Tensors that belong to no layer: one wide cell each; returns the new bottom."""
    left = margin if width > 500 else 0.0
    y = top
    for tensor in tensors[:12]:
        if width > 500:
            name = shorten(tensor.group, left - 10)
            parts.append(words(left - 10, y + 16, name, "name", "end"))
        says = shading.letters[tensor.codec] if width > 500 else tensor.group
        says += f": {tensor.codec}, {format_size(tensor.bytes)}"
        box = Frame(left, y, width - _GAP, y + 24 - _GAP)
        parts.extend(_cell(tensor, shading, box, hover=True, says=says))
        y += 24
    return y


def _cell(
    tensor: TensorRow | None, shading: _Shading, box: Frame, *, hover: bool, says: str = ""
) -> Iterator[Markup]:
    if tensor is None:
        return
    level = shading.level(tensor)
    tone = "none" if level is None else str(level)
    title = (tag("title", _describe(tensor)),) if hover else ()
    yield block(box, f"c{tone}", *title, radius=2)
    letter = says or (shading.letters[tensor.codec] if box.right - box.left > 8 else "")
    if letter:
        x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2 + 3.8
        yield words(x, y, letter, f"t t{tone}", "middle")


def _legend(shading: _Shading, width: float) -> Iterator[Markup]:
    """The ramp with its ends, then each letter with its codec."""
    unit = "bits per weight" if shading.by_bits else "nats"
    low, high = significant(shading.low, 2), significant(shading.high, 2)
    x = 0.0
    yield words(x, 12, low, "tick")
    x += text_width(low) + 6
    for level in range(LEVELS):
        yield block(Frame(x, 1, x + 21, 15), f"c{level}", radius=1)
        x += 22
    yield words(x + 6, 12, f"{high} {unit}", "tick")
    for name, letter, at_x, at_y in _keys(shading, width):
        yield words(at_x, at_y, letter, "label strong")
        yield words(at_x + 13, at_y, name, "label quiet")


def _legend_height(shading: _Shading, width: float) -> float:
    return max((at_y for *_, at_y in _keys(shading, width)), default=12.0) + 4


def _keys(shading: _Shading, width: float) -> Iterator[tuple[str, str, float, float]]:
    """Where each codec's letter and name stand: rows that break at the width."""
    x, y = 0.0, 40.0
    for codec, letter in shading.letters.items():
        bits = f" {shading.bits[codec]:.3g} bits" if shading.bits[codec] else ""
        name = shorten(codec, 140) + bits
        step = 13 + text_width(name) + 16
        if x > 0 and x + step - 16 > width:
            x, y = 0.0, y + 20
        yield name, letter, x, y
        x += step


def _kinds(cells: Sequence[TensorRow]) -> list[str]:
    """Kinds in the order they first appear."""
    return list(dict.fromkeys(t.group for t in cells))


def _margin(names: Sequence[str]) -> float:
    return min(130.0, max((text_width(n) for n in names), default=0.0) + 12)


def _describe(tensor: TensorRow) -> str:
    parts = [f"{tensor.name}: {tensor.codec}, {format_size(tensor.bytes)}"]
    if tensor.sensitivity is not None:
        parts.append(f"sensitivity {significant(tensor.sensitivity)} nats")
    if tensor.predicted is not None:
        parts.append(f"predicted KLD {significant(tensor.predicted)}")
    if tensor.starting_codec and tensor.starting_codec != tensor.codec:
        parts.append(f"was {tensor.starting_codec}")
    return ", ".join(parts)
