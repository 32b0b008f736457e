"""report.html: what it says, that it is whole, and that no text in it can act."""

from __future__ import annotations

import copy
import math
import random
import re
from typing import Any

import pytest
from reader import read

from penjing.core.errors import FormatError
from penjing.workshop.report import render_report
from penjing.workshop.report.words import limits, verdict

_KINDS = {
    "attn_q": (576 * 576, 0.4),
    "attn_k": (192 * 576, 0.3),
    "attn_v": (192 * 576, 1.6),
    "attn_output": (576 * 576, 0.7),
    "ffn_gate": (1536 * 576, 0.8),
    "ffn_up": (1536 * 576, 1.0),
    "ffn_down": (576 * 1536, 1.9),
}


def measurement(metric: str, value: float, spread: float, unit: str = "") -> dict[str, Any]:
    return {
        "metric": metric,
        "value": value,
        "low": value * (1 - spread),
        "high": value * (1 + spread),
        "n": 4080,
        "unit": unit,
    }


def measurements(
    kld: float, same: float, ratio: float, above: float | None = None
) -> list[dict[str, Any]]:
    """As compress writes them: the extra ones included, and no upper end of a maximum."""
    found = [
        measurement("kld_mean", kld, 0.07, "nats"),
        measurement("kld_p99", kld * 14, 0.1, "nats"),
        {**measurement("kld_max", kld * 90, 0, "nats"), "high": None},
        measurement("same_top", same, 0.011, "share"),
        measurement("perplexity", 16.54 * ratio, 0.05),
        measurement("baseline_perplexity", 16.54, 0.05),
        measurement("perplexity_ratio", ratio, 0.008),
        measurement("kld_median", kld * 0.7, 0.08, "nats"),
        measurement("prob_delta_rms", kld * 0.8, 0.09, "share"),
    ]
    if above is not None:
        found.append(measurement("kld_mean_above_ours", above, 0.1, "nats"))
    return found


def example_passport() -> dict[str, Any]:
    return {
        "schema": 1,
        "model": "smollm2-135m-instruct",
        "created": "2026-11-21T14:32:08Z",
        "penjing": "0.1.0",
        "budget": {"bytes": 80_000_000},
        "baseline": {
            "name": "SmolLM2-135M-Instruct.Q4_1.gguf",
            "bytes": 98_362_432,
            "sha256": "8c1e" * 16,
            "note": "a 4-bit file: its dequantized weights are the reference",
        },
        "file": {
            "name": "model.gguf",
            "bytes": 79_902_144,
            "sha256": "f3a9" * 16,
            "parameters": 134_515_008,
            "effective_bits": 4.752,
        },
        "held_out": {
            "name": "encyclopedia",
            "sha256": "07bd" * 16,
            "tokens": 4080,
            "windows": 16,
            "context": 512,
        },
        "method": {
            "name": "distilled",
            "description": "as gptq, then trained through the codecs",
            "training": {"steps": 143, "tokens": 585_728, "before": 0.1581, "after": 0.1217},
        },
        "measurements": measurements(0.1304, 0.812, 1.071),
        "controls": [
            {
                "name": "plain rounding",
                "description": "one codec everywhere, no importance matrix, nearest size at or "
                "above ours",
                "bytes": 80_440_320,
                "measurements": measurements(0.3127, 0.706, 1.262, above=0.1823),
            },
            {
                "name": "shuffled allocation",
                "description": "our codecs dealt to tensors at random within the same budget",
                "bytes": 79_911_008,
                "measurements": measurements(0.1981, 0.764, 1.134, above=0.0677),
            },
        ],
        "runtime": {
            "engine": "llama.cpp b11549 (xllamacpp)",
            "threads": 2,
            "rows": [
                {
                    "name": "starting model",
                    "bytes": 98_362_432,
                    "prefill_tps": 189.3,
                    "decode_tps": 54.2,
                    "load_seconds": 0.452,
                    "peak_rss_bytes": 262_144_000,
                },
                {
                    "name": "this bundle",
                    "bytes": 79_902_144,
                    "prefill_tps": 347.8,
                    "decode_tps": 68.9,
                    "load_seconds": 0.3028,
                    "peak_rss_bytes": 241_172_480,
                },
            ],
        },
        "seed": 0,
        "hardware": {
            "cpu": "Intel Xeon Platinum 8481C",
            "cores": 2,
            "ram_bytes": 25_200_000_000,
        },
        "seconds": 210.5,
        "peak_rss_bytes": 1_900_000_000,
        "forecast": {"seconds": 245.0, "peak_bytes": 2_400_000_000},
    }


