"""A comparison's verdicts, table, plot and documents: what they say, and that no text can act."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from compared import KNOWN, beside, comparison, result, setting
from hypothesis import given, settings
from hypothesis import strategies as st
from reader import read
from rich.console import Console

from penjing.core.report import Measurement
from penjing.workshop.compare.document import document
from penjing.workshop.compare.figure import Dot, front, pareto
from penjing.workshop.compare.markdown import markdown
from penjing.workshop.compare.outcome import Comparison, Lead, Result, Row
from penjing.workshop.compare.page import dots_of, render_comparison
from penjing.workshop.compare.table import COLUMNS, limits, lines
from penjing.workshop.compare.terminal import print_comparison
from penjing.workshop.compare.verdict import headline, judge, lead_sentence, not_possible

EVIL = "<img src=x onerror=alert(1)> | *a* `b` \x1b[31m\u202ereversed"


@pytest.fixture(scope="module")
def found() -> Comparison:
    return comparison()


def row(found: Comparison, method: str, size: int) -> Row:
    return next(r for r in found.rows if (r.method.name, r.size) == (method, size))


def printed(found: Comparison, width: int = 120) -> str:
    stream = io.StringIO()
    print_comparison(found, Console(file=stream, width=width, color_system=None))
    return stream.getvalue()


# -- verdicts


@pytest.mark.parametrize(
    ("method", "size", "standing", "words"),
    [
        ("searched", 60_000_000, "unclear", "does not clearly beat inverted; beats shuffled; "
         "plain not possible"),
        ("gptq", 60_000_000, "none", "no control; plain not possible"),
        ("importance", 60_000_000, "none", "not possible, smallest is 75.6 MB"),
        ("searched", 80_000_000, "unclear", "does not clearly beat inverted; beats plain and "
         "shuffled"),
        ("gptq", 80_000_000, "better", "beats plain"),
        ("importance", 80_000_000, "worse", "does not beat plain"),
    ],
)  # fmt: skip
def test_verdicts(found: Comparison, method: str, size: int, standing: str, words: str) -> None:
    judgement = judge(row(found, method, size))
    assert (judgement.standing, judgement.words) == (standing, words)


def test_the_interval_decides_and_not_the_means() -> None:
    """The same means, once with the noise of each position its own and huge."""
    ours = result("searched", 80_000_000, 0.1)
    noise = np.random.default_rng(1).normal(0, 3.0, ours.positions().shape)
    for scale, standing in ((0.0, "better"), (1.0, "unclear")):
        kld = ours.positions() + 0.01 + scale * (noise - noise.mean())
        mean = float(kld.mean())
        rows = (Measurement("kld_mean", mean, mean * 0.9, mean * 1.1, kld.size, "nats"),)
        theirs = replace(ours, method="plain", sha256="ff", measurements=rows, kld=kld.tolist())
        control = beside(KNOWN["plain"], ours, theirs)
        assert control.above is not None
        assert control.above.value == pytest.approx(0.01)
        judged = judge(Row(KNOWN["searched"], 80_000_000, ours, (control,)))
        assert judged.standing == standing


def test_the_very_same_file_is_no_control() -> None:
    ours = result("searched", 80_000_000, 0.1)
    twin = replace(ours, method="shuffled")
    judged = judge(Row(KNOWN["searched"], 1, ours, (beside(KNOWN["shuffled"], ours, twin),)))
    assert judged.standing == "none"
    assert judged.words == "no control; same file as shuffled"


def test_a_larger_method_does_not_win_by_its_size() -> None:
    ours = result("searched", 80_000_000, 0.1)
    theirs = result("plain", 78_000_000, 0.2, seed=2)
    judged = judge(Row(KNOWN["searched"], 1, ours, (beside(KNOWN["plain"], ours, theirs),)))
    assert judged.standing == "unclear"
    assert "Part of the difference is size" in judged.findings[0].sentence


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("20 MB is not possible for x: the smallest is 52.1 MB (52100000 bytes)",
         "not possible, smallest is 52.1 MB"),
        ("the smallest one for gptq is 1.5 GB", "not possible, smallest is 1.5 GB"),
        ("it needs rows of 256", "not possible: it needs rows of 256"),
    ],
)  # fmt: skip
def test_the_smallest_size_is_named(message: str, words: str) -> None:
    assert not_possible(Result("x", 1, impossible=message)) == words


def test_the_headline_counts_and_names_what_loses(found: Comparison) -> None:
    assert headline(found) == (
        "1 of 4 files beats all of its controls; searched at 60.0 MB, searched at 80.0 MB and "
        "importance at 80.0 MB do not."
    )
    best = [r for r in found.rows if judge(r).standing == "better"]
    assert headline(replace(found, rows=best)) == "The only file beats all of its controls."
    two = replace(found, rows=best * 2)
    assert headline(two) == "All 2 files beat all of their controls."
    rest = [r for r in found.rows if judge(r).standing != "better"]
    lost = headline(replace(found, rows=rest))
    assert lost == "None of 3 files beats all of its controls."
    nothing = [row(found, "gptq", 60_000_000)]
    assert "No method could be compared" in headline(replace(found, rows=nothing))


def test_a_lead_within_chance_says_so(found: Comparison) -> None:
    (lead,) = found.leads
    assert "chance" not in lead_sentence(lead)
    (other, above), *_ = lead.others
    close = Lead(lead.size, lead.first, ((other, replace(above, low=-0.001)),))
    assert lead_sentence(close).endswith("which may be chance.")
    twin = replace(lead.first, method="awq")
    same = Lead(lead.size, lead.first, ((twin, replace(above, value=0.0, low=0.0, high=0.0)),))
    assert "awq is the very same file" in lead_sentence(same)


def test_many_comparisons_are_owned_up_to(found: Comparison) -> None:
    assert any("fewer than one of them" in line for line in limits(found))
    many = replace(found, rows=[*found.rows] * 20)
    assert any("about 4.5 of them" in line for line in limits(many))


# -- the table, wherever it stands


def test_every_number_stands_in_every_table(found: Comparison) -> None:
    shown = [markdown(found), printed(found), render_comparison(found)]
    for line in lines(found):
        for text, part in product(shown, (line.name, line.size, line.decode)):
            assert part in text
        if line.kld is not None:
            assert all(line.kld.value in text for text in shown)
    flat = " ".join(printed(found).split())
    for r in found.rows:
        assert judge(r).words in markdown(found)
        assert judge(r).words in render_comparison(found)
        assert all(word in flat for word in judge(r).words.split())


def test_controls_stand_below_their_method(found: Comparison) -> None:
    kinds = [(line.kind, line.name) for line in lines(found)]
    at = kinds.index(("method", "searched"))
    assert kinds[at + 1 : at + 4] == [
        ("control", "plain"), ("control", "shuffled"), ("control", "inverted"),
    ]  # fmt: skip


def test_a_control_below_its_method_is_said_to_be_below(found: Comparison) -> None:
    words = {(line.name, line.words) for line in lines(found) if line.kind == "control"}
    assert any(name == "plain" and " below (" in said for name, said in words)
    assert not any("−" in said.split(" ")[0] for _, said in words)


def test_a_narrow_terminal_has_the_verdicts_below(found: Comparison) -> None:
    text = printed(found, width=80)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert COLUMNS[-1] not in text
    assert "gptq, at most 80.0 MB: beats plain" in text


def test_markdown_is_one_table_of_whole_rows(found: Comparison) -> None:
    rows = [line for line in markdown(found).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {len(COLUMNS) + 1}
    assert len(rows) == 2 + len(list(lines(found)))


# -- documents


def test_the_document_is_strict_json_and_holds_everything(found: Comparison) -> None:
    made = json.loads(json.dumps(document(found), allow_nan=False))
    assert made["sizes"] == [60_000_000, 80_000_000]
    assert len(made["rows"]) == len(found.rows)
    ours = next(r for r in made["rows"] if (r["method"], r["size"]) == ("searched", 80_000_000))
    assert ours["codecs"] == {"Q4_0": 2, "Q8_0": 1}
    assert [c["control"] for c in ours["controls"]] == ["plain", "shuffled", "inverted"]
    assert ours["controls"][0]["measurements"][-1]["metric"] == "kld_mean_above_ours"
    assert made["runtime"]["threads"] == 2
    assert made["hardware"]["cores"] == 2


def test_what_is_on_the_front(found: Comparison) -> None:
    made = document(found)
    assert [(r["method"], r["size"]) for r in made["rows"] if r.get("on_front")] == [
        ("gptq", 60_000_000), ("gptq", 80_000_000),
    ]  # fmt: skip


def test_a_result_is_read_back_as_it_was(tmp_path: Any) -> None:
    one = result("searched", 80_000_000, 0.1)
    one.save(tmp_path / "x.json")
    again = Result.load(tmp_path / "x.json")
    assert np.array_equal(again.positions(), one.positions())
    assert replace(again, kld=one.kld) == replace(one, measurements=tuple(one.measurements))


# -- the page


def test_the_page_is_whole_and_loads_nothing(found: Comparison) -> None:
    text = render_comparison(found)
    page = read(text)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "iframe", "object", "form"}
    links = [
        value for _, attrs in page.tags for key, value in attrs.items() if key in ("src", "href")
    ]
    assert links == ["data:,"]
    assert text.count("<svg") == 3, "the tree, and the plot twice"
    assert text == render_comparison(comparison())


def test_no_text_can_act(found: Comparison) -> None:
    evil = replace(
        found,
        start=replace(found.start, name=EVIL),
        setting=setting(held_out={**setting().held_out, "name": EVIL}),
    )
    text = render_comparison(evil)
    assert "<img" not in text
    read(text)
    shown = [text, markdown(evil), printed(evil)]
    assert not any("\x1b" in part or "\u202e" in part for part in shown)
    assert "<img" not in markdown(evil).replace("\\<", "")


def test_one_file_alone_is_drawn(found: Comparison) -> None:
    alone = replace(found, rows=[row(found, "gptq", 80_000_000)], sizes=(80_000_000,), leads=())
    assert 'class="picture"' in render_comparison(alone)
    nothing = replace(found, rows=[row(found, "importance", 60_000_000)], sizes=(60_000_000,))
    assert 'class="picture"' not in render_comparison(nothing)


# -- the plot

dots = st.builds(
    Dot,
    name=st.sampled_from(["searched", "gptq", "awq", "rotation"]),
    of=st.sampled_from(["", "", "searched"]),
    bytes=st.floats(1e5, 1e11),
    kld=st.floats(0, 50),
    low=st.none() | st.floats(0, 50),
    high=st.none() | st.floats(0, 50),
    decode=st.floats(0.01, 1e4),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(dots, min_size=1, max_size=12), st.floats(0.01, 1e4), st.sampled_from([344.0, 760.0])
)
def test_any_files_can_be_drawn_inside_the_picture(
    files: list[Dot], decode: float, width: float
) -> None:
    drawn = str(pareto(files, decode, width=width, class_="wide"))
    read(drawn)
    height = float(re.search(r'viewBox="0 0 \S+ (\S+)"', drawn)[1])  # type: ignore[index]
    for name, limit in (
        ("x1", width),
        ("x2", width),
        ("cx", width),
        ("y1", height),
        ("cy", height),
    ):
        for value in re.findall(rf' {name}="([^"]+)"', drawn):
            assert -15 <= float(value) <= limit + 15


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), max_size=12))
def test_the_front_is_what_nothing_is_better_than(points: list[tuple[int, int]]) -> None:
    """Against the definition, point by point; of equal points one is enough."""
    chosen = {points[i] for i in front(points)}
    for p in points:
        beaten = any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)
        assert (p in chosen) == (not beaten)
    assert len(front(points)) == len(chosen)


def test_methods_have_marks_of_their_own_and_lines_join_them(found: Comparison) -> None:
    drawn = str(pareto(dots_of(found), 44.0, width=760.0, class_="wide"))
    assert drawn.count('class="join m0"') == drawn.count('class="join m1"') == 2
    assert 'class="join m2"' not in drawn  # it has one size only
    for name in ("searched", "gptq", "importance"):
        assert f">{name}</text>" in drawn
    for name in ("control: plain", "control: shuffled", "control: inverted"):
        assert f">{name}</text>" in drawn


def test_faster_is_drawn_higher_and_closer_is_drawn_lower() -> None:
    near = Dot("a", "", 6e7, 0.1, None, None, 80.0)
    far = Dot("b", "", 6e7, 0.4, None, None, 40.0)
    drawn = str(pareto([near, far], 50.0, width=760.0, class_="wide"))
    heights = [float(y) for y in re.findall(r'<circle cx="\S+" cy="(\S+)" r="5.5"', drawn)]
    squares = [float(y) for y in re.findall(r'd="M\S+ (\S+?)h11', drawn)]
    (_, near_kld, near_speed), (_, far_kld, far_speed) = heights, [y + 5.5 for y in squares]
    assert near_kld > far_kld
    assert near_speed < far_speed


def test_a_file_without_speed_is_a_mistake_of_ours(found: Comparison) -> None:
    with pytest.raises(KeyError):
        document(replace(found, speeds={}))
