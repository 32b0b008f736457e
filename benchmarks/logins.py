"""People who log in at the same moment: are all answered, how long does the slowest wait?

    python benchmarks/logins.py [--pairs 200] [--eights 20] [--stops 20] [--grace 3]

A real `penjing serve` in a process of its own before a vault with passphrases at the usual price;
only the engine is made of nothing. One alone is measured again between the others, so that what
else the machine does hits all alike. In each eight, three know their passphrase, two do not, and
three have names that are not there. At last servers are asked to end while eight log in again and
again. Prints a table; exit status 1 when somebody was not answered, a pair took 3 times one alone,
or an end took longer than its grace.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

SUPPORT = Path(__file__).parent.parent / "tests" / "support"
sys.path.insert(0, str(SUPPORT))

from household import household  # noqa: E402
from standing import Standing, standing  # noqa: E402

from penjing.vault.access import operator  # noqa: E402
from penjing.vault.secrets import Passphrase  # noqa: E402
from penjing.vault.vault import NewPerson  # noqa: E402

PEOPLE = {"Dora": "dora knows these words", "Erik": "erik knows those words"}
MOST = 3.0
LATEST = 1.0
"""Seconds beyond the grace: our own process has to be scheduled to see the end."""


@dataclass
class Run:
    """What one kind of rush came to."""

    name: str
    """What is printed."""
    seconds: list[float] = field(default_factory=list)
    """Of each login."""
    wrong: list[str] = field(default_factory=list)
    """Logins that got no answer, or another than theirs."""


Try = tuple[str, str, int]
"""A name, a passphrase, and the status that it has to be answered with."""


def main() -> int:
    """Measure all and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--eights", type=int, default=20)
    parser.add_argument("--stops", type=int, default=20)
    parser.add_argument("--grace", type=float, default=3.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with household(home) as vault:
            for name, words in PEOPLE.items():
                vault.add_person(operator(), NewPerson(name, "member", [Passphrase(words)]))
        with standing(home) as server:
            runs = rushes(server, args.pairs, args.eights)
        ends = [stopped(home, args.grace) for _ in range(args.stops)]
    report(runs, ends, args.grace)
    slow = max(runs[1].seconds, default=0.0) >= MOST * median(runs[0].seconds)
    late = any(status != 0 or took > args.grace + LATEST for status, took in ends)
    return 1 if slow or late or any(run.wrong for run in runs) else 0


def rushes(server: Standing, pairs: int, eights: int) -> tuple[Run, Run, Run]:
    """One alone, two at once, eight at once."""
    alone, two, eight = Run("one alone"), Run("two at once"), Run("eight at once")
    places, strangers = addresses(), itertools.count()
    at_once(server, Run("warm"), [right("Dora")], places)
    for number in range(max(pairs, eights)):
        at_once(server, alone, [right("Dora" if number % 2 else "Erik")], places)
        if number < pairs:
            at_once(server, two, [right("Dora"), right("Erik")], places)
        if number < eights:
            nobody = [(f"nobody {next(strangers)}", "a wrong guess", 401) for _ in range(3)]
            wrong = [(name, "a wrong guess", 401) for name in PEOPLE]
            tries = [right("Dora"), nobody[0], wrong[0], right("Erik"), nobody[1], wrong[1]]
            at_once(server, eight, [*tries, right("Dora"), nobody[2]], places)
    return alone, two, eight


def right(name: str) -> Try:
    """Who knows their passphrase."""
    return name, PEOPLE[name], 200


def addresses() -> Iterator[str]:
    """Nobody waits for what another guessed."""
    for number in itertools.count():
        yield f"127.{2 + number // 62500 % 250}.{number // 250 % 250}.{number % 250 + 1}"


def at_once(server: Standing, run: Run, tries: Sequence[Try], places: Iterator[str]) -> None:
    """All at the same moment."""
    gate = threading.Barrier(len(tries))

    def enter(one: Try, address: str) -> None:
        name, words, status = one
        caller = server.caller(address=address)
        gate.wait()
        began = time.perf_counter()
        try:
            reply = caller.ask(
                "POST", "/api/login", {"name": name, "passphrase": words}, timeout=60
            )
        except (OSError, http.client.HTTPException) as error:
            run.wrong.append(f"{run.name}: {name}: {type(error).__name__}")
            return
        run.seconds.append(time.perf_counter() - began)
        if reply.status != status:
            run.wrong.append(f"{run.name}: {name}: {reply.status} instead of {status}")
        if reply.status == 200:
            caller.csrf = reply.json["csrf"]
            with suppress(OSError, http.client.HTTPException):  # it was asked to end
                caller.ask("POST", "/api/logout")

    threads = [threading.Thread(target=enter, args=(one, next(places))) for one in tries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def stopped(home: Path, grace: float) -> tuple[int, float]:
    """The status and the seconds of a server's end, while eight log in again and again."""
    over, places = threading.Event(), addresses()

    def rush(server: Standing) -> None:
        while not over.is_set():
            run = Run("until the end")
            with suppress(Exception):  # the server has gone in the middle of it
                at_once(server, run, [right("Dora"), right("Erik")], places)

    with standing(home, grace=grace) as server:
        threads = [threading.Thread(target=rush, args=(server,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1.0)
        ended = server.stop()
        over.set()
        for thread in threads:
            thread.join()
    return ended


def report(runs: Sequence[Run], ends: Sequence[tuple[int, float]], grace: float) -> None:
    """The table, and each login that was not as it should be."""
    one = median(runs[0].seconds)
    print("| logins | how many | median s | slowest s | slowest / one alone | not answered right |")
    print("|---|---|---|---|---|---|")
    for run in runs:
        if run.seconds:
            slowest = max(run.seconds)
            row = f"{median(run.seconds):.3f} | {slowest:.3f} | {slowest / one:.2f}"
            print(f"| {run.name} | {len(run.seconds)} | {row} | {len(run.wrong)} |")
    if ends:
        took = [seconds for _, seconds in ends]
        ok = sum(status == 0 for status, _ in ends)
        print(f"\nended under load: {ok} of {len(ends)} with status 0 after SIGTERM,", end=" ")
        print(f"median {median(took):.2f} s, slowest {max(took):.2f} s of a grace of {grace:g} s")
    for line in itertools.chain.from_iterable(run.wrong for run in runs):
        print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