def example_tensors(layers: int = 30) -> list[dict[str, Any]]:
    chance = random.Random(3)
    bits = {"Q2_0": 2.25, "Q3_K": 3.44, "IQ4_NL": 4.5, "Q5_0": 5.5, "Q8_0": 8.5, "F32": 32}
    found = [tensor("token_embd.weight", "token_embd", None, "IQ4_NL", 49152 * 576, 0.021, bits)]
    found[0]["starting_codec"] = "Q8_0"
    for layer in range(layers):
        for group, (weights, weight) in _KINDS.items():
            ends = 1 + 5 * math.exp(-layer / 1.5) + 2 * math.exp(-(layers - 1 - layer) / 1.2)
            felt = 4e-4 * weight * ends * chance.lognormvariate(0, 0.35) * weights / 4e5
            codec = (
                "Q8_0" if felt > 6e-3 else "Q5_0" if felt > 1.7e-3 else
                "IQ4_NL" if felt > 3e-4 else "Q3_K" if felt > 8e-5 else "Q2_0"
            )  # fmt: skip
            name = f"blk.{layer}.{group}.weight"
            found.append(tensor(name, group, layer, codec, weights, felt, bits))
        for norm in ("attn_norm", "ffn_norm"):
            name = f"blk.{layer}.{norm}.weight"
            found.append(tensor(name, norm, layer, "F32", 576, None, bits))
    found.append(tensor("output_norm.weight", "output_norm", None, "F32", 576, None, bits))
    return found


def tensor(
    name: str,
    group: str,
    layer: int | None,
    codec: str,
    weights: int,
    felt: float | None,
    bits: dict[str, float],
) -> dict[str, Any]:
    return {
        "name": name,
        "group": group,
        "layer": layer,
        "codec": codec,
        "bytes": int(weights * bits[codec] / 8),
        "parameters": weights,
        "sensitivity": felt,
        "predicted_kld": None if felt is None else felt * 0.4,
        "starting_codec": "F32" if codec == "F32" else "Q4_1",
    }


def example_course(steps: int = 143) -> list[dict[str, Any]]:
    chance = random.Random(5)
    return [
        {
            "step": i + 1.0,
            "kl": (0.115 + 0.05 * math.exp(-i / 25)) * chance.lognormvariate(0, 0.16),
        }
        for i in range(steps)
    ]


def example_details() -> dict[str, Any]:
    predicted = [
        {"label": "", "bytes": size * 1e6, "kld": 0.062 * math.exp((92 - size) / 14.5)}
        for size in range(70, 100, 2)
    ]
    return {
        "frontier": [
            *({**p, "low": None, "high": None, "kind": "predicted"} for p in predicted),
            point("ours 72 MB", 72.0, 0.238, "ours"),
            point("this bundle", 79.9, 0.1304, "ours"),
            point("ours 92 MB", 91.9, 0.0668, "ours"),
            point("plain rounding", 80.4, 0.3127, "control"),
            point("shuffled allocation", 79.9, 0.1981, "control"),
            point("IQ4_NL, plain", 92.1, 0.1962, "control"),
            {"label": "starting model", "bytes": 98_362_432, "kld": 0.0, "kind": "baseline"},
        ],
        "tensors": example_tensors(),
        "answers": [
            {
                "prompt": "What is the capital of France?",
                "before": "The capital of France is Paris. It is known for the Eiffel Tower.",
                "after": "The capital of France is Paris. It is famous for the Eiffel Tower and "
                "the Louvre.",
            },
            {
                "prompt": "Write one sentence about a small tree in a pot.",
                "before": "A small tree in a pot is a simple yet elegant addition to any room, "
                "bringing a touch of nature indoors.",
                "after": "A small tree in a pot is a simple yet elegant addition to any home, "
                "bringing a touch of nature to your windowsill.",
            },
            {"prompt": "Say yes.", "before": "Yes.", "after": "Yes."},
        ],
        "training": example_course(),
        "calibration": {
            "tokens": 20_480,
            "written_by_model": 16_384,
            "from_text": 4096,
            "seed": 0,
        },
        "recipe": "schema: 1\nmodel: smollm2-135m-instruct\nseed: 0\nsteps:\n"
        "  - calibrate: {tokens: 20480, own: 0.8}\n  - quantize:\n"
        "      size: 80000000\n      codecs: [Q2_0, Q3_K, IQ4_NL, Q5_0, Q8_0]\n",
    }


