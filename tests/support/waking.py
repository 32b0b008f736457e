"""Kill -9 while alarms are set, ring, are stopped, snoozed and told: run as a script of its own.

    python waking.py FOLDER KILLS SEED

A child lives with one vault: it sets alarms, lets the clock go, comes and leaves. After each kill
another goes on. What must hold is in `_wrong`: each alarm that was acknowledged rings once and is
told once. Prints one JSON document.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random

import diarist
from diarist import NAME, SECRET, Say, words
from killing import _killed
from stepping import Stepped
from tooling import SetClock

from penjing.app.serving.clock import Teller
from penjing.core.messages import Note
from penjing.serve.present import Present
from penjing.tools.when import DAYS, next_moment, zone_of
from penjing.vault.agenda import VaultAgenda
from penjing.vault.person import PersonStore
from penjing.vault.place import Place
from penjing.vault.secrets import Token
from penjing.vault.vault import Vault

LONGEST = 0.4
"""Seconds after which the child is killed at the latest."""
A_LIFE = 50
"""Kills that one vault goes through."""
START = 1_795_435_200.0
DAY = 86_400.0
Told = Counter[tuple[str, float]]
"""How often her sessions say of an alarm that it rang, by id and moment."""


def main() -> int:
    """Do it."""
    folder, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    diarist.mutate("off")  # no power is cut here: what was written before a kill is there
    rng, wrong, counts = Random(seed), list[str](), Counter[str]()
    for start in range(0, kills, A_LIFE):
        place, said = Place(folder / str(start) / "vault"), list[str]()
        place.root.parent.mkdir()
        token = _made(place)
        for number in range(start, min(kills, start + A_LIFE)):
            work = partial(_live, place, token, list(said), rng.random())
            said += _killed(work, rng.uniform(0, LONGEST))
            wrong += [f"{number}: {line}" for line in _wrong(place, token, said)]
        counts += Counter(line.split()[0] for line in said)
    print(json.dumps({"kills": kills, "acknowledged": counts, "wrong": wrong}))
    return 0


def _made(place: Place) -> Token:
    """A vault, and what opens her part of it without the cost of a passphrase."""
    diarist.make(place)
    with Vault.open(place, SECRET) as vault:
        store = vault.unlock(NAME, words(0))
        try:
            return vault.add_token(store, ["read"])
        finally:
            store.close()


class Waker:
    """A server's clock over a vault, stepped."""

    def __init__(self, place: Place, token: Token, now: float) -> None:
        self.token = token
        self.vault, self.present = Vault.open(place, SECRET), Present()
        self.person = self.vault.accounts.require(NAME).id
        self.clock, self.agenda = SetClock(now), VaultAgenda(self.vault.accounts.database)
        self.teller = Teller(self.present, "en")
        self.schedule = Stepped(
            lambda person: self.present.store(person).settings,
            self.teller.tell,
            self.clock,
            self.agenda,
        )
        self.store: PersonStore | None = None

    def come(self) -> PersonStore:
        if self.store is None:
            self.store = self.vault.unlock_by_token(self.person, self.token)
            self.present.came(self.person, self.store)
            self.teller.make_up(self.schedule, self.person)
        return self.store

    def leave(self) -> None:
        if self.store is not None:
            self.present.leaves(self.person)
            self.schedule.leave(self.person)
            self.store.close()
            self.store = None

    def close(self) -> None:
        self.leave()
        self.vault.close()


def _now(said: list[str]) -> float:
    return max((float(line.split()[1]) for line in said if line.startswith("now")), default=START)


def _live(place: Place, token: Token, said: list[str], seed: float, say: Say) -> None:
    """Until it is killed."""
    rng = Random(seed)
    one = Waker(place, token, _now(said))
    if rng.random() < 0.7:
        one.come()
    say("ready")
    while True:
        rng.choices(ACTS, [4, 1, 6, 2, 2, 1, 1])[0](one, rng, say)


