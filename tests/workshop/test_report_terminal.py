"""The passport in the terminal: the numbers, in few lines, and no text that steers it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from penjing.core.errors import FormatError
from penjing.workshop.report import print_passport


def measurement(metric: str, value: float) -> dict[str, Any]:
    return {"metric": metric, "value": value, "low": value * 0.93, "high": value * 1.07, "n": 4080}


def passport() -> dict[str, Any]:
    return {
        "schema": 1,
        "model": "tiny",
        "budget": {"bytes": 80_000_000},
        "baseline": {"name": "start.gguf", "bytes": 98_362_432},
        "file": {"name": "model.gguf", "bytes": 79_902_144, "parameters": 134_515_008},
        "measurements": [measurement("kld_mean", 0.13), measurement("same_top", 0.81)],
        "controls": [
            {
                "name": "plain rounding",
                "bytes": 80_440_320,
                "measurements": [measurement("kld_mean", 0.31)],
            }
        ],
        "runtime": {"rows": [{"name": "this bundle", "decode_tps": 68.9}]},
    }


def printed(document: dict[str, Any], width: int = 80) -> str:
    stream = io.StringIO()
    print_passport(document, Console(file=stream, width=width, color_system=None))
    return stream.getvalue()


def test_numbers_and_verdict_fit_eighty_columns() -> None:
    text = printed(passport())
    assert "98.4 MB became 79.9 MB." in text
    assert "The method beats its control, plain rounding." in text
    assert "this bundle: writes 68.9 tok/s" in text
    row = next(line for line in text.splitlines() if line.startswith("Mean KLD"))
    assert row.split() == ["Mean", "KLD", "0.130", "0.121", "to", "0.139", "0", "0.310"]
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "95% interval" in text.splitlines()[6]
    assert "(95% interval " in text.splitlines()[2]


def test_all_that_compress_measures_has_a_name_and_fits_eighty_columns() -> None:
    document = passport()
    extra = [
        {"metric": "kld_max", "value": 2.7574, "low": 2.7574, "high": None, "unit": "nats"},
        {"metric": "kld_median", "value": 0.0671, "low": 0.0624, "high": 0.0728, "unit": "nats"},
        {"metric": "prob_delta_rms", "value": 0.0714, "low": 0.065, "high": 0.078, "unit": "share"},
    ]
    above = {"metric": "kld_mean_above_ours", "value": 0.18, "low": 0.16, "high": 0.2}
    document["measurements"] += extra
    document["controls"][0]["measurements"] += [*extra, above]
    document["controls"].append({**document["controls"][0], "name": "shuffled allocation"})
    document["runtime"]["rows"][0].update(load_seconds=0.3028, peak_rss_bytes=241_000_000)
    text = printed(document)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "…" not in text, "no header is cut"
    for row in ("KLD, median 0.067", "KLD, worst position 2.76", "Probability change, RMS 7.1%"):
        assert row in " ".join(text.split()), text
    for word in ("None", "kld", "prob delta", "nan"):
        assert word not in text, word
    assert "Position by position the difference is 0.180" in " ".join(text.split())
    assert "loads in 0.30 s, writes 68.9 tok/s, peak memory 241.0 MB" in text


def test_training_and_what_the_work_took_are_a_line_each() -> None:
    document = passport()
    document["method"] = {
        "training": {"steps": 143, "tokens": 585_728, "before": 0.1581, "after": 0.1217}
    }
    document["seconds"], document["peak_rss_bytes"] = 210.5, 1_900_000_000
    document["forecast"] = {"seconds": 0.0, "peak_bytes": 2_400_000_000}
    text = " ".join(printed(document).split())
    assert "the mean KLD fell from 0.158 to 0.122 nats (0.77 times) in 143 steps" in text
    assert "time of the work: 3 min 30 s (forecast: -)" in text
    assert "peak memory of the work: 1.9 GB (forecast: at most 2.4 GB)" in text
    assert "By kind of text" not in text
    document["method"]["training"]["domains"] = [
        {"name": "code", "before": 0.2561, "after": 0.2301},
        {"name": "Chinese", "before": 0.35, "after": 0.31},
        {"name": "broken", "before": 0.35, "after": None},
    ]
    text = " ".join(printed(document).split())
    assert "By kind of text: code 0.256 to 0.230, Chinese 0.350 to 0.310." in text
    document["method"]["training"]["after"] = 0.2
    text = printed(document)
    assert "Training was left out because it did not help" in " ".join(text.split())
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "raining" not in printed(passport())


def test_without_controls_and_measurements() -> None:
    text = printed({"file": {"bytes": 10}})
    assert "No control was measured." in text
    assert "How much it kept was not measured." in text


def test_names_cannot_steer_the_terminal_or_rich() -> None:
    document = passport()
    document["controls"][0]["name"] = "[red]x[/red]\x1b[2J\x9b1m\x07"
    document["runtime"]["rows"][0]["name"] = "[/] \ud800\x1b]0;title\x07"
    text = printed(document, width=120)
    assert "[red]x[/red]" in text
    assert not set("\x1b\x9b\x07\ud800") & set(text)
    text.encode("utf-8")


def test_a_document_that_is_no_passport_is_refused() -> None:
    with pytest.raises(FormatError, match="no file size"):
        printed({"model": "m"})