def point(label: str, size: float, kld: float, kind: str) -> dict[str, Any]:
    low, high = kld * 0.93, kld * 1.07
    return {
        "label": label, "bytes": size * 1e6, "kld": kld, "low": low, "high": high, "kind": kind
    }  # fmt: skip


def without(data: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in keys}


def test_example_says_the_result_in_one_sentence() -> None:
    page = read(render_report(example_passport(), example_details()))
    headline = (
        "98.4 MB became 79.9 MB. On text it was not tuned on, it picks the same next token "
        "81.2% of the time (95% interval 80.3 to 82.1)."
    )
    assert headline in page.text
    assert "The method beats both of its controls." in page.text
    assert "mean KLD 0.130 against 0.313 nats (0.42 times), 79.9 MB against 80.4 MB" in page.text


def test_page_is_whole_small_and_loads_nothing() -> None:
    html = render_report(example_passport(), example_details())
    page = read(html)
    assert len(html.encode()) < 500_000
    assert "http://" not in html
    assert "https://" not in html
    assert not re.search(r"url\(|@import|srcset|<script|<iframe|<object|<img|javascript:", html)
    for tag, attributes in page.tags:
        assert "src" not in attributes
        assert "style" not in attributes
        assert not [key for key in attributes if key.startswith("on")], tag
        assert attributes.get("href", "data:,") == "data:,"
    policy = [a["content"] for t, a in page.tags if a.get("http-equiv")]
    assert policy == [
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    ]


def test_page_is_the_same_every_time() -> None:
    first = render_report(example_passport(), example_details())
    assert first == render_report(example_passport(), example_details())


def test_every_picture_has_words_and_every_table_has_headers() -> None:
    page = read(render_report(example_passport(), example_details()))
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or attributes.get("aria-label")
        if tag == "th":
            assert attributes.get("scope") in ("row", "col")
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == 1
    assert tags.count("figure") == tags.count("figcaption") == 7
    regions = [a for _, a in page.tags if a.get("role") == "region"]
    assert all(a.get("aria-label") and a.get("tabindex") == "0" for a in regions)


def test_table_holds_every_measurement_with_its_interval() -> None:
    page = read(render_report(example_passport(), example_details()))
    for shown in ("0.130", "0.121 to 0.140", "1.83", "11.7", "81.2%", "80.3 to 82.1%", "1.071"):
        assert shown in page.words, shown
    assert "16.5" in page.words, "the starting model's own perplexity"
    assert "The 95% interval of each number stands below it." in page.text
    assert "Bars are 95% intervals" in page.text
    assert "70.6%" in page.words, "the control's same-top"


def test_every_metric_has_a_name_for_people_and_no_cell_is_a_program_word() -> None:
    page = read(render_report(example_passport(), example_details()))
    for name in ("KLD, median", "Probability change, RMS", "Mean KLD above this bundle's"):
        assert name in page.text
    for word in ("None", "kld_", "kld m", "prob_delta"):
        assert word not in page.text, word
    assert "not measured" not in page.words
    assert page.words.count("–") == 2, "a comparison with this bundle is no gap in it"
    assert "0.182" in page.words
    assert "10.4%" in page.words


def test_notes_are_sentences_and_sizes_keep_their_units() -> None:
    html = render_report(example_passport(), example_details())
    text = read(html).text
    assert "A 4-bit file: its dequantized weights are the reference. What it had lost" in text
    assert "One codec everywhere, no importance matrix" in text
    assert ".)." not in text
    assert "98.4\u00a0MB became 79.9\u00a0MB" in html


def test_speed_table_says_how_long_loading_takes_and_where() -> None:
    page = read(render_report(example_passport(), example_details()))
    assert "0.30 s" in page.words
    assert "0.67×" in page.words
    assert "2 threads; Intel Xeon Platinum 8481C, 2 cores, 25.2 GB RAM." in page.text


def test_a_resumed_work_does_not_claim_its_time_was_all() -> None:
    passport = {**example_passport(), "resumed": True}
    page = read(render_report(passport, example_details()))
    assert "Time about 4 min 5 s 3 min 30 s the last part of interrupted work" in page.text


