"""How fast a model file runs here and how much memory it takes: measured in a process of its own.

A process of its own because peak memory belongs to a process, and because two models measured in
turn must not warm each other's caches.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from penjing.core.errors import EngineError
from penjing.core.memory import peak_memory
from penjing.core.progress import Progress

PROMPT = 256
"""Tokens read."""
ANSWER = 48
"""Tokens written after them."""
_TIMEOUT = 900.0


@dataclass(frozen=True)
class Speed:
    """One measurement, or the median of several."""

    prefill_tps: float
    """Prompt tokens read per second."""
    decode_tps: float
    """Tokens written per second after the prompt."""
    load_seconds: float
    """From nothing to a model that is ready."""
    peak_rss_bytes: int
    """Most memory the process had, mapped weights included."""


def compare_speed(
    paths: list[Path], *, threads: int, rounds: int, progress: Progress, prompt: int = PROMPT
) -> list[Speed]:
    """The speed of each file, measured in turn (A B A B ...) so that drift hits all alike.

    A shorter `prompt` (tokens) is over sooner where only decoding counts.
    """
    found: list[list[Speed]] = [[] for _ in paths]
    with progress.task("speed and memory", rounds * len(paths), unit="runs") as task:
        for _ in range(rounds):
            for path, speeds in zip(paths, found, strict=True):
                speeds.append(_in_process(path, threads, prompt))
                task.advance()
    return [_median(speeds) for speeds in found]


def _median(speeds: list[Speed]) -> Speed:
    return Speed(
        median(s.prefill_tps for s in speeds),
        median(s.decode_tps for s in speeds),
        median(s.load_seconds for s in speeds),
        max(s.peak_rss_bytes for s in speeds),
    )


def _in_process(path: Path, threads: int, prompt: int) -> Speed:
    module, words = "penjing.engine.speed", (str(path), str(threads), str(prompt))
    command = [sys.executable, "-m", module, *words]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT, check=True)
        return Speed(**json.loads(done.stdout))
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{path} took over {_TIMEOUT:.0f} s to run: it is too slow here") from (
            error
        )
    except (subprocess.CalledProcessError, ValueError, TypeError) as error:
        said = getattr(error, "stderr", b"") or b""
        last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise EngineError(f"{path} could not be timed: {last or error}") from error


def _run(path: Path, threads: int, length: int) -> Speed:
    from penjing.engine.llamacpp import LlamaCpp

    started = time.perf_counter()
    with LlamaCpp.open(path, context=length + ANSWER, threads=threads) as model:
        loaded = time.perf_counter() - started
        words = model.tokenize("The garden was small, and every tree in it was older than ours. ")
        text = words * (max(length, ANSWER) // len(words) + 1)
        prompt, answer = text[:length], text[:ANSWER]
        context = model.new_context(length + ANSWER)
        context.read(prompt[:16], 0)  # the first run also pays for memory being touched
        context.clear()
        begun = time.perf_counter()
        context.read(prompt, 0)
        read = time.perf_counter()
        for i, token in enumerate(answer):  # one by one, whatever the model would have said
            context.read([token], length + i)
        written = time.perf_counter()
        context.free()
    return Speed(
        prefill_tps=length / (read - begun),
        decode_tps=ANSWER / (written - read),
        load_seconds=loaded,
        peak_rss_bytes=peak_memory(),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(_run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))))
