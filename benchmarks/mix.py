"""Which text, and which way of training, makes a compressed model best on text it never saw.

    python benchmarks/mix.py --model START.gguf --measured FOLDER --windows WINDOWS.npz -o OUT

Trains one assignment of codecs again and again, each time on another mix of texts or with another
schedule, and measures mean KLD in torch on held-out windows of every domain. Made for a machine
with an accelerator; without the engine it works for plans of grids. FOLDER is the `work/measured`
of a compression begun elsewhere, with its calibration text and importance; the arrays of the .npz
file are windows of tokens [n, 512], named `train-DOMAIN` and `held-DOMAIN`.
`--quick` runs two arms of a few steps, to see it end.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from penjing.bundle.codecs import Codec
from penjing.core.progress import Silent
from penjing.workshop import checkpoint as checkpoints
from penjing.workshop import streamed
from penjing.workshop.arithmetic import best_device, fast_dtype
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress.build import Builder
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.methods import METHODS
from penjing.workshop.compress.settings import Settings
from penjing.workshop.compress.work import Work
from penjing.workshop.distill import models, train
from penjing.workshop.distill.loss import Objective
from penjing.workshop.distill.models import Student
from penjing.workshop.distill.schedule import Schedule
from penjing.workshop.distill.state import StateFile
from penjing.workshop.distill.teacher import Teacher
from penjing.workshop.quantize import stored, whole
from penjing.workshop.quantize.grids import GRIDS, Grid, Scales
from penjing.workshop.quantize.whole import Store, Wish, round_model
from penjing.workshop.search import rounder
from penjing.workshop.tensors import Bytes

_ROWS = 2048  # positions whose logits exist at once

ALL = {"own": 1, "encyclopedia": 1, "technical": 1, "code": 1, "dialogue": 1, "chinese": 1}
BROAD = {"own": 1, "encyclopedia": 2, "technical": 2, "code": 1, "dialogue": 0.5, "chinese": 0.5}

Mix = Mapping[str, float]

STARTS: Mapping[str, tuple[int, Mix]] = {
    "own-4k": (8, {"own": 1}),
    "all-16k": (32, BROAD),
    "all-32k": (64, BROAD),
    "encyclopedia-16k": (32, {"encyclopedia": 1}),
}
"""Texts on which rounding errors are made up for: windows, and the share of each domain."""


@dataclass(frozen=True)
class Arm:
    """One training."""

    name: str
    """In the table."""
    mix: Mix = field(default_factory=lambda: BROAD)
    """Share of each domain."""
    start: str = "all-16k"
    """A key of STARTS."""
    steps: int = 45
    """How many."""
    together: int = 2
    """Windows of a step."""
    length: int = 512
    """Tokens of a window."""
    weights: float = 4e-3
    """The rates, as in `Schedule`."""
    scales: float = 1e-3
    """Of scales."""
    norms: float = 1e-3
    """Of norms."""
    temperature: float = 1.0
    """Of the loss."""
    alpha: float = 0.0
    """Of the text's own next token."""
    seed: int = 0
    """Of the order."""

    def schedule(self) -> Schedule:
        """As the trainer takes it."""
        return Schedule(
            seconds=0,
            steps=self.steps,
            together=self.together,
            weight_rate=self.weights,
            scale_rate=self.scales,
            norm_rate=self.norms,
            objective=Objective(self.alpha, self.temperature),
            seed=self.seed,
        )


