"""`penjing evaluate` from the command line to the document, with a fake engine."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from penjing.bundle.resolve import FoundText
from penjing.cli import app
from penjing.core.report import Report
from penjing.engine.llamacpp import LlamaCpp
from penjing.testing.model import FakeModel

TEXT = "A pine on a rock is pruned for years, and stays small, and stays alive. " * 20
METRICS = [
    "perplexity", "baseline_perplexity", "perplexity_ratio", "kld_mean", "kld_median", "kld_p99",
    "kld_max", "same_top", "prob_delta_rms",
]  # fmt: skip


class Engines:
    """Stands in for `LlamaCpp.open`; the file's content says which fake it is."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, int, int | None]] = []
        self.models: list[FakeModel] = []
        self.open_at_once = 0
        self.interrupt: tuple[str, int] | None = None

    def open(self, path: Path, *, context: int = 4096, threads: int | None = None) -> FakeModel:
        self.opened.append((path.stem, context, threads))
        noise = float(path.read_bytes()[4:])
        model = FakeModel(name=path.stem, context=context, noise=noise)
        if self.interrupt and self.interrupt[0] == path.stem:
            _interrupt(model, self.interrupt[1])
        self.models.append(model)
        self.open_at_once = max(self.open_at_once, sum(not one.closed for one in self.models))
        return model


