"""What a model makes of sentences that no other stage understood: good questions and needless ones.

    python benchmarks/last_resort.py --sentences DIR --model qwen2.5-coder-0.5b.gguf
    python benchmarks/last_resort.py --sentences DIR --model M.gguf --most 50 --rows rows.jsonl
    python benchmarks/last_resort.py --rows rows.jsonl --again   # other bars, the model not asked

DIR holds SPEC.LANGUAGE.yaml and unwanted-SPEC.yaml, as in tests/support/blind.py. A question is
good when a yes to it does what was wanted, or when it asks for what is missing of that; it is wrong
when something else was wanted, and needless when nothing was.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/support"))

from blind import BLIND, SPECS, Blind, Came, Stage, right, sentences

from penjing.assistant.dialogue.plan import Confirmed, Plan
from penjing.assistant.dialogue.proposal import proposal
from penjing.assistant.spec.values import Call, Literally
from penjing.assistant.understand import judge as judging
from penjing.assistant.understand.judge import MOST, ModelJudge
from penjing.assistant.writer import ModelWriter
from penjing.core.dialogue import Recognition

_BARS = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 1.5, 2.0)
"""Of log p(yes) - log p(no), in nats."""


class Forced:
    """Says what it was told to, and notes what it was offered. Satisfies `Judge`."""

    def __init__(self) -> None:
        self.offered: Sequence[Recognition] = ()
        self.language = ""
        self.intent = ""

    def __call__(
        self,
        owner: str,  # noqa: ARG002 -- of the protocol
        text: str,  # noqa: ARG002
        language: str,
        proposals: Sequence[Recognition],
    ) -> Recognition | None:
        """The proposal that was named, if it is there."""
        self.offered, self.language = proposals, language
        return next((one for one in proposals if one.intent == self.intent), None)

    def forget(self) -> None:
        """As before the first sentence."""
        self.offered, self.intent = (), ""


def rows(spec: str, folder: Path, writer: ModelWriter, most: int) -> Iterator[dict[str, Any]]:
    """For each sentence of a spec that the model would be asked about: the proposals put to it,
    how sure it is of each, and what would come of a question for each."""
    stage, forced = Stage(spec), Forced()
    stage.use(forced)
    plan = stage.assistant._plan
    asked = ModelJudge(
        plan.spec,
        stage.assistant._understanding.compiled.__getitem__,
        writer,
        partial(proposal, plan),
    )
    for name in (f"{spec}.en", f"{spec}.zh", f"unwanted-{spec}"):
        many = sentences(name, folder)
        left: list[tuple[Any, str, list[tuple[Any, str]]]] = []
        for one in many:
            forced.forget()
            stage.hear(one.say)
            told = [(each, proposal(plan, each, forced.language)) for each in forced.offered]
            if told := [(each, action) for each, action in told if action][:MOST]:
                left.append((one, forced.language, told))
        yield {"file": name, "sentences": len(many), "left": len(left)}
        random.Random(0).shuffle(left)
        for one, language, told in left[:most]:
            began = time.process_time()
            odds = [asked.odds("p", one.say, language, action) for _, action in told]
            took = time.process_time() - began
            outcomes = []
            for each, _ in told:
                forced.intent = str(each.intent)
                outcomes.append(verdict(one, stage.hear(one.say), each, plan))
            yield {
                "file": name,
                "say": one.say,
                "actions": [action for _, action in told],
                "odds": [round(each, 3) for each in odds],
                "chances": [each.confidence for each, _ in told],
                "outcomes": outcomes,
                "cpu_seconds": round(took, 2),
            }


def verdict(one: Blind, came: Came, asked: Recognition, plan: Plan) -> str:
    """What a question for a request is to who said the sentence."""
    if not one.given.get("wants"):
        return "needless"
    if right(one, came) or (not came.calls and not came.put_off and _begins(one, asked, plan)):
        return "good"
    return "wrong"


def _begins(one: Blind, asked: Recognition, plan: Plan) -> bool:
    """A request lacks values of what was wanted, and contradicts none of it."""
    said = [slot.value for slot in asked.slots]
    for step in plan.programs[str(asked.intent)]:
        call = step.call if isinstance(step, Confirmed) else step
        if isinstance(call, Call) and call.tool in one.given["wants"][0]:
            wanted: Mapping[str, Any] = one.given["wants"][0][call.tool] or {}
            fixed = {k: v.value for k, v in call.arguments.items() if isinstance(v, Literally)}
            same = all(wanted.get(key) == value for key, value in fixed.items())
            return same and all(value in wanted.values() for value in said)
    return False


def table(found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts for each file at the judge's own bar, and over all at others."""
    kept = list(found)
    heads = {one["file"]: one for one in kept if "left" in one}
    asked = [one for one in kept if "odds" in one]
    cells: dict[str, Counter[str]] = defaultdict(Counter)
    for one in asked:
        cells[one["file"]][_came(one, judging.SURE)] += 1
    return {
        "cells": {
            name: {k: head[k] for k in ("sentences", "left")}
            | {"asked": sum(cells[name].values())}
            | {k: cells[name][k] for k in ("good", "wrong", "needless", "silent")}
            for name, head in heads.items()
        },
        "bars": {
            str(bar): dict(Counter(_came(one, bar) for one in asked))
            for bar in sorted({*_BARS, judging.SURE})
        },
        "likeliest_without_a_model": dict(Counter(one["outcomes"][0] for one in asked)),
        "cpu_seconds_mean": round(sum(one["cpu_seconds"] for one in asked) / max(len(asked), 1), 2),
    }


def _came(one: Mapping[str, Any], bar: float) -> str:
    best = ModelJudge.chosen(one["odds"], bar)
    return "silent" if best is None else one["outcomes"][best]


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentences", type=Path, default=BLIND)
    parser.add_argument("--model", type=Path, help="a .gguf file")
    parser.add_argument("--specs", nargs="*", default=list(SPECS), choices=SPECS)
    parser.add_argument("--most", type=int, default=50, help="sentences of a file put to the model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=Path, help="where each sentence is kept, one a line")
    parser.add_argument("--again", action="store_true", help="count what --rows holds")
    args = parser.parse_args()
    if args.again:
        found = [json.loads(line) for line in args.rows.read_text("utf-8").splitlines()]
    else:
        from penjing.engine.llamacpp import LlamaCpp

        found = []
        with LlamaCpp.open(args.model, context=1024, threads=args.threads) as model:
            for spec in args.specs:
                for one in rows(spec, args.sentences, ModelWriter(model), args.most):
                    found.append(one)
                    if args.rows is not None:
                        with args.rows.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(one, ensure_ascii=False) + "\n")
    print(json.dumps(table(found), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
