"""Figure 3: where the bytes went, before and after, by kind of tensor and by codec.

Bytes before are those the starting model's codecs take for the same weights. A codec that is not
known here has no such number: then only the bytes after are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from penjing.core.units import format_size
from penjing.workshop.pages.plots import Frame, block, drawing, shorten, tag, text_width, words
from penjing.workshop.report.reading import TensorRow

TONES = 8
"""Colours for kinds; style.css has as many."""
REST = "tokenizer and header"
GAP = "\t"
_BAR = 30.0
_RIBBON = 26.0


@dataclass(frozen=True)
class Part:
    """One segment: a kind or a codec."""

    name: str
    """What it is called."""
    before: float
    """Bytes in the starting model."""
    after: float
    """Bytes in this bundle."""


@dataclass(frozen=True)
class Split:
    """Both files taken apart in one way."""

    title: str
    """Such as "by kind"."""
    parts: tuple[Part, ...]
    """In drawing order."""
    both: bool
    """Whether the bytes before are known."""
    ramp: bool
    """Coloured from light to dark (codecs) instead of by distinct tones (kinds)."""


def splits(
    tensors: Sequence[TensorRow],
    codec_bits: Mapping[str, float],
    file_bytes: float,
    baseline_bytes: float | None,
) -> tuple[Split, ...]:
    """The two ways to take the files apart; nothing without tensors."""
    if not tensors:
        return ()
    starts = [_starting_bytes(t, codec_bits) for t in tensors]
    both = all(start is not None for start in starts)
    known = [start or 0.0 for start in starts]
    rest = tuple(_rest(tensors, known if both else None, file_bytes, baseline_bytes))
    kinds = _by_kind(tensors, known)
    return (
        Split("by kind of tensor", (*_folded(kinds), *rest), both, ramp=False),
        Split("by codec", (*_by_codec(tensors, known), *rest), both, ramp=True),
    )


def sizes(split: Split, *, width: float, names: tuple[str, str], class_: str) -> Markup:
    """Two stacked bars with bands between them, and a legend with all numbers."""
    total = max(sum(p.before for p in split.parts), sum(p.after for p in split.parts), 1.0)
    scale = width / total
    parts: list[Markup] = []
    y = 0.0
    befores = [p.before for p in split.parts]
    afters = [p.after for p in split.parts]
    if split.both:
        parts.append(words(0, 12, _bar_name(names[0], sum(befores), width), "name"))
        y = 20.0
        parts.extend(_bands(split, scale, y + _BAR))
        parts.extend(_segments(split, befores, scale, y))
        y += _BAR + _RIBBON
        parts.extend(_segments(split, afters, scale, y))
        y += _BAR + 17
        parts.append(words(0, y, _bar_name(names[1], sum(afters), width), "name"))
        y += 14
    else:
        parts.append(words(0, 12, _bar_name(names[1], sum(afters), width), "name"))
        y = 20.0
        parts.extend(_segments(split, afters, scale, y))
        y += _BAR + 12
    y = _legend(split, parts, y, width)
    alt = f"Bytes {split.title}: " + "; ".join(_says(split, p) for p in split.parts) + "."
    return drawing(parts, width, y, alt, class_)


def _starting_bytes(tensor: TensorRow, codec_bits: Mapping[str, float]) -> float | None:
    if not tensor.starting_codec:
        return None
    if tensor.starting_codec == tensor.codec:
        return tensor.bytes
    bits = codec_bits.get(tensor.starting_codec)
    return None if bits is None else bits * tensor.parameters / 8


def _by_kind(tensors: Sequence[TensorRow], starts: Sequence[float]) -> list[Part]:
    found: dict[str, tuple[float, float]] = {}
    for tensor, start in zip(tensors, starts, strict=True):
        before, after = found.get(tensor.group, (0.0, 0.0))
        found[tensor.group] = (before + start, after + tensor.bytes)
    parts = [Part(name, *pair) for name, pair in found.items()]
    return sorted(parts, key=lambda p: (-p.after - p.before, p.name))


def _by_codec(tensors: Sequence[TensorRow], starts: Sequence[float]) -> list[Part]:
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    weights: dict[str, float] = {}
    for tensor, start in zip(tensors, starts, strict=True):
        for codec, size, side in (
            (tensor.starting_codec, start, before),
            (tensor.codec, tensor.bytes, after),
        ):
            if codec:
                side[codec] = side.get(codec, 0.0) + size
                weights[codec] = max(weights.get(codec, 0.0), size / max(tensor.parameters, 1.0))
    order = sorted(weights, key=lambda codec: (weights[codec], codec))
    parts = [Part(codec, before.get(codec, 0.0), after.get(codec, 0.0)) for codec in order]
    return [part for part in parts if part.before or part.after]


def _folded(parts: Sequence[Part]) -> Iterator[Part]:
    """The largest kinds; small ones and those beyond the palette join as "other"."""
    total = sum(p.before + p.after for p in parts) or 1.0
    large = [p for p in parts[: TONES - 1] if (p.before + p.after) / total >= 0.01]
    yield from large
    small = [p for p in parts if p not in large]
    if small:
        yield Part("other", sum(p.before for p in small), sum(p.after for p in small))


def _rest(
    tensors: Sequence[TensorRow],
    starts: Sequence[float] | None,
    file_bytes: float,
    baseline_bytes: float | None,
) -> Iterator[Part]:
    """What a file holds beside weights, where the tensors account for most of it."""
    after = file_bytes - sum(t.bytes for t in tensors)
    before = (baseline_bytes or 0.0) - sum(starts) if starts is not None else 0.0
    if 0 < after < 0.3 * file_bytes and 0 <= before < 0.3 * (baseline_bytes or file_bytes):
        yield Part(REST, before, after)


def _segments(split: Split, values: Sequence[float], scale: float, y: float) -> Iterator[Markup]:
    x = 0.0
    for i, (part, value) in enumerate(zip(split.parts, values, strict=True)):
        right = x + value * scale
        if value > 0:
            title = tag("title", _says(split, part))
            box = Frame(x, y, max(right - 1.5, x + 0.5), y + _BAR)
            yield block(box, _tone(split, i), title)
            name = shorten(part.name, right - x - 12)
            if name and (name == part.name or right - x > 60):
                yield words(x + 7, y + _BAR / 2 + 4, name, f"t t{_tone(split, i)}")
        x = right


def _bands(split: Split, scale: float, y: float) -> Iterator[Markup]:
    """A faint band from each segment to the same one below."""
    x1 = x2 = 0.0
    for i, part in enumerate(split.parts):
        r1, r2 = x1 + part.before * scale, x2 + part.after * scale
        if part.before > 0 and part.after > 0:
            low = y + _RIBBON
            shape = (
                f"M{x1:.1f} {y}L{max(r1 - 1.5, x1):.1f} {y}"
                f"L{max(r2 - 1.5, x2):.1f} {low}L{x2:.1f} {low}z"
            )
            yield tag("path", d=shape, class_=f"band {_tone(split, i)}")
        x1, x2 = r1, r2


def _legend(split: Split, parts: list[Markup], y: float, width: float) -> float:
    """Swatch, name and bytes of every part, in columns; returns the new bottom."""
    names = [(_entry(split, p), i) for i, p in enumerate(split.parts)]
    widest = max(text_width(name) for name, _ in names) + 34
    columns = max(1, int(width // widest))
    rows = -(-len(names) // columns)
    for at, (name, i) in enumerate(names):
        x, row = (at // rows) * (width / columns), at % rows
        top = y + row * 19
        parts.append(block(Frame(x, top, x + 11, top + 11), _tone(split, i), radius=2))
        split_at = name.rfind(GAP)
        numbers = tag("tspan", name[split_at + 1 :], dx=7, class_="quiet")
        parts.append(tag("text", name[:split_at], numbers, x=x + 17, y=top + 10))
    return y + rows * 19


def _entry(split: Split, part: Part) -> str:
    name = shorten(part.name, 150)
    after = format_size(part.after) if part.after else "0"
    if not split.both:
        return f"{name}{GAP}{after}"
    return f"{name}{GAP}{format_size(part.before) if part.before else 0} → {after}"


def _bar_name(name: str, total: float, width: float) -> str:
    size = format_size(total)
    return f"{shorten(name, width - text_width(size) - 12)}, {size}"


def _tone(split: Split, index: int) -> str:
    if split.parts[index].name == REST:
        return "krest"
    if not split.ramp:
        return f"k{index % TONES}"
    codecs = [p for p in split.parts if p.name != REST]
    steps = max(1, len(codecs) - 1)
    return f"r{round(6 * index / steps)}"


def _says(split: Split, part: Part) -> str:
    before = f"{format_size(part.before)} before, " if split.both else ""
    return f"{part.name}: {before}{format_size(part.after)} after"


def pair(before: float, after: float, budget: float | None) -> Markup:
    """The two file sizes as two thin bars to scale, with the budget as a tick."""
    width, height = 760.0, 30.0
    scale = width / max(before, after)
    parts = [
        block(Frame(0, 2, before * scale, 9), "pair-before", radius=2),
        block(Frame(0, 15, after * scale, 22), "pair-after", radius=2),
    ]
    alt = f"Starting model {format_size(before)}, this bundle {format_size(after)}"
    if budget is not None and budget * scale <= width:
        x = budget * scale
        parts.append(block(Frame(x - 1, 12, x + 1, 25), "pair-budget"))
        alt += f", budget {format_size(budget)}"
    return drawing(parts, width, height, alt, "pair")
