"""Our scheduler beside the bare engine's own server: the same model, threads, clients and sampling.

    python benchmarks/batching.py [--clients 32] [--seconds 600] [--slice 5] [--soak 0] [MODEL.gguf]

Each client asks again as soon as it was answered; no two prompts are alike from the first word on,
so that neither side can answer from a cache. Both sides run all the time, in processes of their
own, but only one of them at any moment: the other is stopped (SIGSTOP), and every few seconds they
change, so that what else the machine does hits both alike. Prints one JSON document: tokens per
second while running, and for a second of a processor (on a busy machine the fairer one), and
their ratios; how evenly clients were served (the slowest 1% of answers by
the mean answer, in seconds of running; the least served client by the mean client); memory.
`--soak` runs ours alone for so many seconds more and reports how its memory grew.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from typing import Any

from penjing.bundle.catalogue import load_catalogue
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model
from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.core.progress import Silent
from penjing.core.serving import Request
from penjing.engine.remote import open_scheduler

CONTEXT = 1024
WORDS = "The garden was small, and every tree in it was older than ours. " * 4
"""With the question around it: about 100 tokens."""

Ask = Callable[[int, str, int, Callable[[int], None]], None]
"""(client, prompt, most tokens, told of each piece): returns once the answer is whole."""


class Crowd:
    """Clients that ask one after another; what they got is counted in memory that all see."""

    def __init__(self, clients: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.tokens = context.Array("q", clients)
        self.away = context.Value("d", 0.0)
        """Seconds for which this side was stopped."""
        self.inbox, self.outbox = context.Queue(), context.Queue()

    def serve(self, ask: Ask, pids: list[int], load_seconds: float) -> None:
        """Say hello, wait for the start, ask on and on; tell how long answers took when asked."""
        self.outbox.put((load_seconds, pids))
        self.inbox.get()
        numbers = itertools.count(int(time.time()) % 50_000)
        took: list[float] = []
        stop = threading.Event()

        def now() -> float:
            return time.monotonic() - self.away.value

        def client(number: int) -> None:
            while not stop.is_set():
                turn = next(numbers)
                prompt = f"{turn:05d} {WORDS}Write a very long story about tree {turn}. Story:"
                begun = now()
                ask(number, prompt, 64 + turn % 65, lambda count: heard(number, count))
                took.append(now() - begun)

        def heard(number: int, count: int) -> None:
            self.tokens[number] += count

        for number in range(len(self.tokens)):
            threading.Thread(target=client, args=(number,), daemon=True).start()
        while self.inbox.get() is not None:
            self.outbox.put(took[:])
        stop.set()


def ours(crowd: Crowd, model: Path, threads: int) -> None:
    """Clients of our scheduler."""
    clients = len(crowd.tokens)
    started = time.perf_counter()
    scheduler = open_scheduler(
        model, context=CONTEXT, threads=threads, places=clients, queue=2 * clients
    )

    def ask(client: int, prompt: str, limit: int, heard: Callable[[int], None]) -> None:
        box: queue.SimpleQueue[Chunk | Exception] = queue.SimpleQueue()
        settings = GenerationSettings(max_tokens=limit, temperature=0, repeat_penalty=1.0)
        messages = (Message.of("user", prompt),)
        scheduler.submit(Request(f"client {client}", messages, settings), box.put)
        told = 0
        while True:
            chunk = box.get()
            if isinstance(chunk, Exception):
                raise chunk
            if chunk.usage:
                heard(chunk.usage.completion_tokens - told)
                return
            told += 1  # a chunk is a token, but for half characters
            heard(1)

    load_seconds = time.perf_counter() - started
    crowd.serve(ask, [scheduler.pid or 0, os.getpid()], load_seconds)
    scheduler.close()


def theirs(crowd: Crowd, model: Path, threads: int) -> None:
    """Clients of the wheel's own server."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # it writes a line for everything
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_parallel, params.n_ctx = len(crowd.tokens), len(crowd.tokens) * CONTEXT
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.api_keys = [os.urandom(16).hex()]
    started = time.perf_counter()
    server = xllamacpp.Server(params)

    def ask(_client: int, prompt: str, limit: int, heard: Callable[[int], None]) -> None:
        told = 0

        def hear(said: Any) -> None:
            nonlocal told
            for event in said if isinstance(said, list) else [said]:
                # the last event counts all of them: the end token, too, which is no text
                predicted = event.get("timings", {}).get("predicted_n", told + 1)
                heard(predicted - told)
                told = predicted

        body = {
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": limit,
            "temperature": 0,
            "repeat_penalty": 1.0,
            "stream": True,
        }
        server.handle_chat_completions(body, hear)

    crowd.serve(ask, [os.getpid()], time.perf_counter() - started)


