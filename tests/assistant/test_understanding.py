"""How sentences kept apart are understood, and what each stage may and may not do.

The numbers are held as floors here and reported by `benchmarks/assistant.py`; tuning looks at the
`dev` sentences only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from assisted import EXAMPLES, NOW, Kept, house, kept

from penjing.assistant.spec.parse import load, loads
from penjing.assistant.understand.cascade import Stages, Understanding
from penjing.assistant.understand.judge import ModelJudge
from penjing.core.messages import Chunk, GenerationSettings, Message

SPEC = load(EXAMPLES / "smart-home/assistant.yaml")
TEST = kept("smart-home.test")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("intents")


@pytest.fixture(scope="module")
def home(cache: Path) -> Understanding:
    return Understanding(SPEC, house, cache=cache)


def f1(right: int, found: int, meant: int) -> float:
    return 2 * right / (found + meant)


def test_sentences_kept_apart_stand_in_no_template_or_example() -> None:
    lines = {
        line.lower()
        for intent in SPEC.intents.values()
        for many in (*intent.sentences.values(), *intent.examples.values())
        for line in many
    }
    for one in (*TEST, *kept("smart-home.dev")):
        assert one.text.lower() not in lines
    assert not {one.text for one in TEST} & {one.text for one in kept("smart-home.dev")}
    assert len(TEST) >= 150


def test_what_is_wanted_is_understood(home: Understanding) -> None:
    right = slots_right = slots_found = slots_meant = 0
    out_right = out_found = out_meant = 0
    for one in TEST:
        said = [request[0] for request in home.read(one.text, NOW).requests]
        right += tuple(r.intent for r in said) == one.intents
        meant = {(n, k, v) for n, slots in enumerate(one.slots) for k, v in slots.items()}
        found = {(n, s.name, str(s.value)) for n, r in enumerate(said) for s in r.slots}
        slots_right += len(meant & found)
        slots_found, slots_meant = slots_found + len(found), slots_meant + len(meant)
        out_found += not said
        out_meant += not one.intents
        out_right += not said and not one.intents
    assert right / len(TEST) >= 0.92
    assert f1(slots_right, slots_found, slots_meant) >= 0.90
    assert f1(out_right, out_found, out_meant) >= 0.80


def test_every_slot_stands_in_the_sentence(home: Understanding) -> None:
    for one in TEST:
        for request in home.read(one.text, NOW).requests:
            for slot in request[0].slots:
                assert one.text[slot.start : slot.end] == slot.text != ""
                assert slot.trust == "person"


def test_templates_are_fast(home: Understanding) -> None:
    decided = [one for one in TEST if _stage(home, one) == "templates"]
    assert len(decided) > 60
    seconds = []
    for one in decided:
        began = time.process_time()
        home.read(one.text, NOW)
        seconds.append(time.process_time() - began)
    assert sorted(seconds)[int(0.95 * len(seconds))] < 0.03


def _stage(home: Understanding, one: Kept) -> str:
    requests = home.read(one.text, NOW).requests
    return requests[0][0].stage if requests else ""


@pytest.mark.parametrize(
    "text",
    [
        "don't turn on the kitchen light",
        "do not open the garage door",
        "how do I turn on the desk lamp",
        "if it rains close the blinds",
        "never open the garage door",
        "别开厨房灯",
        "不要打开车库门",
        "为什么要关客厅灯",
    ],
)
def test_a_word_that_turns_it_around_is_not_overlooked(text: str, cache: Path) -> None:
    templates = Understanding(SPEC, house, stages=Stages(classifier=False), cache=cache)
    assert templates.read(text, NOW).requests == ()


def test_it_says_which_stage_decided(home: Understanding) -> None:
    assert home.read("turn on the desk lamp", NOW).requests[0][0].stage == "templates"
    assert home.read("I want to watch some tv now", NOW).requests[0][0].stage == "classifier"


def test_training_is_the_same_every_time_and_kept(tmp_path: Path) -> None:
    small = loads(
        "assistant: A\nlanguages: [en]\nintents:\n"
        "  hello: {sentences: ['(hello|hi) there'], do: [{answer: Hello}]}\n"
        "  bye: {sentences: ['good bye', 'see you'], do: [{answer: Bye}]}\n"
    )
    first = Understanding(small, house, cache=tmp_path)
    files = list(tmp_path.iterdir())
    assert len(files) == 1
    kept_bytes = files[0].read_bytes()
    again = Understanding(small, house, cache=tmp_path)
    fresh = Understanding(small, house)
    weights = [one.compiled["en"].classifier.weights for one in (first, again, fresh)]  # type: ignore[union-attr]
    assert (weights[0] == weights[1]).all()
    assert (weights[0] == weights[2]).all()
    files[0].write_bytes(kept_bytes[:100])  # damaged: trained again
    assert (Understanding(small, house, cache=tmp_path).compiled["en"].classifier.weights  # type: ignore[union-attr]
            == weights[0]).all()  # fmt: skip


class Dictated:
    """A writer that says what it was told to."""

    context_length = 4096

    def __init__(self, said: object) -> None:
        self.said = json.dumps(said)
        self.seen: list[GenerationSettings] = []

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return 1

    def write(
        self, owner: str, messages: Sequence[Message], settings: GenerationSettings
    ) -> Iterator[Chunk]:
        self.seen.append(settings)
        yield Chunk(self.said, "stop")

    def close(self) -> None:
        pass


SCORES = {
    "dim": 0.4,
    "light_on": 0.3,
    "light_off": 0.2,
    "ac_on": 0.15,
    "tv_on": 0.14,
    "scene": 0.13,
}


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ({"choice": "dim", "light": "kitchen light", "brightness": 30}, "dim"),
        ({"choice": "dim", "light": None, "brightness": None}, "dim"),
        ({"choice": "none"}, None),
        ({"choice": "dim", "light": "bedroom light"}, None),  # nobody said bedroom
        ({"choice": "dim", "brightness": 90}, None),
        ({"choice": "scene"}, None),  # not on the list of five
        ({"choice": "garage"}, None),
        (["dim"], None),
        ("dim", None),
    ],
)
def test_the_models_say_is_checked(home: Understanding, said: object, intent: str | None) -> None:
    writer = Dictated(said)
    judge = ModelJudge(SPEC, home.compiled.__getitem__, writer, house)
    text = "kitchen light dim around 30 percent"
    slots: dict[str, list[object]] = {}
    for one in home.read(text, NOW).values:
        slots.setdefault(one.name, []).append(one)
    found = judge("p", text, "en", SCORES, slots)  # type: ignore[arg-type]
    assert (found and found.intent) == intent
    grammar = writer.seen[0].grammar or ""
    assert grammar.count("choice") == 6  # five and none
    assert "kitchen light" in grammar
    assert writer.seen[0].temperature == 0


def test_the_model_is_not_asked_where_no_intent_is_near(home: Understanding) -> None:
    writer = Dictated({"choice": "dim"})
    judge = ModelJudge(SPEC, home.compiled.__getitem__, writer, house)
    assert judge("p", "so what", "en", {"-": 0.9, "dim": 0.05}, {}) is None
    assert writer.seen == []