def test_what_was_forecast_stands_beside_what_was_measured() -> None:
    page = read(render_report(example_passport(), example_details()))
    assert "Forecast before Measured after Time about 4 min 5 s 3 min 30 s" in page.text
    assert "Peak memory at most 2.4 GB 1.9 GB" in page.text


@pytest.mark.parametrize("forecast", [None, {"seconds": 0.0, "peak_bytes": 2_400_000_000}])
def test_a_time_that_was_not_forecast_is_no_zero(forecast: dict[str, Any] | None) -> None:
    page = read(render_report({**example_passport(), "forecast": forecast}, example_details()))
    assert "Time - 3 min 30 s" in page.text
    memory = "- 1.9 GB" if forecast is None else "at most 2.4 GB 1.9 GB"
    assert f"Peak memory {memory}" in page.text


# training


def with_training(**more: Any) -> dict[str, Any]:
    passport = example_passport()
    passport["method"]["training"].update(more)
    return passport


def test_training_that_helped_is_said_and_drawn() -> None:
    page = read(render_report(example_passport(), example_details()))
    assert "What training gave" in page.text
    assert (
        "Training through the codecs helped: on text kept apart the mean KLD fell from 0.158 to "
        "0.122 nats (0.77 times) in 143 steps (585,728 tokens)."
    ) in page.text
    assert "Figure 4." in page.text
    assert "Each dot is one step" in page.text
    assert "Here they did not fall" not in page.text


@pytest.mark.parametrize("after", [0.1581, 0.1702])
def test_training_that_did_not_help_is_said_to_be_left_out(after: float) -> None:
    page = read(render_report(with_training(after=after), example_details()))
    assert "Training was left out because it did not help" in page.text
    assert f"went from 0.158 to {after:.3f} nats in 143 steps" in page.text
    assert "this bundle holds the model as it was before the first step" in page.text
    assert "helped" not in page.text


def test_training_that_broke_down_is_said_to_be_left_out() -> None:
    page = read(render_report(with_training(after=None), example_details()))
    assert "Training was left out: it broke down in 143 steps (585,728 tokens)." in page.text


def test_many_steps_are_said_to_be_means() -> None:
    page = read(render_report(with_training(steps=4000), example_details()))
    assert "Each dot is the mean of a few steps in a row" in page.text


@pytest.mark.parametrize("method", [None, {}, {"training": None}, {"training": {"steps": 0}}])
def test_a_method_that_does_not_train_has_no_such_section(method: dict[str, Any] | None) -> None:
    page = read(render_report({**example_passport(), "method": method}, example_details()))
    assert "training" not in page.text.lower()


def test_training_without_its_course_is_still_said() -> None:
    page = read(render_report(example_passport(), without(example_details(), "training")))
    assert "Training through the codecs helped" in page.text
    assert "Figure 4." not in page.text


def test_a_text_all_by_the_model_is_called_so() -> None:
    details = example_details()
    details["calibration"].update(tokens=2048, written_by_model=2048, from_text=0)
    page = read(render_report(example_passport(), details))
    assert "2,048 tokens: all written by the model itself; seed 0" in page.text


HOSTILE = (
    "</title></style></textarea><script>alert(1)</script><img src=x onerror=alert(1)>"
    "\"'`{{ 7*7 }}{% raw %}&lt;\u202e]]>--><svg onload=alert(1)>\x00\x1b[2J\ud800"
)


def poison(value: Any) -> Any:
    """Every text in a document made hostile; keys and schema words stay."""
    if isinstance(value, dict):
        kept = {"metric", "kind", "unit", "codec"}
        return {k: v if k in kept else poison(v) for k, v in value.items()}
    if isinstance(value, list):
        return [poison(item) for item in value]
    return value + HOSTILE if isinstance(value, str) else value


def test_hostile_texts_stay_texts() -> None:
    clean = read(render_report(example_passport(), example_details()))
    html = render_report(poison(example_passport()), poison(example_details()))
    page = read(html)
    html.encode("utf-8")
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in clean.tags}
    assert not re.search(r"<script|<img|<svg onload|onerror=alert\(1\)>", html)
    assert "\x00" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html, "it would turn our own words around"
    assert "{{ 7*7 }}" in page.text, "shown as written, not computed"
    for _, attributes in page.tags:
        assert not [key for key in attributes if key.startswith("on")]


