"""How long files decode beside the starting model: of codecs for the solver, of a plan to be sure.

Timed in the engine on this machine with the threads the job has, in turn with the starting model,
so that what else the machine does hits both. What was timed is kept: it depends on no budget.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from penjing.core.files import write_text
from penjing.core.progress import Silent
from penjing.devices.machine import look
from penjing.engine.speed import PROMPT, compare_speed
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.work import keep, value
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.search.groups import Group, codecs_of, expand
from penjing.workshop.search.times import TimedFile, Times, fit, head_of

ROUNDS = 3
"""Times each file is run; the median counts."""
_SHORT = 16
"""Tokens read before the decoding that is timed, where only codecs are compared."""
_READ = 96
"""The same where it is the reading that counts."""
_VERSION = 3


@dataclass(frozen=True)
class Took:
    """Of a file, in those of the starting model."""

    decode: float
    """Time for a token written."""
    prefill: float
    """Time for a token read."""


def measure_times(job: Job, start: Path, groups: Sequence[Group], folder: Path) -> Times:
    """What every codec costs in decoding time, from two files for each: all in it, and the head."""
    own = expand(groups, {group.name: group.own for group in groups})
    plans = [*uniform(groups), *heads(groups)]

    def measure(path: Path) -> Times:
        files = [TimedFile(own, 1.0)]
        with job.progress.task("timing codecs", len(plans), unit="files") as task:
            for plan in plans:
                files.append(TimedFile(plan, timed(job, start, plan, prompt=_SHORT).decode))
                task.advance()
        found = fit(groups, files)
        write_text(path, json.dumps(asdict(found)))
        return found

    def load(path: Path) -> Times:
        return value(Times, path)

    machine = look()
    told = [_VERSION, machine.model, job.settings.threads, job.checkpoint.sha256(), plans]
    name = sha256(json.dumps(told).encode()).hexdigest()[:24]
    return keep(folder / f"times-{name}.json", load, measure)


def measure_reading(job: Job, start: Path, groups: Sequence[Group], folder: Path) -> Times:
    """What every codec costs in reading time, from a file for each with all blocks in it.

    The head is left out: of a prompt only the last token goes through it. A weight's price is its
    share of the time that the blocks take, all else counted as if it were theirs.
    """
    plans = {codec: plan for plan in uniform(groups) for codec in _only(groups, plan)}

    def measure(path: Path) -> Times:
        times = {}
        with job.progress.task("timing codecs", len(plans), unit="files") as task:
            for codec, plan in plans.items():
                times[codec] = timed(job, start, plan, prompt=_READ).prefill
                task.advance()
        found = reading_prices(groups, {c: (plans[c], time) for c, time in times.items()})
        write_text(path, json.dumps(asdict(found)))
        return found

    told = ["reading", _VERSION, look().model, job.settings.threads, job.checkpoint.sha256(), plans]
    name = sha256(json.dumps(told).encode()).hexdigest()[:24]
    return keep(folder / f"times-{name}.json", lambda path: value(Times, path), measure)


def _only(groups: Sequence[Group], plan: Mapping[str, str]) -> list[str]:
    """The codec that a uniform plan is of: what it has and the starting model has not."""
    own = expand(groups, {group.name: group.own for group in groups})
    return sorted({codec for name, codec in plan.items() if codec != own[name]})[:1]


def reading_prices(
    groups: Sequence[Group], files: Mapping[str, tuple[Mapping[str, str], float]]
) -> Times:
    """By codec a uniform plan and the time it takes -> prices of weights. Pure."""
    head = head_of(groups)
    blocks = [s for group in groups for s in group.members if group.layer is not None]
    whole = sum(source.parameters for source in blocks)
    own = expand(groups, {group.name: group.own for group in groups})
    price = {f"blocks {own[source.name]}": 1 / whole for source in blocks}
    for codec, (plan, time) in files.items():
        changed = sum(s.parameters for s in blocks if plan[s.name] == codec != own[s.name])
        if changed:
            share = changed / whole
            price[f"blocks {codec}"] = max(0.0, (time - (1 - share)) / share) / whole
    return Times(price, head)


def timed(job: Job, start: Path, plan: Mapping[str, str], *, prompt: int = PROMPT) -> Took:
    """What a file in these codecs takes."""
    path = job.work.folder / "timed.gguf"
    export_gguf(job.checkpoint, path, plan)
    try:
        return timed_file(start, path, job.settings.threads, prompt=prompt)
    finally:
        path.unlink()


def timed_file(start: Path, path: Path, threads: int, *, prompt: int = PROMPT) -> Took:
    """What a file that is there takes, in turn with the starting model."""
    before, after = compare_speed(
        [start, path], threads=threads, rounds=ROUNDS, progress=Silent(), prompt=prompt
    )
    return Took(before.decode_tps / after.decode_tps, before.prefill_tps / after.prefill_tps)


def uniform(groups: Sequence[Group]) -> list[dict[str, str]]:
    """For every codec: all groups that can take it in it, the others as they came."""
    possible = {group.name: codecs_of(group) for group in groups}
    names = sorted({codec for group in groups for codec in possible[group.name][1:]})
    return [
        expand(groups, {g.name: codec if codec in possible[g.name] else g.own for g in groups})
        for codec in names
    ]


def heads(groups: Sequence[Group]) -> list[dict[str, str]]:
    """For every codec it can take: the head in it, all else as it came."""
    name, own = head_of(groups), {group.name: group.own for group in groups}
    (head,) = (g for g in groups if name in {source.name for source in g.members})
    return [expand(groups, {**own, head.name: codec}) for codec in codecs_of(head)[1:]]
