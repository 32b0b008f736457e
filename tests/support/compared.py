"""For tests of `penjing compare`: methods that make real files at once; a made-up comparison."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np

from penjing.bundle.gguf_reader import GGUFFile
from penjing.core.errors import BudgetError
from penjing.core.report import Measurement
from penjing.core.units import format_size
from penjing.engine.speed import Speed
from penjing.evaluation.retention import paired_difference
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compare.outcome import (
    Beside,
    Comparison,
    Lead,
    Result,
    Row,
    Setting,
    Start,
)
from penjing.workshop.compress import controls
from penjing.workshop.compress.build import Built
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.methods import Method
from penjing.workshop.export.gguf import export_bytes, export_gguf, plan_for

KNOWN = {
    method.name: method
    for method in (
        Method("searched", "a codec for each tensor, by what it costs", "searched", "importance"),
        Method("gptq", "the same codecs, rounding errors made up for", "searched", "gptq"),
        Method("importance", "one codec, scales by importance", "even", "importance"),
        Method("distilled", "as gptq, then trained", "searched", "gptq", distilled=True),
        Method("plain", "one codec, nearest rounding", "even", "nearest", control_of="*"),
        Method("shuffled", "dealt out", "shuffled", "importance", control_of="searched"),
        Method("inverted", "turned round", "inverted", "importance", control_of="searched"),
    )
}


class Builder:
    """Makes real files of a tiny model without any search, and remembers what it was asked.

    searched     Q4_0, then Q8_0 for as many tensors as there is room, the embedding first
    gptq         the same codecs, scales searched with equal weights
    importance   one codec, Q4_1 or Q5_1
    inverted     the codecs of searched, in each shape dealt out the other way round
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, int | str]] = []
        """Method and budget, or method and the hash of its plan."""
        self.stop_at = 0
        """At which call Ctrl-C comes; 0 for never."""

    def __call__(self, job: Job) -> Maker:
        return Maker(job, self)


class Maker:
    """The builder of one job."""

    def __init__(self, job: Job, builder: Builder) -> None:
        self._job = job
        self._builder = builder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""

    def build(self, method: Method, budget: int) -> Built:
        self._ask(method, budget)
        checkpoint, seed = self._job.checkpoint, self._job.settings.seed
        return self._made(method, planned(checkpoint, method.name, budget, seed))

    def make(self, method: Method, plan: Mapping[str, str]) -> Built:
        self._ask(method, _hash(plan))
        return self._made(method, dict(plan))

    def _ask(self, method: Method, what: int | str) -> None:
        self._builder.asked.append((method.name, what))
        if len(self._builder.asked) == self._builder.stop_at:
            raise KeyboardInterrupt

    def _made(self, method: Method, plan: dict[str, str]) -> Built:
        checkpoint = self._job.checkpoint

        def sound(path: Path) -> Path:
            GGUFFile.open(path).close()
            return path

        def make(path: Path) -> Path:
            weights = {
                name: np.ones(checkpoint.tensors[name].shape[-1], dtype=np.float32)
                for name in checkpoint.quantizable
                if method.name == "gptq"
            }
            export_gguf(checkpoint, path, plan, imatrix=weights)
            return path

        name = f"{method.name}-{_hash(plan)}.gguf"
        return Built(self._job.work.stage(name, sound, make), plan)


def _hash(plan: Mapping[str, str]) -> str:
    return sha256(repr(sorted(plan.items())).encode()).hexdigest()[:12]


def planned(checkpoint: Checkpoint, name: str, budget: int, seed: int) -> dict[str, str]:
    """The codecs of a method; BudgetError where the budget is too small."""
    if name == "inverted":
        return _turned(planned(checkpoint, "searched", budget, seed))
    if name == "plain":
        simple = controls.plain(checkpoint, budget, lambda p: export_bytes(checkpoint, p))
        assert simple is not None
        return simple
    ladder = ("Q4_1", "Q5_1") if name == "importance" else ("Q4_0",)
    plans = [plan_for(checkpoint, codec) for codec in ladder]
    sizes = [export_bytes(checkpoint, plan) for plan in plans]
    if sizes[0] > budget:
        words = f"the smallest is {format_size(sizes[0])} ({sizes[0]} bytes)"
        raise BudgetError(f"{format_size(budget)} is not possible for {name}: {words}")
    plan = plans[sum(size <= budget for size in sizes) - 1]
    for tensor in checkpoint.quantizable if ladder == ("Q4_0",) else ():
        larger = {**plan, tensor: "Q8_0"}
        plan = larger if export_bytes(checkpoint, larger) <= budget else plan
    return plan


def _turned(plan: dict[str, str]) -> dict[str, str]:
    """Each tensor has what its counterpart in the other layer had."""
    other = {"0": "1", "1": "0"}
    out = {}
    for name in plan:
        parts = name.split(".")
        if parts[0] == "blk":
            parts[1] = other[parts[1]]
        out[name] = plan[".".join(parts)]
    return out


