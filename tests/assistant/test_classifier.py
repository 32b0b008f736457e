"""The intent classifier: what it learns from, what it costs, and what it is sure of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.assistant.check import remarks
from penjing.assistant.spec.parse import loads
from penjing.assistant.understand import classifier as training
from penjing.assistant.understand import shelf, svm, thinning
from penjing.assistant.understand.calibration import Calibration, calibrated, surety
from penjing.assistant.understand.classifier import (
    ELSEWHERE,
    TURNED,
    Classifier,
    Sample,
    affordable,
    trained,
)
from penjing.assistant.understand.compiled import compile_language
from penjing.assistant.understand.features import PART, PLACES, counted
from penjing.assistant.understand.meanings import meant
from penjing.assistant.understand.second import middles
from penjing.assistant.understand.thinning import MOST, MOST_ELSEWHERE, thinned
from penjing.assistant.understand.turned import turned
from penjing.assistant.understand.weighing import Weighing, nearness, weighed, weighing_of

VERBS = ("book", "cancel", "find", "change", "explain", "show", "check", "order", "report", "move")
THINGS = (
    "flight", "card", "invoice", "parcel", "room", "ticket", "loan", "meal", "tyre", "visa",
    "score", "recipe", "bill", "taxi", "song",
)  # fmt: skip
FRAMES = (
    "please {v} my {t}", "can you {v} the {t}", "i want to {v} a {t}", "{v} {t} now",
    "help me {v} that {t}", "i need somebody to {v} this {t}", "would you {v} {t} number {n}",
    "{t} {n} : {v} it", "time to {v} {t} {n}", "go {v} the {t} {n} for me",
)  # fmt: skip
NOWHERE = (
    "the cat sleeps", "who wrote hamlet", "i am hungry", "nice weather", "how old is the moon",
    "my boss is annoying", "what is love", "tell me a joke", "good evening", "you are funny",
)  # fmt: skip


def said(intent: str, text: str, group: int) -> Sample:
    return Sample(intent, tuple(text.split()), text, group)


def like_clinc(each: int = 100) -> list[Sample]:
    """As CLINC150 is: 150 intents, in order, and what is out of scope at the end."""
    found = [
        said(f"{verb}_{thing}", FRAMES[n % 10].format(v=verb, t=thing, n=n), n)
        for verb in VERBS
        for thing in THINGS
        for n in range(each)
    ]
    return found + [said(ELSEWHERE, f"{NOWHERE[n % 10]} {n}", n) for n in range(each)]


@pytest.fixture(scope="module")
def small() -> Classifier:
    return trained(like_clinc(10), None, None)


def best(classifier: Classifier, text: str) -> tuple[str, float]:
    return next(iter(classifier.scores(tuple(text.split()), text).items()))


# -- nothing is cut off


def test_a_spec_of_fifteen_thousand_samples_loses_no_intent_and_not_what_is_out_of_scope(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "_EPOCHS", 1)  # for time
    monkeypatch.setattr(training, "_FOLD_EPOCHS", 1)
    every = like_clinc()
    assert len(every) == 15_100
    assert len(affordable(every)) == 15_100
    classifier = trained(every, None, None)
    assert len(classifier.intents) == 151
    for verb, thing in (("book", "flight"), ("move", "song"), ("report", "taxi"), ("show", "loan")):
        intent, sure = best(classifier, f"would you kindly {verb} the {thing}")
        assert intent == f"{verb}_{thing}"
        assert sure >= classifier.threshold
    intent, sure = best(classifier, "my boss is hungry")
    assert intent == ELSEWHERE or sure < classifier.threshold


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=300), st.integers(1, 400))
def test_thinning_is_even_keeps_order_and_drops_no_intent(intents: list[str], most: int) -> None:
    stay = thinned(intents, most)
    assert stay == sorted(set(stay))
    sizes, kept = Counter(intents), Counter(intents[place] for place in stay)
    assert kept.keys() == sizes.keys()
    assert len(stay) <= max(most, len(sizes))
    cut = [kept[one] for one in sizes if kept[one] < sizes[one]]
    assert not cut or max(cut) - min(cut) <= 1
    # who keeps all has hardly more than who was cut
    assert all(kept[one] <= max(cut) + 1 for one in sizes if cut and kept[one] == sizes[one])
    if len(intents) <= most:
        assert stay == list(range(len(intents)))


def test_what_stays_is_spread_over_the_whole_of_an_intent() -> None:
    stay = thinned(["a"] * 1000, 10)
    assert len(stay) == 10
    assert stay[0] < 100
    assert stay[-1] >= 900
    assert max(np.diff(stay)) <= 101


def test_a_hundred_thousand_samples_are_bounded_and_no_intent_is_lost() -> None:
    every = [said("long", f"say {n}", n) for n in range(100_000)]
    stay = affordable([*every, said("short", "good bye", 0), *every_day(100_000)])
    counts = Counter(one.intent for one in stay)
    assert counts == {"long": MOST - 1, "short": 1, ELSEWHERE: MOST_ELSEWHERE}
    many = [str(n) for n in range(30_000)]
    assert len(thinned(many)) == len(many)  # more intents than samples that can be afforded


def every_day(count: int) -> list[Sample]:
    return [said(ELSEWHERE, f"nothing {n}", n) for n in range(count)]


def test_what_is_too_much_is_bounded_and_check_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinning, "MOST", 200)
    lines = "\n".join(f"      - say number {n} to me" for n in range(300))
    spec = loads(
        "assistant: A\nlanguages: [en]\nintents:\n"
        f"  long:\n    examples:\n{lines}\n    do: [{{answer: Long}}]\n"
        "  short: {sentences: ['good bye'], do: [{answer: Bye}]}\n"
    )
    compiled = compile_language(spec, "en", train=False)
    assert compiled.left_out == 101
    (line,) = remarks(spec)
    assert "101 of 301" in line
    assert "en" in line
    assert "good" in compiled.keywords["short"]


def test_check_says_nothing_of_a_spec_that_is_small() -> None:
    spec = loads(
        "assistant: A\nlanguages: [en]\nintents:\n"
        "  bye: {sentences: ['good bye'], do: [{answer: Bye}]}\n"
    )
    assert remarks(spec) == []


# -- features


def test_words_pairs_and_letters_share_no_place() -> None:
    found = counted(["turn", "off", "@light"])
    borders = np.searchsorted(found.places, (PART, 2 * PART))
    words, pairs, letters = np.split(found.places, borders)
    assert len(words) == 3
    assert len(pairs) == 4 + 3  # neighbours with both edges, and pairs within reach
    assert len(letters) > 8
    assert found.places.max() < PLACES


def test_a_slot_is_a_word_and_has_no_letters() -> None:
    letters = [one for one in counted(["@light"]).places if one >= 2 * PART]
    assert letters == []


def test_a_typing_error_changes_little_and_another_word_much() -> None:
    one, near, far = (
        counted(text.split()) for text in ("turn curtains", "turn curtians", "dim tv")
    )
    like = nearness([near, far], [one])
    assert like[0] > 0.4 > like[1]


def test_chinese_without_spaces_is_alike_by_its_characters() -> None:
    one, near, far = (
        counted(list(text)) for text in ("打开厨房的灯", "把厨房灯打开", "今天星期几")
    )
    like = nearness([near, far], [one])
    assert like[0] > 0.25 > like[1] + 0.2
    pieces = {place for place in counted(list("厨房")).places if place >= 2 * PART}
    assert pieces & set(one.places)  # in twos among the letters, across characters


@pytest.mark.parametrize("words", [[], [""], ["<"], ["a"], ["\ud800"], ["x" * 8000], ["a"] * 2000])
def test_any_words_have_bounded_features(words: list[str]) -> None:
    found = counted(words)
    assert len(found.places) <= 40_000
    values = weighed(found, Weighing(np.ones(PLACES, dtype=np.float32), (0.2, 0.3, 0.5)))
    assert np.isfinite(values).all()
    assert float(values @ values) <= 1.0001


def test_what_is_rare_weighs_more() -> None:
    many = [counted(text.split()) for text in ("the lamp", "the door", "the fan")]
    rare = weighing_of(many).rare
    (the,) = set(many[0].places[many[0].places < PART]) & set(many[1].places)
    lamp = (set(many[0].places[many[0].places < PART]) - {the}).pop()
    assert rare[the] < rare[lamp]


# -- the solver


def problem(random: np.random.Generator) -> tuple[svm.Rows, np.ndarray[Any, Any], Any]:
    matrix = random.normal(size=(60, 12)).astype(np.float32)
    labels = (matrix[:, 0] > 0).astype(np.int64) + (matrix[:, 1] > 0.5)
    rows = svm.Rows(np.arange(61) * 12, np.tile(np.arange(12), 60), matrix.ravel(), labels)
    return rows, labels, matrix


def test_it_finds_the_least_of_what_it_says_it_minimises() -> None:
    rows, labels, matrix = problem(np.random.default_rng(1))
    cost = np.full(60, 0.2, dtype=np.float32)
    found = svm.nothing(rows, 12, 3)
    svm.descend(found, rows, cost, 400, np.arange(60))
    signs = (2 * np.eye(3) - 1)[labels]
    slack = np.maximum(0, 1 - signs * (matrix @ found.weights))
    # the slope of |w|^2 / 2 + C sum slack^2 vanishes
    slope = found.weights - 2 * 0.2 * matrix.T @ (slack * signs)
    assert np.abs(slope).max() < 0.01


def test_taking_samples_away_and_going_on_is_training_without_them() -> None:
    rows, _, _ = problem(np.random.default_rng(2))
    cost = np.full(60, 0.5, dtype=np.float32)
    rest = np.arange(20, 60)
    whole = svm.nothing(rows, 12, 3)
    svm.descend(whole, rows, cost, 5, np.arange(60))
    left = svm.without(whole, rows, np.arange(20))
    svm.descend(left, rows, cost, 300, rest)
    fresh = svm.nothing(rows, 12, 3)
    svm.descend(fresh, rows, cost, 300, rest)
    assert np.allclose(left.weights, fresh.weights, atol=0.01)


# -- what scores are worth


def held_out(away: int) -> tuple[Any, Any, list[int], Any]:
    """Scores of 1,000 sentences in scope, and of some that are not."""
    random = np.random.default_rng(3)
    labels = np.concatenate([random.integers(1, 6, 1000), np.zeros(away, dtype=np.int64)])
    scores = random.normal(-1, 0.2, size=(len(labels), 6)).astype(np.float32)
    scores[np.arange(1000), labels[:1000]] += random.uniform(0.2, 2, 1000).astype(np.float32)
    return scores, labels, [0], np.ones(len(labels))


@pytest.mark.parametrize("away", [0, 1, 5, 300])
def test_nearly_all_that_is_right_is_kept_however_few_are_out_of_scope(away: int) -> None:
    scores, labels, outside, weight = held_out(away)
    found = calibrated(scores, labels, outside, weight)
    chances = found.chances(scores, outside)
    inside = np.arange(len(labels)) < 1000
    right = (chances.argmax(axis=1) == labels) & inside
    kept = (chances.max(axis=1) >= found.threshold)[right].mean()
    assert 0.975 <= kept <= 0.995


def test_a_probability_is_how_often_it_is_right() -> None:
    scores, labels, outside, weight = held_out(200)
    chances = calibrated(scores, labels, outside, weight).chances(scores, outside)
    assert np.allclose(chances.sum(axis=1), 1)
    sure = chances.max(axis=1)
    right = chances.argmax(axis=1) == labels
    assert abs(float(sure.mean()) - float(right.mean())) < 0.05


def test_samples_that_are_all_clear_do_not_make_it_refuse_what_is_less_clear() -> None:
    labels = np.arange(300) % 4
    scores = (2 * np.eye(4)[labels] - 1).astype(np.float32)
    assert calibrated(scores, labels, [0], np.ones(300)).threshold <= 0.5


def test_from_too_little_nothing_is_learnt() -> None:
    scores, labels, outside, weight = held_out(5)
    assert calibrated(scores[-25:], labels[-25:], outside, weight[-25:]) == Calibration()


def test_no_second_opinion_is_needed_where_the_first_is_right() -> None:
    chances = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.55, 0.45]])
    assert surety(chances, np.array([0, 0, 0, 1]), np.ones(4)) == pytest.approx(0.6)
    assert surety(chances, np.array([0, 0, 0, 0]), np.ones(4)) == pytest.approx(0.6)
    assert surety(chances, np.array([0, 0, 1, 1]), np.ones(4)) == pytest.approx(0.8)
    assert surety(chances, np.array([1, 1, 1, 1]), np.ones(4)) == 1.0


def test_the_threshold_is_learnt_and_refuses_what_is_out_of_scope(small: Classifier) -> None:
    assert small.threshold != Calibration().threshold
    for text in ("who wrote the moon", "you are hungry", "nice cat", "zzz qqq xxx", ""):
        intent, sure = best(small, text)
        assert intent == ELSEWHERE or sure < small.threshold, text


def test_scores_are_probabilities_the_likeliest_first(small: Classifier) -> None:
    scores = list(small.scores(("please", "book", "a", "flight"), "").values())
    assert sum(scores) == pytest.approx(1)
    assert scores == sorted(scores, reverse=True)


def test_what_speaks_of_an_intent_and_is_no_command_counts_as_elsewhere() -> None:
    scores = np.array([[0.0, 1.0, 0.98], [0.0, 0.2, 1.0]], dtype=np.float32)
    chances = Calibration(sharpness=2.0).chances(scores, [0, 2])
    assert np.allclose(chances.sum(axis=1), 1)
    assert (chances[:, 2] == 0).all()
    assert chances.argmax(axis=1).tolist() == [0, 0]


# -- turned sentences


def test_every_intent_that_asks_nothing_is_turned() -> None:
    intents = {"on": [("turn", "on", "@light")] * 40, "state": [("is", "the", "@light", "on")]}
    every = list(turned(intents, "en"))
    assert len(every) == 16
    assert all("@light" in words for words, _ in every)
    assert ("don't", "turn", "on", "@light") in [words for words, _ in every]
    assert "don't turn on light" in [text for _, text in every]
    assert ("别", *"打开", "@light") in [
        words for words, _ in turned({"on": [(*"打开", "@light")]}, "zh")
    ]
    assert list(turned(intents, "fr")) == []


def test_a_frame_that_an_intent_has_itself_is_not_used() -> None:
    intents = {"remind": [("don't", "let", "me", "forget", "@text")] * 40}
    assert all(words[:2] != ("don't", "don't") for words, _ in turned(intents, "en"))
    assert list(turned(intents, "en"))


def test_a_thousand_intents_are_turned_within_bounds() -> None:
    intents = {f"i{n}": [("do", f"w{n}")] * 40 for n in range(5000)}
    assert len(list(turned(intents, "en"))) == 5000


@pytest.mark.parametrize("frame", ["don't {}", "if it rains {}", "did you {}", "never {}"])
def test_trained_on_turned_sentences_it_takes_them_for_no_command(frame: str) -> None:
    every = [
        said(verb, f"{verb} {which} {thing}", n)
        for verb in VERBS
        for n, thing in enumerate(THINGS)
        for which in ("the", "my")
    ]
    by_intent = {verb: [one.words for one in every if one.intent == verb] for verb in VERBS}
    away = [
        Sample(TURNED, words, text, n) for n, (words, text) in enumerate(turned(by_intent, "en"))
    ]
    classifier = trained([*every, *away], None, None)
    for text in ("book the flight", "show my score", "move the parcel"):
        assert best(classifier, text)[0] == text.split()[0]
        assert best(classifier, frame.format(text))[0] == ELSEWHERE
        assert TURNED not in classifier.scores(text.split(), text)


# -- what words mean


@pytest.mark.parametrize(
    ("one", "near", "far"),
    [
        ("cash", "money", "window"), ("car's", "vehicle", "potato"),
        ("手机", "电话", "窗帘"), ("汽车", "车辆", "音乐"),
    ],
)  # fmt: skip
def test_words_of_like_meaning_have_like_vectors(one: str, near: str, far: str) -> None:
    said_so = [tuple(text) if text[0] >= "\u3400" else (text,) for text in (one, near, far)]
    vectors = meant(said_so)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


def test_slots_and_words_that_nobody_knows_mean_nothing() -> None:
    vectors = meant([["@light"], ["qqqzzz"], [], ["\ud800"], ["the"]])
    assert np.allclose(np.linalg.norm(vectors, axis=1), [0, 0, 0, 0, 1])


# -- files


def test_a_file_is_small_and_comes_back_the_same(tmp_path: Path) -> None:
    fresh = trained(like_clinc(10), None, tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_size < 4_000_000
    kept = trained(like_clinc(10), None, tmp_path)
    for text in ("book my flight", "nothing of this", "please move the song"):
        assert kept.scores(text.split(), text) == fresh.scores(text.split(), text)
    assert kept.threshold == fresh.threshold


def test_a_file_of_another_version_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(like_clinc(3), None, tmp_path)
    monkeypatch.setattr(shelf, "VERSION", shelf.VERSION + 1)
    trained(like_clinc(3), None, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("length", [0, 10, 1000])
def test_a_damaged_file_is_trained_again(tmp_path: Path, length: int) -> None:
    fresh = trained(like_clinc(3), None, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:length])
    again = trained(like_clinc(3), None, tmp_path)
    assert (again.weights == fresh.weights).all()


# -- the second opinion


class ByMeaning:
    """Satisfies `Embedder` as far as it is asked: knows two words for each thing."""

    name = "by meaning"
    dimension = 16

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(
        self,
        texts: Sequence[str],
        kind: Literal["query", "passage"],
    ) -> Any:
        self.asked += texts
        vectors = np.ones((len(texts), self.dimension), dtype=np.float32)  # all much alike
        for place, text in enumerate(texts):
            random = np.random.default_rng(len(text))
            vectors[place] += 0.02 * random.normal(size=self.dimension).astype(np.float32)
            for number, names in enumerate(
                (("lamp", "zorvex"), ("door", "quimbo"), ("fan", "blaxet"))
            ):
                vectors[place, number] += 0.3 * any(name in text for name in names)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def opinions() -> list[Sample]:
    things = ("lamp", "door", "fan")
    return [
        said(thing, frame.format(v="see", t=thing, n=n), 10 * n + place)
        for place, thing in enumerate(things)
        for n in range(3)
        for frame in FRAMES
    ] + [said(ELSEWHERE, text, 100 + n) for n, text in enumerate(NOWHERE)]


def test_an_embedder_is_asked_only_where_the_first_is_unsure(tmp_path: Path) -> None:
    embedder = ByMeaning()
    classifier = trained(opinions(), embedder, tmp_path)  # type: ignore[arg-type]
    embedder.asked.clear()
    assert best(classifier, "please see my lamp")[0] == "lamp"
    assert embedder.asked == []
    assert best(classifier, "please see my quimbo")[0] == "door"
    assert best(classifier, "please see my blaxet")[0] == "fan"
    assert embedder.asked == ["please see my quimbo", "please see my blaxet"]
    again = trained(opinions(), embedder, tmp_path)  # type: ignore[arg-type]
    text = "please see my blaxet"
    assert again.scores(text.split(), text) == classifier.scores(text.split(), text)


def test_vectors_that_are_all_alike_still_tell() -> None:
    embedder = ByMeaning()
    texts = ["a lamp", "my lamp", "a door", "my door here"]
    learnt = middles(embedder.embed(texts, "query"), np.array([0, 0, 1, 1]), 3)
    scores = learnt.scores(embedder.embed(["one zorvex", "the big quimbo"], "query"))
    assert scores.argmax(axis=1).tolist() == [0, 1]
    assert (scores[:, 2] == 0).all()  # a class without samples


def test_one_sample_of_each_class_is_enough_for_middles() -> None:
    vectors = np.eye(3, dtype=np.float32)
    learnt = middles(vectors, np.arange(3), 3)
    assert learnt.scores(vectors).argmax(axis=1).tolist() == [0, 1, 2]
