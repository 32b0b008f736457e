"""A whole comparison of a tiny model: real files, the real engine, a builder without a search.

Kills lose nothing, controls have the method's bytes, and the numbers are what an independent
computation gives. Times are made up, but for one test.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compared import KNOWN, Builder, Maker
from place import Place, prose

from penjing.app import comparing
from penjing.bundle.gguf_reader import GGUFFile
from penjing.cli.app import main
from penjing.core.errors import BudgetError
from penjing.core.files import sha256_file
from penjing.engine.llamacpp import LlamaCpp
from penjing.engine.speed import Speed
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compare import run

SIZES = (90_000, 120_000)


class Here:
    """A place with a builder; each test compares into a folder of its own."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.builder = Builder()
        self.timed: list[list[Path]] = []

    def words(
        self, out: str, *more: str, methods: str = "searched,gptq,importance", sizes: str = "90KB"
    ) -> list[str]:
        return [
            "compare", str(self.place.model), "--methods", methods, "--sizes", sizes,
            "-o", str(self.place.folder / out), "--effort", "light", "--held-out",
            str(self.place.folder / "short.txt"), "--text", str(self.place.folder / "own.txt"),
            "--threads", "1", "--json", "--quiet", *more,
        ]  # fmt: skip

    def speeds(self, paths: list[Path], **_: Any) -> list[Speed]:
        self.timed.append(paths)
        return [Speed(100.0, 5e6 / path.stat().st_size, 0.1, 10**8) for path in paths]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    found = Place(tmp_path_factory.mktemp("compare"))
    (found.folder / "short.txt").write_text(prose(7, 400)[:1100])  # two windows of bytes
    return found


@pytest.fixture
def here(place: Place, monkeypatch: pytest.MonkeyPatch) -> Here:
    found = Here(place)
    monkeypatch.setattr(comparing, "_methods", lambda: (KNOWN, found.builder))
    monkeypatch.setattr(run, "compare_speed", found.speeds)
    return found


@pytest.fixture(scope="module")
def whole(place: Place) -> tuple[Here, dict[str, Any]]:
    """A comparison nobody stopped; its files are kept."""
    with pytest.MonkeyPatch.context() as patch:
        found = Here(place)
        patch.setattr(comparing, "_methods", lambda: (KNOWN, found.builder))
        patch.setattr(run, "compare_speed", found.speeds)
        assert main(found.words("whole", "--keep-files", sizes="120KB,90KB")) == 0
    return found, json.loads((place.folder / "whole" / "compare.json").read_text())


Whole = tuple[Here, dict[str, Any]]


def row(document: dict[str, Any], method: str, size: int) -> dict[str, Any]:
    return next(r for r in document["rows"] if (r["method"], r["size"]) == (method, size))


def value(part: dict[str, Any], metric: str) -> float:
    return next(m["value"] for m in part["measurements"] if m["metric"] == metric)


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    dropped = ("seconds", "created", "peak_rss_bytes", "resumed")
    return {key: value for key, value in document.items() if key not in dropped}


def test_the_folder_is_whole_and_holds_no_work(whole: Whole) -> None:
    here, document = whole
    out = here.place.folder / "whole"
    assert {p.name for p in out.iterdir()} == {
        "compare.json", "compare.md", "compare.html", "files",
    }  # fmt: skip
    assert [r["size"] for r in document["rows"]] == [SIZES[0]] * 3 + [SIZES[1]] * 3
    assert [m["name"] for m in document["methods"]][:3] == ["searched", "gptq", "importance"]


def test_kept_files_are_the_measured_ones(whole: Whole) -> None:
    here, document = whole
    out = here.place.folder / "whole"
    named = set()
    for r in document["rows"]:
        for part in (r, *r["controls"]):
            if "impossible" in part:
                continue
            path = out / part["file"]
            named.add(path)
            GGUFFile.open(path).close()
            assert path.stat().st_size == part["bytes"] <= r["size"]
            assert sha256_file(path) == part["sha256"]
    assert named == set((out / "files").iterdir())


def test_kld_is_what_an_independent_computation_gives(whole: Whole) -> None:
    """Plain float64 softmax, and the paired difference from its positions."""
    here, document = whole
    ours = row(document, "searched", SIZES[1])
    control = next(c for c in ours["controls"] if c["control"] == "plain")
    out = here.place.folder / "whole"
    text = here.place.folder / "short.txt"
    start = logprobs(here.place.model, text)
    found = {}
    for name, part in (("ours", ours), ("plain", control)):
        q = logprobs(out / part["file"], text)
        found[name] = float((np.exp(start) * (start - q)).sum(-1).mean())
        assert value(part, "kld_mean") == pytest.approx(found[name], rel=2e-3)
    above = value(control, "kld_mean_above_ours")
    assert above == pytest.approx(found["plain"] - found["ours"], rel=2e-2)
    assert document["held_out"]["windows"] == len(start) == 2


