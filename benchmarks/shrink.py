"""Prune, heal and round against rounding alone: one model, one device, one command.

    python benchmarks/shrink.py [--model M] [--device D] [--shapes N] [--quick] -o DIR

Runs `penjing compress M --device D` and prints the rivals, the controls and the speed as a table.
`--quick` cuts effort light to what a busy machine does in half an hour: less text, no assemblies.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from penjing.app import compressing
from penjing.app.making import Making
from penjing.cli.output import Output
from penjing.workshop.compress import settings


def main() -> None:
    """Compress and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--device", default="pi-zero-2w")
    parser.add_argument("--effort", default="light")
    parser.add_argument("--size", type=int, help="bytes, in place of a device")
    parser.add_argument("--prune", help="this shape, in place of a search")
    parser.add_argument("--windows", type=int, default=4, help="held out, with --quick")
    parser.add_argument("--shapes", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    if args.quick:
        settings.EFFORTS["light"] = replace(
            settings.EFFORTS["light"], calibration_tokens=2048, probe_windows=1, probe_length=64,
            held_out_windows=args.windows, rounding_tokens=4096, assemblies=0,
        )  # fmt: skip
    asked = Making(
        args.model, args.output, effort=args.effort, threads=args.threads, shapes=args.shapes,
        prune=args.prune,
        resume=args.resume,
    )  # fmt: skip
    progress = Output(json=False).progress()
    device = None if args.size else args.device
    budget = compressing.Budget(size=args.size, device=device)
    with compressing.prepared(asked, budget, progress) as ready:
        made = compressing.carry_out(ready, progress)
    _print(made)


def _print(made: dict[str, Any]) -> None:
    told = made["shape"]
    print(f"shipped: {told['shipped']}, {told['why']}; {told.get('shape')}")
    for rival in told.get("rivals", ()):
        print("rival", rival)
    for row in made["runtime"]["rows"]:
        print("timed", row)
    ours = {"name": "this bundle", "bytes": made["file"]["bytes"]}
    for each in ({**ours, "measurements": made["measurements"]}, *made["controls"]):
        kept = {m["metric"]: m for m in each["measurements"]}
        kld, same = kept["kld_mean"], kept["same_top"]
        print(
            f"{each['name']:32} {each['bytes']:>12,} KLD {kld['value']:.4f} "
            f"({kld['low']:.4f} to {kld['high']:.4f}) same-top {same['value']:.3f}"
        )


if __name__ == "__main__":
    main()
