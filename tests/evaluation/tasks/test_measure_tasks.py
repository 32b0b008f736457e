"""Asking a task: one that knows, one that is broken, the same twice; a killed run goes on."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from table_model import TableModel, random_table

from penjing.core.errors import BadInput, UnknownName
from penjing.evaluation.tasks.floors import judge, parse_floor, require_judgeable
from penjing.evaluation.tasks.likelihood import OneByOne
from penjing.evaluation.tasks.measure import CHUNK, Answers, answer, outcome, some_of
from penjing.evaluation.tasks.outcome import TaskReport
from penjing.evaluation.tasks.questions import Question, Task

VOCABULARY = 40


def knowing() -> TableModel:
    """After a letter it expects the next of the alphabet."""
    table = np.zeros((VOCABULARY, VOCABULARY))
    table[np.arange(VOCABULARY - 1), np.arange(1, VOCABULARY)] = 6
    return TableModel(table, name="knowing")


def broken() -> TableModel:
    return TableModel(random_table(VOCABULARY, 5), name="broken")


def blank() -> TableModel:
    """All choices are alike to it: it always takes the first."""
    return TableModel(np.zeros((VOCABULARY, VOCABULARY)), name="blank")


def alphabet(count: int = 150) -> Task:
    """Which of four is in the order of the alphabet?"""
    rng = np.random.default_rng(0)
    questions = []
    for number in range(count):
        first, gold = int(rng.integers(98, 118)), int(rng.integers(4))
        ordered = [chr(first + step) for step in range(4)]
        others = [[2, 0, 3, 1], [3, 2, 1, 0], [1, 3, 0, 2]]
        choices = ["".join(ordered[at] for at in other) for other in others]
        choices.insert(gold, "".join(ordered))
        questions.append(Question(f"n{number}", tuple(choices), gold))
    return Task("alphabet", "{{question}}", "", tuple(questions))


def asked(model: TableModel, task: Task) -> Answers:
    return answer(model, OneByOne(model), task)


def report(task: Task, after: TableModel, before: TableModel | None) -> TaskReport:
    found = outcome(task, task, asked(after, task), asked(before, task) if before else None, seed=0)
    return TaskReport(
        after.name, before.name if before else None, (found,), seed=0, limit=None, context=64
    )


def test_one_that_knows_is_able_and_one_that_is_broken_is_called_so() -> None:
    task = alphabet()
    able = report(task, knowing(), None)
    assert able.outcomes[0].score.find("acc").value > 0.95
    assert (able.verdict, able.broken, able.held) == ("able", (), True)
    alone = report(alphabet(600), blank(), None)
    assert alone.outcomes[0].score.find("acc").value < 0.5
    assert (alone.verdict, alone.held) == ("guessing", True)
    beside = report(task, broken(), knowing())
    assert (beside.verdict, beside.broken, beside.held) == ("broken", ("alphabet",), False)
    change = beside.find("alphabet").find("acc")
    assert change.lost > 80
    assert change.won == 0
    assert change.p < 1e-9
    assert change.high is not None
    assert change.high < -0.5


def test_few_questions_show_neither_knowledge_nor_guessing() -> None:
    few = alphabet(10)
    for after, before in ((broken(), None), (knowing(), broken())):
        found = report(few, after, before)
        assert (found.verdict, found.broken, found.held) == ("too few", (), True)
    assert report(few, knowing(), None).verdict == "able"
    seven = Answers({m: np.arange(10.0) < 7 for m in few.metrics}, 0)  # of 10, where chance is 50%
    twos = tuple(Question("q", ("x", "y"), number % 2) for number in range(10))
    task = replace(few, questions=twos)
    ten = Answers({m: np.ones(10) for m in few.metrics}, 0)
    for before in (None, ten):
        one = outcome(task, task, seven, before, seed=0)
        assert (one.score.above_chance, one.score.undecided) == (False, True)


def test_the_controls_swapped_say_the_other_thing() -> None:
    better = report(alphabet(600), knowing(), blank())
    assert better.verdict == "not known"  # where the baseline guesses there is nothing to lose
    assert better.find("alphabet").find("acc").won > 320
    assert better.held


def test_the_same_twice_has_no_flips() -> None:
    found = report(alphabet(), broken(), broken()).outcomes[0]
    for change in found.changes:
        assert (change.difference, change.lost, change.won, change.p) == (0.0, 0, 0, 1.0)


def test_length_decides_between_acc_and_acc_norm() -> None:
    table = np.zeros((VOCABULARY, VOCABULARY))
    model = TableModel(table)  # every token costs the same: the shortest wins, by character none
    task = Task("t", "", "", tuple(Question("q", ("x", "yyyyyyyy"), 0) for _ in range(20)))
    found = asked(model, task).scores
    assert found["acc"].mean() == 1.0
    assert found["acc_norm"].mean() == 0.0  # the space before weighs less in the longer one


def test_written_answers() -> None:
    model = knowing()
    model.detokenize = lambda tokens: "aaa aaa\nmore"  # type: ignore[method-assign]
    questions = (Question("q", references=("aaa aaa",)), Question("q", references=("aaa", "no")))
    found = asked(model, Task("t", "", "", questions)).scores
    assert found["exact_match"].tolist() == [1.0, 0.0]
    assert found["f1"].tolist() == [1.0, pytest.approx(2 / 3)]


def test_a_killed_run_goes_on_and_says_the_same(tmp_path: Path) -> None:
    task = alphabet(3 * CHUNK)
    whole = asked(knowing(), task)
    model = knowing()
    model.stop_after = 2 * CHUNK * 4 + 5
    with pytest.raises(KeyboardInterrupt):
        answer(model, OneByOne(model), task, folder=tmp_path, identity="k")
    again = knowing()
    found = answer(again, OneByOne(again), task, folder=tmp_path, identity="k")
    assert len(again.read) == CHUNK * 4
    assert all(np.array_equal(found.scores[m], whole.scores[m]) for m in whole.scores)
    other = knowing()
    answer(other, OneByOne(other), task, folder=tmp_path, identity="another")
    assert len(other.read) == 3 * CHUNK * 4


def test_some_are_drawn_by_the_seed() -> None:
    task = alphabet()
    one, same, other = some_of(task, 20, 1), some_of(task, 20, 1), some_of(task, 20, 2)
    assert one == same != other
    assert len(one.questions) == 20
    assert some_of(task, None, 1) is some_of(task, 999, 1) is task


# -- floors


def test_floors_hold_or_are_missed() -> None:
    task = alphabet()
    found = report(task, broken(), knowing())
    missed = judge(parse_floor("alphabet.acc>=-1.0pt"), found)
    assert (missed.held, missed.shown, missed.metric) == (False, False, "acc")
    assert not replace(found, floors=(missed,)).held
    same = report(task, knowing(), knowing())
    held = judge(parse_floor(" alphabet >= -3pt "), same)
    assert (held.held, held.shown, held.metric) == (True, True, "acc_norm")
    close = judge(parse_floor("alphabet>=-0.5pt"), same)
    assert (close.held, close.shown) == (True, False)  # 150 questions cannot show half a point
    assert judge(parse_floor("alphabet>=90%"), same).shown
    assert not judge(parse_floor("alphabet.acc>=90%"), found).held
    with pytest.raises(UnknownName, match="f1"):
        judge(parse_floor("alphabet.f1>=90%"), found)


@pytest.mark.parametrize(
    "text",
    [
        "piqa", "piqa>=1", "piqa<=1pt", "piqa>=1e3pt", "piqa.x>=1pt", "",
        "piqa>=150%", "piqa>=-1%", "piqa>=100.1pt", "piqa>=-101pt",
    ],
)  # fmt: skip
def test_what_is_no_floor_is_said(text: str) -> None:
    with pytest.raises((BadInput, UnknownName)):
        parse_floor(text)


def test_a_floor_that_cannot_be_judged_is_refused_before_any_work() -> None:
    floor = parse_floor("piqa>=-1pt")
    with pytest.raises(BadInput, match=r"--tasks own\.jsonl,piqa"):
        require_judgeable((floor,), {"own": "own.jsonl"}, baseline=True)
    with pytest.raises(BadInput, match="--baseline"):
        require_judgeable((floor,), {"piqa": "piqa"}, baseline=False)
    require_judgeable((parse_floor("piqa>=60%"),), {"piqa": "piqa"}, baseline=False)
