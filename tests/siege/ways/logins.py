"""Passphrases at every place that asks one, from many addresses, at the same moment.

All are answered, with what is theirs; by ranks, a name that is there is not told from one that is
not; and while logins are in flight, SIGTERM ends the server within its grace.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import NormalDist
from typing import Any

from attacked import Attacked, attacked
from doorway import Caller
from ground import Ground
from household import WORDS, login
from way import Way

_NAMES = (
    "Ben",
    "Gil",
    "Nora",
    "ben ",
    "BEN",
    "Be\u0301n",
    "",
    "\u202eneB",
    "x" * 256,
    "' OR 1=1 --",
)
_GUESSES = ("", "x", "a wrong guess", "盆景" * 40, "y" * 4000, "\0" * 8, "e\u0301\u202e")
_ANSWERS = {200, 201, 401, 403, 422, 429, 503}
_ALIKE = 1e-5
_RANKED = 60
"""Of each kind: more make the smallest difference count, which no network would tell."""


@dataclass
class _State:
    server: Attacked
    there: list[float] = field(default_factory=list)
    """Seconds of guesses at Gil."""
    absent: list[float] = field(default_factory=list)
    """And at nobody."""


def _prepare(ground: Ground) -> _State:
    server = attacked(ground)
    for name in ("Anna", "Ben"):
        server.caller(name)
    return _State(server)


def _case(state: _State, random: Random, folder: Path) -> str | None:
    if len(state.there) < _RANKED and random.random() < 0.3:
        return _timed(state, random)
    return _rush(state, random)


def _rush(state: _State, random: Random) -> str | None:
    """Two or eight at the same moment."""
    tries = [_try(state, random) for _ in range(random.choice((2, 2, 8)))]
    gate, wrong = threading.Barrier(len(tries)), list[str]()

    def ask(caller: Caller, path: str, body: Any, expected: set[int]) -> None:
        gate.wait()
        try:
            status = caller.ask("POST", path, body, timeout=5).status
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            return wrong.append(f"{path}: {type(error).__name__}")
        return None if status in expected else wrong.append(f"{path}: {status}")

    threads = [threading.Thread(target=ask, args=one) for one in tries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong[0] if wrong else state.server.well()


def _try(state: _State, random: Random) -> tuple[Caller, str, Any, set[int]]:
    """Who asks, where, with what, and what may be answered."""
    address = f"127.{random.randrange(2, 250)}.{random.randrange(250)}.{random.randrange(1, 250)}"
    guess = random.choice(_GUESSES)
    kind = random.choice(("right", "wrong", "wrong", "wipe", "passphrase", "token"))
    if kind == "right":
        name = random.choice(("Anna", "Gil"))
        return (
            Caller(state.server.port, address=address),
            "/api/login",
            login(name),
            {200, 429, 503},
        )
    if kind == "wrong":
        body = {"name": random.choice(_NAMES), "passphrase": guess}
        return Caller(state.server.port, address=address), "/api/login", body, _ANSWERS - {200, 201}
    known = state.server.callers[random.choice(("Anna", "Ben"))]
    thief = Caller(known.port, dict(known.cookies), known.csrf, address)
    bodies = {
        "wipe": ("/api/me/wipe", {"passphrase": guess}),
        "passphrase": ("/api/me/passphrase", {"old": guess, "new": "a wholly new passphrase"}),
        "token": ("/api/me/tokens", {"label": "x", "scopes": ["admin"], "passphrase": guess}),
    }
    return thief, *bodies[kind], _ANSWERS - {200, 201, 401}


def _timed(state: _State, random: Random) -> str | None:
    """One guess at a name that is there and one at another, from where nobody has guessed."""
    for name, taken in random.sample([("Gil", state.there), ("Nil", state.absent)], 2):
        near = f"127.{random.randrange(2, 250)}.{random.randrange(250)}.{random.randrange(1, 250)}"
        caller, began = Caller(state.server.port, address=near), time.perf_counter()
        reply = caller.ask("POST", "/api/login", login("Gil", "a wrong guess") | {"name": name})
        if reply.status == 401:  # and not 429, as both have to wait when they were guessed at
            taken.append(time.perf_counter() - began)
        elif reply.status not in _ANSWERS:
            return f"a guess at {name}: {reply.status}"
    return None


def _finish(state: _State) -> Sequence[str]:
    fallen = []
    if min(len(state.there), len(state.absent)) >= 20 and _chance(state) < _ALIKE:
        fallen.append("how long a guess takes tells whether its name is there")
    over = threading.Event()

    def rush(number: int) -> None:
        caller = Caller(state.server.port, address=f"127.251.0.{number}")
        while not over.is_set():
            with suppress(OSError, http.client.HTTPException):
                caller.ask("POST", "/api/login", {"name": "Anna", "passphrase": WORDS["Anna"]})

    for number in range(1, 9):
        threading.Thread(target=rush, args=(number,), daemon=True).start()
    time.sleep(1.0)
    try:
        return [*fallen, *state.server.stop()]
    finally:
        over.set()


def _chance(state: _State) -> float:
    """Of ranks that differ as much, were both alike (Mann and Whitney)."""
    many, more = len(state.there), len(state.absent)
    wins = sum(one > other for one in state.there for other in state.absent)
    spread = (many * more * (many + more + 1) / 12) ** 0.5
    return 2 * NormalDist().cdf(-abs(wins - many * more / 2) / spread)


WAY = Way(
    "logins",
    "passphrases at all places at once: all answered, names not told by time, SIGTERM in the rush",
    _prepare,
    _case,
    forked=False,
    finish=_finish,
    share=0.5,
)