def arms() -> list[Arm]:
    """What is compared, the most telling first: time may end the list early."""
    base = Arm("broad mix")
    out = [
        Arm("today: own writing", {"own": 1}, "own-4k"),
        base,
        Arm("own writing", {"own": 1}),
        Arm("equal shares", ALL),
        replace(base, name="broad, seed 1", seed=1),
        replace(base, name="broad, rounded on own", start="own-4k"),
        replace(base, name="broad, rounded on 32k", start="all-32k"),
        replace(base, name="broad, rounded on encyclopaedia", start="encyclopedia-16k"),
        Arm("encyclopaedia", {"encyclopedia": 1}),
        Arm("encyclopaedia throughout", {"encyclopedia": 1}, "encyclopedia-16k"),
        Arm("technical", {"technical": 1}),
        Arm("code", {"code": 1}),
        Arm("own + encyclopaedia", {"own": 1, "encyclopedia": 2}),
        Arm("own + technical", {"own": 1, "technical": 2}),
        Arm("encyclopaedia + technical", {"encyclopedia": 1, "technical": 1}),
        Arm("... + code", {"encyclopedia": 1, "technical": 1, "code": 1}),
        Arm("... + code + own", {"own": 1, "encyclopedia": 1, "technical": 1, "code": 1}),
        Arm("broad, no own writing", {**BROAD, "own": 0}),
        Arm("broad, no Chinese", {**BROAD, "chinese": 0}),
        Arm("broad, more Chinese", {**BROAD, "chinese": 0, "chinese2": 1}),
        Arm("broad, no dialogue", {**BROAD, "dialogue": 0}),
    ]
    for rate in (1e-3, 2e-3, 8e-3, 16e-3):
        out.append(replace(base, name=f"weights {rate:g}", weights=rate))
    for rate in (3e-4, 3e-3, 1e-2):
        out.append(replace(base, name=f"scales {rate:g}", scales=rate))
    for rate in (1e-4, 3e-3, 1e-2):
        out.append(replace(base, name=f"norms {rate:g}", norms=rate))
    out += [replace(base, name=f"{n} steps", steps=n) for n in (23, 60, 90, 180)]
    out += [
        replace(base, name="1 window, 90 steps", together=1, steps=90),
        replace(base, name="4 windows, 23 steps", together=4, steps=23),
        replace(base, name="4 windows of 256", together=4, length=256),
        replace(base, name="2 windows of 256, 90 steps", length=256, steps=90),
        replace(base, name="temperature 2", temperature=2.0),
        replace(base, name="temperature 0.7", temperature=0.7),
        replace(base, name="tokens of the text 0.1", alpha=0.1),
        replace(base, name="90 steps, weights 8e-3", steps=90, weights=8e-3),
        replace(base, name="90 steps, weights 2e-3", steps=90, weights=2e-3),
        replace(base, name="1 window, 90 steps, weights 2e-3", together=1, steps=90, weights=2e-3),
        replace(base, name="1 window, 120 steps", together=1, steps=120),
        replace(base, name="400 steps", steps=400),
        replace(base, name="1500 steps of 8 windows", steps=1500, together=8),
    ]
    return out


