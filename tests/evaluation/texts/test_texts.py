"""Metrics of texts: sacrebleu's numbers, known cases, and an order that each must find."""

from __future__ import annotations

import math

import numpy as np
import pytest

from penjing.evaluation.texts.bleu import bleu, self_bleu
from penjing.evaluation.texts.chrf import chrf
from penjing.evaluation.texts.diversity import distinct, repetition
from penjing.evaluation.texts.measure import measure_texts
from penjing.evaluation.texts.rouge import rouge_l, rouge_n
from penjing.evaluation.texts.words import rule_for, words_of

ENGLISH = [
    "The tree stands on a rock, and it is 1,200.5 years old.",
    "Prune it &quot;lightly&quot; in spring -- never in winter!",
    "A pine (or a juniper) needs 3-4 hours of sun.",
    "Water the small tree when its soil is dry.",
    "",
]
SAID = [
    "The tree grows on a rock, and it is 1,200.5 years old.",
    'Prune it "lightly" in the spring, not in winter!',
    "A pine or juniper needs 3-5 hours of sunlight.",
    "Give water to the small tree when soil is dry.",
    "Nothing.",
]
CHINESE = ["这棵松树长在石头上，已经1200岁了。", "春天要轻轻修剪，冬天不要。", "盆景GGUF文件很小。"]
SAID_CHINESE = [
    "这棵松树站在石头上，已经1200年了。",
    "春天轻轻地修剪，冬天不要！",
    "盆景的GGUF文件小。",
]
RECORDED = {
    "13a": (51.92496209619062, 63.41452157505159),
    "zh": (55.42444729579214, 55.472917528155605),
}
"""BLEU and chrF2 by sacrebleu 2.6.0."""


@pytest.mark.parametrize(
    ("said", "wanted", "rule"), [(SAID, ENGLISH, "13a"), (SAID_CHINESE, CHINESE, "zh")]
)
def test_numbers_are_sacrebleus(said: list[str], wanted: list[str], rule: str) -> None:
    assert bleu(said, wanted, rule) == pytest.approx(RECORDED[rule][0], abs=1e-9)  # type: ignore[arg-type]
    assert chrf(said, wanted) == pytest.approx(RECORDED[rule][1], abs=1e-9)


@pytest.mark.parametrize(
    ("said", "wanted", "rule"), [(SAID, ENGLISH, "13a"), (SAID_CHINESE, CHINESE, "zh")]
)
def test_where_sacrebleu_is_installed_it_says_so_itself(
    said: list[str], wanted: list[str], rule: str
) -> None:
    judge = pytest.importorskip("sacrebleu")
    rng = np.random.default_rng(0)
    for _ in range(20):
        order = rng.permutation(len(said))[: int(rng.integers(1, len(said) + 1))]
        some, others = [said[i] for i in order], [wanted[i] for i in order[::-1]]
        found = judge.corpus_bleu(some, [others], tokenize=rule).score
        assert bleu(some, others, rule) == pytest.approx(found, abs=1e-9)  # type: ignore[arg-type]
        found = judge.corpus_chrf(some, [others]).score
        assert chrf(some, others) == pytest.approx(found, abs=1e-9)


def test_words() -> None:
    assert words_of("It's 1,200.5, isn't it?", "13a") == [
        "It's",
        "1,200.5",
        ",",
        "isn't",
        "it",
        "?",
    ]
    assert words_of("松树1200岁。", "zh") == ["松", "树", "1200", "岁", "。"]
    assert rule_for(CHINESE) == "zh"
    assert rule_for([*ENGLISH, "盆景"]) == "13a"


def test_rouge_by_hand() -> None:
    wanted = "the small tree needs water"
    assert rouge_n("the tree needs water", wanted, 1) == pytest.approx(2 * 4 / 9)
    assert rouge_n("the tree needs water", wanted, 2) == pytest.approx(2 * 2 / 7)
    assert rouge_l("water needs the small tree", wanted) == pytest.approx(3 / 5)
    assert rouge_l("小树要水", "小树不要水") == pytest.approx(8 / 9)
    assert rouge_l("", wanted) == 0.0


def test_what_is_nearer_ranks_first() -> None:
    good = ["the tree needs water today", "a pine likes the sun"]
    near = ["the tree needs some water", "a pine likes sun"]
    far = ["nobody came to the station", "seven red buses went by"]
    for metric in (
        lambda lines: bleu(lines, good, "13a"),
        lambda lines: chrf(lines, good),
        lambda lines: sum(rouge_l(a, b) for a, b in zip(lines, good, strict=True)),
        lambda lines: sum(rouge_n(a, b, 1) for a, b in zip(lines, good, strict=True)),
    ):
        assert metric(good) > metric(near) > metric(far)


def test_what_is_more_varied_ranks_first() -> None:
    varied = ["a fox ran over the hill", "seven ships left harbour early", "my soup is cold again"]
    alike = ["a fox ran over the hill", "a fox ran over the road", "a dog ran over the hill"]
    looping = ["round and round and round and round and round", *varied[1:]]
    assert distinct(varied, 2, "13a") > distinct(alike, 2, "13a")
    assert self_bleu(varied, "13a", most=99, seed=0) < self_bleu(alike, "13a", most=99, seed=0)
    assert repetition(varied, "13a") == 0.0 < repetition(looping, "13a")
    assert math.isnan(distinct([""], 1, "13a"))
    assert math.isnan(self_bleu(["one"], "13a", most=9, seed=0))


def test_a_report_has_its_control_and_intervals() -> None:
    found = measure_texts("said", SAID, "wanted", ENGLISH, "13a", seed=0)
    control = {one.metric: one.value for one in found.control}
    for metric in ("bleu", "chrf", "rouge1", "rouge2", "rougeL"):
        one = found.find(metric)
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high
        assert control[metric] < one.value / 2
    assert found == measure_texts("said", SAID, "wanted", ENGLISH, "13a", seed=0)
    alone = measure_texts("said", SAID, None, None, "13a", seed=0)
    assert [one.metric for one in alone.measurements] == [
        "distinct1", "distinct2", "self_bleu", "repetition",
    ]  # fmt: skip
    assert alone.control == ()
