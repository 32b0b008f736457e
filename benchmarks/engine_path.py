"""The engine's own path beside our forward pass: the same model, budget, text and effort.

Both files are measured in the engine on held-out text neither was tuned on; what they share
(calibration text, importance) is made once.

    python benchmarks/engine_path.py smollm2-135m-instruct --size 60MB --effort light
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from penjing.app.compressing import Budget, prepared
from penjing.app.making import Making
from penjing.cli.options import size
from penjing.cli.output import Output
from penjing.workshop.compress.build import Builder
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.measure import kept, recorded
from penjing.workshop.compress.methods import METHODS
from penjing.workshop.compress.work import Work


def main() -> None:
    """One line of JSON for each path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--size", type=size, required=True)
    parser.add_argument("--effort", default="light")
    parser.add_argument("--text", type=Path)
    parser.add_argument("--methods", default="searched")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", choices=("engine", "forward"))
    args = parser.parse_args()
    for path in (args.only,) if args.only else ("engine", "forward"):
        with TemporaryDirectory() as folder:
            for row in run(args, Path(folder), engine=path == "engine"):
                print(json.dumps({"path": path, **row}), flush=True)


def run(args: argparse.Namespace, folder: Path, *, engine: bool) -> Iterator[dict[str, Any]]:
    """Make a file by each method and measure what it kept."""
    progress = Output(json=True).progress()
    making = Making(
        args.model, folder / "out", text=args.text, effort=args.effort, threads=args.threads,
        in_engine=engine,
    )  # fmt: skip
    with prepared(making, Budget(args.size), progress) as ready:
        settings = ready.settings
        torch.set_num_threads(settings.threads)
        work = Work.begin(making.output, {}, resume=False, restart=False)
        builder = Builder(Job(settings, ready.checkpoint, work, progress))
        for method in args.methods.split(","):
            begun = time.perf_counter()
            made = builder.build(METHODS[method], args.size)
            seconds = time.perf_counter() - begun
            reference = recorded(builder.stages.start, settings, folder / "reference", progress)
            report = kept(made.path, reference, settings, progress).report
            rows = {name: report.find(name).value for name in ("kld_mean", "same_top")}
            size_of = made.path.stat().st_size
            yield {"method": method, "bytes": size_of, "seconds": seconds, **rows}
        work.finish()


if __name__ == "__main__":
    main()
