"""How long files decode beside the starting model: of codecs for the solver, of a plan to be sure.

Timed in the engine on this machine with the threads the job has, in turn with the starting model,
so that what else the machine does hits both. What was timed is kept: it depends on no budget.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from penjing.core.files import write_text
from penjing.core.progress import Silent
from penjing.devices.machine import look
from penjing.engine.speed import compare_speed
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.work import keep, read_json
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.search.groups import Group, codecs_of, expand
from penjing.workshop.search.times import Timed, Times, fit

ROUNDS = 3
"""Times each file is run; the median counts."""
_VERSION = 2


def measure_times(job: Job, start: Path, groups: Sequence[Group], folder: Path) -> Times:
    """What every codec costs in decoding time, from one file for each."""
    own = expand(groups, {group.name: group.own for group in groups})
    plans = _uniform(groups)

    def measure(path: Path) -> Times:
        files = [Timed(own, 1.0)]
        with job.progress.task("timing codecs", len(plans), unit="codecs") as task:
            for plan in plans.values():
                files.append(Timed(plan, timed(job, start, plan)))
                task.advance()
        found = fit(groups, files)
        write_text(path, json.dumps({"price": found.price, "looked_up": found.looked_up}))
        return found

    def load(path: Path) -> Times:
        data = read_json(path)
        return Times(data["price"], tuple(data["looked_up"]))

    machine = look()
    told = [_VERSION, machine.model, job.settings.threads, job.checkpoint.sha256(), sorted(plans)]
    name = sha256(json.dumps(told).encode()).hexdigest()[:24]
    return keep(folder / f"times-{name}.json", load, measure)


def timed(job: Job, start: Path, plan: Mapping[str, str]) -> float:
    """Time for a token of a file in these codecs, in tokens of the starting model."""
    path = job.work.folder / "timed.gguf"
    export_gguf(job.checkpoint, path, plan)
    try:
        before, after = compare_speed(
            [start, path], threads=job.settings.threads, rounds=ROUNDS, progress=Silent()
        )
    finally:
        path.unlink()
    return before.decode_tps / after.decode_tps


def _uniform(groups: Sequence[Group]) -> dict[str, dict[str, str]]:
    """By codec: every group that can take it in it, the others as they came."""
    possible = {group.name: codecs_of(group) for group in groups}
    names = sorted({codec for group in groups for codec in possible[group.name][1:]})
    return {
        codec: expand(
            groups, {g.name: codec if codec in possible[g.name] else g.own for g in groups}
        )
        for codec in names
    }
