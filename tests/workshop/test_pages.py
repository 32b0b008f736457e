"""What pages share: the drawing kit, axes and marks, the layout, colours that can be read."""

from __future__ import annotations

import math
import re
from importlib import resources
from itertools import combinations

import pytest
from compared import comparison
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from markupsafe import Markup
from reader import read

from penjing.workshop.compare.page import render_comparison
from penjing.workshop.pages import axes
from penjing.workshop.pages.layout import picture, render
from penjing.workshop.pages.plots import (
    Frame,
    Label,
    Scale,
    log_ticks,
    place,
    shorten,
    tag,
    text_width,
    tick_texts,
    ticks,
)
from penjing.workshop.pages.terms import TERMS, explain
from penjing.workshop.report import render_report

finite = st.floats(-1e6, 1e6, allow_nan=False)

# the kit


@given(low=finite, span=st.floats(1e-6, 1e6))
def test_ticks_lie_inside_and_are_few(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert 1 <= len(found) <= 7
    slack = 1e-6 * max(abs(low), span)
    assert all(low - slack <= t <= low + span + slack for t in found)
    assert found == sorted(found)


@given(low=st.floats(1e-7, 1e3), factor=st.floats(1.5, 1e9))
def test_log_ticks_lie_inside_and_are_few(low: float, factor: float) -> None:
    found = log_ticks(low, low * factor)
    assert 1 <= len(found) <= 9
    assert all(low * 0.99 <= t <= low * factor * 1.01 for t in found)
    assert found == sorted(set(found))


def test_log_ticks_are_round() -> None:
    assert log_ticks(0.01, 1) == pytest.approx([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1])
    assert tick_texts([0, 0.02, 0.5, 10, 75]) == ["0", "0.02", "0.5", "10", "75"]


@given(value=st.floats(0.001, 1000))
def test_log_scale_is_monotone_and_held_at_its_ends(value: float) -> None:
    scale = Scale(0.01, 100, 200, 0, log=True)
    assert 0 <= scale(value) <= 200
    assert scale(value * 1.5) <= scale(value)
    assert scale(1.0) == pytest.approx(100)


@given(
    st.lists(
        st.tuples(st.floats(0, 700), st.floats(0, 400), st.text(min_size=1, max_size=24)),
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_labels_never_collide_and_never_leave_the_frame(
    points: list[tuple[float, float, str]],
) -> None:
    bounds = Frame(0, 0, 700, 400)
    marks = [Frame(x - 6, y - 6, x + 6, y + 6) for x, y, _ in points]
    placed = place([Label(*point) for point in points], marks, bounds)
    boxes = [item.box for item in placed]
    assert all(bounds.holds(box) for box in boxes)
    assert all(one.overlap(other) == 0 for one, other in combinations(boxes, 2))
    assert all(box.overlap(mark) == 0 for box in boxes for mark in marks)


def test_labels_of_three_close_points_all_find_room() -> None:
    labels = [Label(300 + i, 200 + i, f"plain rounding {i}") for i in range(3)]
    assert len(place(labels, [], Frame(0, 0, 700, 400))) == 3


@given(st.text(max_size=60), st.floats(0, 300))
def test_shortened_text_fits(text: str, room: float) -> None:
    short = shorten(text, room)
    assert short == "" or text_width(short) <= room
    assert text_width(text) > room or short == text


@given(st.text(max_size=40))
def test_elements_hold_any_text_and_no_other_markup(text: str) -> None:
    made = tag("text", text, class_=text)
    assert isinstance(made, Markup)
    assert re.fullmatch(r'<text class="[^"<>]*">[^<>]*</text>', made, re.DOTALL)
    made.encode("utf-8")


def test_a_drawing_cannot_hold_infinity() -> None:
    with pytest.raises(ValueError, match="inf"):
        tag("rect", x=math.inf)


# axes, marks and legends


@given(st.lists(st.none() | st.floats(0, 1e3), max_size=8))
def test_a_log_axis_holds_every_kld_and_its_ticks_are_several(values: list[float | None]) -> None:
    scale = axes.klds(values, 300.0, 20.0)
    assert 0 < scale.low < scale.high
    for value in values:
        assert 20 - 1e-6 <= scale(value or 0.0) <= 300 + 1e-6
        if value is not None and value > 1e-9:
            assert scale.low <= value <= scale.high
    assert len(log_ticks(scale.low, scale.high)) >= 2


@given(st.lists(st.floats(1e5, 1e12), min_size=1, max_size=8))
def test_sizes_lie_inside_and_are_written_in_one_unit(values: list[float]) -> None:
    frame = Frame(48, 20, 750, 300)
    scale = axes.sizes(values, frame)
    assert all(frame.left < scale(value) <= frame.right for value in values)
    drawn = "".join(axes.level_sizes(scale, frame))
    assert ("file size, GB" in drawn) == (scale.high >= 2e9)
    assert "file size" not in "".join(axes.level_sizes(scale, frame, named=False))


@pytest.mark.parametrize("shape", ["circle", "square", "diamond", "triangle", "turned", "cross"])
def test_a_mark_lies_around_its_point(shape: str) -> None:
    drawn = axes.mark(shape, (100.0, 50.0), "ours", "<b>")
    assert "<title>&lt;b&gt;</title>" in drawn
    assert 'class="mark ours"' in drawn
    first = re.search(r'd="M([\d.]+) ([\d.]+)', drawn) or re.search(r'cx="(.*?)" cy="(.*?)"', drawn)
    assert first is not None
    assert math.dist((float(first[1]), float(first[2])), (100, 50)) < 10


def test_an_interval_is_drawn_with_its_ends_or_not_at_all() -> None:
    scale = Scale(0.01, 1, 300, 0, log=True)
    (line, *ends) = axes.bar(100.0, scale, 0.1, 0.2, "ours")
    assert len(ends) == 2
    assert f'y1="{scale(0.2):.1f}"' in line
    assert axes.bar(100.0, scale, None, 0.2, "ours") == axes.bar(100, scale, 0.2, 0.2, "ours") == []


def test_a_legend_breaks_at_the_width() -> None:
    keys = [axes.Key(f"a rather long name {i}", "ours") for i in range(4)]
    wide, narrow = axes.legend(keys, 2000.0), axes.legend(keys, 200.0)
    assert wide.bottom == 32.0
    assert narrow.bottom == 92.0
    ends = [float(x) for x in re.findall(r'<text x="([\d.]+)"', "".join(narrow.drawn))]
    assert max(ends) + text_width(keys[0].name) <= 200


def test_no_label_stands_on_a_line() -> None:
    boxes = list(axes.along([(0.0, 0.0), (100.0, 50.0)]))
    for share in (0.0, 0.31, 0.5, 0.97, 1.0):
        spot = Frame(100 * share - 4, 50 * share - 4, 100 * share + 4, 50 * share + 4)
        assert any(spot.overlap(box) > 0 for box in boxes)


# the layout


def test_a_picture_is_drawn_in_both_widths_or_not_at_all() -> None:
    both = picture(lambda width, kind: Markup(f"{width:.0f} {kind}"))
    assert both is not None
    assert (both.wide, both.narrow) == ("760 wide", "344 narrow")
    assert picture(lambda width, kind: None) is None


def test_a_value_that_a_page_lacks_is_an_error_and_no_gap() -> None:
    with pytest.raises(UndefinedError):
        render("pages/base.html", headline="only this")


def test_both_pages_have_one_layout() -> None:
    """The same head but for the title, the same sections at the end."""
    pages = [render_report({"file": {"bytes": 10}}, {}), render_comparison(comparison())]
    heads = [re.sub("<title>.*?</title>", "", page.partition("<style>")[0]) for page in pages]
    assert heads[0] == heads[1]
    for page in pages:
        titles = re.findall(r'<h2 id="(\w+)">', page)
        assert titles[-3:] == ["meaning", "limits", "made"]
        assert page.startswith("<!doctype html>\n<html")
        assert page.endswith("</html>\n")
        assert ":root {" in page
        read(page)


def test_only_explained_words_are_explained() -> None:
    assert explain("Same-top") == [("Same-top", TERMS["Same-top"])]
    with pytest.raises(KeyError):
        explain("Sametop")


# colours


def _luminance(colour: str) -> float:
    if len(colour) == 4:
        colour = "#" + "".join(2 * c for c in colour[1:])
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _colours(theme: int) -> dict[str, str]:
    """Every colour that a style sheet names; in the dark, those of the light that it leaves."""
    found: dict[str, str] = {}
    for room in ("pages", "report", "compare"):
        folder = resources.files(f"penjing.workshop.{room}")
        style = folder.joinpath("style.css").read_text("utf-8")
        blocks = re.findall(r":root \{(.*?)\n\s*\}", style, re.DOTALL)[:2]
        assert len(blocks) == 2, room
        for block in blocks[: theme + 1]:
            found |= dict(re.findall(r"--([\w]+): (#[0-9a-f]{3,6});", block))
    return found


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_keep_contrast_aa(theme: int) -> None:
    c = _colours(theme)
    names = ("ink", "quiet", "green", "clay", "ochre", *(f"m{i}" for i in range(7)))
    pairs = [(c[ink], c["paper"]) for ink in names]
    pairs += [(c["ink"], c[wash]) for wash in ("wash", "gone", "new")]
    pairs += [(c["low"], c[f"c{i}"]) for i in range(4)]
    pairs += [(c["high"], c[f"c{i}"]) for i in range(4, 7)]
    pairs += [(c["low"], c[tone]) for tone in [*(f"k{i}" for i in range(8)), "krest", "cnone"]]
    for ink, paper in pairs:
        assert _contrast(ink, paper) >= 4.5, f"{ink} on {paper}"