def logprobs(path: Path, text: Path) -> np.ndarray[Any, Any]:
    """Of the second half of each window of 512 [windows, 255, vocabulary]."""
    out = []
    with LlamaCpp.open(path, threads=1) as model:
        tokens = model.tokenize(text.read_text())
        for w in range(2):
            x = model.score(tokens[w * 512 : (w + 1) * 512])[256:511].astype(np.float64)
            x -= x.max(1, keepdims=True)
            out.append(x - np.log(np.exp(x).sum(1, keepdims=True)))
    return np.array(out)


def test_controls_stand_beside_their_method_at_its_bytes(whole: Whole) -> None:
    _, document = whole
    everything = ["plain", "shuffled", "inverted"]
    for size, (method, names) in product(
        SIZES, (("searched", everything), ("gptq", [*everything, "searched"]))
    ):
        ours = row(document, method, size)
        assert [c["control"] for c in ours["controls"]] == names
        plain, *same = ours["controls"]
        assert {control["bytes"] for control in same} == {ours["bytes"]}
        assert 0.97 * ours["bytes"] < plain["bytes"] <= ours["bytes"]
    importance = row(document, "importance", SIZES[1])
    assert [c["control"] for c in importance["controls"]] == ["plain"]
    assert importance["controls"][0]["bytes"] <= importance["bytes"]


def test_shuffled_is_the_methods_own_plan_dealt_out(whole: Whole) -> None:
    """The same codecs for each shape, but not for the same tensors."""
    here, document = whole
    ours = row(document, "searched", SIZES[1])
    control = next(c for c in ours["controls"] if c["control"] == "shuffled")
    plans = []
    for part in (ours, control):
        with Checkpoint.open(here.place.folder / "whole" / part["file"]) as opened:
            plans.append({n: (t.shape, t.codec.name) for n, t in opened.tensors.items()})
    assert sorted(plans[0].values()) == sorted(plans[1].values())
    assert plans[0] != plans[1]


def test_the_allocation_alone_is_the_file_of_searched(whole: Whole) -> None:
    _, document = whole
    for size in SIZES:
        alone = next(
            c for c in row(document, "gptq", size)["controls"] if c["control"] == "searched"
        )
        assert alone["sha256"] == row(document, "searched", size)["sha256"]
        assert alone["file"] == row(document, "searched", size)["file"]


def test_even_controls_are_asked_for_the_bytes_of_the_file(whole: Whole) -> None:
    here, document = whole
    ours = row(document, "searched", SIZES[1])
    assert ours["bytes"] < SIZES[1]
    assert ("plain", ours["bytes"]) in here.builder.asked
    assert ("plain", SIZES[1]) not in here.builder.asked


def test_what_is_shared_is_made_and_timed_once(whole: Whole) -> None:
    here, document = whole
    assert len(here.builder.asked) == len(set(here.builder.asked))
    (timed,) = here.timed
    hashes = {
        part["sha256"]
        for r in document["rows"]
        for part in (r, *r["controls"])
        if "impossible" not in part
    }
    assert len(timed) == len(hashes) + 1  # and the starting model
    assert timed[0] == here.place.model


def test_an_impossible_size_is_a_row_that_says_so(whole: Whole) -> None:
    _, document = whole
    importance = row(document, "importance", SIZES[0])
    assert "measurements" not in importance
    assert importance["verdict"]["words"] == "not possible, smallest is 94.5 kB"
    assert importance["controls"] == []


def test_the_verdicts_agree_with_the_intervals(whole: Whole) -> None:
    """Better if and only if the paired interval lies above zero (all files are of one size)."""
    _, document = whole
    compared = 0
    for r in document["rows"]:
        for control in r["controls"]:
            above = next(m for m in control["measurements"] if m["metric"] == "kld_mean_above_ours")
            alike = r["bytes"] <= control["bytes"] * 1.005
            assert (control["verdict"]["standing"] == "better") == (above["low"] > 0 and alike)
            same = control["sha256"] == r["sha256"]
            assert same == (control["verdict"]["standing"] == "none")
            compared += 1
    assert compared == 15


def test_the_same_comparison_gives_the_same_numbers(whole: Whole, here: Here) -> None:
    _, document = whole
    assert main(here.words("again", "--keep-files", sizes="120KB,90KB")) == 0
    again = json.loads((here.place.folder / "again" / "compare.json").read_text())
    assert without_times(again) == without_times(document)