def test_hostile_names_of_metrics_codecs_and_kinds_stay_texts() -> None:
    passport, details = example_passport(), example_details()
    passport["measurements"].append(measurement(HOSTILE, 1.0, 0.1, HOSTILE))
    for item in details["tensors"]:
        item["codec"] += HOSTILE
        item["group"] += HOSTILE
    details["frontier"][3]["kind"] = HOSTILE
    html = render_report(passport, details)
    read(html)
    assert not re.search(r"<script|<img|<svg onload", html)


@pytest.mark.parametrize(
    "missing",
    [
        "controls",
        "measurements",
        "runtime",
        "budget",
        "held_out",
        "baseline",
        "hardware",
        "seed",
        "method",
        "forecast",
    ],
)
def test_missing_part_of_the_passport_still_renders(missing: str) -> None:
    page = read(render_report(without(example_passport(), missing), example_details()))
    assert "79.9 MB" in page.text


@pytest.mark.parametrize(
    "missing",
    [
        "frontier",
        "tensors",
        "answers",
        "calibration",
        "recipe",
        "training",
    ],
)
def test_missing_part_of_the_details_still_renders(missing: str) -> None:
    read(render_report(example_passport(), without(example_details(), missing)))
    emptied = {**example_details(), missing: None}
    read(render_report(example_passport(), emptied))


def test_almost_nothing_still_renders_and_says_so() -> None:
    page = read(render_report({"model": "m", "file": {"name": "f", "bytes": 10}}, {}))
    assert "How much it kept was not measured." in page.text
    assert "No control was measured." in page.text
    assert "No measurement of quality is in this passport." in page.text
    assert "Speed and memory were not measured." in page.text


def test_null_sensitivities_are_said_and_not_invented() -> None:
    details = example_details()
    for item in details["tensors"]:
        item["sensitivity"] = item["predicted_kld"] = None
    page = read(render_report(example_passport(), details))
    assert "Sensitivities were not measured, so the colour shows bits per weight." in page.text


def test_one_point_and_infinite_numbers_render() -> None:
    passport, details = example_passport(), example_details()
    details["frontier"] = [point("only", 79.9, 0.13, "ours")]
    passport["measurements"][2].update(value=math.inf, high=math.inf)
    passport["measurements"][1].update(low=None, high=None)
    passport["measurements"][4].update(value=math.nan)
    page = read(render_report(passport, details))
    assert "∞" in page.words
    assert "nan" not in page.text.lower().replace("quantize", "").split()


def test_baseline_without_kld_stands_at_zero() -> None:
    details = example_details()
    details["frontier"][-1] = {"label": "start", "bytes": 98e6, "kld": None, "kind": "baseline"}
    html = render_report(example_passport(), details)
    assert "start: 98.0 MB, KLD 0 nats" in html


def test_a_large_model_and_long_answers_stay_under_the_limit() -> None:
    details = example_details()
    details["tensors"] = example_tensors(layers=126)
    details["answers"] = [
        {"prompt": "p" * 9000, "before": "盆景" * 20_000, "after": "other 盆 " * 20_000}
    ] * 20
    details["recipe"] = "a: 1\n" * 100_000
    html = render_report(example_passport(), details)
    read(html)
    assert len(html.encode()) < 500_000
    assert "more signs" in html
    assert "12 more answers are not shown." in html


@pytest.mark.parametrize(
    ("document", "remedy"),
    [
        ({"schema": 2, "model": "m", "file": {"bytes": 1}}, "update penjing"),
        ({"model": "m", "file": {}}, "no file size"),
        ({"model": "m", "file": {"bytes": "80"}}, "must be a number"),
        ({"model": ["m"], "file": {"bytes": 1}}, "must be a text"),
        ({"model": "m", "file": {"bytes": 1}, "controls": {"a": 1}}, "list of objects"),
        ({"model": "m", "file": {"bytes": 1}, "runtime": "fast"}, "must be an object"),
    ],
)
def test_a_wrong_passport_is_refused_in_one_line(document: dict[str, Any], remedy: str) -> None:
    with pytest.raises(FormatError, match=remedy) as caught:
        render_report(document, {})
    assert "\n" not in str(caught.value)


def with_control(kld: float, spread: float, size: int, *above: float) -> Any:
    from penjing.workshop.report.reading import read_passport

    passport = example_passport()
    passport["controls"] = passport["controls"][:1]
    passport["controls"][0]["bytes"] = size
    passport["controls"][0]["measurements"] = [measurement("kld_mean", kld, spread, "nats")]
    if above:
        low, high = above
        paired = {"metric": "kld_mean_above_ours", "value": (low + high) / 2}
        passport["controls"][0]["measurements"].append({**paired, "low": low, "high": high})
    return verdict(read_passport(passport))