def _set(one: Waker, rng: Random, say: Say) -> None:
    one.come()
    at = one.clock.now + rng.random() * rng.choice([3600.0, DAY])
    entry = one.schedule.add(one.person, "alarm", f"{at}", at)
    say(f"set {entry.id} {at}")


def _daily(one: Waker, rng: Random, say: Say) -> None:
    one.come()
    if len(one.schedule.entries(one.person, "alarm")) > 20:
        return
    time = f"{rng.randrange(24):02}:00"
    at = next_moment(one.clock.now, time, zone_of("UTC"), days=DAYS)
    entry = one.schedule.add(one.person, "alarm", time, at, time=time, days=DAYS, zone="UTC")
    say(f"daily {entry.id} {at}")


def _go(one: Waker, rng: Random, say: Say) -> None:
    now = one.clock.now + rng.random() * rng.choice([1800.0, 2 * 3600.0, DAY])
    say(f"now {now}")
    one.clock.now = now
    for due in one.schedule.step():
        say(f"rang {due.id} {due.at}")


def _stop(one: Waker, rng: Random, say: Say) -> None:
    for sounding in one.schedule.sounding[:1]:
        one.schedule.stop(sounding.id)
        say(f"stopped {sounding.id}")


def _snooze(one: Waker, rng: Random, say: Say) -> None:
    for sounding in one.schedule.sounding[-1:]:
        say(f"snoozing {sounding.id}")
        if (entry := one.schedule.snooze(sounding.id)) is not None:
            say(f"set {entry.id} {entry.at}")


def _cancel(one: Waker, rng: Random, say: Say) -> None:
    one.come()
    for entry in one.schedule.entries(one.person, "alarm")[-1:]:
        say(f"cancelling {entry.id}")
        one.schedule.cancel(one.person, [entry.id])
        say(f"cancelled {entry.id}")


def _door(one: Waker, rng: Random, say: Say) -> None:
    if one.store is None:
        one.come()
    else:
        one.leave()


ACTS = (_set, _daily, _go, _stop, _snooze, _cancel, _door)


def _wrong(place: Place, token: Token, said: list[str]) -> list[str]:
    """What was acknowledged and did not come, or came twice, once she is back and all is told."""
    one = Waker(place, token, _now(said))
    try:
        store = one.come()
        new = [f"rang {due.id} {due.at}" for due in one.schedule.step()]
        said += new
        told = Counter(
            (part.data["id"], part.data["at"])
            for session in store.history.sessions()
            for turn in store.history.turns(session.id)
            for part in turn.message.parts
            if isinstance(part, Note) and part.name == "rang"
        )
        rows = [row.id for row in one.agenda.all()]
        return _doubled(said, told) + _lost(said, told, rows, one.clock.now)
    finally:
        one.close()


def _doubled(said: list[str], told: Told) -> list[str]:
    rang = Counter(line for line in said if line.startswith("rang"))
    twice = [f"{line} twice" for line, count in rang.items() if count > 1]
    return twice + [f"{name} was told {count} times" for name, count in told.items() if count > 1]


def _lost(said: list[str], told: Told, rows: list[str], now: float) -> list[str]:
    gone = {line.split()[1] for line in said if line.startswith(("cancelling", "cancelled"))}
    wrong = []
    for line in said:
        what, name, *at = line.split()
        if what == "set" and name not in gone:
            came = told[name, float(at[0])]
            if float(at[0]) <= now and not came:
                wrong.append(f"{line}: neither rang nor was told")
            if float(at[0]) > now and name not in rows:
                wrong.append(f"{line}: is lost")
        elif what == "daily" and name not in gone and name not in rows:
            wrong.append(f"{line}: is lost")
        elif what == "cancelled" and name in rows:
            wrong.append(f"{line}: is there")
    return wrong


if __name__ == "__main__":
    os.environ.setdefault("TZ", "UTC")
    sys.exit(main())
