"""lm-evaluation-harness, where it is installed, counts what our tasks count, to the digit."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import tiny

from penjing.engine.forks import Forks
from penjing.engine.llamacpp import LlamaCpp
from penjing.evaluation.tasks.measure import answer
from penjing.evaluation.tasks.questions import Question, Task
from penjing.workshop.export.gguf import export_gguf

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))


@pytest.mark.parametrize("name", ["openbookqa", "piqa"])
def test_equal_to_the_digit(name: str, tmp_path: Path) -> None:
    pytest.importorskip("lm_eval", reason="pip install lm-eval==0.4.13 to have it judge")
    import harness

    export_gguf(tiny.checkpoint(), tmp_path / "a.gguf", {})
    before, _, after = harness.TEMPLATES[name].partition("{{question}}")
    rng = np.random.default_rng(0)
    questions = tuple(
        Question(
            f"{before}tree number {number} is{after}",
            ("small", "on a rock", "older than the house", f"number {number}"),
            int(rng.integers(4)),
        )
        for number in range(70)
    )
    task = Task(name, "", "", questions)
    with (
        closing(LlamaCpp.open(tmp_path / "a.gguf", context=256, threads=1)) as model,
        closing(Forks(model)) as forks,
    ):
        theirs = harness.by_harness(model, forks, task)
        ours = answer(model, forks, task).scores
    assert theirs == {metric: float(values.mean()) for metric, values in ours.items()}
