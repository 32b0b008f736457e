"""`penjing compare` from the command line: what is refused, before any work, and what is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from compared import KNOWN, Builder, Maker
from place import Place, prose

from penjing.app import comparing
from penjing.bundle import fetch
from penjing.bundle.catalogue import load_catalogue
from penjing.cli.app import main
from penjing.core.errors import NetworkError, UnknownName
from penjing.engine.speed import Speed
from penjing.workshop.compare import run
from penjing.workshop.compare.order import order, size_name
from penjing.workshop.compress.settings import EFFORTS

EVERY = ["plain", "shuffled", "inverted", "searched"]
"""Controls of a method that rounds the searched allocation in a way of its own."""
MIX = [entry.name for entry in load_catalogue().mix]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    found = Place(tmp_path_factory.mktemp("cli-compare"))
    (found.folder / "short.txt").write_text(prose(7, 400)[:1100])
    return found


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Builder:
    found = Builder()
    monkeypatch.setattr(comparing, "_methods", lambda: (KNOWN, found))
    monkeypatch.setattr(
        run, "compare_speed", lambda paths, **_: [Speed(90.0, 30.0, 0.1, 10**8)] * len(paths)
    )
    return found


@pytest.fixture
def compare(place: Place, builder: Builder, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs it: exit status, stdout, stderr. An option given again replaces the first."""

    def go(*more: str, out: str = "out", model: Path | None = None) -> tuple[int, str, str]:
        words = [
            "compare", str(model or place.model), "--methods", "searched", "--sizes", "110KB",
            "-o", str(place.folder / out), "--effort", "light", "--held-out",
            str(place.folder / "short.txt"), "--text", str(place.folder / "own.txt"),
            "--threads", "1", "--quiet", *more,
        ]  # fmt: skip
        capsys.readouterr()
        status = main(words)
        said = capsys.readouterr()
        return status, said.out, said.err

    return go


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--methods", "serched"), "unknown method 'serched': did you mean searched?"),
        (("--methods", "zzz"), "known: distilled, gptq, importance, searched"),
        (("--methods", "plain"), "plain is a control and comes by itself"),
        (("--methods", "gptq,searched,gptq"), "--methods has gptq twice"),
        (("--methods", "gptq,,searched"), "--methods lacks a name"),
        (("--methods", ""), "--methods lacks a name"),
        (("--sizes", "plenty"), "'plenty' is not a size"),
        (("--sizes", "110KB,"), "'' is not a size"),
        (("--sizes", "110KB,0.11MB"), "--sizes has 110KB twice"),
        (("--sizes", "110KB,-5MB"), "'-5MB' is not a size"),
        (("--sizes", "110KB,1GB"), "1.0 GB is more than tiny has itself (286.3 kB)"),
        (("--sizes", "9KB,10KB"), "the smallest is"),
        (("--effort", "heroic"), "unknown effort 'heroic'"),
        (("--threads", "0"), "at least 1"),
        (("--seed", "-1"), "at least 0"),
        (("--held-out", "nowhere.txt"), "nowhere.txt"),
        (("-o", ""), "an empty path is none"),
    ],
)
def test_what_cannot_be_is_one_line_before_any_work(
    compare: Run, place: Place, builder: Builder, more: tuple[str, ...], words: str
) -> None:
    status, out, said = compare(*more, out="refused")
    assert (status, out) == (2, "")
    assert words in said
    assert len(said.strip().splitlines()) == 1
    assert builder.asked == []
    assert not (place.folder / "refused").exists()