def result(name: str, size: int, level: float, *, budget: int = 0, seed: int = 1) -> Result:
    """A file whose KLD is `level` times what is hard about each position, and some noise."""
    hard = np.random.default_rng(0).lognormal(-0.5, 1.0, (6, 255))
    kld = level * hard * np.random.default_rng(seed).lognormal(-0.02, 0.2, hard.shape)
    mean = float(kld.mean())
    rows = (
        Measurement("kld_mean", mean, mean * 0.93, mean * 1.08, kld.size, "nats"),
        Measurement("same_top", 1 / (1 + mean), 0.9 / (1 + mean), 1.05 / (1 + mean), 1530, "share"),
    )
    sha = sha256(f"{name} {size} {level}".encode()).hexdigest()
    plan = {
        "token_embd.weight": "Q8_0",
        "blk.0.attn_q.weight": "Q4_0",
        "blk.1.attn_q.weight": "Q4_0",
    }
    where = f"{name}-{budget or size}.gguf"
    return Result(
        method=name, budget=budget or size, file=where, bytes=size, sha256=sha, plan=plan,
        measurements=rows, kld=kld.tolist(),
    )  # fmt: skip


def beside(control: Method, ours: Result, theirs: Result) -> Beside:
    if theirs.impossible:
        return Beside(control, theirs, None)
    above = paired_difference(
        theirs.positions(), ours.positions(), metric="kld_mean_above_ours", unit="nats"
    )
    return Beside(control, theirs, above)


def comparison(**more: Any) -> Comparison:
    """Three methods at two sizes, with every kind of outcome among them."""
    rows = [*_at(60, 2.0), *_at(80, 1.0)]
    made = [r for row in rows for r in (row.result, *(b.result for b in row.controls))]
    speeds = {
        r.sha256: Speed(300.0, 4.2e9 / r.bytes + i % 3, 0.3, 2 * r.bytes)
        for i, r in enumerate(made)
        if not r.impossible
    }
    second, first = (row.result for row in rows[-3:-1])
    above = paired_difference(second.positions(), first.positions(), metric="kld_mean_above_first")
    fields: dict[str, Any] = {
        "start": Start(
            "smollm2-135m-instruct", 98_362_432, "8c1e" * 16, "", Speed(190, 44.0, 0.5, 3 * 10**8)
        ),
        "methods": list(KNOWN.values()),
        "sizes": (60_000_000, 80_000_000),
        "rows": rows,
        "leads": [Lead(80_000_000, first, ((second, above),))],
        "speeds": speeds,
        "setting": setting(),
    }
    return Comparison(**{**fields, **more})


def setting(**more: Any) -> Setting:
    held = {"name": "encyclopedia", "sha256": "07bd" * 16, "tokens": 1530, "windows": 6}
    fields: dict[str, Any] = {
        "held_out": {**held, "context": 512},
        "text_sha256": None,
        "effort": "light",
        "seed": 0,
        "threads": 2,
        "hardware": {"cpu": "a processor", "cores": 2, "ram_bytes": 25 * 10**9},
        "created": "2026-11-21T14:32:08Z",
        "seconds": 812.0,
        "resumed": False,
        "peak_bytes": 15 * 10**8,
        "kept_files": False,
    }
    return Setting(**{**fields, **more})


def _at(megabytes: int, worse: float) -> list[Row]:
    """At the smaller size plain rounding is impossible, and so is importance."""
    size, made = megabytes * 10**6, megabytes * 10**6 - 97_856
    plain = result("plain", made - 4096, 0.33 * worse, seed=4)
    smaller = result("plain", made - 1_404_096, 0.34 * worse, seed=8)
    if worse > 1:
        plain = Result("plain", made, "60 MB is not possible: the smallest is 75.6 MB (75600000)")
    shuffled = result("shuffled", made, 0.2 * worse, seed=5)
    searched = result("searched", made, 0.14 * worse, budget=size)
    gptq = result("gptq", made, 0.12 * worse, budget=size, seed=3)
    importance = result("importance", made - 1_400_000, 0.34 * worse, budget=size, seed=6)
    if worse > 1:
        importance = Result("importance", size, "no: the smallest is 75.6 MB (75600000 bytes)")
    inverted = result("inverted", made, 0.141 * worse, seed=7)
    return [
        Row(
            KNOWN["searched"],
            size,
            searched,
            (
                beside(KNOWN["plain"], searched, plain),
                beside(KNOWN["shuffled"], searched, shuffled),
                beside(KNOWN["inverted"], searched, inverted),
            ),
        ),
        Row(KNOWN["gptq"], size, gptq, (beside(KNOWN["plain"], gptq, plain),)),
        Row(
            KNOWN["importance"],
            size,
            importance,
            () if importance.impossible else (beside(KNOWN["plain"], importance, smaller),),
        ),
    ]
