"""Does `penjing evaluate` say what llama.cpp's own perplexity tool says?

Runs that tool (the judge) and Penjing on the same two files, text and context, and prints both
side by side. Exit status 1 when perplexity differs by more than 0.5% or mean KLD by more than 3%.

    python benchmarks/agreement.py --judge PATH/llama-perplexity --baseline A.gguf --model B.gguf \
        --text held-out.txt --windows 6

The judge is built outside this repository. Where it dies of an illegal instruction (a processor
that announces AMX and does not run it), add --judge-arg=--no-repack.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from penjing.core.report import Report
from penjing.engine.llamacpp import LlamaCpp
from penjing.evaluation.reading import read, require_alike
from penjing.evaluation.reference import record
from penjing.evaluation.retention import measure

LINES = {
    "perplexity": r"Mean PPL\(Q\) *: *([0-9.]+)",
    "baseline_perplexity": r"Mean PPL\(base\) *: *([0-9.]+)",
    "perplexity_ratio": r"Mean PPL\(Q\)/PPL\(base\) *: *([0-9.]+)",
    "kld_mean": r"Mean +KLD: *([0-9.-]+)",
    "kld_median": r"Median +KLD: *([0-9.-]+)",
    "kld_p99": r"99\.0% +KLD: *([0-9.-]+)",
    "kld_max": r"Maximum KLD: *([0-9.-]+)",
    "same_top": r"Same top p: *([0-9.]+)",
    "prob_delta_rms": r"RMS Δp *: *([0-9.]+)",
}
"""What the judge prints; the last two in percent."""
PERCENT = ("same_top", "prob_delta_rms")
TOLERANCE = {"perplexity": 0.005, "baseline_perplexity": 0.005, "kld_mean": 0.03}
"""Largest relative difference."""


def main() -> int:
    """Measure twice and compare."""
    args = _arguments()
    judge = judged(args)
    report = measured(args)
    print(f"{'metric':<22}{'judge':>12}{'penjing':>12}{'difference':>12}   allowed")
    agreed = True
    for metric, theirs in judge.items():
        ours = report.find(metric).value
        difference = ours / theirs - 1 if theirs else ours
        allowed = TOLERANCE.get(metric)
        agreed &= allowed is None or abs(difference) <= allowed
        limit = "" if allowed is None else f"{allowed:.1%}"
        print(f"{metric:<22}{theirs:>12.5f}{ours:>12.5f}{difference:>+12.3%}   {limit}")
    positions = report.measurements[0].n
    print(f"{positions} positions in {report.windows} windows of {report.context} tokens:", end=" ")
    print("agreed" if agreed else "NOT AGREED")
    return 0 if agreed else 1


def judged(args: argparse.Namespace) -> dict[str, float]:
    """What the judge says."""
    common = [str(args.judge), "-t", str(args.threads), "-c", str(args.context), *args.judge_arg]
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        base = str(Path(folder) / "base.kld")
        text = ["-f", str(args.text), "--chunks", str(args.windows)]
        _ask([*common, "-m", str(args.baseline), *text, "--kl-divergence-base", base])
        said = _ask(
            [*common, "-m", str(args.model), "--kl-divergence", "--kl-divergence-base", base]
        )
    found = {}
    for metric, pattern in LINES.items():
        match = re.search(pattern, said)
        if match is None:
            sys.exit(f"the judge did not say {metric}: it needs at least 100 positions")
        found[metric] = float(match[1]) / (100 if metric in PERCENT else 1)
    return found


def measured(args: argparse.Namespace) -> Report:
    """What Penjing says."""
    text = args.text.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        with LlamaCpp.open(args.baseline, context=args.context, threads=args.threads) as model:
            before = read(model, text, args.context, limit=args.windows)
            reference = record(
                model, before.tokens, args.context, Path(folder), windows=args.windows
            )
        with LlamaCpp.open(args.model, context=args.context, threads=args.threads) as model:
            require_alike(read(model, text, args.context, limit=args.windows), before)
            return measure(model, reference).report


def _ask(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-3:])
        sys.exit(f"the judge ended with status {done.returncode}\n{tail}\n{__doc__}")
    return done.stdout + done.stderr


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--judge", type=Path, required=True, help="llama-perplexity")
    parser.add_argument("--baseline", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--windows", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--judge-arg", action="append", default=[], help="given to the judge")
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
