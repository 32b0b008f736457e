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
from penjing.workshop.pages.plots import (
    Frame,
    block,
    drawing,
    shorten,
    tag,
    text_width,
    words,
)
from penjing.workshop.pages.texts import significant
from penjing.workshop.report.reading import TensorRow

LEVELS = 7
"""Steps of the colour ramp; style.css has as many."""
_BAND = 40
"""Layers side by side at most; deeper models break into bands."""
_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits
_GAP = 1.5
_TITLES = 600
"""Cells with a hover title at most, so that the page of a very deep model stays small."""
_WHOLE = 12
"""Tensors outside the layers that are drawn; the table has all."""


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

    def tone(self, tensor: TensorRow) -> str:
        """The colour's class: "0" to LEVELS - 1, "none" where nothing was measured."""
        value = bits_of(tensor) if self.by_bits else tensor.sensitivity
        if value is None:
            return "none"
        if value <= self.low or self.high <= self.low:
            return "0"
        share = math.log(min(value, self.high) / self.low) / math.log(self.high / self.low)
        return str(min(LEVELS - 1, int(share * LEVELS)))


@dataclass(frozen=True)
class _Board:
    """What is drawn, and how much room there is."""

    cells: Sequence[TensorRow]
    """Every tensor with a cell."""
    shading: _Shading
    """Their colours and letters."""
    width: float
    """Of the whole drawing."""

    @property
    def wide(self) -> bool:
        """Layers run left to right."""
        return self.width > 500

    @property
    def kinds(self) -> list[str]:
        """Kinds within layers, in the order they first appear."""
        return list(dict.fromkeys(t.group for t in self.cells if t.layer is not None))

    @property
    def numbers(self) -> list[int]:
        """Layers that have a cell."""
        return sorted({t.layer for t in self.cells if t.layer is not None})

    @property
    def margin(self) -> float:
        """Room for the names at the left of a wide drawing."""
        return min(130.0, max(text_width(t.group) for t in self.cells) + 12)


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
    board = _Board(cells, _shading(cells), width)
    parts = list(_legend(board.shading, width))
    bottom = _legend_height(board.shading, width) + 14
    inside: list[Markup] = []
    if board.numbers:
        bottom = (_across if board.wide else _down)(board, inside, bottom)
    bottom = _whole(board, inside, bottom)
    parts.append(tag("g", *inside, class_="cells"))
    what = "Bits per weight" if board.shading.by_bits else "Sensitivity"
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


def _across(board: _Board, parts: list[Markup], top: float) -> float:
    """Kinds as rows and layers as columns, in bands; returns the new bottom."""
    by_place = {(t.group, t.layer): t for t in board.cells}
    left, row, y = board.margin, 24.0, top
    bands = math.ceil(len(board.numbers) / _BAND)
    per_band = math.ceil(len(board.numbers) / bands)
    column = min(40.0, (board.width - left) / per_band)
    for band in range(bands):
        here = board.numbers[band * per_band : (band + 1) * per_band]
        for kind in board.kinds:
            parts.append(_name(kind, left, y + row / 2 + 4))
            for i, layer in enumerate(here):
                x = left + i * column
                box = Frame(x, y, x + column - _GAP, y + row - _GAP)
                tensor = by_place.get((kind, layer))
                if tensor is not None:
                    letter = board.shading.letters[tensor.codec] if column > 8 + _GAP else ""
                    parts.extend(_cell(board, tensor, box, letter))
            y += row
        for i, layer in enumerate(here):
            if layer % 5 == 0 or len(here) <= 12:
                parts.append(words(left + (i + 0.5) * column, y + 14, str(layer), "tick"))
        parts.append(words(left - 10, y + 14, "layer", "tick end"))
        y += 30
    return y


def _down(board: _Board, parts: list[Markup], top: float) -> float:
    """Layers as rows and kinds as columns; returns the new bottom."""
    by_place = {(t.group, t.layer): t for t in board.cells}
    kinds, left, row = board.kinds, 28.0, 17.0
    column = min(60.0, (board.width - left - 24) / len(kinds))
    y = top + min(max(text_width(kind) for kind in kinds), 110.0) * 0.85 + 8
    for i, kind in enumerate(kinds):
        x = left + (i + 0.5) * column + 2
        turned = f"rotate(-58 {x:.1f} {y - 6:.1f})"
        name = shorten(kind, 110)
        parts.append(tag("text", name, x=x, y=y - 6, transform=turned, class_="name start"))
    fills: dict[str, str] = {}
    letters: list[Markup] = []
    for layer in board.numbers:
        if layer % 5 == 0 or len(board.numbers) <= 12:
            parts.append(words(left - 8, y + row / 2 + 4, str(layer), "tick end"))
        for i, kind in enumerate(kinds):
            tensor = by_place.get((kind, layer))
            if tensor is None:
                continue
            x, tone = left + i * column, board.shading.tone(tensor)
            wide, high = column - _GAP, row - _GAP
            fills[tone] = fills.get(tone, "") + f"M{x:.1f} {y:.1f}h{wide:.1f}v{high}h-{wide:.1f}z"
            letter = board.shading.letters[tensor.codec]
            letters.append(words(x + wide / 2, y + row / 2 + 3, letter, f"t t{tone}"))
        y += row
    parts.extend(tag("path", d=shape, class_=f"c{tone}") for tone, shape in fills.items())
    parts.extend(letters if column > 8 + _GAP else ())
    return y + 8


def _whole(board: _Board, parts: list[Markup], top: float) -> float:
    """Tensors that belong to no layer: one wide cell each; returns the new bottom."""
    left, y = board.margin if board.wide else 0.0, top
    for tensor in [t for t in board.cells if t.layer is None][:_WHOLE]:
        what = board.shading.letters[tensor.codec] if board.wide else tensor.group
        says = f"{what}: {tensor.codec}, {format_size(tensor.bytes)}"
        if board.wide:
            parts.append(_name(tensor.group, left, y + 16))
        box = Frame(left, y, board.width - _GAP, y + 24 - _GAP)
        says = shorten(says, board.width - left - 12)
        parts.extend(_cell(board, tensor, box, says))
        y += 24
    return y


def _name(kind: str, left: float, y: float) -> Markup:
    return words(left - 10, y, shorten(kind, left - 10), "name end")


def _cell(board: _Board, tensor: TensorRow, box: Frame, says: str) -> Iterator[Markup]:
    tone, title = board.shading.tone(tensor), len(board.cells) <= _TITLES
    yield block(box, f"c{tone}", *([tag("title", _describe(tensor))] if title else []))
    if says:
        x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2 + 3.8
        yield words(x, y, says, f"t t{tone}")


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


def _describe(tensor: TensorRow) -> str:
    says = f"{tensor.name}: {tensor.codec}"
    if tensor.sensitivity is None:
        return says
    return f"{says}, sensitivity {significant(tensor.sensitivity)} nats"
