"""Does one person's prompt in the engine's cache show in what another is told, or how fast?"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from random import Random
from typing import Any

from attacked import Attacked, attacked
from ground import Ground
from way import Way

_ROUNDS = 9
_LONG = "{secret} is Anna's own number, and nobody else may ever know it. " * 3


class _EnoughError(Exception):
    """They have asked as often as one person may in a minute: this case proves nothing."""


def _case(server: Attacked, random: Random, folder: Path) -> str | None:
    try:
        return _looked(server, random)
    except _EnoughError:
        time.sleep(1)
        return None


def _looked(server: Attacked, random: Random) -> str | None:
    anna, ben = server.caller("Anna"), server.caller("Ben")
    own: list[int] = []
    theirs: list[int] = []
    for _ in range(3):
        secret = f"{random.randrange(10**8):08d}"
        prompt = _LONG.format(secret=secret)
        _ask(anna, prompt)
        own.append(_cached(_ask(anna, prompt)))
        theirs.append(_cached(_ask(ben, prompt)))
    if max(theirs) >= min(own) // 2 > 0:
        return f"Ben is told that {max(theirs)} tokens of Anna's prompt were known"
    if min(own) == 0:
        return "the cache that this looks at is not there: it proves nothing"
    return _timed(anna, ben, random)


def _timed(anna: Any, ben: Any, random: Random) -> str | None:
    """Ben asks what Anna asked, and what she did not, in turn: as ranks, the two must mix."""
    guessed: list[float] = []
    wrong: list[float] = []
    for _ in range(_ROUNDS):
        secret = f"{random.randrange(10**8):08d}"
        _ask(anna, _LONG.format(secret=secret))
        for times, number in ((guessed, secret), (wrong, f"{random.randrange(10**8):08d}")):
            began = time.perf_counter()
            _ask(ben, _LONG.format(secret=number))
            times.append(time.perf_counter() - began)
    if max(guessed) < min(wrong):
        return (
            f"a right guess at Anna's prompt is always faster: {statistics.median(guessed):.4f} s "
            f"beside {statistics.median(wrong):.4f} s"
        )
    return None


def _ask(caller: Any, prompt: str) -> Any:
    body = {
        "model": "tiny", "max_tokens": 1, "temperature": 0,
        "messages": [{"role": "user", "content": prompt}],
    }  # fmt: skip
    reply = caller.ask("POST", "/v1/chat/completions", body)
    if reply.status == 429:
        raise _EnoughError
    return reply.json


def _cached(answer: Any) -> int:
    return int((answer["usage"].get("prompt_tokens_details") or {}).get("cached_tokens", 0))


def _prepare(ground: Ground) -> Attacked:
    return attacked(ground)


WAY = Way(
    "neighbours",
    "prompts of one person in the engine's cache: another neither reads nor times them",
    _prepare,
    _case,
    forked=False,
    finish=Attacked.stop,
    share=0.3,
    seconds=30.0,
)