@pytest.mark.parametrize("stop_at", [1, 5])
def test_a_stopped_run_goes_on_and_makes_nothing_twice(
    here: Here, whole: Whole, stop_at: int, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"stopped-{stop_at}"
    here.builder.stop_at = stop_at
    assert main(here.words(name)) == 130
    assert "--resume" in capsys.readouterr().err
    assert not (here.place.folder / name / "compare.json").exists()
    before = list(here.builder.asked)
    assert main(here.words(name, "--resume")) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["resumed"] is True
    assert here.builder.asked[len(before)] == before[-1]  # the one that was cut short
    assert not set(here.builder.asked[len(before) + 1 :]) & set(before)
    first = row(whole[1], "searched", SIZES[0])
    assert row(document, "searched", SIZES[0])["measurements"] == first["measurements"]
    assert not (here.place.folder / name / ".work").exists()


def test_stopped_while_timing_nothing_is_built_again(
    here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "compare_speed", stop)
        assert main(here.words("timing", methods="searched")) == 130
    asked = len(here.builder.asked)
    assert main(here.words("timing", "--resume", methods="searched")) == 0
    assert len(here.builder.asked) == asked
    capsys.readouterr()


def test_a_run_that_goes_on_may_compare_more(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    here.builder.stop_at = 3
    assert main(here.words("more", methods="searched")) == 130
    assert main(here.words("more", "--resume", methods="searched,importance")) == 0
    document = json.loads((here.place.folder / "more" / "compare.json").read_text())
    assert {r["method"] for r in document["rows"]} == {"searched", "importance"}


def test_other_inputs_are_not_mixed_in(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    here.builder.stop_at = 2
    assert main(here.words("inputs", methods="searched")) == 130
    assert main(here.words("inputs", "--resume", "--seed", "5", methods="searched")) == 2
    assert "another seed" in capsys.readouterr().err
    assert main(here.words("inputs", methods="searched")) == 2
    assert "--resume" in capsys.readouterr().err


def test_a_file_that_was_changed_is_not_timed_as_the_measured_one(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    here.builder.stop_at = 3
    assert main(here.words("changed", methods="searched")) == 130
    work = here.place.folder / "changed" / ".work"
    (path,) = work.glob("searched-*.gguf")
    path.write_bytes(path.read_bytes()[:-1] + b"\x55")
    assert main(here.words("changed", "--resume", methods="searched")) == 1
    assert "not the file that was measured" in capsys.readouterr().err


def test_a_damaged_result_is_made_again(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    here.builder.stop_at = 3
    assert main(here.words("damaged", methods="searched")) == 130
    path = here.place.folder / "damaged" / ".work" / f"result-searched-{SIZES[0]}.json"
    path.write_text(path.read_text()[:-20])
    assert main(here.words("damaged", "--resume", methods="searched")) == 0
    assert here.builder.asked.count(("searched", SIZES[0])) == 2
    capsys.readouterr()


def test_files_go_unless_they_are_wanted(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(here.words("gone", "--keep-files", methods="importance", sizes="120KB")) == 0
    out = here.place.folder / "gone"
    assert list((out / "files").glob("*.gguf"))
    capsys.readouterr()
    assert main(here.words("gone", "--overwrite", methods="importance", sizes="120KB")) == 0
    document = json.loads(capsys.readouterr().out)
    assert {r.get("file") for r in document["rows"]} == {None}
    assert {p.name for p in out.iterdir()} == {"compare.json", "compare.md", "compare.html"}


def test_a_method_that_cannot_take_this_model_is_a_row(
    here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {**KNOWN, "never": replace(KNOWN["gptq"], name="never")}

    class Never(Maker):
        def build(self, method: Any, budget: int) -> Any:
            if method.name == "never":
                raise BudgetError("never: there is no such thing")
            return super().build(method, budget)

    monkeypatch.setattr(
        comparing, "_methods", lambda: (known, lambda job: Never(job, here.builder))
    )
    assert main(here.words("never", methods="never,importance", sizes="120KB")) == 0
    document = json.loads(capsys.readouterr().out)
    said = row(document, "never", SIZES[1])["verdict"]["words"]
    assert said == "not possible: never: there is no such thing"


def test_a_folder_of_weights_is_compared_too(
    here: Here, tiny_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A starting model that is no file yet is written as one first, and is the baseline."""
    words = here.words("folder", methods="importance", sizes="150KB")
    words[1] = str(tiny_folder("qwen3"))
    words[words.index("--held-out") + 1] = str(here.place.held)
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert here.timed[0][0].name == "starting.gguf"
    assert document["baseline"]["bytes"] > 150_000 >= document["rows"][0]["bytes"]
    assert value(document["rows"][0], "kld_mean") > 0
    words[words.index("--sizes") + 1] = "9MB"
    words[words.index("-o") + 1] += "-2"
    assert main(words) == 2
    assert "9.0 MB is more than qwen3" in capsys.readouterr().err


def test_real_times(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Three files, one round, each in a process of its own."""
    here = Here(place)
    known = {name: KNOWN[name] for name in ("importance", "plain")}
    monkeypatch.setattr(comparing, "_methods", lambda: (known, here.builder))
    monkeypatch.setattr(run, "ROUNDS", 1)
    assert main(here.words("real", methods="importance", sizes="120KB")) == 0
    document = json.loads(capsys.readouterr().out)
    (only,) = document["rows"]
    for part in (document["baseline"], only, *only["controls"]):
        assert part["speed"]["decode_tps"] > 0
        assert part["speed"]["peak_rss_bytes"] > 10**6
