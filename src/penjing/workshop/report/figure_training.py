"""Figure 4: how training went, step by step, on a log axis.

Dots are what was measured; the line through them is smoothed and computed here, to be looked at.
The two marks are the same model on text that it never saw: they decide, the dots do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from markupsafe import Markup

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
from penjing.workshop.report.reading import Step, Training

_HEIGHT = 250.0
_SMOOTH = 20
"""A point of the line is the mean of a twentieth of the dots on either side."""
_FEWEST = 8
"""Dots from which on there is a line."""


def training(course: Sequence[Step], told: Training, *, width: float, class_: str) -> Markup | None:
    """The figure; None where no step was written down."""
    if not course:
        return None
    line, apart = smooth(course), _apart(told)
    legend = kit.legend(_keys(bool(line), apart), width)
    frame = Frame(kit.LEFT, legend.bottom + 30, width - kit.RIGHT, legend.bottom + 30 + _HEIGHT)
    x = Scale(0.0, max(told.steps, course[-1].number), frame.left + 10, frame.right - 10)
    y = kit.klds([*(s.kl for s in course), *(s.kl for s in apart)], frame.bottom, frame.top)

    def at(step: Step) -> kit.Spot:
        return x(step.number), y(step.kl)

    parts = [
        *legend.drawn,
        *kit.upright(y, frame, kit.KLD),
        *kit.level(x, frame, "step", whole=True),
    ]
    parts.append(_dots([at(step) for step in course]))
    if line:
        parts.append(kit.polyline(map(at, line), "course"))
    parts += _marks([at(step) for step in apart], apart, frame)
    return drawing(parts, width, frame.bottom + kit.BOTTOM, _alt(course, told), class_)


def smooth(course: Sequence[Step]) -> list[Step]:
    """The mean of the dots around each; nothing where there are only a few."""
    if len(course) < _FEWEST:
        return []
    reach = max(1, round(len(course) / _SMOOTH))
    near = (course[max(0, i - reach) : i + reach + 1] for i in range(len(course)))
    means = (fmean(step.kl for step in steps) for steps in near)
    return [Step(step.number, mean) for step, mean in zip(course, means, strict=True)]


def _apart(told: Training) -> list[Step]:
    """Before the first step and after the last, on text kept apart."""
    if told.before is None or told.after is None:
        return []
    return [Step(0.0, told.before), Step(told.steps, told.after)]


def _keys(line: bool, apart: Sequence[Step]) -> Iterator[kit.Key]:
    yield kit.Key("text of a step", "step", size=2.0)
    if line:
        yield kit.Key("the same, smoothed", "course", kit.LINE)
    if apart:
        yield kit.Key("text kept apart, before", "before", "diamond", 4.0)
        yield kit.Key("the same, after", "after", "diamond", 4.0)


def _dots(spots: Sequence[kit.Spot]) -> Markup:
    """All in one element: points of a line as wide as it is long."""
    return tag("path", d="".join(f"M{x:.1f} {y:.1f}h.01" for x, y in spots), class_="steps")


def _marks(spots: Sequence[kit.Spot], apart: Sequence[Step], frame: Frame) -> Iterator[Markup]:
    if not spots:
        return
    yield kit.polyline(spots, "apart")
    labels = []
    for spot, step, kind in zip(spots, apart, ("before", "after"), strict=True):
        says = f"{kind} {significant(step.kl)}"
        yield kit.mark("diamond", spot, kind, f"{says} nats, on text kept apart")
        labels.append(Label(*spot, says, strong=True))
    taken = [*map(kit.around, spots), *kit.along(spots)]
    yield from draw_labels(place(labels, taken, frame))


def _alt(course: Sequence[Step], told: Training) -> str:
    first, last = course[0], course[-1]
    says = f"KLD over {told.steps:,.0f} steps of training, from {significant(first.kl)} to "
    says += f"{significant(last.kl)} nats on the text of each step"
    if told.before is None or told.after is None:
        return f"{says}."
    return (
        f"{says}; on text kept apart {significant(told.before)} before and "
        f"{significant(told.after)} after."
    )
