"""lm-evaluation-harness with our engine as its model class, beside our own tasks.

    pip install lm-eval==0.4.13          (into an environment of its own; it is no part of Penjing)
    python benchmarks/harness.py smollm2-135m-instruct --task openbookqa [--limit 100]

The numbers must be equal to the digit. The harness makes prompts from its own template, parts them
into tokens by its own rule and counts by its own metrics; only log-likelihoods are ours. It
works offline: its task is written as a folder of YAML and JSON lines from the questions of the
catalogue, and is gone afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}

import lm_eval
from lm_eval.api.model import TemplateLM
from lm_eval.tasks import TaskManager

from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model, find_questions
from penjing.core.continuations import Fork
from penjing.core.progress import Silent
from penjing.engine.forks import Forks
from penjing.engine.llamacpp import LlamaCpp
from penjing.evaluation.tasks.likelihood import log_likelihoods
from penjing.evaluation.tasks.measure import CHUNK, answer
from penjing.evaluation.tasks.questions import Task
from penjing.evaluation.tasks.sources import read_task

TEMPLATES = {
    "openbookqa": "{{question}}",
    "piqa": "Question: {{question}}\nAnswer:",
}
"""As the harness's own YAML has them, over the fields that we write."""


class PenjingLM(TemplateLM):  # type: ignore[misc]
    """The harness's model class on our engine."""

    def __init__(self, model: LlamaCpp, forks: Forks) -> None:
        super().__init__()
        self._model, self._forks = model, forks

    @property
    def eot_token_id(self) -> int:
        return self._model.tokenize("<|endoftext|>", special=True, bos=False)[0]

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **_: Any
    ) -> list[int]:
        return self._model.tokenize(string, bos=add_special_tokens is not False)

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], **_: Any
    ) -> list[tuple[float, bool]]:
        forks = [
            Fork(tuple(prefix), tuple(tuple(each[2]) for each in group))
            for prefix, group in ((k, list(g)) for k, g in groupby(requests, lambda one: one[1]))
        ]
        found: list[tuple[float, bool]] = []
        for first in range(0, len(forks), CHUNK):
            for each in log_likelihoods(self._forks, forks[first : first + CHUNK]):
                found += zip(each.sums.tolist(), each.greedy.tolist(), strict=True)
        return found

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = False) -> Any:
        raise NotImplementedError

    def generate_until(self, requests: Any, disable_tqdm: bool = False) -> Any:
        raise NotImplementedError


def written(task: Task, stems: list[str], folder: Path) -> None:
    """The task as the harness reads it."""
    rows = [
        {"question": stem, "choices": list(one.choices), "gold": one.gold}
        for one, stem in zip(task.questions, stems, strict=True)
    ]
    data = folder / "questions.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    lines = [
        "task: penjing_check",
        "dataset_path: json",
        f"dataset_kwargs: {{data_files: {{test: {json.dumps(str(data))}}}}}",
        "test_split: test",
        "output_type: multiple_choice",
        f"doc_to_text: {json.dumps(TEMPLATES[task.name])}",
        'doc_to_choice: "{{choices}}"',
        "doc_to_target: gold",
        "metric_list: [{metric: acc, aggregation: mean, higher_is_better: true},"
        " {metric: acc_norm, aggregation: mean, higher_is_better: true}]",
    ]
    (folder / "check.yaml").write_text("\n".join(lines) + "\n", "utf-8")


def stems_of(task: Task) -> Iterator[str]:
    """The questions without what our template put around them."""
    before, _, after = TEMPLATES[task.name].partition("{{question}}")
    for one in task.questions:
        yield one.prompt.removeprefix(before).removesuffix(after)


def by_harness(model: LlamaCpp, forks: Forks, task: Task) -> dict[str, float]:
    """What the harness counts."""
    with TemporaryDirectory() as place:
        written(task, list(stems_of(task)), Path(place))
        os.environ["HF_HOME"] = place
        manager = TaskManager(include_path=place, include_defaults=False)
        found = lm_eval.simple_evaluate(
            PenjingLM(model, forks), tasks=["penjing_check"], task_manager=manager,
            bootstrap_iters=0, log_samples=False,
        )  # fmt: skip
    assert found is not None
    results = found["results"]["penjing_check"]
    return {metric: float(results[f"{metric},none"]) for metric in ("acc", "acc_norm")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--task", choices=sorted(TEMPLATES), default="openbookqa")
    parser.add_argument("--limit", type=int, help="the first so many questions")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    home = Home.from_environment()
    text = find_questions(args.task, home, progress=Silent(), download=True).text
    whole = read_task(args.task, text)
    task = Task(whole.name, whole.template, whole.version, whole.questions[: args.limit])
    path = find_model(args.model, home, progress=Silent(), download=True)
    with (
        closing(LlamaCpp.open(path, context=2048, threads=args.threads)) as model,
        closing(Forks(model)) as forks,
    ):
        theirs = by_harness(model, forks, task)
        scores = answer(model, forks, task).scores
    ours = {metric: float(values.mean()) for metric, values in scores.items()}
    equal = all(theirs[metric] == ours[metric] for metric in theirs)
    print(
        json.dumps({"n": len(task.questions), "harness": theirs, "penjing": ours, "equal": equal})
    )
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
