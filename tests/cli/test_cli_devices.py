"""`penjing devices` and `penjing fit` as a person and as a program use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penjing.cli import app
from penjing.devices import detect
from penjing.devices.detect import Benchmark
from penjing.devices.profile import load_devices

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty shared folder, a wide page, and no benchmark."""
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(detect, "run_benchmark", lambda machine: Benchmark(20.0, 100.0, "today"))
    return tmp_path / "home"


def said(capsys: Capture, *words: str) -> tuple[int, str, str]:
    status = app.main(list(words))
    out, err = capsys.readouterr()
    return status, out, err


def document(capsys: Capture, *words: str) -> tuple[int, Any]:
    status, out, err = said(capsys, *words, "--json")
    assert err == "" or status == 2
    return status, json.loads(out)


def test_devices_lists_every_device(capsys: Capture) -> None:
    status, out, err = said(capsys, "devices")
    assert (status, err) == (0, "")
    for device in load_devices().values():
        assert device.name in out
        assert device.title in out
    assert "~330.0 MB" in out, "an estimate is marked"
    assert said(capsys, "devices", "list")[1] == out


def test_devices_as_json(capsys: Capture) -> None:
    status, found = document(capsys, "devices")
    assert status == 0
    assert [item["name"] for item in found["devices"]] == list(load_devices())
    assert found["devices"][0]["app_bytes"] == 330_000_000


def test_one_device_shows_its_sources_and_its_runs(capsys: Capture) -> None:
    status, out, _ = said(capsys, "devices", "show", "pi-5-8gb")
    assert status == 0
    assert "Raspberry Pi 5, 8 GB" in out
    assert "https://github.com/geerlingguy/sbc-reviews/issues/60, 2024-12-09" in out
    assert "289.92" in out
    assert "estimate:" in out


def test_one_device_as_json_is_complete(capsys: Capture) -> None:
    status, found = document(capsys, "devices", "show", "jetson-orin-nano")
    assert status == 0
    assert found["memory"]["bandwidth_gbs"] == 102.0
    assert found["memory"]["origin"]["source"].startswith("https://")
    assert found["accelerators"][0]["tops_int8"] == 67.0
    assert {row["backend"] for row in found["measured"]} == {"cpu", "cuda"}


def test_this_machine_is_shown(capsys: Capture, home: Path) -> None:
    status, found = document(capsys, "devices", "this")
    assert status == 0
    assert found["name"] == "this"
    assert found["memory"]["stream_gbs"] == 20.0
    assert found["price"]["usd"] is None
    status, out, _ = said(capsys, "devices", "this")
    assert "This machine" in out
    assert "unknown" in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["devices", "show"], "penjing devices show NAME"),
        (["devices", "this", "pi-5-8gb"], "penjing devices show NAME"),
        (["devices", "show", "pi-5"], "did you mean"),
        (["devices", "sho"], "invalid choice"),
        (["fit", "smollm2-135m-instruct", "--device", "pi-6"], "unknown device 'pi-6'"),
        (["fit", "smollm2", "--device", "pi-5-8gb"], "unknown model 'smollm2'"),
        (["fit", "./none.gguf", "--device", "pi-5-8gb"], "there is no none.gguf"),
        (["fit", "qwen3-0.6b", "--context", "0"], "at least 1"),
        (["fit", "qwen3-0.6b", "--context", "many"], "'many' is not"),
        (["fit", "qwen3-0.6b", "--codec", "Q9"], "unknown codec 'Q9'"),
        (["fit", "qwen3-0.6b", "--price", "10"], "--price belongs to --recommend"),
        (["fit", "qwen3-0.6b", "--ram", "4GB"], "--ram belongs to --recommend"),
        (["fit", "qwen3-0.6b", "--recommend", "--price", "-3"], "must be a number above 0"),
        (["fit", "qwen3-0.6b", "--recommend", "--watts", "nan"], "must be a number above 0"),
        (["fit", "qwen3-0.6b", "--recommend", "--ram", "lots"], "'lots' is not a size"),
        (["fit", "qwen3-0.6b", "--recommend", "--device", "pi-5-8gb"], "choose one"),
        (["fit"], "MODEL"),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    capsys: Capture, words: list[str], complaint: str
) -> None:
    status, out, err = said(capsys, *words)
    assert status == 2
    assert out == ""
    assert complaint in err
    assert err.count("\n") == 1


