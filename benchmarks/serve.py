"""`penjing serve` beside the bare engine's own server, both over HTTP: throughput, loss, fairness.

    python benchmarks/serve.py [--clients 32] [--seconds 1200] [--slice 5] [MODEL.gguf]

The other side is the wheel's server on its own port, with the same model, threads and places. Each
client streams an answer and asks again as soon as it was answered; no two prompts are alike from
the first word on, so that neither side answers from a cache. Both sides run all the time, but only
one at any moment: the other is stopped (SIGSTOP), and every few seconds they change, so that what
else the machine does hits both alike. `--seconds` counts both: 1200 gives each 10 minutes.

Looked at: tokens per second while running, tokens for a second of a processor (on a busy machine
the fairer one), and their ratios; the slowest 1% of answers by the mean answer; the least served
client by the mean client; memory at the end by memory after the lead; answers that broke off or
came without their end. Then, with nothing else running, answers that were given under load are
asked for again: each must be like its own and no other's. Last, all clients at once are made to
say words of their own by a schema: a mixed answer would show.

Prints one JSON document; exit status 1 when a target was missed.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from penjing.bundle.catalogue import load_catalogue
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model
from penjing.core.progress import Silent

CONTEXT = 1024
WORDS = "The garden was small, and every tree in it was older than ours. " * 4
"""With the question around it: about 100 tokens."""
KEPT = 64
"""Answers of each run that are asked for again."""
TARGETS = {"ratio": 0.95, "growth": 0.05, "p99_by_mean": 2.0}


@dataclass(frozen=True)
class Address:
    """A server, and how to be let in."""

    port: int
    token: str
    model: str

    def ask(
        self, prompt: str, limit: int, heard: Any, more: Mapping[str, Any] | None = None
    ) -> str:
        """Stream an answer whole. Raises RuntimeError when it breaks off."""
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": limit,
            "temperature": 0,
            "frequency_penalty": 0,  # says to ours that no other penalty is wanted
            "stream": True,
            "stream_options": {"include_usage": True},
            **(more or {}),
        }
        line = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            line.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            answer = line.getresponse()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} {answer.read(300)!r}")
            return _read(answer, heard)
        finally:
            line.close()


def _read(answer: http.client.HTTPResponse, heard: Any) -> str:
    text, told, usage, whole = "", 0, None, False
    for line in answer:
        if not line.startswith(b"data: "):
            continue
        if line.startswith(b"data: [DONE]"):
            whole = True
            break
        event = json.loads(line[6:])
        if "error" in event:
            raise RuntimeError(str(event["error"]))
        usage = event.get("usage") or usage
        piece = "".join(one["delta"].get("content") or "" for one in event["choices"])
        if piece:
            text += piece
            told += 1
            heard(1)
    if not whole or usage is None:
        raise RuntimeError("the answer broke off")
    heard(usage["completion_tokens"] - told)  # pieces can be more tokens than one, or none
    return text


class Crowd:
    """Clients in a process of their own; what they got is counted in memory that all see."""

    def __init__(self, clients: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.tokens = context.Array("q", clients)
        self.away = context.Value("d", 0.0)
        """Seconds for which their server was stopped."""
        self.inbox, self.outbox = context.Queue(), context.Queue()

    def ask(self, address: Address, first: int) -> None:
        """Ask until the end is wanted; tell how long answers took, and some of them."""
        numbers = itertools.count(first)
        took: list[float] = []
        lost: list[str] = []
        kept: list[tuple[str, int, str]] = []
        stop = threading.Event()

        def now() -> float:
            return time.monotonic() - self.away.value

        def client(number: int) -> None:
            while not stop.is_set():
                turn = next(numbers)
                prompt = f"{turn:05d} {WORDS}Write a very long story about tree {turn}. Story:"
                limit, begun = 64 + turn % 65, now()
                try:
                    text = address.ask(prompt, limit, lambda count: heard(number, count))
                except (RuntimeError, OSError, ValueError, http.client.HTTPException) as error:
                    lost.append(f"{type(error).__name__}: {error}")
                    stop.wait(1.0)
                    continue
                took.append(now() - begun)
                if len(kept) < KEPT and turn % 3 == 0:
                    kept.append((prompt, limit, text))

        def heard(number: int, count: int) -> None:
            self.tokens[number] += count

        threads = [
            threading.Thread(target=client, args=(number,), daemon=True)
            for number in range(len(self.tokens))
        ]
        for thread in threads:
            thread.start()
        self.inbox.get()
        stop.set()
        for thread in threads:
            thread.join(120)
        hung = sum(thread.is_alive() for thread in threads)
        self.outbox.put((took, lost + ["never answered"] * hung, kept))


def ours(model: Path, clients: int, threads: int, home: Path) -> tuple[Address, list[int]]:
    """`penjing serve`, as a person starts it."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "penjing", "serve", str(model), "--json", "--port", "0"),
            *("--places", str(clients), "--queue", str(2 * clients), "--context", str(CONTEXT)),
            *("--threads", str(threads), "--no-vault"),
        ],
        env={**os.environ, "PENJING_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise SystemExit("penjing serve did not start")
        text += line
    about = json.loads(text)
    port = int(about["api"].rpartition(":")[2].removesuffix("/v1"))
    token = Path(about["token_file"]).read_text("ascii").strip()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {token}"})
    name = json.loads(connection.getresponse().read())["data"][0]["id"]
    connection.close()
    return Address(port, token, name), [*_children(process.pid), process.pid]


def bare(model: Path, clients: int, threads: int, told: Any) -> None:
    """The wheel's own server, in a process that does nothing else."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # it writes a line for everything
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_parallel, params.n_ctx = clients, clients * CONTEXT
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    token = os.urandom(16).hex()
    params.api_keys = [token]
    server = xllamacpp.Server(params)
    port = int(server.listening_address.rpartition(":")[2].strip("/"))
    told.put(Address(port, token, "bare"))
    signal.pause()


def _children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if int(parent) == pid:
                found += [*_children(int(folder.name)), int(folder.name)]
    return found


class Side:
    """One of the two servers with its clients; stopped until it is let run."""

    def __init__(self, address: Address, pids: list[int], clients: int, first: int) -> None:
        self.address, self._pids = address, pids
        self._crowd = Crowd(clients)
        self._signal(signal.SIGSTOP)
        self._stopped_at = time.monotonic()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=self._crowd.ask, args=(address, first))
        self._process.start()
        self.rates: list[float] = []
        self.work: list[tuple[int, float]] = []
        """Tokens and processor seconds of each slice."""
        self.resident: list[int] = []

    def run(self, seconds: float) -> None:
        """Let it run for so long."""
        before, cpu = sum(self._crowd.tokens[:]), self._cpu()
        self._crowd.away.value += time.monotonic() - self._stopped_at
        started = time.monotonic()
        self._signal(signal.SIGCONT)
        time.sleep(seconds)
        self._signal(signal.SIGSTOP)
        self._stopped_at = time.monotonic()
        tokens = sum(self._crowd.tokens[:]) - before
        self.rates.append(tokens / (self._stopped_at - started))
        self.work.append((tokens, self._cpu() - cpu))
        self.resident.append(self._memory())

    def end(self, lead: int) -> tuple[dict[str, Any], list[tuple[str, int, str]]]:
        """Let the last answers come; what came of it, without the first `lead` slices."""
        shares = self._crowd.tokens[:]
        self._crowd.away.value += time.monotonic() - self._stopped_at
        self._signal(signal.SIGCONT)
        self._crowd.inbox.put("stop")
        took, lost, kept = self._crowd.outbox.get(timeout=300)
        self._process.join()
        times = sorted(took)
        return {
            "tokens_per_second": round(mean(self.rates[lead:]), 2),
            "tokens_per_processor_second": round(self.per_processor_second(lead), 2),
            "answers": len(times),
            "lost": len(lost),
            "losses": lost[:3],
            "mean_answer_seconds": round(mean(times), 2),
            "p99_by_mean": round(times[int(0.99 * (len(times) - 1))] / mean(times), 3),
            "least_served_by_mean": round(min(shares) / mean(shares), 3),
            "resident_bytes": [self.resident[lead], self.resident[-1]],
            "growth": round(self.resident[-1] / self.resident[lead] - 1, 4),
        }, kept

    def close(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)

    def per_processor_second(self, lead: int) -> float:
        """Tokens for a second of a processor, the clients' own left out."""
        tokens, seconds = (sum(column) for column in zip(*self.work[lead:], strict=True))
        return float(tokens / seconds)

    def _cpu(self) -> float:
        ticks = 0
        for pid in self._pids:
            fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def _memory(self) -> int:
        pages = [
            int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) for pid in self._pids
        ]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE")

    def _signal(self, number: int) -> None:
        for pid in self._pids:
            os.kill(pid, number)


