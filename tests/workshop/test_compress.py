"""A whole compression of a tiny model: budget kept, passport true, kills lose nothing.

Runs the real engine, the real search and the real command line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from place import Place, prose

from penjing.bundle.folder import verify
from penjing.cli.app import main
from penjing.devices import machine
from penjing.devices.machine import look
from penjing.engine.llamacpp import LlamaCpp
from penjing.ggml import clock
from penjing.workshop.compress import run, timing
from penjing.workshop.report import render_report
from penjing.workshop.search.groups import groups_of
from penjing.workshop.search.rounder import Rounder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("compress")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENJING_HOME", str(folder / "home"))
        yield Place(folder)


@pytest.fixture(scope="module")
def made(place: Place) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "penjing", *place.words("made")], capture_output=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def value(passport: dict[str, Any], metric: str) -> float:
    return next(m["value"] for m in passport["measurements"] if m["metric"] == metric)


def test_budget_is_kept_and_nearly_used(place: Place, made: dict[str, Any]) -> None:
    size = (place.folder / "made" / "model.gguf").stat().st_size
    assert size == made["file"]["bytes"]
    assert 0.97 * 110_000 < size <= 110_000


def test_bundle_is_sound_and_complete(place: Place, made: dict[str, Any]) -> None:
    out = place.folder / "made"
    names = {"model.gguf", "passport.json", "report.html", "report.json", "recipe.yaml"}
    assert set(verify(out).files) == names
    assert {p.name for p in out.iterdir()} == names | {"bundle.json"}
    assert json.loads((out / "passport.json").read_text()) == made
    assert "<svg" in (out / "report.html").read_text()


def test_the_report_can_be_drawn_again_from_the_bundle(place: Place, made: dict[str, Any]) -> None:
    out = place.folder / "made"
    shown = json.loads((out / "report.json").read_text())
    assert render_report(made, shown) == (out / "report.html").read_text()


def test_what_was_forecast_is_beside_what_was_measured(made: dict[str, Any]) -> None:
    said = made["forecast"]
    assert said["seconds"] > 0
    assert 0 < made["peak_rss_bytes"] <= said["peak_bytes"]
    assert said["peak_bytes"] > 10**8


def test_passport_is_what_an_independent_computation_gives(
    place: Place, made: dict[str, Any]
) -> None:
    """KLD and perplexity from plain float64 softmax, window by window."""
    text = (place.folder / "held.txt").read_text()
    paths = (place.model, place.folder / "made" / "model.gguf")
    with LlamaCpp.open(paths[0], threads=1) as a, LlamaCpp.open(paths[1], threads=1) as b:
        tokens = a.tokenize(text)
        divergences, surprises = [], []
        for w in range(made["held_out"]["windows"]):
            window = tokens[w * 512 : (w + 1) * 512]
            p, q = (_logprobs(m.score(window))[256:511] for m in (a, b))
            divergences.append((np.exp(p) * (p - q)).sum(1))
            surprises.append(-q[np.arange(255), window[257:]])
    assert value(made, "kld_mean") == pytest.approx(np.mean(divergences), rel=2e-3)
    assert value(made, "kld_max") == pytest.approx(np.max(divergences), rel=1e-2)
    assert value(made, "perplexity") == pytest.approx(np.exp(np.mean(surprises)), rel=1e-3)


def _logprobs(logits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    x = logits.astype(np.float64)
    x -= x.max(1, keepdims=True)
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def test_controls_stand_beside_it_at_no_fewer_bytes_for_the_method(made: dict[str, Any]) -> None:
    names = [c["name"] for c in made["controls"]]
    assert names == ["plain rounding", "allocation alone", "shuffled allocation"]
    for control in made["controls"]:
        assert control["bytes"] <= made["file"]["bytes"]
        assert any(m["metric"] == "kld_mean_above_ours" for m in control["measurements"])
    assert all(control["bytes"] == made["file"]["bytes"] for control in made["controls"][1:])


def test_it_beats_plain_rounding(made: dict[str, Any]) -> None:
    assert value(made, "kld_mean") < value(made["controls"][0], "kld_mean")


def test_same_recipe_same_bytes(place: Place, made: dict[str, Any], capsys: Any) -> None:
    recipe = str(place.folder / "made" / "recipe.yaml")
    words = [w for w in place.words("again", "--recipe", recipe) if w not in ("--size", "110KB")]
    assert main(words) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["file"]["sha256"] == made["file"]["sha256"]


def test_a_killed_run_resumes_to_the_same_bytes(
    place: Place, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 after each stage's file appears, then --resume, until it is through."""
    home, out = place.folder / "another-home", place.folder / "killed"
    monkeypatch.setenv("PENJING_HOME", str(home))
    command = [sys.executable, "-m", "penjing", *place.words("killed")]
    for folder, stage in (
        (home, "calibration.json"),
        (home, "importance.npz"),
        (home, "effects-*.json"),
        (out, "blk.1.attn_q.weight.bin"),
        (out, "gptq.gguf"),
        (out, "plain.gguf"),
    ):
        _kill_after(command, folder, stage)
        assert not (out / "bundle.json").exists()
        command = [sys.executable, "-m", "penjing", *place.words("killed", "--resume")]
    done = subprocess.run(command, capture_output=True, check=True)
    passport = json.loads(done.stdout)
    assert passport["resumed"] is True
    assert passport["file"]["sha256"] == made["file"]["sha256"]
    assert value(passport, "kld_mean") == value(made, "kld_mean")
    assert not (out / ".work").exists()


