"""Penjing against llama.cpp's own quantizer, judged by llama.cpp's own perplexity tool.

    python benchmarks/quantize.py --tools DIR [--tool-arg=--no-repack] [--work DIR]
                                  [--effort standard] [--rows 70,55] [--windows 240]

DIR holds llama-quantize, llama-imatrix and llama-perplexity (`judge.py` says how to build them).
--tool-arg=--no-repack helps where the tools die of an illegal instruction.

Both sides get the same calibration text of 512-token windows, 240 unless --windows says another
number (llama-imatrix reads the first 40), and are judged on the same other text (21 windows), which
neither saw. What is finished in --work is not made again. Where the standard tool makes a file of
the size, its decoding is timed beside the starting model's, and ours is asked for at least that
speed (`--speed`). Exit status 1 when a target is missed. Decode speed is measured side by side, in
turn, in processes of their own.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from judge import Bench, Tools, Verdict

from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model, find_text
from penjing.core.progress import Silent
from penjing.devices.machine import look
from penjing.engine.speed import compare_speed

MODEL = "smollm2-135m-instruct"
IMATRIX, HELD_OUT = 40, 21
A_LITTLE_FASTER = 1.03
"""What is asked for beside the standard tool's file: two timings of one file differ by so much."""
WINDOW_CHARACTERS = 2600  # a little over 512 tokens of this text


@dataclass(frozen=True)
class Row:
    """One size, and what our file of at most that size has to reach."""

    size: int
    """Bytes our file may have."""
    preset: str | None
    """What llama-quantize is asked for, with an importance matrix; None: it makes none so small."""
    metric: str
    """"ratio" (our mean KLD to theirs), "kld" (nats) or "same_top" (percent)."""
    standard: float
    """What --effort standard must reach."""
    best: float
    """And --effort best."""

    def target(self, effort: str) -> float:
        return self.best if effort == "best" else self.standard

    def reached(self, ours: Verdict, theirs: Verdict | None) -> float:
        if self.metric == "ratio":
            return ours.kld / theirs.kld if theirs else float("nan")
        return ours.kld if self.metric == "kld" else ours.same_top

    def met(self, ours: Verdict, theirs: Verdict | None, effort: str) -> bool:
        value, target = self.reached(ours, theirs), self.target(effort)
        good = value >= target if self.metric == "same_top" else value <= target
        return good and ours.bytes <= self.size


ROWS = (
    Row(105_200_000, "Q5_0", "ratio", 0.5, 0.3),
    Row(91_700_000, "IQ4_NL", "ratio", 0.5, 0.3),
    Row(88_200_000, "Q2_K", "ratio", 0.25, 0.15),
    Row(70_000_000, None, "kld", 0.30, 0.12),
    Row(55_000_000, None, "same_top", 60.0, 75.0),
)


def main() -> int:
    """Make, judge, print."""
    args = _arguments()
    rows, work = _chosen(args), Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    home = Home.from_environment()
    start = find_model(MODEL, home, progress=Silent(), download=True)
    text = find_text("encyclopedia", home, progress=Silent(), download=True).text
    texts = calibration, held_out = _texts(text, work, args.windows)
    tools, matrix = Tools(args.tools, args.tool_arg), work / "imatrix.gguf"
    tools.importance(start, calibration, matrix, IMATRIX)
    bench = Bench(held_out, work / "baseline.kld", HELD_OUT)
    tools.recorded(start, bench)
    lines, met, files = [], True, []
    for row in rows:
        ours = work / f"{args.effort}-{row.size}"
        theirs, more = None, []
        if row.preset:
            path = work / f"{row.preset}.gguf"
            tools.quantized(start, matrix, [row.preset], path)
            more = ["--speed", f"{A_LITTLE_FASTER * _speed(path, start):.2f}"]
        seconds = _compress(args, row, ours, texts, more)
        if row.preset:
            theirs = tools.verdict(path, bench)
            files.append(path)
        made = tools.verdict(ours / "model.gguf", bench)
        files.append(ours / "model.gguf")
        met &= row.met(made, theirs, args.effort)
        lines += _lines(row, made, theirs, args.effort, seconds)
        print("\n".join(lines[-2:]), file=sys.stderr, flush=True)
    _print(lines, files, args)
    return 0 if met else 1


def _chosen(args) -> list[Row]:
    """All rows, or those whose size begins with one of the given numbers of MB."""
    wanted = args.rows.split(",") if args.rows else [""]
    found = [row for row in ROWS if any(str(row.size / 10**6).startswith(w) for w in wanted)]
    if not found:
        sys.exit(f"no row of {args.rows} MB: they are {', '.join(str(r.size / 1e6) for r in ROWS)}")
    return found