def test_a_model_that_fits(capsys: Capture) -> None:
    status, out, err = said(capsys, "fit", "smollm2-135m-instruct", "--device", "pi-zero-2w")
    assert (status, err) == (0, "")
    assert "Raspberry Pi Zero 2 W, 2048 tokens of context" in out
    for word in ("weights", "KV cache", "computing", "program", "RAM", "storage", "first word"):
        assert word in out
    assert "x/÷" in out
    assert "1 published run on its family" in out
    assert out.rstrip().splitlines()[-1].startswith("Fits: 257.5 MB of 330.0 MB usable RAM; about")


def test_a_model_that_fits_as_json(capsys: Capture) -> None:
    words = ("fit", "smollm2-135m-instruct", "--device", "pi-zero-2w", "--context", "1024")
    status, found = document(capsys, *words)
    assert status == 0
    assert (found["fits"], found["context"]) == ("yes", 1024)
    assert found["ram"]["kv"] == 1024 * 23_040
    parts = sum(found["ram"][key] for key in ("weights", "kv", "compute", "process"))
    assert found["ram"]["total"] == parts == found["ram_usable"] - found["headroom"]
    decode = found["speed"]["decode_tokens_per_second"]
    assert decode["low"] < decode["mid"] < decode["high"]


def test_a_model_that_does_not_fit_is_status_1(capsys: Capture) -> None:
    status, out, _ = said(capsys, "fit", "qwen3-0.6b", "--device", "pi-zero-2w")
    assert status == 1
    assert "Does not fit" in out
    status, found = document(capsys, "fit", "qwen3-0.6b", "--device", "pi-zero-2w")
    assert (status, found["fits"]) == (1, "no")
    assert found["headroom"] < 0


def test_nothing_is_downloaded(capsys: Capture, home: Path) -> None:
    assert said(capsys, "fit", "gemma-3-270m-it", "--device", "pi-5-8gb")[0] == 0
    assert not home.exists() or not any(home.rglob("*.gguf"))


def test_a_codec_makes_it_smaller(capsys: Capture) -> None:
    words = ("fit", "qwen3-0.6b", "--device", "pi-4-2gb")
    plain, small = document(capsys, *words)[1], document(capsys, *words, "--codec", "Q4_0")[1]
    assert small["ram"]["weights"] == pytest.approx(plain["ram"]["weights"] * 4.5 / 16)


def test_without_a_device_this_machine_is_meant(capsys: Capture) -> None:
    status, found = document(capsys, "fit", "smollm2-135m-instruct")
    assert (status, found["device"]) == (0, "this")
    assert found["speed"]["published_runs"] == 0


def test_a_folder_of_safetensors_is_read_from_its_config(capsys: Capture, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2,
        "num_attention_heads": 4, "hidden_size": 64, "intermediate_size": 128, "vocab_size": 100,
        "max_position_embeddings": 512, "tie_word_embeddings": False,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(bytes(5000))
    status, found = document(capsys, "fit", str(folder), "--device", "pi-zero-2w")
    assert status == 0
    assert found["ram"]["weights"] == 5000
    assert found["context"] == 512


def test_a_recommendation_names_its_rule_and_its_reasons(capsys: Capture) -> None:
    words = ("fit", "qwen2.5-0.5b-instruct", "--codec", "Q4_0", "--recommend")
    limits = ("--ram", "4GB", "--price", "100", "--watts", "10")
    status, out, err = said(capsys, *words, *limits)
    assert (status, err) == (0, "")
    assert "by speed per dollar" in out
    assert "✓  pi-4-2gb" in out
    assert "it does not fit" in out
    assert "it draws 11.9 W" in out
    status, found = document(capsys, *words, *limits)
    assert (status, found["best"]) == (0, "pi-4-2gb")
    assert [choice["suits"] for choice in found["choices"][:3]] == [True, True, False]
    assert len(found["choices"]) == len(load_devices())


def test_no_device_suits_is_status_1_and_says_what_comes_closest(capsys: Capture) -> None:
    words = ("fit", "qwen3-0.6b", "--recommend", "--price", "5", "--speed", "9999")
    status, out, _ = said(capsys, *words)
    assert status == 1
    assert "No device suits." in out
    assert "comes closest" in out
    assert document(capsys, *words)[1]["best"] is None


@pytest.mark.parametrize("command", ["devices", "fit"])
def test_help_shows_an_example(capsys: Capture, command: str) -> None:
    status, out, _ = said(capsys, command, "--help")
    assert status == 0
    assert f"example:\n  penjing {command}" in out