def _kill_after(command: list[str], folder: Path, pattern: str) -> None:
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while not any(folder.rglob(pattern)):
        assert running.poll() is None, "it ended before it was killed"
        assert time.monotonic() < limit
        time.sleep(0.005)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()


def without_size(line: list[str]) -> list[str]:
    at = line.index("--size")
    return line[:at] + line[at + 2 :]


def test_training_makes_it_better_and_its_recipe_makes_it_again(
    place: Place, made: dict[str, Any], capsys: Any
) -> None:
    """Effort standard at the same size, on text of its own; the same steps give the same bytes."""
    more = ("--effort", "standard", "--minutes", "0.1", "--text", str(place.folder / "own.txt"))
    status, passport, _ = place.run(capsys, "trained", *more)
    assert status == 0
    training = passport["method"]["training"]
    assert passport["method"]["name"] == "distilled"
    assert training["steps"] >= 3
    assert training["after"] < training["before"]
    shown = json.loads((place.folder / "trained" / "report.json").read_text())
    assert len(shown["training"]) == min(200, training["steps"])
    assert "Figure 4." in (place.folder / "trained" / "report.html").read_text()
    alone = next(c for c in passport["controls"] if c["name"] == "allocation alone")
    assert value(passport, "kld_mean") < value(alone, "kld_mean")
    recipe = str(place.folder / "trained" / "recipe.yaml")
    line = without_size(place.words("trained-again", "--recipe", recipe, *more[4:]))
    line = [w for w in line if w not in ("--effort", "light")]
    assert main(line) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["method"]["training"]["steps"] == training["steps"]
    assert again["file"]["sha256"] == passport["file"]["sha256"]
    line[line.index(str(place.folder / "trained-again"))] = str(place.folder / "trained-killed")
    _kill_after(
        [sys.executable, "-m", "penjing", *line],
        place.folder / "trained-killed",
        "blk.1.attn_q.weight.bin",
    )
    assert main([*line, "--resume"]) == 0
    killed = json.loads(capsys.readouterr().out)
    assert killed["file"]["sha256"] == passport["file"]["sha256"]