def _interrupt(model: FakeModel, after: int) -> None:
    """Ctrl-C after so many scores."""
    score = model.score

    def scored(tokens):  # type: ignore[no-untyped-def]
        if model.scored >= after:
            raise KeyboardInterrupt
        return score(tokens)

    model.score = scored  # type: ignore[method-assign]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Engines:
    found = Engines()
    monkeypatch.setattr(LlamaCpp, "open", found.open)
    return found


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engines: Engines) -> Path:
    """A folder with a baseline, a worse copy and a text; no download is possible."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("penjing.bundle.fetch.pull", None)
    (tmp_path / "base.gguf").write_bytes(b"GGUF0.0")
    (tmp_path / "small.gguf").write_bytes(b"GGUF0.1")
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


def evaluate(*words: str) -> int:
    return app.main(["evaluate", *words, "--context", "64", "--quiet"])


COMPARE = ("small.gguf", "--baseline", "base.gguf", "--text", "text.txt")


def document(capsys: pytest.CaptureFixture[str]) -> dict:
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def leftovers(here: Path) -> list[str]:
    return sorted(str(path.relative_to(here)) for path in (here / "home").rglob("*.rows"))


def test_a_comparison_is_one_document(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(*COMPARE, "--windows", "3", "--seed", "7", "--json") == 0
    found = document(capsys)
    report = Report.from_document(found)
    assert [item.metric for item in report.measurements] == METRICS
    assert {item.n for item in report.measurements} == {3 * 31}
    assert (report.model, report.baseline, report.text) == ("small", "base", "text.txt")
    assert (report.context, report.windows, report.seed) == (64, 3, 7)
    assert 0 < report.find("kld_mean").low < report.find("kld_mean").high
    assert report.engine.startswith("llama.cpp (xllamacpp 2")
    assert report.hardware["threads"] >= 1
    assert report.hashes == {
        "model": hashlib.sha256(b"GGUF0.1").hexdigest(),
        "baseline": hashlib.sha256(b"GGUF0.0").hexdigest(),
        "text": hashlib.sha256(TEXT.encode()).hexdigest(),
    }


def test_without_a_baseline_only_perplexity(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(*COMPARE, "--json") == 0
    both = Report.from_document(document(capsys))
    assert evaluate("small.gguf", "--text", "text.txt", "--json") == 0
    alone = Report.from_document(document(capsys))
    assert alone.measurements == (both.find("perplexity"),)
    assert alone.baseline is None
    assert "baseline" not in alone.hashes
    assert leftovers(here) == []


def test_a_person_sees_a_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(*COMPARE) == 0
    out = capsys.readouterr().out
    assert "small against base" in out
    for word in ("KLD mean", "nats", "same-top", "%", "95% interval", " to ", "no upper limit"):
        assert word in out
    assert "620 positions in 20 windows of 64 tokens of text.txt" in out


def test_all_windows_and_the_default(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("base.gguf", "--text", "text.txt", "--windows", "all", "--json") == 0
    assert document(capsys)["windows"] == (len(TEXT) + 1) // 64 == 22
    assert evaluate("base.gguf", "--text", "text.txt", "--json") == 0
    assert document(capsys)["windows"] == 20


def test_one_model_is_open_at_a_time_and_none_at_the_end(
    here: Path, engines: Engines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(*COMPARE, "--threads", "1") == 0
    assert engines.open_at_once == 1
    assert all(model.closed for model in engines.models)
    assert set(engines.opened) == {("small", 64, 1), ("base", 64, 1)}
    assert "1 threads" in " ".join(capsys.readouterr().out.split())


def test_nothing_stays_on_the_disk(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(*COMPARE) == 0
    assert [path for path in (here / "home").rglob("*") if path.is_file()] == []


def test_the_text_by_default_is_the_catalogues(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def find_text(name: str, home: object, **_: object) -> FoundText:
        asked.append(name)
        return FoundText(name, TEXT)

    monkeypatch.setattr("penjing.bundle.resolve.find_text", find_text)
    assert evaluate("base.gguf", "--json") == 0
    assert asked == ["encyclopedia"]
    assert document(capsys)["text"] == "encyclopedia"


# -- Ctrl-C -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("where", "after", "windows"), [("base", 3, 39), ("small", 5, 16)])
def test_ctrl_c_is_one_line_and_the_same_command_goes_on(
    here: Path,
    engines: Engines,
    capsys: pytest.CaptureFixture[str],
    where: str,
    after: int,
    windows: int,
) -> None:
    assert evaluate(*COMPARE, "--json") == 0
    expected = document(capsys)
    engines.interrupt = (where, after)
    assert evaluate(*COMPARE) == 130
    out, err = capsys.readouterr()
    said = "1 window" if windows == 39 else f"{40 - windows} windows"
    stopped = f"penjing: stopped, {said} kept: the same command goes on from there\n"
    assert (out, err) == ("", stopped)
    assert all(model.closed for model in engines.models)
    kept = leftovers(here)
    assert kept
    engines.interrupt = None
    engines.models.clear()
    assert evaluate(*COMPARE, "--json") == 0
    assert document(capsys) == expected
    looks = 4  # at the vocabulary
    assert sum(model.scored for model in engines.models) == looks + windows  # of 2 x 20
    assert leftovers(here) == []


def test_another_command_leaves_what_was_interrupted(
    here: Path, engines: Engines, capsys: pytest.CaptureFixture[str]
) -> None:
    engines.interrupt = ("base", 3)
    assert evaluate(*COMPARE) == 130
    kept = leftovers(here)
    assert kept
    engines.interrupt = None
    assert evaluate(*COMPARE, "--windows", "2") == 0
    assert leftovers(here) == kept


# -- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--windows", "0"], "'0' is not a whole number of at least 1"),
        (["--windows", "many"], "'many' is not a whole number"),
        (["--windows", "²"], "'²' is not a whole number"),
        (["--windows", "-3"], "-3"),
        (["--seed", "-1"], "'-1' is not a whole number of at least 0"),
        (["--threads", "0"], "'0' is not a whole number of at least 1"),
        (["--threads", "two"], "'two' is not a whole number"),
        (["--baseline", "nothing.gguf"], "there is no nothing.gguf"),
        (["--baseline", "text.txt"], "text.txt is not a GGUF model"),
        (["--text", "nothing.txt"], "nothing.txt"),
        (["--text", "empty.txt"], "empty.txt is empty"),
        (["--text", "bytes.txt"], "bytes.txt is not UTF-8 text (byte 2): convert it"),
        (["--text", "short.txt"], "the text has 6 tokens and one window needs 64"),
        (["--text", "home"], "home"),
    ],
)
@pytest.mark.parametrize("baseline", [[], ["--baseline", "base.gguf"]])
def test_a_mistake_is_one_line(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    complaint: str,
    baseline: list[str],
) -> None:
    (here / "empty.txt").write_text(" \n")
    (here / "bytes.txt").write_bytes(b"ab\xff\xfe")
    (here / "short.txt").write_text("short")
    assert evaluate("small.gguf", "--text", "text.txt", *baseline, *words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("penjing: ")
    assert err.count("\n") == 1
    assert complaint in err
    assert leftovers(here) == []


def test_a_context_too_short_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["evaluate", "small.gguf", "--text", "text.txt", "--context", "8"]) == 2
    assert "'8' is not a whole number of at least 16" in capsys.readouterr().err


def test_other_tokens_are_refused_before_any_work(
    here: Path,
    engines: Engines,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    opened = engines.open

    def open_(path: Path, **settings: int) -> FakeModel:
        model = opened(path, **settings)
        if path.stem == "small":
            model.tokenize = lambda text, *, special=False, bos=True: [1] * len(text)  # type: ignore[method-assign]
        return model

    monkeypatch.setattr(LlamaCpp, "open", open_)
    assert evaluate(*COMPARE) == 2
    assert "small and base split the text into different tokens" in capsys.readouterr().err
    assert sum(model.scored for model in engines.models) == 2  # the looks at the vocabulary
    assert leftovers(here) == []


def test_a_model_that_breaks_is_a_failure(
    here: Path,
    engines: Engines,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (here / "small.gguf").write_bytes(b"GGUFnan")
    assert evaluate(*COMPARE) == 1
    assert "small, window 1: a logit is not a finite number" in capsys.readouterr().err
    assert leftovers(here) == []


def test_a_folder_that_is_no_model_leaves_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "hub").mkdir()
    (here / "hub" / "config.json").write_text("{}")
    (here / "hub" / "model.safetensors").write_bytes(b"")
    assert evaluate("hub", "--text", "text.txt") == 2
    assert "hub: config.json names nothing" in capsys.readouterr().err
    assert leftovers(here) == []


def test_no_room_is_said_before_the_work(
    here: Path,
    engines: Engines,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import shutil

    usage = shutil.disk_usage(here)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    assert evaluate(*COMPARE) == 1
    err = capsys.readouterr().err
    assert "has 10 B free and 642.3 kB are needed" in err
    assert leftovers(here) == []


def test_the_report_names_a_bundle_by_its_folder(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "tiny").mkdir()
    (here / "tiny" / "model.gguf").write_bytes(b"GGUF0.1")
    (here / "tiny" / "bundle.json").touch()
    assert evaluate("tiny/model.gguf", "--text", "text.txt", "--json") == 0
    report = Report.from_document(document(capsys))
    assert report.model == "tiny"
    assert dataclasses.replace(report, model="x").measurements[0].value > 1