def again(address: Address, kept: list[tuple[str, int, str]]) -> dict[str, int]:
    """Ask once more, alone. Rounding differs with what else is in a batch, so words may turn off
    late; a mixed answer would begin like another's.
    """
    equal = mixed = 0
    for place, (prompt, limit, text) in enumerate(kept):
        alone = address.ask(prompt, limit, lambda _count: None)
        equal += alone == text
        own = _common(alone, text)
        others = [_common(alone, one[2]) for at, one in enumerate(kept) if at != place]
        mixed += own < max(others, default=0)
    return {"asked": len(kept), "equal": equal, "mixed": mixed}


def _common(one: str, other: str) -> int:
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in pairs)


def own_words(address: Address, clients: int) -> dict[str, int]:
    """All at once are made to say words of their own; how many said others'."""
    wrong: list[int] = []

    def say(number: int) -> None:
        for turn in range(3):
            words = f"client {number} says {os.urandom(12).hex()} in turn {turn}"
            schema = {"type": "string", "enum": [words]}
            form = {"type": "json_schema", "json_schema": {"name": "own", "schema": schema}}
            more = {"response_format": form}
            said = address.ask("Say it.", 120, lambda _count: None, more)
            if json.loads(said) != words:
                wrong.append(number)

    threads = [threading.Thread(target=say, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"said": 3 * clients, "wrong": len(wrong)}


def measure(wanted: argparse.Namespace, model: Path, home: Path) -> dict[str, Any]:
    """Everything; the servers are gone afterwards."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    process = context.Process(target=bare, args=(model, wanted.clients, wanted.threads, told))
    process.start()
    first = int(time.time()) % 50_000
    other = Side(told.get(timeout=120), [process.pid or 0], wanted.clients, first)
    address, pids = ours(model, wanted.clients, wanted.threads, home)
    mine = Side(address, pids, wanted.clients, first)
    try:
        for number in range(max(int(wanted.seconds / wanted.slice / 2), wanted.lead + 1)):
            for side in (mine, other) if number % 2 else (other, mine):
                side.run(wanted.slice)
            line = f"{number}: {mine.rates[-1]:.1f} {other.rates[-1]:.1f}"
            print(line, file=sys.stderr, flush=True)
        theirs, _ = other.end(wanted.lead)
        other.close()
        us, kept = mine.end(wanted.lead)
        rates = [sum(side.rates[wanted.lead :]) for side in (mine, other)]
        costs = [side.per_processor_second(wanted.lead) for side in (mine, other)]
        pairs = zip(mine.rates[wanted.lead :], other.rates[wanted.lead :], strict=True)
        return {
            "model": model.name,
            "clients": wanted.clients,
            "threads": wanted.threads,
            "seconds_each": wanted.seconds / 2,
            "ours": us,
            "theirs": theirs,
            "ratio": round(rates[0] / rates[1], 3),
            "ratio_per_processor_second": round(costs[0] / costs[1], 3),
            "median_ratio_of_pairs": round(median(a / b for a, b in pairs if b), 3),
            "again": again(address, kept),
            "own_words": own_words(address, wanted.clients),
        }
    finally:
        mine.close()
        process.kill()


def missed(result: Mapping[str, Any]) -> list[str]:
    """Targets that were not met."""
    us = result["ours"]
    found = {
        "throughput by the bare server's": result["ratio"] < TARGETS["ratio"],
        "growth of memory": us["growth"] > TARGETS["growth"],
        "slowest 1% by the mean": us["p99_by_mean"] > TARGETS["p99_by_mean"],
        "lost answers": us["lost"] > 0,
        "mixed answers": result["again"]["mixed"] + result["own_words"]["wrong"] > 0,
    }
    return [name for name, bad in found.items() if bad]


def main() -> int:
    """Measure, and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1200, help="of both sides together")
    parser.add_argument("--slice", type=float, default=5)
    parser.add_argument("--lead", type=int, default=6, help="slices that are not counted")
    wanted = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    socket.setdefaulttimeout(None)
    model = wanted.model or find_model(
        load_catalogue().default, Home.from_environment(), progress=Silent(), download=True
    )
    with tempfile.TemporaryDirectory() as folder:
        result = measure(wanted, model, Path(folder))
    result["missed"] = missed(result)
    print(json.dumps(result, indent=1))
    return 1 if result["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