def test_verdict_better() -> None:
    found = with_control(0.31, 0.07, 80_400_000)
    assert found.standing == "better"
    assert found.title == "The method beats its control, plain rounding."


def test_verdict_worse_is_said_clearly() -> None:
    found = with_control(0.09, 0.07, 79_900_000)
    assert found.standing == "worse"
    assert found.title == "The method does not beat plain rounding."
    assert found.sentences[0].startswith("Worse than plain rounding: mean KLD 0.130 against 0.090")


def test_verdict_overlap_is_not_a_win() -> None:
    found = with_control(0.135, 0.07, 79_900_000)
    assert found.standing == "unclear"
    assert "The 95% intervals overlap" in found.sentences[0]


def test_verdict_by_the_difference_of_each_position_where_it_was_measured() -> None:
    found = with_control(0.135, 0.07, 79_900_000, 0.002, 0.008)
    assert found.standing == "better", "intervals overlap, but every position is paired"
    assert "the difference is 0.0050 (95% interval 0.0020 to 0.0080)." in found.sentences[0]
    found = with_control(0.16, 0.01, 79_900_000, -0.002, 0.06)
    assert found.standing == "unclear", "the intervals are apart, but the difference may be none"
    assert "(95% interval −0.002 to 0.060): chance is not excluded." in found.sentences[0]
    found = with_control(0.09, 0.07, 79_900_000, -0.05, -0.03)
    assert found.standing == "worse"


def test_verdict_a_larger_file_is_not_a_win() -> None:
    found = with_control(0.31, 0.07, 70_000_000)
    assert found.standing == "unclear"
    assert "Part of the difference is size." in found.sentences[0]


def test_verdict_the_weakest_comparison_decides() -> None:
    from penjing.workshop.report.reading import read_passport

    passport = example_passport()
    passport["controls"][1]["measurements"] = [measurement("kld_mean", 0.05, 0.07, "nats")]
    found = verdict(read_passport(passport))
    assert found.standing == "worse"
    assert found.title == "The method does not beat shuffled allocation."


def test_verdict_without_intervals_does_not_exclude_chance() -> None:
    from penjing.workshop.report.reading import read_passport

    passport = example_passport()
    for item in (passport, *passport["controls"]):
        for row in item["measurements"]:
            row["low"] = row["high"] = None
    assert verdict(read_passport(passport)).standing == "unclear"


@pytest.mark.parametrize(
    ("metric", "value", "low", "high", "shown"),
    [
        ("perplexity", 20.068, 15.08, 26.40, "20.1 in 15.1 to 26.4"),
        ("kld_p99", 0.4669, 0.3558, 1.1512, "0.47 in 0.36 to 1.15"),
        ("kld_mean", 0.08591, 0.07653, 0.10097, "0.086 in 0.077 to 0.101"),
        ("kld_mean", 0.00001, -0.5, 0.5, "0.00 in −0.50 to 0.50"),
        ("kld_mean", 0.0, -0.02, 0.02, "0.000 in −0.020 to 0.020"),
    ],
)
def test_numbers_show_what_their_interval_supports_and_stay_apart(
    metric: str, value: float, low: float, high: float, shown: str
) -> None:
    from penjing.workshop.report.reading import Measure
    from penjing.workshop.report.words import show

    found = show(Measure(metric, value, low, high))
    assert f"{found.value} in {found.interval}" == shown


def test_over_budget_is_said() -> None:
    passport = example_passport()
    passport["budget"]["bytes"] = 79_000_000
    page = read(render_report(passport, example_details()))
    assert "OVER its 79.0 MB budget" in page.text


def test_limits_follow_what_was_done() -> None:
    from penjing.workshop.report.reading import Answer, read_passport

    lines = limits(read_passport(example_passport()), [Answer("p", "a", "b")])
    text = " ".join(lines)
    assert "4,080 tokens in 16 windows" in text
    assert "its dequantized weights are the reference" in text
    assert "No person rated the answers" in text
    assert "longer than 512 tokens" in text
    assert "The answer is an example, not a measurement." in text


def test_texts_are_not_changed_by_reading() -> None:
    passport, details = example_passport(), example_details()
    copies = copy.deepcopy((passport, details))
    render_report(passport, details)
    assert (passport, details) == copies
