"""Does a model of a billion weights go through in 8 GB?

    python benchmarks/memory.py [--ram 8GB] [--effort light] [--bits 4.5] [--work DIR]

Writes a Llama of 1.07 billion random weights in F16 (22 blocks, 2048 channels, the default model's
tokenizer; 2.1 GB in --work), compresses it with `penjing compress --ram`, and prints what was
forecast beside what was measured: the process's own peak, which the operating system keeps. Random
weights say nothing of quality; they cost as much time and memory as real ones. Exit status 1 when
the ceiling was not kept. What is finished in --work is not made again.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from penjing.bundle.codecs import CODECS
from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.gguf_values import Value, ValueKind
from penjing.bundle.gguf_writer import OutTensor, write_gguf
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model
from penjing.core.progress import Silent
from penjing.core.units import format_duration, format_size, parse_size
from penjing.devices.machine import look
from penjing.workshop.architectures import architecture
from penjing.workshop.metadata import read_config

MODEL = "smollm2-135m-instruct"
LAYERS, HIDDEN, FFN, HEADS, KV_HEADS = 22, 2048, 5632, 32, 4


def main() -> int:
    """Make, compress, compare."""
    args = _arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    start = args.work / "random-1b.gguf"
    if not start.exists():
        write_random(start)
    words = ["compress", start, "--bits", args.bits, "--effort", args.effort, "--ram", args.ram]
    forecast = _penjing(*words, "-o", args.work / "nothing", "--dry-run")
    out = args.work / f"{args.effort}-{args.bits}"
    if not (out / "bundle.json").exists():
        _penjing(*words, "-o", out, *(["--resume"] if (out / ".work").exists() else []))
    made = json.loads((out / "passport.json").read_text("utf-8"))
    ceiling, peak, machine = parse_size(args.ram), made["peak_rss_bytes"], look()
    parameters = made["file"]["parameters"] / 1e9
    print(f"{parameters:.2f} billion random weights, --ram {args.ram}, effort {args.effort}")
    print(f"{machine.model}, {machine.cores} cores, {datetime.date.today()}\n")
    print("| | forecast | measured |\n|---|---|---|")
    print(f"| peak memory | {format_size(forecast['peak_bytes'])} | {format_size(peak)} |")
    print(f"| time | {format_duration(forecast['seconds'])} | {format_duration(made['seconds'])} |")
    print(f"| file | {format_size(forecast['budget_bytes'])} "
          f"| {format_size(made['file']['bytes'])} |")  # fmt: skip
    if made["resumed"]:
        print("\nthe time is that of the last part of a run that was interrupted")
    return 0 if peak <= ceiling else 1


def write_random(path: Path) -> None:
    """The model, one tensor in memory at a time."""
    given = find_model(MODEL, Home.from_environment(), progress=Silent(), download=True)
    counts = {
        "block_count": LAYERS, "context_length": 2048, "embedding_length": HIDDEN,
        "feed_forward_length": FFN, "attention.head_count": HEADS,
        "attention.head_count_kv": KV_HEADS, "rope.dimension_count": HIDDEN // HEADS,
        "vocab_size": None,
    }  # fmt: skip
    with GGUFFile.open(given) as file:
        metadata, vocab = dict(file.metadata), file.tensors["token_embd.weight"].shape[0]
        counts["vocab_size"] = vocab
        metadata |= {f"llama.{k}": Value(ValueKind.UINT32, n) for k, n in counts.items()}
        metadata["general.name"] = Value.text("random 1B")
        family = architecture("llama")
        config = read_config(family, metadata, {"token_embd.weight": (vocab, HIDDEN)})
        tensors = [
            _tensor(place, name, kind.dimensions(config))
            for place, (name, kind, _) in enumerate(family.expected(LAYERS))
            if not kind.optional
        ]
        write_gguf(path, metadata, tensors)


def _tensor(seed: int, name: str, shape: tuple[int, ...]) -> OutTensor:
    kind = CODECS["F16" if len(shape) == 2 else "F32"]

    def made() -> npt.NDArray[np.float16 | np.float32]:
        if len(shape) == 1:
            return np.ones(shape, np.float32)
        draw = np.random.default_rng(seed).standard_normal(shape, np.float32)
        return (draw * shape[-1] ** -0.5).astype(np.float16)

    data: Callable[[], npt.NDArray[np.float16 | np.float32]] = made
    return OutTensor(name, shape, kind, data)


def _penjing(*words: object) -> dict[str, float]:
    """What a command says in JSON; its progress is shown."""
    command = [sys.executable, "-m", "penjing", *map(str, words), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    said: dict[str, float] = json.loads(done.stdout)
    return said


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ram", default="8GB")
    parser.add_argument("--effort", default="light")
    parser.add_argument("--bits", default="4.5", help="file bits for each weight")
    parser.add_argument("--work", type=Path, default=Path("build/benchmark-memory"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
