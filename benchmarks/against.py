"""Penjing against llama.cpp's own quantizer at equal bytes, on real models and several texts.

    python benchmarks/against.py --model gemma-3-270m --tools DIR --held-out git.txt \
        --held-out debian-zh.txt [--bits 4.25,3.4,2.6] [--effort light] [--threads 2] [--work DIR]

DIR holds llama-quantize, llama-imatrix and llama-perplexity (`judge.py` says how to build them).
Both sides get the same calibration text, the catalogue's mix in its shares, and the same bytes;
the catalogue's encyclopaedia is held out too. Theirs is the best of what the tool makes that fits:
its types with its own choice for embedding and head, and with others, the largest --tries of them
judged on the encyclopaedia. Speeds are measured in turn. What is finished in --work is not made
again: a run that was killed goes on where it stood. Exit status 1 when a ratio is over its target.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from math import prod
from pathlib import Path

from judge import Bench, ToolFailed, Tools, Verdict

from penjing.bundle.catalogue import catalogue_of
from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model, find_text
from penjing.core.progress import Silent
from penjing.devices.machine import look
from penjing.engine.speed import Speed, compare_speed

TARGETS = {4.25: 0.6, 3.4: 0.6, 2.6: 0.7}
"""Our mean KLD by theirs, at most, by bits a weight."""
AS_FAST = 0.95
"""Our speed by theirs, at least."""
IMATRIX = 40
"""Windows that llama-imatrix reads."""
CHARACTERS = 2600
"""Of a window, a little over 512 tokens of English."""
BODIES = ("Q4_K_M", "IQ4_XS", "IQ4_NL", "MXFP4", "Q3_K_M", "Q3_K_S", "IQ3_M", "IQ3_XXS", "Q2_K",
          "IQ2_M", "IQ2_XXS", "Q2_0")  # fmt: skip
"""What the standard tool is asked for."""
HEADS = (None, "q6_k", "q5_0", "iq4_nl", "mxfp4", "q2_0")
"""And for embedding and head; None: what it takes by itself."""


@dataclass(frozen=True)
class Preset:
    """A file the standard tool makes."""

    body: str
    """Its type."""
    head: str | None
    """Another type for embedding and head."""

    @property
    def name(self) -> str:
        """In the table."""
        return f"{self.body}, head {self.head.upper()}" if self.head else self.body

    @property
    def words(self) -> list[str]:
        """Options, and the type last."""
        kinds = ("--token-embedding-type", "--output-tensor-type") if self.head else ()
        options = [word for kind in kinds for word in (kind, str(self.head))]
        if self.body == "MXFP4":  # not a type of its own there
            return [*options, "--tensor-type", "blk=mxfp4", "Q4_0"]
        return [*options, self.body]


@dataclass(frozen=True)
class Pair:
    """Both files of one budget."""

    bits: float
    """A weight."""
    theirs: Path
    """Made by the standard tool."""
    preset: Preset
    """As what."""
    ours: Path
    """Made by Penjing."""


class Contest:
    """One model."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.work = args, args.work / Path(args.model).name
        self.work.mkdir(parents=True, exist_ok=True)
        home = Home.from_environment()
        self.start = find_model(args.model, home, progress=Silent(), download=True)
        with GGUFFile.open(self.start) as file:
            shapes = [tensor.shape for tensor in file.tensors.values()]
            stored = sum(tensor.nbytes for tensor in file.tensors.values())
        self.weights = sum(map(prod, shapes))
        self.rest = self.start.stat().st_size - stored
        self.tools = Tools(args.tools, ["-t", str(args.threads), *args.tool_arg])
        self.calibration = self._calibration(home)
        self.benches = [self._bench(path) for path in self._held_out(home)]

    def _calibration(self, home: Home) -> Path:
        """The catalogue's mix, a piece from the beginning of each text."""
        path, mix = self.work / "calibration.txt", catalogue_of(home).mix
        each = self.args.windows * CHARACTERS / sum(entry.share for entry in mix)
        texts = [
            find_text(entry.name, home, progress=Silent(), download=True).text for entry in mix
        ]
        pieces = [t[: int(each * e.share)] for t, e in zip(texts, mix, strict=True)]
        path.write_text("\n\n".join(pieces) + "\n", encoding="utf-8")
        return path

    def _held_out(self, home: Home) -> list[Path]:
        """The encyclopaedia from its end, and what was given."""
        first = self.work / "encyclopedia.txt"
        text = find_text("encyclopedia", home, progress=Silent(), download=True).text
        first.write_text(text[-2 * self.args.held_windows * CHARACTERS :], encoding="utf-8")
        return [first, *self.args.held_out]

    def _bench(self, text: Path) -> Bench:
        return Bench(text, self.work / f"{text.stem}.kld", self.args.held_windows)

    def pair(self, bits: float) -> Pair:
        """Both files of a budget."""
        budget = int(bits * self.weights / 8)
        preset, theirs = self._best(budget)
        return Pair(bits, theirs, preset, self._ours(budget))

    def _best(self, budget: int) -> tuple[Preset, Path]:
        """The best of the largest files of the standard tool that fit."""
        matrix = self.work / "imatrix.gguf"
        self.tools.importance(self.start, self.calibration, matrix, IMATRIX)
        sizes = {preset: size for preset, size in self._sizes() if size <= budget}
        by_size = {size: preset for preset, size in sorted(sizes.items(), key=lambda x: x[1])}
        made: dict[Preset, Path] = {}
        for size in sorted(by_size, reverse=True):
            if len(made) == self.args.tries:
                break
            preset = by_size[size]
            path = self.work / f"{preset.body}-{preset.head or 'own'}.gguf"
            try:
                self.tools.quantized(self.start, matrix, preset.words, path)
            except ToolFailed:  # a type that this model's rows do not fit
                print(f"the standard tool cannot make {preset.name}", file=sys.stderr)
                continue
            if path.stat().st_size <= budget:
                made[preset] = path
        if not made:
            raise SystemExit(f"the standard tool makes no file of {budget} bytes")
        best = min(made, key=lambda preset: self.judged(made[preset], self.benches[0]).kld)
        return best, made[best]

    def _sizes(self) -> list[tuple[Preset, int]]:
        """Of every preset; kept."""
        kept = self.work / "sizes.json"
        if not kept.exists():
            presets = [Preset(*pair) for pair in product(BODIES, HEADS)]
            found = [[asdict(p), self.tools.size(self.start, p.words) + self.rest] for p in presets]
            kept.write_text(json.dumps(found))
        return [(Preset(**preset), size) for preset, size in json.loads(kept.read_text("utf-8"))]

    def _ours(self, budget: int) -> Path:
        """Of at most so many bytes."""
        out = self.work / f"{self.args.effort}-{budget}"
        command = [
            sys.executable, "-m", "penjing", "compress", self.args.model, "-o", out, "--size",
            budget, "--text", self.calibration, "--effort", self.args.effort, "--threads",
            self.args.threads, *self.args.option,
        ]  # fmt: skip
        if not (out / "bundle.json").exists():
            resume = ["--resume"] if (out / ".work").exists() else []
            done = subprocess.run([*map(str, command), *resume], check=False, stdout=sys.stderr)
            if not (out / "bundle.json").exists():
                raise SystemExit(done.returncode or 1)
        return out / "model.gguf"

    def judged(self, path: Path, bench: Bench) -> Verdict:
        """Of a file on a text."""
        self.tools.recorded(self.start, bench)
        return self.tools.verdict(path, bench)

    def speeds(self, pair: Pair) -> tuple[Speed, Speed]:
        """Theirs and ours, in turn; kept."""
        kept = self.work / f"speed-{self.args.effort}-{pair.bits}.json"
        if not kept.exists():
            theirs, ours = compare_speed([pair.theirs, pair.ours], threads=self.args.threads,
                                         rounds=self.args.rounds, progress=Silent())  # fmt: skip
            kept.write_text(json.dumps([asdict(theirs), asdict(ours)]))
        theirs, ours = (Speed(**each) for each in json.loads(kept.read_text("utf-8")))
        return theirs, ours