def decode(kind: Codec, raw: Bytes, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """As `penjing.ggml.quantize.dequantize`, for a machine without the engine."""
    if kind.name == "F32":
        return np.ascontiguousarray(raw).reshape(-1).view(np.float32).reshape(shape).copy()
    rows, row = shape
    grid = GRIDS[kind.name]
    return grid.values(grid.decode(raw, (rows, row))).numpy()


def without_engine() -> None:
    """Decode in torch where there is no engine: every codec must be a grid then."""
    if find_spec("xllamacpp"):
        return
    for place in (checkpoints, whole, models, streamed, stored, rounder):
        place.dequantize = decode  # type: ignore[attr-defined]


_store = Grid.store


def store_there(
    self: Grid, scale: torch.Tensor, shift: torch.Tensor | None, like: Any = None
) -> Scales:
    """As `Grid.store` to the bit, without the way through the processor where there is one."""
    if self.small is not None:
        return _store(self, scale, shift, like)
    if self.exponent:
        power = scale.detach().abs().clamp(min=2.0**-128).log2().round().clamp(-128, 124)
        return Scales(torch.exp2(power), None, {})
    most = float(np.finfo(np.float16).max)
    halves = [None if x is None else x.clamp(-most, most).half().float() for x in (scale, shift)]
    return Scales(halves[0], halves[1], {})


class Texts:
    """Windows by domain."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as arrays:
            self._arrays = {name: arrays[name] for name in arrays.files}

    def held(self) -> dict[str, torch.Tensor]:
        """What is measured on."""
        return {
            name.removeprefix("held-"): torch.from_numpy(array).long()
            for name, array in self._arrays.items()
            if name.startswith("held-")
        }

    def mixed(self, mix: Mix, count: int, length: int = 512) -> list[list[int]]:
        """`count` windows, each domain's share spread over its text and repeated if need be."""
        out: list[list[int]] = []
        total = sum(mix.values())
        for domain, share in mix.items():
            wanted = round(count * share / total)
            pool = self._arrays[f"train-{domain}"].reshape(-1, length)
            picked = [pool[i * max(len(pool), wanted) // wanted % len(pool)] for i in range(wanted)]
            out += [[int(token) for token in window] for window in picked]
        return out


class Bench:
    """The models, and the state that every arm starts from."""

    def __init__(self, checkpoint: Checkpoint, plan: Mapping[str, str], texts: Texts) -> None:
        self.device = best_device()
        self.dtype = fast_dtype(self.device)
        self.checkpoint, self.plan, self.texts = checkpoint, plan, texts
        self.teacher = Teacher(checkpoint, device=self.device, dtype=self.dtype)
        self._students: dict[str, tuple[Student, dict[str, torch.Tensor]]] = {}

    def student(self, start: Path) -> Student:
        """Rounded and untrained, as it lies in the folder."""
        if start.name not in self._students:
            made = Student(
                self.checkpoint, self.plan, Store(start), device=self.device, dtype=self.dtype
            )
            first = {name: tensor.clone() for name, tensor in made.trained().items()}
            self._students[start.name] = (made, first)
        made, first = self._students[start.name]
        for name, tensor in made.trained().items():
            tensor.copy_(first[name])
            tensor.grad = None
        return made

    @torch.no_grad()
    def measured(self, student: Student) -> dict[str, float]:
        """Mean KLD by domain, of the second half of each window."""
        out = {}
        with student.exact([*student.latents, *student.vectors]) as model:
            for domain, windows in self.texts.held().items():
                total, count, half = 0.0, 0, windows.shape[1] // 2
                for part in windows.split(8):
                    ids = part.to(self.device)
                    mine = model.normed(model.hidden_from(0, student.embed(model, ids)))
                    theirs = self.teacher.hidden(ids)
                    ours, whole = (x[:, half:-1].flatten(0, 1) for x in (mine, theirs))
                    total += self._divergence(ours, whole, student.head(model))
                    count += len(ids) * (windows.shape[1] - 1 - half)
                out[domain] = total / count
        return out

    def _divergence(self, mine: torch.Tensor, theirs: torch.Tensor, head: torch.Tensor) -> float:
        total = 0.0
        for a, b in zip(mine.split(_ROWS), theirs.split(_ROWS), strict=True):
            q = (a.to(head.dtype) @ head.T).float().log_softmax(-1)
            p = (b.to(head.dtype) @ self.teacher.head.T).float().log_softmax(-1)
            total += float((p.exp() * (p - q)).sum())
        return total

    def trained(self, arm: Arm, start: Path) -> dict[str, Any]:
        """One arm's row."""
        begun = time.monotonic()
        student = self.student(start)
        before = self.measured(student)
        windows = self.texts.mixed(arm.mix, arm.steps * arm.together, arm.length)
        run = train._Run(
            student, self.teacher, arm.schedule(), torch.tensor(windows), StateFile(None), Silent()
        )
        train._soften(run.optimizer, float(np.mean(list(before.values()))))
        kl = [run.step(step, arm.steps) for step in range(arm.steps)]
        after = self.measured(student)
        took = time.monotonic() - begun
        return {"arm": asdict(arm), "before": before, "after": after, "kl": kl, "seconds": took}


def searched(args: argparse.Namespace, checkpoint: Checkpoint) -> dict[str, str]:
    """The codecs that `compress --effort standard` chooses."""
    settings = Settings(
        model_name="", model=args.model, out=args.out, budget=args.size, effort="standard", seed=0,
        threads=torch.get_num_threads(), text=None, held_out_name="", held_out="", licence="",
        note="", store=args.measured, schedule=Schedule(seconds=180),
    )  # fmt: skip
    begun = time.monotonic()
    job = Job(settings, checkpoint, Work(args.out / "work"), Silent())
    found = Builder(job).plan(METHODS["distilled"], args.size)
    print(f"searched in {time.monotonic() - begun:.0f} s: {Counter(found.values())}", flush=True)
    return found


def rounded(names: Sequence[str]) -> None:
    """Every start, side by side: rounding is the processor's work."""
    threads = max(1, torch.get_num_threads() // len(names))
    command = [sys.executable, __file__, *sys.argv[1:], "--threads", str(threads), "--round"]
    running = [subprocess.Popen([*command, name]) for name in names]
    if sum(abs(process.wait()) for process in running):
        raise SystemExit("a rounding failed")


def round_one(args: argparse.Namespace, checkpoint: Checkpoint, plan: Mapping[str, str]) -> None:
    """The start that --round names."""
    torch.set_num_threads(args.threads)
    count, mix = STARTS[args.round]
    windows = Texts(args.windows).mixed(mix, count if not args.quick else 4)
    wish = Wish(plan, latents=True, dtype=fast_dtype(torch.device("cpu")))
    begun = time.monotonic()
    round_model(checkpoint, wish, windows, Store(args.out / "starts" / args.round), Silent())
    print(f"rounded {args.round} in {time.monotonic() - begun:.0f} s", flush=True)


def told(row: Mapping[str, Any]) -> str:
    """A line of the table."""
    numbers = " | ".join(f"{value:.4f}" for value in row["after"].values())
    return f"| {row['arm']['name']} | {numbers} | {row['seconds']:.1f} s |"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--measured", type=Path)
    parser.add_argument("--plan", type=Path, help="a recipe's codecs as JSON, not searched then")
    parser.add_argument("--size", type=int, default=70_000_000)
    parser.add_argument("--windows", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60, help="no arm begins after them")
    parser.add_argument("--quick", action="store_true", help="two short arms")
    parser.add_argument("--round", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    args = parser.parse_args()
    without_engine()
    begun = time.monotonic()
    made = args.out / "plan.json"
    with Checkpoint.open(args.model) as checkpoint:
        if args.round is None:
            found = json.loads(args.plan.read_text()) if args.plan else searched(args, checkpoint)
            made.write_text(json.dumps(found))
        plan = json.loads(made.read_text())
        if args.round:
            round_one(args, checkpoint, plan)
            return
        chosen = arms()
        if args.quick:
            chosen = [replace(arm, steps=2) for arm in chosen[:2]]
        rounded(sorted({arm.start for arm in chosen}))
        Grid.store = store_there  # type: ignore[method-assign]
        bench = Bench(checkpoint, plan, Texts(args.windows))
        print("| arm | " + " | ".join(bench.texts.held()) + " | |", flush=True)
        with (args.out / "mix.jsonl").open("w") as file:
            starts: set[str] = set()
            for arm in chosen:
                if time.monotonic() - begun > 60 * args.minutes:
                    print(f"no time for {arm.name}")
                    continue
                row = bench.trained(arm, args.out / "starts" / arm.start)
                if arm.start not in starts:
                    print(told({**row, "after": row["before"], "arm": {"name": arm.start}}))
                    starts.add(arm.start)
                file.write(json.dumps(row) + "\n")
                file.flush()
                print(told(row), flush=True)


if __name__ == "__main__":
    main()
