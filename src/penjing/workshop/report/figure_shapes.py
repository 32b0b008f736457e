"""Figure 5: the shapes that were tried, KLD against decode speed, and the front among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from penjing.core.units import format_count
from penjing.workshop.pages import axes as kit
from penjing.workshop.pages.plots import Frame, Scale, drawing
from penjing.workshop.pages.texts import significant
from penjing.workshop.report.shapes import TriedShape

_HEIGHT = 280.0
_SPEED = "decode speed, times the starting model's"


def shapes(tried: Sequence[TriedShape], *, width: float, class_: str) -> Markup | None:
    """The figure; None where nothing was tried."""
    if not tried:
        return None
    legend = kit.legend(_keys(tried), width)
    frame = Frame(kit.LEFT, legend.bottom + 30, width - kit.RIGHT, legend.bottom + 30 + _HEIGHT)
    speeds = [each.decode for each in tried]
    room = max(0.05, 0.1 * (max(speeds) - min(speeds)))
    x = Scale(max(0.0, min(speeds) - room), max(speeds) + room, frame.left + 10, frame.right - 10)
    y = kit.klds([each.kld for each in tried], frame.bottom, frame.top)
    parts = [*legend.drawn, *kit.upright(y, frame, kit.KLD), *kit.level(x, frame, _SPEED)]
    front = sorted((each for each in tried if each.front), key=lambda each: each.decode)
    if len(front) > 1:
        parts.append(kit.polyline(((x(each.decode), y(each.kld)) for each in front), "predicted"))
    for each in tried:
        at = x(each.decode), y(each.kld)
        parts.append(kit.mark(_mark(each), at, _kind(each), says(each)))
    return drawing(parts, width, frame.bottom + kit.BOTTOM, _alt(tried), class_)


def says(each: TriedShape) -> str:
    """One shape in words."""
    return (
        f"{each.name}: {format_count(int(each.parameters))} parameters, "
        f"KLD {significant(each.kld)}, writes {each.decode:.2f} and reads {each.prefill:.2f} times "
        "as fast"
    )


def _kind(each: TriedShape) -> str:
    return "ours" if each.front else "control"


def _mark(each: TriedShape) -> str:
    return "circle" if each.fits else "cross"


def _keys(tried: Sequence[TriedShape]) -> Iterator[kit.Key]:
    yield kit.Key("on the front", "ours")
    if any(not each.front for each in tried):
        yield kit.Key("beaten by another", "control")
    if any(not each.fits for each in tried):
        yield kit.Key("slower than asked for", "control", "cross")


def _alt(tried: Sequence[TriedShape]) -> str:
    return "Mean KLD against decode speed of shapes. " + "; ".join(map(says, tried)) + "."
