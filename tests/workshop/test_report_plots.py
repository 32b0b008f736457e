"""The figures of the report and the word diff: properties that a picture must keep."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from penjing.workshop.report.diff import Pair, common, compare
from penjing.workshop.report.figure_bytes import REST, Split, sizes, splits
from penjing.workshop.report.figure_frontier import beyond, frontier
from penjing.workshop.report.figure_layers import coloured_by, drawn, layers
from penjing.workshop.report.figure_training import smooth, training
from penjing.workshop.report.reading import Point, Step, TensorRow, Training

sizes_mb = st.floats(1e5, 1e11)
klds = st.floats(1e-6, 50)


def tensor(group: str = "attn_q", layer: int | None = 0, **more: object) -> TensorRow:
    fields: dict[str, object] = {
        "name": f"blk.{layer}.{group}.weight",
        "group": group,
        "layer": layer,
        "codec": "IQ4_NL",
        "bytes": 4500.0,
        "parameters": 8000.0,
        "sensitivity": 0.01,
        "predicted": None,
        "starting_codec": "Q8_0",
    }
    return TensorRow(**{**fields, **more})  # type: ignore[arg-type]


# figure 1


def numbers_in(svg: Markup) -> list[float]:
    return [float(n) for n in re.findall(r'(?:c?[xy][12]?|width|height)="(-?[\d.]+)"', svg)]


points = st.builds(
    lambda label, size, kld, spread, kind: Point(
        label, size, kld, kld * (1 - spread), kld * (1 + spread), kind
    ),
    st.text(max_size=30),
    sizes_mb,
    st.one_of(st.just(0.0), klds),
    st.floats(0, 1),
    st.sampled_from(["ours", "control", "baseline", "predicted", "else"]),
)


@given(
    st.lists(points, max_size=10), st.sampled_from([760.0, 344.0]), st.one_of(st.none(), sizes_mb)
)
@settings(max_examples=60, deadline=None)
def test_frontier_draws_any_points_inside_its_frame(
    found: list[Point], width: float, budget: float | None
) -> None:
    svg = frontier(found, width=width, budget=budget, class_="wide")
    if not found:
        assert svg is None
        return
    assert svg is not None
    assert all(-1 <= n <= 780 for n in numbers_in(svg))


def test_frontier_order_on_the_page_is_the_order_of_the_numbers() -> None:
    found = [
        Point("small", 70e6, 0.3, 0.28, 0.33, "ours"),
        Point("large", 95e6, 0.05, 0.04, 0.06, "ours"),
    ]
    svg = frontier(found, width=760, budget=None, class_="wide")
    marks = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="5.5"', str(svg))
    (x1, y1), (x2, y2) = [(float(x), float(y)) for x, y in marks]
    assert x1 < x2
    assert y1 < y2, "a higher KLD stands higher"


def test_frontier_names_every_point_and_draws_every_interval() -> None:
    found = [
        Point(f"file {i}", (70 + 5 * i) * 1e6, 0.3 / i, 0.2 / i, 0.4 / i, "ours")
        for i in range(1, 6)
    ]
    svg = str(frontier(found, width=760, budget=80e6, class_="wide"))
    for point in found:
        assert f">{point.label}</text>" in svg
        assert f"<title>{point.label}: " in svg
    assert svg.count('class="bar ours"') == 3 * 5
    assert "budget 80.0 MB" in svg


def test_zero_kld_stands_below_the_log_axis() -> None:
    found = [
        Point("ours", 80e6, 0.001, None, None, "ours"),
        Point("start", 98e6, 0.0, None, None, "baseline"),
    ]
    svg = str(frontier(found, width=760, budget=None, class_="wide"))
    ours = float(re.findall(r'cy="([\d.]+)" r="5.5"', svg)[0])
    start = float(re.findall(r'd="M[\d.]+ ([\d.]+)l7 7', svg)[0]) + 7
    assert start > ours + 10
    assert ">0</text>" in svg


def test_predictions_far_above_every_measurement_do_not_press_it_flat() -> None:
    found = [Point("", size * 1e6, kld, None, None, "predicted") for size, kld in ((40, 30.0),
             (60, 4.0), (75, 0.2), (90, 0.01))]  # fmt: skip
    ours = Point("ours", 80e6, 0.1, 0.08, 0.12, "ours")
    assert beyond([*found, ours]) == 2
    svg = str(frontier([*found, ours], width=760, budget=None, class_="wide"))
    assert svg.count('class="predicted-dot"') == 2
    assert ">30</text>" not in svg
    assert beyond(found) == 0, "with no measurement there is nothing to be far from"


# figure 2


def test_layers_keep_probed_and_large_tensors_only() -> None:
    norm = tensor("attn_norm", parameters=5.0, sensitivity=None)
    large = tensor("ffn_up", sensitivity=None)
    assert drawn([tensor(), norm, large]) == [tensor(), large]
    assert coloured_by([norm, large]) == "bits"
    assert layers([], width=760, class_="wide") is None


@pytest.mark.parametrize("width", [760.0, 344.0])
@pytest.mark.parametrize("count", [1, 2, 30, 41, 130])
def test_layers_draw_every_cell_inside_the_frame(width: float, count: int) -> None:
    kinds = ("attn_q", "ffn_down", "ffn_up")
    found = [tensor(kind, layer) for layer in range(count) for kind in kinds]
    svg = str(layers(found, width=width, class_="wide"))
    if width > 500:
        assert svg.count("<title>") == 3 * count
    else:
        shapes = "".join(re.findall(r'<path d="([^"]*)" class="c', svg))
        assert shapes.count("z") == 3 * count
    boxes = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', svg)
    assert all(float(x) + float(w) <= width + 0.1 for x, w in boxes)


def test_darker_means_more_sensitive_and_later_letters_mean_more_bits() -> None:
    found = [
        tensor("attn_q", 0, sensitivity=1e-5, codec="Q2_0", bytes=2250.0),
        tensor("attn_q", 1, sensitivity=1e-3),
        tensor("attn_q", 2, sensitivity=1e-1, codec="Q8_0", bytes=8500.0),
        tensor("attn_q", 3, sensitivity=None),
    ]
    svg = str(layers(found, width=760, class_="wide"))
    cells = re.findall(r'class="c(\w+)"><title>.*?class="t t\w+">(\w)</text>', svg)
    assert cells == [("0", "A"), ("3", "B"), ("6", "C"), ("none", "B")]


def test_layer_numbers_need_not_be_small_or_complete() -> None:
    svg = str(layers([tensor(layer=0), tensor(layer=10**12)], width=760, class_="wide"))
    assert svg.count("<title>") == 2


# figure 3


def example_splits(**more: object) -> tuple[Split, ...]:
    norm = tensor("norm", codec="F32", bytes=40.0, parameters=10.0, starting_codec="F32")
    found = [tensor("attn_q"), tensor("ffn_up", 1, **more), norm]
    return splits(found, {"Q8_0": 8.5, "IQ4_NL": 4.5, "F32": 32}, 9540.0, 17540.0)


def test_bytes_before_come_from_the_starting_codec() -> None:
    by_kind, by_codec = example_splits()
    found = {part.name: (part.before, part.after) for part in by_kind.parts}
    assert found["attn_q"] == (8500.0, 4500.0)
    assert found[REST] == (500.0, 500.0)
    codecs = {part.name: (part.before, part.after) for part in by_codec.parts}
    assert codecs["IQ4_NL"] == (0.0, 9000.0)
    assert codecs["Q8_0"] == (17000.0, 0.0)
    for split in (by_kind, by_codec):
        assert sum(p.before for p in split.parts) == pytest.approx(17540.0)
        assert sum(p.after for p in split.parts) == pytest.approx(9540.0)


def test_an_unknown_starting_codec_leaves_the_past_out() -> None:
    for split in example_splits(starting_codec="Q99"):
        assert not split.both
        svg = str(sizes(split, width=760, names=("start", "ours"), class_="wide"))
        assert "start" not in svg
        assert "→" not in svg


@given(st.lists(st.tuples(st.text(max_size=12), st.floats(1, 1e9)), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_no_byte_is_lost_between_segments(kinds: list[tuple[str, float]]) -> None:
    found = [tensor(group, i, bytes=size, parameters=size) for i, (group, size) in enumerate(kinds)]
    total = sum(size for _, size in kinds)
    for split in splits(found, {"Q8_0": 8.5}, total, None):
        assert sum(part.after for part in split.parts) == pytest.approx(total)
        sizes(split, width=344, names=("a", "b"), class_="narrow")


# figure 4


def course(*values: float) -> list[Step]:
    return [Step(float(i + 1), value) for i, value in enumerate(values)]


told = st.builds(
    Training,
    steps=st.floats(1, 1e5),
    tokens=st.none(),
    before=st.none() | st.floats(0, 50),
    after=st.none() | st.floats(0, 50),
)


@given(st.lists(st.floats(0, 50), max_size=60), told, st.sampled_from([760.0, 344.0]))
@settings(max_examples=60, deadline=None)
def test_any_training_is_drawn_inside_its_frame(
    values: list[float], found: Training, width: float
) -> None:
    svg = training(course(*values), found, width=width, class_="wide")
    if not values:
        assert svg is None
        return
    assert svg is not None
    height = float(re.search(r'viewBox="0 0 \S+ (\S+)"', svg)[1])  # type: ignore[index]
    spots = re.findall(r"(?:M|[ \"])([\d.]+)[ ,]([\d.]+)(?=h\.01|[ \"])", svg)
    assert len(spots) >= len(values)
    assert all(-1 <= n <= 780 for n in numbers_in(svg))
    dots = re.findall(r"M([\d.]+) ([\d.]+)h\.01", svg)
    assert len(dots) == len(values)
    assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in dots)


def test_the_line_is_the_mean_around_and_keeps_what_does_not_change() -> None:
    flat = smooth(course(*[0.25] * 40))
    assert [step.kl for step in flat] == [0.25] * 40
    steep = smooth(course(*range(1, 41)))
    assert [step.number for step in steep] == list(range(1, 41))
    assert steep[20].kl == 21, "the mean of as many on both sides"
    assert steep[0].kl == 2, "the mean of the first three"
    assert smooth(course(0.3, 0.2, 0.1)) == [], "three dots are no line"


def test_before_and_after_are_two_marks_with_their_numbers() -> None:
    svg = str(training(course(*[0.3] * 20), Training(20, None, 0.4, 0.1), width=760, class_="wide"))
    spots = [
        (float(x), float(y))
        for x, y in re.findall(r'd="M([\d.]+) ([\d.]+)l7 7l-7 7l-7 -7z" class="mark', svg)
    ]
    (left, before), (right, after) = spots
    assert left < right
    assert before < after, "a higher KLD stands higher"
    assert ">before 0.400</text>" in svg
    assert ">after 0.100</text>" in svg
    assert "on text kept apart 0.400 before and 0.100 after." in svg


def test_steps_have_no_fractions() -> None:
    svg = str(training(course(0.3, 0.2, 0.1), Training(3, None, 0.4, 0.1), width=760, class_="w"))
    below = re.findall(r'text-anchor="middle" class="tick">([\d.]+)<', svg)
    assert below
    assert all(name.isdigit() for name in below)


# the word diff

words = st.lists(st.sampled_from(["a", "b", "c", "the", "，", "树"]), max_size=14)


@given(words, words)
def test_common_words_are_common_ordered_and_as_many_as_possible(
    a: list[str], b: list[str]
) -> None:
    found = common(a, b)
    assert all(a[pair.before] == b[pair.after] for pair in found)
    for one, other in pairwise(found):
        assert one.before < other.before
        assert one.after < other.after
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = (
                table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
            )
    assert len(found) == table[-1][-1]


@given(st.text(max_size=80), st.text(max_size=80))
def test_pieces_give_the_texts_back(before: str, after: str) -> None:
    sides = compare(before, after)
    assert "".join(piece.text for piece in sides.before) == before
    assert "".join(piece.text for piece in sides.after) == after
    assert sides.same == (before == after)


@given(st.text(max_size=80))
def test_equal_answers_have_no_marks(text: str) -> None:
    sides = compare(text, text)
    assert not any(piece.changed for piece in (*sides.before, *sides.after))


def test_only_words_that_differ_are_marked() -> None:
    sides = compare("It is known for the Tower.", "It is famous for the Tower and the Louvre.")
    assert [p.text for p in sides.before if p.changed] == ["known"]
    assert [p.text for p in sides.after if p.changed] == ["famous", "and the Louvre"]


def test_a_word_alone_between_changes_joins_them() -> None:
    sides = compare("red and tall trees", "blue and small trees")
    assert [p.text for p in sides.before if p.changed] == ["red and tall"]


def test_no_mark_stands_on_an_empty_line() -> None:
    sides = compare("one\n\ntwo  three", "nothing alike")
    assert [p.text for p in sides.before if p.changed] == ["one", "two  three"]
    assert "".join(p.text for p in sides.before) == "one\n\ntwo  three"


def test_chinese_differs_sign_by_sign() -> None:
    sides = compare("小树在盆里。", "大树在盆里。")
    assert [p.text for p in sides.after if p.changed] == ["大"]


@pytest.mark.alone
def test_a_model_that_repeats_itself_costs_no_time() -> None:
    started = time.perf_counter()
    compare("word " * 2000, "other " * 2000)
    compare("啊" * 3000, "啊" * 2999 + "吧")
    compare("!" * 3000, "! " * 1500)
    assert time.perf_counter() - started < 3


def test_long_answers_are_cut_and_say_so() -> None:
    sides = compare("a " * 5000, "b")
    assert sides.before[-1].text.endswith("… (8,000 more signs)")


def test_pair_is_a_value() -> None:
    assert common(["x"], ["x"]) == [Pair(0, 0)]