def _texts(text: str, work: Path, windows: int) -> tuple[Path, Path]:
    """Calibration text from the beginning, held-out text from the end; no passage in both."""
    passages = text.split("\n\n") if "\n\n" in text else text.splitlines()
    calibration = _take(passages, windows * WINDOW_CHARACTERS)
    held_out = _take(reversed(passages), HELD_OUT * WINDOW_CHARACTERS)
    assert not set(calibration) & set(held_out)
    paths = work / "calibration.txt", work / "held-out.txt"
    for path, chosen in zip(paths, (calibration, held_out), strict=True):
        path.write_text("\n\n".join(chosen) + "\n", encoding="utf-8")
    return paths


def _take(passages, characters: int) -> list[str]:
    out: list[str] = []
    for passage in passages:
        if sum(map(len, out)) > characters:
            break
        out.append(passage)
    return out


def _speed(path: Path, start: Path) -> float:
    """How many times as fast as the starting model a file decodes; kept beside it."""
    kept = path.with_suffix(".speed.json")
    if not kept.exists():
        cores = look().cores
        before, after = compare_speed([start, path], threads=cores, rounds=5, progress=Silent())
        kept.write_text(json.dumps(after.decode_tps / before.decode_tps))
    return json.loads(kept.read_text("utf-8"))


def _compress(args, row: Row, ours: Path, texts: tuple[Path, Path], more: list[str]) -> float:
    """Make the bundle unless it is there; gives the seconds its passport says it took."""
    command = [
        sys.executable, "-m", "penjing", "compress", MODEL, "-o", ours, "--size", str(row.size),
        "--text", texts[0], "--held-out", texts[1], "--effort", args.effort, *more, *args.option,
    ]  # fmt: skip
    if not (ours / "bundle.json").exists():
        if (ours / ".work").exists():
            command.append("--resume")
        done = subprocess.run([str(word) for word in command], check=False, stdout=sys.stderr)
        if not (ours / "bundle.json").exists():  # a speed that was missed is in the table below
            raise SystemExit(done.returncode or 1)
    return json.loads((ours / "passport.json").read_text("utf-8"))["seconds"]


def _lines(
    row: Row, made: Verdict, theirs: Verdict | None, effort: str, seconds: float
) -> list[str]:
    unit = {"ratio": "x", "kld": "", "same_top": "%"}[row.metric]
    sign = ">=" if row.metric == "same_top" else "<="
    value, target = row.reached(made, theirs), row.target(effort)
    verdict = "met" if row.met(made, theirs, effort) else "**missed**"
    size, lines = f"{row.size / 1e6:.1f} MB", []
    if theirs:
        lines.append(_line(size, f"{row.preset} + imatrix", theirs, "", ""))
    said = f"{row.metric} {value:.3g}{unit}, asked {sign} {target:g}{unit}: {verdict}"
    return [*lines, _line(size, f"penjing, {effort}", made, f"{seconds / 60:.1f} min", said)]


def _line(size: str, name: str, v: Verdict, took: str, said: str) -> str:
    return (
        f"| {size} | {name} | {v.bytes:,} | {v.kld:.4f} ± {v.error:.4f} | {v.same_top:.1f}% "
        f"| {v.perplexity:.2f} | {took} | {said} |"
    )


def _print(lines: list[str], files: list[Path], args) -> None:
    machine = look()
    print(f"\n{MODEL}, {HELD_OUT} x 512 tokens of held-out text, judge: llama-perplexity")
    print(f"{machine.model}, {machine.cores} cores, {datetime.date.today()}, {args.effort}\n")
    print("| size at most | file | bytes | mean KLD | same-top | perplexity | took | target |")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))
    print("\n| file | bytes | prefill tok/s | decode tok/s |\n|---|---|---|---|")
    speeds = compare_speed(files, threads=machine.cores, rounds=3, progress=Silent())
    for path, speed in zip(files, speeds, strict=True):
        name = path.name if path.name != "model.gguf" else f"penjing {path.parent.name}"
        print(f"| {name} | {path.stat().st_size:,} | {speed.prefill_tps:.0f} "
              f"| {speed.decode_tps:.1f} |")  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tools", type=Path, required=True, help="folder of llama.cpp's tools")
    parser.add_argument("--tool-arg", action="append", default=[], help="passed on to them")
    parser.add_argument("--work", type=Path, default=Path("build/benchmark-quantize"))
    parser.add_argument("--effort", default="standard")
    parser.add_argument("--option", action="append", default=[], help="passed on to penjing")
    parser.add_argument("--windows", type=int, default=240, help="of calibration text")
    parser.add_argument("--rows", help="only sizes that begin so, in MB: 70,55")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