@pytest.mark.parametrize("missing", ["--methods", "--sizes", "-o"])
def test_what_must_be_given(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", "model", "--methods", "searched", "--sizes", "1MB", "-o", "x"]
    at = words.index(missing)
    assert main(words[:at] + words[at + 2 :]) == 2
    assert missing in capsys.readouterr().err


def test_texts_that_share_a_passage(compare: Run, place: Place, builder: Builder) -> None:
    shared = "This very long line of text is in both of the files, which must not be.\n"
    for name in ("one.txt", "two.txt"):
        (place.folder / name).write_text(shared + prose(3, 1300))
    texts = ("--text", str(place.folder / "one.txt"), "--held-out", str(place.folder / "two.txt"))
    status, _, said = compare(*texts, out="shared")
    assert status == 2
    assert "measured must not be calibrated on" in said
    assert builder.asked == []


def test_a_text_too_short_to_measure_on(compare: Run, place: Place) -> None:
    (place.folder / "tiny.txt").write_text("a few words")
    status, _, said = compare("--held-out", str(place.folder / "tiny.txt"))
    assert status == 2
    assert "give a longer one" in said


def test_a_folder_that_holds_something_is_let_be(compare: Run, place: Place) -> None:
    mine = place.folder / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    status, _, said = compare(out="mine")
    assert status == 2
    assert "not empty" in said
    assert compare("--overwrite", out="mine")[0] == 0
    assert (mine / "notes.txt").read_text() == "mine"
    status, _, said = compare(out="mine")
    assert status == 2
    assert "already holds a comparison" in said


def test_a_file_in_place_of_the_folder(compare: Run, place: Place) -> None:
    (place.folder / "file").write_text("mine")
    status, _, said = compare(out="file")
    assert status == 1
    assert len(said.strip().splitlines()) == 1
    assert (place.folder / "file").read_text() == "mine"


def test_a_dry_run_says_what_and_makes_nothing(
    compare: Run, place: Place, builder: Builder
) -> None:
    ways, sizes = ("--methods", "searched,gptq"), ("--sizes", "90KB,120KB")
    status, out, _ = compare(*ways, *sizes, "--dry-run", "--json", out="dry")
    plan = json.loads(out)
    assert status == 0
    assert plan["methods"] == {"searched": EVERY[:3], "gptq": EVERY}
    assert plan["sizes"] == [90_000, 120_000]
    assert plan["files"] == 10
    assert plan["seconds"] > 0
    assert plan["disk_bytes"] > 10 * 90_000
    assert builder.asked == []
    assert not (place.folder / "dry").exists()
    status, out, _ = compare(*ways, *sizes, "--dry-run", out="dry")
    assert status == 0
    assert "about 10 files" in out
    assert "searched: a codec for each tensor" in out


@pytest.mark.parametrize("command", ["compare", "compress"])
def test_a_dry_run_downloads_nothing_and_says_what_a_run_would(
    command: str,
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pulled: list[str] = []

    def pull(entry: Any, *_: Any) -> Path:
        pulled.append(entry.name)
        raise NetworkError("there is no network in a test")

    monkeypatch.setattr(fetch, "pull", pull)
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    more = ["--sizes", "110KB", "--methods", "searched"] if command == "compare" else []
    size = [] if more else ["--size", "110KB"]
    words = [command, str(place.model), *more, *size, "-o", str(tmp_path / "out"), "--threads", "1"]
    assert main([*words, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["downloads"] == ["encyclopedia", *MIX]
    assert main([*words, "--dry-run"]) == 0
    assert "encyclopedia is not here: it is downloaded first" in capsys.readouterr().out
    words[1] = "smollm2-135m-instruct"
    assert main([*words, "--dry-run"]) == 2
    assert "get it with penjing pull smollm2-135m-instruct" in capsys.readouterr().err
    assert pulled == []
    words[1] = str(place.model)
    assert main(words) == 1
    assert pulled == ["encyclopedia"]
    held = ["--held-out", str(place.held)]
    assert main([*words, *held, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["downloads"] == MIX
    apart = [*words, "--held-out", str(place.folder / "short.txt")]
    for more, wanted in ((["--effort", "light"], MIX), (["--text", str(place.held)], [])):
        assert main([*apart, *more, "--dry-run", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["downloads"] == wanted


def test_more_files_take_longer_and_kept_ones_more_disk(compare: Run) -> None:
    def plan(*more: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(compare("--dry-run", "--json", *more)[1])
        return found

    one, two = plan("--sizes", "110KB"), plan("--sizes", "100KB,110KB")
    assert two["files"] == 2 * one["files"] == 8
    gptq, trained = (plan("--methods", m, "--effort", "standard") for m in ("gptq", "distilled"))
    assert trained["seconds"] - gptq["seconds"] > 0.8 * 60 * EFFORTS["standard"].training_minutes
    kept = plan("--sizes", "110KB", "--keep-files")
    assert kept["disk_bytes"] - one["disk_bytes"] == 4 * 110_000


def test_people_get_the_table_and_where_it_is(compare: Run, place: Place) -> None:
    status, out, said = compare(out="people")
    assert (status, said) == (0, "")
    assert "at most 110.0 kB" in out
    for name in ("searched", "plain", "shuffled", "inverted"):
        assert name in out
    assert "compare.html" in out
    assert "removed" in out
    html = (place.folder / "people" / "compare.html").read_text()
    assert "<svg" in html


def test_json_is_the_document_that_is_written(compare: Run, place: Place) -> None:
    status, out, said = compare("--json", out="json")
    assert (status, said) == (0, "")
    assert json.loads(out) == json.loads((place.folder / "json" / "compare.json").read_text())


def test_a_mistake_found_late_keeps_what_was_measured(
    compare: Run, place: Place, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mistaken(Maker):
        def build(self, method: Any, budget: int) -> Any:
            if method.name == "plain":
                raise UnknownName("codec", "Q9", ["Q8_0"])
            return super().build(method, budget)

    with monkeypatch.context() as patch:
        patch.setattr(comparing, "_methods", lambda: (KNOWN, lambda job: Mistaken(job, builder)))
        assert compare(out="late")[0] == 2
    assert list((place.folder / "late" / ".work").glob("result-searched-*.json"))
    assert compare("--resume", out="late")[0] == 0
    assert builder.asked.count(("searched", 110_000)) == 1


# -- the order itself


def test_controls_come_with_what_they_control() -> None:
    found = order("gptq,searched", "70MB,60 MB", KNOWN)
    assert [m.name for m in found.methods] == ["gptq", "searched"]
    assert found.sizes == (60_000_000, 70_000_000)
    assert [c.name for c in found.controls["gptq"]] == EVERY
    assert [c.name for c in found.controls["searched"]] == EVERY[:3]
    assert found.files == 2 * (2 + 3)  # one plan, so the controls are shared
    assert order("gptq", "1MB", KNOWN).files == 1 + 4
    assert order("gptq,importance", "1MB", KNOWN).files == 2 + 4 + 1
    assert [c.name for c in order("importance", "1MB", KNOWN).controls["importance"]] == ["plain"]


@pytest.mark.parametrize(
    ("size", "name"),
    [
        (70_000_000, "70MB"), (91_700_000, "91.7MB"), (91_712_345, "91712345B"),
        (1_500_000_000, "1.5GB"), (999, "999B"), (91_712_000, "91.712MB"), (90_000, "90KB"),
        (1_500, "1500B"),
    ],
)  # fmt: skip
def test_size_names_are_exact(size: int, name: str) -> None:
    assert size_name(size) == name
