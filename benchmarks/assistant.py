"""How well the assistant understands sentences kept apart, and how fast.

    python benchmarks/assistant.py                       # the test sentences, each stage and all
    python benchmarks/assistant.py --split dev --wrong   # tuning looks at these only
    python benchmarks/assistant.py --strangers           # sentences written blind, and unwanted
    python benchmarks/assistant.py --model smollm2-135m-instruct
    python benchmarks/assistant.py --model smollm2-135m-instruct --talk 500  # one conversation

Intents are right when all requests of a sentence are (out of scope is an intent too); a slot is
right when name and value are. Out of scope is measured as a class of its own.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/support"))

from assisted import EXAMPLES, NOW, Kept, house, kept, recording, smart_tools
from blind import BLIND, SPECS, Came, Stage, looks, right, sentences
from ondisk import on_disk
from sayings import COMMANDS, FRAMES

from penjing.assistant.build import build
from penjing.assistant.dialogue.plan import plan_of
from penjing.assistant.dialogue.proposal import proposal
from penjing.assistant.generate.shelf import shelf
from penjing.assistant.spec.parse import load
from penjing.assistant.turn import SpecAssistant
from penjing.assistant.understand.cascade import Stages, Understanding
from penjing.assistant.understand.judge import ModelJudge
from penjing.assistant.understand.reading import Reading
from penjing.assistant.writer import ModelWriter
from penjing.core.dialogue import Acted, Confirm, Said
from penjing.vault.memory import MemoryStore


@dataclass
class Tally:
    """Counts over some sentences."""

    sentences: int = 0
    right: int = 0
    slots_found: int = 0
    slots_meant: int = 0
    slots_right: int = 0
    out_found: int = 0
    out_meant: int = 0
    out_right: int = 0
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    stages: dict[str, list[int]] = field(default_factory=dict)

    def add(self, one: Kept, reading: Reading, seconds: float) -> None:
        """Count one sentence."""
        said = [request[0] for request in reading.requests]
        intents = tuple(str(r.intent) for r in said)
        right = intents == one.intents
        self.sentences += 1
        self.right += right
        self.seconds.append(seconds)
        self.out_found += not said
        self.out_meant += not one.intents
        self.out_right += not said and not one.intents
        meant = [(n, k, v) for n, slots in enumerate(one.slots) for k, v in slots.items()]
        found = [(n, s.name, f"{s.value}") for n, r in enumerate(said) for s in r.slots]
        self.slots_meant += len(meant)
        self.slots_found += len(found)
        self.slots_right += len(set(meant) & set(found))
        stage = "+".join(sorted({r.stage for r in said})) or "none"
        counted = self.stages.setdefault(stage, [0, 0])
        counted[0] += 1
        counted[1] += right
        if not right or set(meant) != set(found):
            self.wrong.append(
                f"{one.text} | {','.join(one.intents)} {dict(*one.slots[:1])} | "
                + "; ".join(
                    f"{r.intent} {r.stage} {r.confidence:.2f} "
                    f"{ {s.name: s.value for s in r.slots} }"
                    for r in said
                )
            )

    def document(self) -> dict[str, Any]:
        """As plain data."""
        ordered = sorted(self.seconds)
        return {
            "sentences": self.sentences,
            "intent_accuracy": round(self.right / max(self.sentences, 1), 4),
            "slot_f1": _f1(self.slots_right, self.slots_found, self.slots_meant),
            "out_of_scope_f1": _f1(self.out_right, self.out_found, self.out_meant),
            "decided_by": {k: {"n": n, "right": r} for k, (n, r) in sorted(self.stages.items())},
            "ms_median": round(1000 * ordered[len(ordered) // 2], 2),
            "ms_p95": round(1000 * ordered[int(len(ordered) * 0.95)], 2),
        }


def _f1(right: int, found: int, meant: int) -> float:
    return round(2 * right / max(found + meant, 1), 4)


def measure(understanding: Understanding, sentences: Iterable[Kept]) -> dict[str, Tally]:
    """Tallies for each language and all."""
    tallies = {"en": Tally(), "zh": Tally(), "all": Tally()}
    for one in sentences:
        began = time.perf_counter()
        reading = understanding.read(one.text, NOW)
        seconds = time.perf_counter() - began
        for key in (one.language, "all"):
            tallies[key].add(one, reading, seconds)
    return tallies


STAGES = {
    "all": Stages(),
    "templates alone": Stages(classifier=False, model=False),
    "classifier alone": Stages(templates=False, model=False),
    "templates and classifier": Stages(model=False),
    "model alone": Stages(templates=False, classifier=False),
}


def _writer(name: str) -> ModelWriter:
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_model
    from penjing.core.progress import Silent
    from penjing.engine.llamacpp import LlamaCpp

    path = find_model(name, Home.from_environment(), progress=Silent(), download=True)
    return ModelWriter(LlamaCpp.open(path, context=2048))


QUESTIONS = (
    "how often should I descale the machine?",
    "how long is the warranty?",
    "what does the red light mean?",
)
"""To the manual of customer service."""


def turns(writer: ModelWriter | None) -> dict[str, Any]:
    """Seconds from text to action, and to the first word of quoted, worded and open answers."""
    tools = list(smart_tools().values())
    assistant = build(load(EXAMPLES / "smart-home/assistant.yaml"), tools, writer=writer)
    heard = [_first(assistant, one.text, Acted) for one in kept("smart-home.test") if one.intents]
    acted = sorted(one for one in heard if one is not None)
    spec = load(EXAMPLES / "customer-service/assistant.yaml")
    own = shelf(Path(spec.folder), spec.knowledge.sources)
    served = list(recording(*spec.tools).values())
    service = build(spec, served, writer=writer, retrievers=lambda _person, _store: own)
    quoted = _first(service, QUESTIONS[0], Said)
    document: dict[str, Any] = {
        "acted": len(acted),
        "text_to_action_ms_median": round(1000 * acted[len(acted) // 2], 2),
        "text_to_action_ms_p95": round(1000 * acted[int(0.95 * len(acted))], 2),
        "quoted_first_word_ms": round(1000 * (quoted or 0), 2),
    }
    if writer is not None:
        worded = replace(spec, knowledge=replace(spec.knowledge, wording="model"))
        service = build(worded, served, writer=writer, retrievers=lambda _person, _store: own)
        said = [_first(service, one, Said) for one in QUESTIONS]
        document["worded_first_word_ms"] = [round(1000 * (one or 0), 2) for one in said]
        opened = _first(assistant, "tell me about the moon please", Said)
        document["open_answer_first_word_ms"] = round(1000 * (opened or 0), 2)
    return document


LINES = (
    "turn on the kitchen light", "and the bedroom?", "open the garage door", "no", "关掉厨房的灯",
    "dim it to 20 percent", "tell me about the moon please", "never mind",
)  # fmt: skip
"""Of a long conversation: commands, cards, corrections, and one open question."""


def talk(writer: ModelWriter | None, count: int) -> dict[str, Any]:
    """Turns of one conversation kept in an encrypted store: whether they slow down or grow."""
    tools = list(smart_tools().values())
    assistant = build(load(EXAMPLES / "smart-home/assistant.yaml"), tools, writer=writer)
    took: dict[str, list[float]] = {line: [] for line in LINES}
    resident = []
    with tempfile.TemporaryDirectory() as folder:
        store = on_disk(Path(folder))
        session = store.history.begin().id
        for turn in range(count):
            line = LINES[turn % len(LINES)]
            began = time.perf_counter()
            first = None
            for event in assistant.reply("p", store, session, line, role="owner"):
                if first is None and isinstance(event, Said | Acted | Confirm):
                    first = time.perf_counter() - began
            took[line].append(first or 0.0)
            resident.append(_resident())
            print(f"{turn + 1} of {count} turns", end="\r", file=sys.stderr)
        store.close()
    tenth = max(1, count // len(LINES) // 10)
    return {
        "turns": count,
        "first_ms_by_line_of_first_middle_and_last_tenths": {
            line: [
                _ms(each[1 : 1 + tenth]),
                _ms(each[len(each) // 2 :][:tenth]),
                _ms(each[-tenth:]),
            ]
            for line, each in took.items()
        },
        "resident_mb_after_a_fifth_and_at_the_end": [
            round(resident[count // 5] / 1e6, 1),
            round(resident[-1] / 1e6, 1),
        ],
    }


def _ms(seconds: Sequence[float]) -> float:
    return round(1000 * statistics.median(seconds), 2)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _first(assistant: SpecAssistant, text: str, kind: type) -> float | None:
    """Seconds until the first event of a kind, in a fresh session."""
    store = MemoryStore()
    session = store.history.begin().id
    began = time.perf_counter()
    found = None
    for event in assistant.reply("p", store, session, text, role="owner"):
        if isinstance(event, kind) and found is None:
            found = time.perf_counter() - began
    return found


def strangers() -> dict[str, Any]:
    """All four examples, whole, on sentences of hands that had not read their specs; what was done
    though nobody wanted it, there and on commands that a grammar turned into what is none."""
    document: dict[str, Any] = {}
    for spec in SPECS:
        stage = Stage(spec)
        for folder in sorted(BLIND.iterdir()):
            stage.begin(folder)
            for language in ("en", "zh"):
                many = sentences(f"{spec}.{language}", folder)
                good = sum(right(one, stage.hear(one.say)) for one in many)
                document[f"{folder.name} {spec}.{language}"] = f"{good} of {len(many)} right"
            came = {one.say: stage.hear(one.say) for one in sentences(f"unwanted-{spec}", folder)}
            document[f"{folder.name} unwanted-{spec}"] = _unwanted(came)
        if spec == "smart-home":
            came = {one: stage.hear(one) for one in _turned()}
            document["unwanted by grammar, smart-home"] = _unwanted(came)
        print(f"{spec} heard", file=sys.stderr)
    return document


def _turned() -> Iterable[str]:
    for kinds in FRAMES.values():
        for language, frames in kinds.items():
            for frame, command in itertools.product(frames, COMMANDS[language]):
                yield frame.format(command)


def _unwanted(came: Mapping[str, Came]) -> dict[str, Any]:
    asked = sum(not all(map(looks, one.after_yes)) for one in came.values())
    done = [said for said, one in came.items() if one.unwanted and not one.put_off]
    return {"sentences": len(came), "done": len(done), "asked about": asked, "which": done}


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument("--spec", default="smart-home")
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--only", choices=tuple(STAGES))
    parser.add_argument("--model", help="let a model decide what is left; its name or .gguf")
    parser.add_argument("--strangers", action="store_true", help="only sentences written blind")
    parser.add_argument("--talk", type=int, default=0, help="turns of a long conversation")
    args = parser.parse_args()
    if args.strangers:
        print(json.dumps(strangers(), ensure_ascii=False, indent=1))
        return
    spec = load(EXAMPLES / args.spec / "assistant.yaml")
    sentences = kept(f"{args.spec}.{args.split}")
    writer = _writer(args.model) if args.model else None
    plan = plan_of(spec, list(recording(*spec.tools).values()))
    document: dict[str, Any] = {"model": args.model, "spec": args.spec, "split": args.split}
    for name, stages in STAGES.items():
        if args.only in (None, name) and (writer is not None or name != "model alone"):
            began = time.perf_counter()
            understanding = Understanding(spec, house, stages=stages)
            made = time.perf_counter() - began
            if writer is not None and stages.model:
                compiled = understanding.compiled.__getitem__
                asking = replace(spec, model_decides="ask")
                understanding.use(ModelJudge(asking, compiled, writer, partial(proposal, plan)))
            tallies = measure(understanding, sentences)
            document[name] = {key: one.document() for key, one in tallies.items()}
            document[name]["seconds_to_compile"] = round(made, 2)
            if args.wrong:
                print(*tallies["all"].wrong, sep="\n", file=sys.stderr)
    document["turns"] = turns(writer)
    if args.talk:
        document["talk"] = talk(writer, args.talk)
    print(json.dumps(document, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
