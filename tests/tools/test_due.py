"""When things ring, whatever becomes of clocks and zones: each moment once, none never."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from stepping import Stepped
from tooling import MONDAY_NOON, SetClock

from penjing.tools.agenda import MemoryAgenda
from penjing.tools.due import RINGS, SNOOZE, Count
from penjing.tools.entries import Due
from penjing.tools.keep import in_memory
from penjing.tools.when import DAYS, next_moment, zone_of

BERLIN = "Europe/Berlin"
DAY = 86_400.0


@dataclass
class Night:
    """One schedule that is stepped, and what it told."""

    zone: str = "UTC"
    clock: SetClock = field(default_factory=SetClock)
    agenda: MemoryAgenda = field(default_factory=MemoryAgenda)
    heard: bool = True
    rang: list[Due] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kept = in_memory()
        self.restart()

    def restart(self) -> None:
        """As after a kill: only what was kept is known."""
        self.schedule = Stepped(self.kept, lambda _: self.heard, self.clock, self.agenda)

    def set(self, time: str, days: tuple[str, ...] = (), zone: str = "") -> str:
        wall = zone_of(zone or self.zone)
        at = next_moment(self.clock.now, time, wall, days=days)
        date = "" if days else f"{datetime.fromtimestamp(at, wall):%Y-%m-%d}"
        return self.schedule.add(
            "ann", "alarm", time, at, time=time, date=date, days=days, zone=zone
        ).id

    def go(self, seconds: float) -> list[Due]:
        self.clock.now += seconds
        new = self.schedule.step()
        self.rang += new
        return new


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Night:
    one = Night()
    monkeypatch.setattr(
        "penjing.tools.due.zone_of", lambda name: zone_of(one.zone if name is None else name)
    )
    monkeypatch.setattr("penjing.tools.schedule.wall_stamp", lambda: one.zone)
    return one


def moments(dues: list[Due]) -> list[tuple[str, float]]:
    return [(due.label, due.at - MONDAY_NOON) for due in dues]


def test_it_sounds_until_somebody_stops_it(night: Night) -> None:
    name = night.set("13:00")
    assert night.go(3599) == []
    assert moments(night.go(2)) == [("13:00", 3600)]
    assert [one.id for one in night.schedule.sounding] == [name]
    assert night.go(600) == []
    assert night.schedule.stop(name)
    assert night.schedule.sounding == ()
    assert not night.schedule.stop(name)
    assert night.agenda.all() == []


def test_what_nobody_stops_is_silent_after_an_hour_and_was_missed(night: Night) -> None:
    night.heard = False
    night.set("13:00")
    night.go(3601)
    night.go(RINGS)
    assert night.schedule.sounding == ()
    night.restart()
    assert night.go(0) == []
    assert moments(night.schedule.welcome("ann")) == [("13:00", 3600)]
    assert night.schedule.welcome("ann") == []
    assert night.agenda.all() == []


def test_snoozing_needs_nobody_and_keeps_the_words(night: Night) -> None:
    name = night.set("13:00", DAYS)
    night.go(3601)
    night.schedule.leave("ann")
    night.restart()
    assert night.schedule.snooze(name) is not None
    assert night.schedule.snooze(name) is None
    assert night.go(60.0 * SNOOZE["alarm"] - 2) == []
    (again,) = night.go(3)
    assert again.label == ""  # her key is not here
    assert night.schedule.stop(again.id)
    night.heard = True
    assert [one.label for one in night.schedule.entries("ann", "alarm")] == ["13:00"]
    (morning,) = night.go(DAY - 542)
    assert morning.at == MONDAY_NOON + DAY + 3600


def test_a_restart_in_the_hour_goes_on_ringing_and_does_not_ring_anew(night: Night) -> None:
    night.set("13:00")
    night.go(3601)
    night.restart()
    assert night.go(10) == []
    assert len(night.schedule.sounding) == 1


def test_who_was_off_at_seven_rings_when_it_is_on_again(night: Night) -> None:
    night.set("13:00")
    night.clock.now += 3600 + 1200
    night.restart()
    assert [due.at - MONDAY_NOON for due in night.go(0)] == [3600]
    assert len(night.schedule.sounding) == 1


def test_a_far_leap_that_was_wrong_takes_no_morning_away(night: Night) -> None:
    """A clock without a battery, or a server of time that lies: years ahead, and back."""
    night.set("07:00", DAYS)
    night.go(4 * 365 * DAY)
    assert len(night.rang) == 1
    night.clock.now = MONDAY_NOON
    for day in range(3):
        assert night.go(18 * 3600) == []
        assert moments(night.go(3600)) == [("07:00", day * DAY + 19 * 3600)]
        night.go(5 * 3600)


def test_a_clock_that_is_set_back_brings_nothing_again(night: Night) -> None:
    night.set("13:00", DAYS)
    night.set("14:00")
    for _ in range(3):
        night.go(DAY)
    assert len(night.rang) == 4
    night.clock.now = MONDAY_NOON
    assert night.go(0) == night.go(2.5 * DAY) == []
    assert moments(night.go(DAY)) == [("13:00", 3 * DAY + 3600)]


@pytest.mark.parametrize("repeats", [True, False])
def test_a_machine_that_is_taken_to_another_zone_rings_by_its_wall(
    night: Night, repeats: bool
) -> None:
    night.zone = "Europe/Berlin"
    night.set("07:00", DAYS if repeats else ())
    night.set("07:00", zone="Asia/Shanghai")
    night.zone = "America/New_York"
    night.go(1)
    there = [
        datetime(2026, 11, 24, 7, tzinfo=ZoneInfo(zone)).timestamp() - MONDAY_NOON
        for zone in ("Asia/Shanghai", "America/New_York")
    ]
    found = [due for _ in range(24 * 4) for due in night.go(900)]
    assert [due.at - MONDAY_NOON for due in found] == there


@pytest.mark.parametrize("year", [2026, 2027])
def test_a_year_of_mornings_through_daylight_saving(night: Night, year: int) -> None:
    night.zone = BERLIN
    zone = ZoneInfo(BERLIN)
    night.clock.now = datetime(year, 1, 1, 12, tzinfo=zone).timestamp()
    night.set("02:30", DAYS)
    while night.clock.now < datetime(year + 1, 1, 1, 12, tzinfo=zone).timestamp():
        night.go(1800)
    walls = [datetime.fromtimestamp(due.at, zone) for due in night.rang]
    first = datetime(year, 1, 2).date()
    assert [wall.date() for wall in walls] == [first + timedelta(days=n) for n in range(365)]
    odd = {f"{wall:%H:%M}" for wall in walls}
    assert odd == {"02:30", "03:30"}


def test_a_while_is_not_shorter_because_the_clock_was_set(night: Night) -> None:
    count = Count("a boot", 100.0)
    steady = Stepped(night.kept, lambda _: True, night.clock, night.agenda, lambda: count)
    steady.add("ann", "timer", "tea", night.clock.now + 600, seconds=600)
    night.clock.now += 3600  # and no second has gone by
    assert steady.step() == []
    assert steady.entries("ann", "timer")[0].at == night.clock.now + 600
    night.clock.now -= 86_400
    count = Count("a boot", 701.0)
    (due,) = steady.step()
    assert due.label == "tea"
    steady.add("ann", "timer", "eggs", night.clock.now + 600, seconds=600)
    count = Count("another boot", 5.0)
    night.clock.now += 601
    assert [one.label for one in steady.step()] == ["eggs"]


def test_what_was_kept_before_there_was_an_agenda_rings(night: Night) -> None:
    """Once its person has come: until then nobody can read it."""

    def old(name: str, at: float, **more: object) -> dict[str, object]:
        entry = {"id": name, "kind": "alarm", "label": f"word {name}", "at": at, "time": ""}
        return {**entry, "days": [], "zone": "", "seconds": 0.0, "rung": False, **more}

    now = night.clock.now
    every = [
        old("a", now + 60),
        old("b", now - 7200, rung=True),
        old("c", now + 3600, time="13:00", days=["mon", "tue"]),
        old("d", now - 5, kind="call", data={"tool": "x"}, begun=True),
    ]
    night.kept("ann").put("tools.schedule", json.dumps(every))
    assert night.go(1) == []
    missed = night.schedule.welcome("ann")
    assert [(due.label, due.begun) for due in missed] == [("word b", False), ("word d", True)]
    assert '"at"' not in (night.kept("ann").get("tools.schedule") or "")
    night.restart()
    assert night.schedule.welcome("ann") == []
    assert [due.label for due in [*night.go(60), *night.go(3600)]] == ["word a", "word c"]
    assert [due.at for due in night.go(86_400)] == [now + 3600 + 86_400]


def test_two_servers_of_one_vault_ring_once_and_stop_together(night: Night) -> None:
    other = Stepped(night.kept, lambda _: True, night.clock, night.agenda)
    names = [night.set("13:00"), night.set("13:00", DAYS)]
    night.clock.now += 3601
    rang = [*other.step(), *night.go(0), *other.step()]
    assert sorted(due.id for due in rang) == sorted(names)
    assert {one.id for one in other.sounding} == {*names}
    assert other.stop(names[0])
    night.go(0)
    assert [one.id for one in night.schedule.sounding] == names[1:]
    assert not night.schedule.stop(names[0])


LEAPS = [1.0, 59.0, 3600.0, 5 * 3600.0, DAY, 3 * DAY, 40 * DAY, 3000 * DAY]


@pytest.mark.parametrize("seed", range(10))
def test_two_hundred_clock_changes_lose_and_double_nothing(night: Night, seed: int) -> None:
    """Twenty changes for each of ten seeds; in between the clock goes, and the server is killed."""
    rng = Random(seed)
    times = [f"{rng.randrange(24):02}:{rng.randrange(60):02}" for _ in range(6)]
    for number, time in enumerate(times):
        days = ((), DAYS, tuple(rng.sample(DAYS, 3)))[number % 3]
        night.set(time, days)
    once = {one.id for one in night.agenda.all() if not one.days}
    repeated = [one for one in night.agenda.all() if one.days]
    passed: set[tuple[str, float]] = set()
    for _ in range(20):
        night.clock.now += rng.choice([-1, 1]) * rng.choice(LEAPS) * rng.random()
        night.clock.now = max(night.clock.now, 40 * DAY)
        night.go(0)
        for _ in range(rng.randrange(1, 60)):  # it goes, and moments pass one by one
            before = night.clock.now
            night.go(rng.choice([60.0, 1800.0]))
            for one in repeated:
                at = next_moment(before, one.time, zone_of("UTC"), days=one.days)
                passed |= {(one.id, at)} if at <= night.clock.now else set()
            if rng.random() < 0.1:
                night.restart()
            if rng.random() < 0.1:
                for sounding in night.schedule.sounding:
                    night.schedule.stop(sounding.id)
    night.clock.now = max(night.clock.now, MONDAY_NOON) + 2 * DAY
    night.go(0)
    rang = Counter((due.id, due.at) for due in night.rang)
    assert [one for one, count in rang.items() if count > 1] == []
    assert passed - rang.keys() == set()
    assert {name for name, _ in rang} >= once
    assert all(sum(each[0] == name for each in rang) == 1 for name in once)