class Side:
    """One of the two, seen from outside; stopped until it is let run."""

    def __init__(self, target: Any, model: Path, clients: int, threads: int) -> None:
        self._crowd = Crowd(clients)
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=target, args=(self._crowd, model, threads))
        self._process.start()
        self.load_seconds, self._pids = self._crowd.outbox.get(timeout=120)
        self._crowd.inbox.put("start")
        self._stopped_at = time.monotonic()
        self._signal(signal.SIGSTOP)
        self.running = 0.0
        self.rates: list[float] = []
        self.work: list[tuple[int, float]] = []
        """Tokens and CPU seconds of each slice: what a token costs, whoever else computes."""

    def run(self, seconds: float) -> None:
        """Let it run for so long."""
        before, cpu = sum(self._crowd.tokens), self._cpu()
        self._crowd.away.value += time.monotonic() - self._stopped_at
        started = time.monotonic()
        self._signal(signal.SIGCONT)
        time.sleep(seconds)
        self._signal(signal.SIGSTOP)
        self._stopped_at = time.monotonic()
        self.running += self._stopped_at - started
        self.work.append((sum(self._crowd.tokens) - before, self._cpu() - cpu))
        self.rates.append((sum(self._crowd.tokens) - before) / (self._stopped_at - started))

    def summary(self, lead: int) -> dict[str, Any]:
        """What came of it, without the first `lead` slices."""
        self._signal(signal.SIGCONT)
        self._crowd.inbox.put("tell")
        times = sorted(self._crowd.outbox.get(timeout=60))
        self._signal(signal.SIGSTOP)
        shares = list(self._crowd.tokens)
        return {
            "load_seconds": round(self.load_seconds, 2),
            "tokens_per_second": round(mean(self.rates[lead:]), 2),
            "tokens_per_cpu_second": round(self.per_cpu_second(lead), 2),
            "tokens": sum(shares),
            "answers": len(times),
            "mean_answer_seconds": round(mean(times), 2) if times else None,
            "p99_by_mean": round(times[int(0.99 * (len(times) - 1))] / mean(times), 3)
            if times
            else None,
            "least_served_by_mean": round(min(shares) / mean(shares), 3),
            "resident_bytes": self.resident(),
        }

    def per_cpu_second(self, lead: int) -> float:
        """Tokens for a second of a processor."""
        tokens, seconds = (sum(column) for column in zip(*self.work[lead:], strict=True))
        return float(tokens / seconds)

    def _cpu(self) -> float:
        ticks = 0
        for pid in self._pids:
            fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident(self) -> int:
        """Memory of all its processes; one that shields itself still tells this much."""
        pages = [
            int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) for pid in self._pids
        ]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)
        self._process.join()

    def _signal(self, number: int) -> None:
        for pid in self._pids:
            os.kill(pid, number)


def main() -> None:
    """Measure, and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=600, help="of both sides together")
    parser.add_argument("--slice", type=float, default=5)
    parser.add_argument("--lead", type=int, default=6, help="slices that are not counted")
    parser.add_argument("--soak", type=float, default=0)
    wanted = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    model = wanted.model or find_model(
        load_catalogue().default, Home.from_environment(), progress=Silent(), download=True
    )
    sides = [Side(target, model, wanted.clients, wanted.threads) for target in (ours, theirs)]
    mine, other = sides
    count = max(int(wanted.seconds / wanted.slice / 2), wanted.lead + 1)
    for number in range(count):
        for side in sides if number % 2 else sides[::-1]:
            side.run(wanted.slice)
        print(f"{number}: {mine.rates[-1]:.1f} {other.rates[-1]:.1f}", file=sys.stderr, flush=True)
    pairs = zip(mine.rates[wanted.lead :], other.rates[wanted.lead :], strict=True)
    result = {
        "model": model.name,
        "clients": wanted.clients,
        "threads": wanted.threads,
        "ours": mine.summary(wanted.lead),
        "theirs": other.summary(wanted.lead),
        "median_ratio_of_pairs": round(median(a / b for a, b in pairs if b), 3),
    }
    rates = [sum(side.rates[wanted.lead :]) for side in sides]
    result["ratio"] = round(rates[0] / rates[1], 3)
    costs = [side.per_cpu_second(wanted.lead) for side in sides]
    result["ratio_per_cpu_second"] = round(costs[0] / costs[1], 3)
    other.close()
    if wanted.soak:
        before = mine.resident()
        mine.run(wanted.soak)
        result["soak"] = {
            "seconds": wanted.soak,
            "resident_bytes": [before, mine.resident()],
            "growth": round(mine.resident() / before - 1, 4),
            **mine.summary(wanted.lead),
        }
    print(json.dumps(result, indent=1))
    mine.close()


if __name__ == "__main__":
    main()