def test_a_size_that_needs_no_rounding_rounds_nothing(
    place: Place, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rounds(*_: object) -> None:
        raise AssertionError("a tensor that stays as it is was to be rounded")

    monkeypatch.setattr("penjing.workshop.compress.build.round_model", rounds)
    status, passport, said = place.run(capsys, "whole", size="1MB")
    assert status == 0, said
    assert value(passport, "kld_mean") == 0


def test_bits_are_bits_of_the_file(place: Place, capsys: Any) -> None:
    line = without_size(place.words("bits", "--bits", "8", "--dry-run"))
    assert main(line) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["budget_bytes"] == shown["parameters"]


def test_a_goal_is_kept_in_as_few_bytes_as_it_takes(place: Place, capsys: Any) -> None:
    sizes = {}
    for goal in ("kld<=0.05", "kld<=0.005"):
        line = without_size(place.words(f"goal-{goal[5:]}", "--keep", goal))
        assert main(line) == 0
        passport = json.loads(capsys.readouterr().out)
        assert value(passport, "kld_mean") <= float(goal[5:])
        sizes[goal] = passport["file"]["bytes"]
    assert sizes["kld<=0.05"] < sizes["kld<=0.005"] < place.model.stat().st_size


def test_a_broken_file_is_kept_and_called_so(place: Place, capsys: Any) -> None:
    assert main([w for w in place.words("ruin", size="44KB") if w != "--quiet"]) == 1
    told = capsys.readouterr()
    made, said = json.loads(told.out), told.err
    assert made["broken"]
    size = made["advice"]["sound_bytes"]
    assert made["file"]["bytes"] < size < place.model.stat().st_size
    assert "broken: it gives the same next token only" in " ".join(said.split())
    assert "try --size" in " ".join(said.split())
    manifest = verify(place.folder / "ruin")  # whole, and named
    assert manifest.name == "tiny-0MB-broken"
    assert (place.folder / "ruin" / "model.gguf").exists()
    chat = ["chat", str(place.folder / "ruin"), "--once", "Hello", "--max-tokens", "2"]
    assert main(chat) == 0
    assert "tiny-0MB-broken lost too much to be of use" in " ".join(capsys.readouterr().err.split())


def test_light_leaves_out_what_the_processor_is_slow_at_where_that_costs_little(
    place: Place, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def codecs(out: str, slow: frozenset[str], size: str) -> set[str]:
        times = {name: 9.0 if name in slow else 1.0 for name in clock.nanoseconds()}
        monkeypatch.setattr(clock, "slow", lambda: slow)
        with monkeypatch.context() as patch:
            patch.setattr(clock, "nanoseconds", lambda: times)
            assert main(place.words(out, size=size)) in (0, 1)
        capsys.readouterr()
        recipe = yaml.safe_load((place.folder / out / "recipe.yaml").read_text())
        return set(recipe["codecs"].values()) - {"F16"}

    usual = codecs("usual", frozenset(), "90KB")
    assert usual
    assert codecs("quick", frozenset(usual), "90KB").isdisjoint(usual)
    assert "Q1_0" in codecs("small", frozenset({"Q1_0"}), "44KB")  # nothing else is so small


def test_a_speed_is_timed_and_one_that_cannot_be_is_refused(
    place: Place, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = timing.uniform(groups_of(place.checkpoint))[:3]
    monkeypatch.setattr(timing, "uniform", lambda _: few)
    monkeypatch.setattr(timing, "heads", lambda _: [])
    monkeypatch.setattr(timing, "ROUNDS", 1)
    status, made, said = place.run(capsys, "fast", "--speed", "0.1")
    assert status == 0, said
    start, ours = (row["decode_tps"] for row in made["runtime"]["rows"])
    assert ours >= 0.1 * start
    (kept,) = (place.folder / "home" / "work" / "measured").rglob("times-*.json")
    codecs = {codec for plan in few for codec in plan.values()}
    prices = json.loads(kept.read_text())["price"]
    assert {kind.split()[1] for kind in prices} >= codecs
    status, made, said = place.run(capsys, "faster", "--speed", "100")
    if status == 2:  # found impossible before
        assert "times the starting model's speed is not possible" in said
    else:  # or missed when it was timed
        start, ours = (row["decode_tps"] for row in made["runtime"]["rows"])
        assert status == 1
        assert ours < 100 * start


def test_a_ceiling_that_is_too_low_is_refused_before_work(place: Place, capsys: Any) -> None:
    status, _, said = place.run(capsys, "low", "--ram", "100MB")
    assert status == 2
    assert "--ram allows 100.0 MB" in said
    assert not (place.folder / "low" / ".work").exists()


def test_without_a_ceiling_it_is_what_the_machine_can_spare(
    place: Place, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = look()
    monkeypatch.setattr(machine, "look", lambda: replace(real, available_bytes=10**8))
    status, _, said = place.run(capsys, "spare", "--effort", "standard")
    assert status == 2
    assert "this machine can spare 100.0 MB: close other programs" in said
    assert not (place.folder / "spare" / ".work").exists()


def test_nothing_of_the_search_is_held_while_files_are_measured(
    place: Place, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Rounder]] = []
    held: list[bool] = []
    begin, measure = Rounder.__init__, run.measure

    def noted(self: Rounder, *args: Any, **more: Any) -> None:
        made.append(weakref.ref(self))
        begin(self, *args, **more)

    def looked(*args: Any, **more: Any) -> Any:
        held.extend(each() is not None for each in made)
        return measure(*args, **more)

    monkeypatch.setattr(Rounder, "__init__", noted)
    monkeypatch.setattr(run, "measure", looked)
    status, _, said = place.run(capsys, "held", size="108KB")
    assert status == 0, said
    assert made
    assert not any(held)


def test_ctrl_c_says_how_to_go_on(place: Place) -> None:
    command = [sys.executable, "-m", "penjing", *place.words("stopped")]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not (place.folder / "stopped" / ".work" / "signature.json").exists():
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130
    lines = said.decode().strip().splitlines()
    assert lines[-1].startswith("penjing: stopped")
    assert "--resume" in lines[-1]


def test_unfinished_work_is_never_lost_by_accident(place: Place, capsys: Any) -> None:
    work = place.folder / "left" / ".work"
    work.mkdir(parents=True)
    (work / "signature.json").write_text("{}")
    status, _, said = place.run(capsys, "left")
    assert (status, "--resume" in said, work.exists()) == (2, True, True)
    status, _, said = place.run(capsys, "left", "--resume")
    assert status == 2
    assert "another model" in said


@pytest.mark.parametrize(
    ("more", "size", "words"),
    [
        ((), "20KB", "smallest is"),
        ((), "plenty", "not a size"),
        (("--effort", "heroic"), "110KB", "unknown effort"),
        (("--device", "toaster"), None, "unknown device"),
        (("--threads", "0"), "110KB", "at least 1"),
    ],
)
def test_what_cannot_be_is_refused_before_work(place, capsys, more, size, words) -> None:
    line = place.words("refused", *more, size=size or "1MB")
    if size is None:
        line = [w for w in line if w not in ("--size", "1MB")]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1
    assert not (place.folder / "refused" / ".work").exists()


def test_impossible_budget_names_a_size_that_is_possible(place: Place, capsys: Any) -> None:
    _, _, said = place.run(capsys, "least", size="20KB")
    least = int(said.split("(")[1].split(" bytes")[0])
    status, shown, _ = place.run(capsys, "least", "--dry-run", size=f"{least}B")
    assert status == 0
    assert shown["smallest_bytes"] == least
    assert place.run(capsys, "least", "--dry-run", size=f"{least - 1}B")[0] == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xfe not text", "not UTF-8"), (b"  \n", "empty"), (b"too short", "longer")],
)
def test_unusable_texts(place: Place, capsys: Any, content: bytes, words: str) -> None:
    path = place.folder / "bad.txt"
    path.write_bytes(content)
    status, _, said = place.run(capsys, "texts", "--text", str(path))
    assert status == 2
    assert words in said


def test_held_out_text_is_never_calibration_text(place: Place, capsys: Any) -> None:
    shared = "This very long line of text is in both of the files, which must not be.\n"
    for name in ("one.txt", "two.txt"):
        (place.folder / name).write_text(shared + prose(3, 1300))
    line = place.words("shared", "--text", str(place.folder / "one.txt"))
    line[line.index("--held-out") + 1] = str(place.folder / "two.txt")
    assert main(line) == 2
    assert "measured must not be calibrated on" in capsys.readouterr().err


def test_a_file_in_place_of_the_folder(place: Place, capsys: Any) -> None:
    (place.folder / "file").write_text("mine")
    status, _, said = place.run(capsys, "file")
    assert status == 1
    assert "in the way" in said or "not a folder" in said
    assert (place.folder / "file").read_text() == "mine"


def test_a_full_disk_is_one_line_and_leaves_nothing(place: Place) -> None:
    """RLIMIT_FSIZE stands for the disk: root ignores quotas and permissions."""
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000));"
        "from penjing.cli.app import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *place.words("full")], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert len(done.stderr.decode().strip().splitlines()) == 1
    assert b"cannot write" in done.stderr
    assert not (place.folder / "full" / "model.gguf").exists()
    assert not list((place.folder / "full").glob("**/*.tmp"))
