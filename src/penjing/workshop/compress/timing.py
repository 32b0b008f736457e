"""How long files decode beside the starting model: of codecs for the solver, of a plan to be sure.

Timed in the engine on this machine with the threads the job has, in turn with the starting model,
so that what else the machine does hits both. What was timed is kept: it depends on no budget.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
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
_VERSION = 3


def measure_times(job: Job, start: Path, groups: Sequence[Group], folder: Path) -> Times:
    """What every codec costs in decoding time, from two files for each: all in it, and the head."""
    own = expand(groups, {group.name: group.own for group in groups})
    plans = [*uniform(groups), *heads(groups)]

    def measure(path: Path) -> Times:
        files = [TimedFile(own, 1.0)]
        with job.progress.task("timing codecs", len(plans), unit="files") as task:
            for plan in plans:
                files.append(TimedFile(plan, timed(job, start, plan, prompt=_SHORT)))
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


def timed(job: Job, start: Path, plan: Mapping[str, str], *, prompt: int = PROMPT) -> float:
    """Time for a token of a file in these codecs, in tokens of the starting model."""
    path = job.work.folder / "timed.gguf"
    export_gguf(job.checkpoint, path, plan)
    try:
        before, after = compare_speed(
            [start, path],
            threads=job.settings.threads,
            rounds=ROUNDS,
            progress=Silent(),
            prompt=prompt,
        )
    finally:
        path.unlink()
    return before.decode_tps / after.decode_tps


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