def main() -> int:
    """Make, judge, print."""
    args = _arguments()
    contest = Contest(args)
    rows, met = [], True
    for bits in map(float, args.bits.split(",")):
        pair = contest.pair(bits)
        found = [(bench, contest.judged(pair.theirs, bench), contest.judged(pair.ours, bench))
                 for bench in contest.benches]  # fmt: skip
        met &= all(o.kld <= TARGETS.get(bits, 0.6) * t.kld for _, t, o in found)
        rows += _rows(pair, found, *contest.speeds(pair))
        print("\n".join(rows[-len(found) :]), file=sys.stderr, flush=True)
    machine = look()
    print(f"\n{args.model}, {args.held_windows} x 512 tokens of each text, llama-perplexity")
    print(f"{machine.model}, {machine.cores} cores, {datetime.date.today()}, {args.effort}\n")
    print("| bits | text | theirs | bytes | KLD | same-top | our bytes | KLD | same-top | ratio "
          "| asked | decode, prefill by theirs |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))
    return 0 if met else 1


def _rows(
    pair: Pair, found: Sequence[tuple[Bench, Verdict, Verdict]], theirs: Speed, ours: Speed
) -> list[str]:
    """A line for each text."""
    asked = TARGETS.get(pair.bits, 0.6)
    ratios = (ours.decode_tps / theirs.decode_tps, ours.prefill_tps / theirs.prefill_tps)
    speed = ", ".join(f"{r:.2f}" if r >= AS_FAST else f"**{r:.2f}**" for r in ratios)
    return [
        f"| {pair.bits:g} | {bench.text.stem} | {pair.preset.name} | {t.bytes:,} "
        f"| {t.kld:.3f} ± {t.error:.3f} | {t.same_top:.1f}% | {o.bytes:,} "
        f"| {o.kld:.3f} ± {o.error:.3f} | {o.same_top:.1f}% | {o.kld / t.kld:.2f} "
        f"| {asked:g}: {'met' if o.kld <= asked * t.kld else '**missed**'} | {speed} |"
        for bench, t, o in found
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="a name of the catalogue, or a .gguf file")
    parser.add_argument("--tools", type=Path, required=True, help="folder of llama.cpp's tools")
    parser.add_argument("--tool-arg", action="append", default=[], help="passed on to them")
    parser.add_argument("--held-out", type=Path, action="append", default=[], help="more texts")
    parser.add_argument("--bits", default="4.25,3.4,2.6", help="of the file, for each weight")
    parser.add_argument("--effort", default="light")
    parser.add_argument("--option", action="append", default=[], help="passed on to penjing")
    parser.add_argument("--threads", type=int, default=look().cores)
    parser.add_argument("--windows", type=int, default=60, help="of calibration text")
    parser.add_argument("--held-windows", type=int, default=12, help="of each held-out text")
    parser.add_argument("--tries", type=int, default=3, help="of their files for each budget")
    parser.add_argument("--rounds", type=int, default=5, help="of timing")
    parser.add_argument("--work", type=Path, default=Path("build/benchmark-against"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
