"""Logins as hours go by: they end when they must and not before, and keys are forgotten with them.

A door here, before a real vault, with a clock that jumps; beside it a model of what has to be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from doorway import Caller, Doorway, doorway
from ground import Ground
from household import WORDS, household, login
from way import Way

from penjing.serve.door.door import NEWS
from penjing.serve.door.residents import VaultAccounts
from penjing.serve.door.settings import DoorSettings
from penjing.vault.access import operator
from penjing.vault.vault import Vault

_RULES = DoorSettings()
_STEPS = 20
_MOST = 6
"""Web sessions of a case, and tokens: passphrases are slow."""
_JUMPS = (0.5, 4, 6, 60, 600, 1799, 3000, 3599, 3600, 3600.5, 3601, 7200, 40_000, 43_199, 43_200.5)


@dataclass
class _Login:
    """What has to be true of one."""

    name: str
    began: float
    seen: float
    caller: Caller
    ended: bool = False
    """Logged out, wiped, or found to be over."""

    def over(self, now: float) -> bool:
        """Whether it must have ended."""
        idle = now - self.seen > _RULES.idle
        return self.ended or idle or now - self.began > _RULES.life


@dataclass
class _Token:
    name: str
    id: str
    text: str
    gone: bool = False
    began: float = -1e9
    seen: float = -1e9
    """Of the session that it began when it was last shown."""

    def holds(self, now: float) -> bool:
        """Whether its person's part is open because of it."""
        return not self.gone and now - self.seen <= _RULES.idle and now - self.began <= _RULES.life


@dataclass
class _Day:
    """One case."""

    way: Doorway
    vault: Vault
    now: list[float]
    logins: list[_Login] = field(default_factory=list)
    tokens: list[_Token] = field(default_factory=list)
    wiped: set[str] = field(default_factory=set)

    def there(self) -> list[str]:
        return [name for name in WORDS if name not in self.wiped]


def _prepare(ground: Ground) -> Ground:
    household(ground.folder("tmp") / "once").close()  # the template, made before the cases fork
    return ground


def _case(ground: Ground, random: Random, folder: Path) -> str | None:
    now = [1000.0]
    with (
        household(folder / "home") as vault,
        doorway(VaultAccounts(vault), DoorSettings(), clock=lambda: now[0]) as way,
    ):
        day = _Day(way, vault, now)
        for number in range(_STEPS):
            step = random.choice(_ACTS)
            wrong = step(day, random) or _open(day)
            if wrong:
                return f"step {number} ({step.__name__[1:]}): {wrong}"
    return None


def _jump(day: _Day, random: Random) -> None:
    day.now[0] += random.choice(_JUMPS)


def _enter(day: _Day, random: Random) -> str | None:
    name = random.choice([*WORDS])
    if len(day.logins) >= _MOST:
        return None
    caller = day.way.caller()
    status = caller.enter("/api/login", login(name)).status
    if name in day.wiped:
        return None if status == 401 else f"{name} was wiped and logs in: {status}"
    day.logins.append(_Login(name, day.now[0], day.now[0], caller))
    return None if status == 200 else f"{name} cannot log in: {status}"


def _use(day: _Day, random: Random) -> str | None:
    return _asked(day, random, "/api/me")


def _look(day: _Day, random: Random) -> str | None:
    """What an open page asks by itself: it keeps nobody logged in."""
    return _asked(day, random, NEWS)


def _asked(day: _Day, random: Random, path: str) -> str | None:
    if not day.logins:
        return None
    one = random.choice(day.logins)
    over, reply = one.over(day.now[0]), one.caller.ask("GET", path)
    if over:
        one.ended = True
    elif path != NEWS:
        one.seen = day.now[0]
    if reply.status != (401 if over else 200):
        idle, age = day.now[0] - one.seen, day.now[0] - one.began
        return f"{one.name} was told {reply.status}: idle {idle} s, {age} s old, over: {over}"
    return None


def _leave(day: _Day, random: Random) -> str | None:
    live = [one for one in day.logins if not one.over(day.now[0])]
    if not live:
        return None
    one = random.choice(live)
    kept = dict(one.caller.cookies)
    status = one.caller.ask("POST", "/api/logout").status
    one.ended, one.caller.cookies = True, kept  # as a thief who copied it
    return None if status == 204 else f"logging out: {status}"


def _make(day: _Day, random: Random) -> str | None:
    live = [one for one in day.logins if not one.over(day.now[0])]
    if not live or len(day.tokens) >= _MOST:
        return None
    one = random.choice(live)
    reply = one.caller.ask("POST", "/api/me/tokens", {"label": "x"})
    one.seen = day.now[0]
    if reply.status != 201:
        return f"making a token: {reply.status}"
    day.tokens.append(_Token(one.name, reply.json["id"], reply.json["token"]))
    return None


def _show(day: _Day, random: Random) -> str | None:
    if not day.tokens:
        return None
    one = random.choice(day.tokens)
    shown = {"Authorization": f"Bearer {one.text}"}
    reply = day.way.caller().ask("GET", "/api/me", headers=shown)
    if not one.gone:
        one.began = one.began if one.holds(day.now[0]) else day.now[0]
        one.seen = day.now[0]
    if reply.status != (401 if one.gone else 200):
        return f"a token of {one.name} that is {'gone' if one.gone else 'good'}: {reply.status}"
    return None


def _revoke(day: _Day, random: Random) -> str | None:
    pairs = [
        (one, token)
        for one in day.logins
        for token in day.tokens
        if not one.over(day.now[0]) and not token.gone and token.name == one.name
    ]
    if not pairs:
        return None
    one, token = random.choice(pairs)
    status = one.caller.ask("DELETE", f"/api/me/tokens/{token.id}").status
    one.seen, token.gone = day.now[0], True
    return None if status == 204 else f"removing a token: {status}"


def _wipe(day: _Day, random: Random) -> str | None:
    """As an owner wipes somebody: first nobody has their part open any more."""
    if random.random() < 0.7 or len(day.there()) < 2:
        return None
    name = random.choice([one for one in day.there() if one != "Anna"])
    day.way.wait(day.way.door.evict(day.vault.accounts.require(name).id))
    day.vault.wipe(operator(), name)
    day.wiped.add(name)
    held: list[Any] = [*day.logins, *day.tokens]
    for one in held:
        if one.name == name:
            vars(one)["ended" if isinstance(one, _Login) else "gone"] = True
    return None


def _open(day: _Day) -> str | None:
    """Whose part is open: theirs who are logged in, and nobody else's."""

    async def swept() -> list[str]:
        day.way.door._tick()
        return day.way.door._stores.people()

    now = day.now[0]
    found = {day.vault.accounts.actor(one).name for one in day.way.wait(swept())}
    right = {one.name for one in day.logins if not one.over(now)}
    right |= {one.name for one in day.tokens if one.holds(now)}
    for one in day.logins:
        one.ended = one.over(now)  # what was swept away does not come back
    return None if found == right else f"open is {sorted(found)}, and should be {sorted(right)}"


_ACTS: tuple[Callable[[_Day, Random], Any], ...] = (
    _jump, _jump, _jump, _enter, _enter, _use, _use, _use, _look, _leave, _make, _show, _show,
    _revoke, _wipe,
)  # fmt: skip

WAY = Way(
    "hours",
    "logins, tokens and a clock that jumps: each ends when it must and not before, its keys too",
    _prepare,
    _case,
)
