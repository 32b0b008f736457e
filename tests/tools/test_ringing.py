"""Alarms, timers and reminders: kept in the real vault too, rung by a real thread."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import strategies as st
from tooling import MONDAY_NOON, SetClock, done, failed, opened, wait_until

from penjing.core.errors import NotFound
from penjing.core.protocols import Settings, Tool
from penjing.tools.entries import Due
from penjing.tools.given import Given
from penjing.tools.keep import MemorySettings, in_file, in_memory
from penjing.tools.registry import make_tools
from penjing.tools.schedule import Schedule
from penjing.tools.when import DAYS, next_moment, zone_of

Make = Callable[..., Tool]


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set is noticed at once."""
    monkeypatch.setattr("penjing.tools.schedule._LONGEST_SLEEP", 0.02)


def test_a_timer_is_set_listed_and_cancelled(make: Make, clock: SetClock) -> None:
    timers = make("timers")
    assert done(timers.call({"action": "list"}, "ann")) == {
        "timers": [], "count": 0, "listed": [],
    }  # fmt: skip
    made = done(timers.call({"action": "set", "seconds": 600, "label": "面条"}, "ann"))
    assert (made["seconds"], made["label"], made["in_seconds"]) == (600, "面条", 600)
    clock.now += 100
    assert done(timers.call({"action": "list"}, "ann"))["timers"][0]["left"] == 500
    assert done(timers.call({"action": "list"}, "ben"))["count"] == 0
    assert failed(timers.call({"action": "cancel", "label": "tea"}, "ann")) == "unknown_name"
    assert done(timers.call({"action": "cancel", "label": "面条"}, "ann"))["count"] == 1
    assert done(timers.call({"action": "list"}, "ann"))["count"] == 0


def test_which_one_is_cancelled_is_never_guessed(make: Make) -> None:
    timers = make("timers")
    for label in ("tea", "eggs"):
        done(timers.call({"action": "set", "seconds": 60, "label": label}, "ann"))
    outcome = timers.call({"action": "cancel"}, "ann")
    assert failed(outcome) == "ambiguous"
    assert outcome.data["near"] == ["tea", "eggs"]
    assert done(timers.call({"action": "list"}, "ann"))["count"] == 2
    assert done(timers.call({"action": "cancel", "all": True}, "ann"))["count"] == 2


def test_a_timer_is_cancelled_by_how_long_it_was_set_for(make: Make, clock: SetClock) -> None:
    timers = make("timers")
    done(timers.call({"action": "set", "seconds": 600, "label": "pasta"}, "ann"))
    done(timers.call({"action": "set", "seconds": 300}, "ann"))
    clock.now += 100
    assert done(timers.call({"action": "list"}, "ann"))["listed"] == [
        {"en": "0:03:20 left", "zh": "还剩0:03:20"},
        {"en": "pasta (0:08:20 left)", "zh": "pasta（还剩0:08:20）"},
    ]
    assert failed(timers.call({"action": "cancel", "seconds": 500}, "ann")) == "unknown_name"
    assert done(timers.call({"action": "cancel", "seconds": 600}, "ann"))["cancelled"] == ["pasta"]
    assert done(timers.call({"action": "cancel", "seconds": 300}, "ann"))["cancelled"] == [
        "0:05:00"
    ]


def test_an_alarm_may_ring_after_a_while(make: Make) -> None:
    alarms = make("alarms", zone="UTC")
    assert done(alarms.call({"action": "set", "seconds": 1200}, "ann"))["time"] == "12:20"
    both = {"action": "set", "seconds": 1200, "time": "07:00"}
    assert failed(alarms.call(both, "ann")) == "arguments"


def test_alarms_are_listed_with_their_days(make: Make) -> None:
    alarms = make("alarms", zone="UTC")
    done(alarms.call({"action": "set", "time": "07:00", "days": list(DAYS[:5])}, "ann"))
    done(alarms.call({"action": "set", "time": "07:00", "date": "2026-11-28"}, "ann"))
    done(alarms.call({"action": "set", "time": "09:30", "days": ["fri", "mon"]}, "ann"))
    assert done(alarms.call({"action": "list"}, "ann"))["listed"] == [
        {"en": "07:00 every weekday", "zh": "每个工作日 07:00"},
        {"en": "09:30 every Monday and Friday", "zh": "每周一、周五 09:30"},
        {"en": "07:00 on Saturday, 2026-11-28", "zh": "2026-11-28（周六） 07:00"},
    ]
    two = alarms.call({"action": "cancel", "time": "07:00"}, "ann")
    assert failed(two) == "ambiguous"
    assert "07:00" in str(two.data["said"]["zh"])
    cancel = {"action": "cancel", "time": "07:00", "days": list(DAYS[:5])}
    assert done(alarms.call(cancel, "ann"))["count"] == 1
    assert done(alarms.call({"action": "list"}, "ann"))["count"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"action": "set"},
        {"action": "set", "seconds": 0},
        {"action": "set", "seconds": 10**9},
        {"action": "explode"},
        {"action": "set", "seconds": "ten"},
    ],
)
def test_bad_arguments_are_an_outcome(make: Make, arguments: dict[str, object]) -> None:
    assert failed(make("timers").call(arguments, "ann")) == "arguments"


def test_an_alarm_is_on_the_wall_of_its_zone(make: Make) -> None:
    alarms = make("alarms", zone="Asia/Shanghai")  # 20:00 there
    made = done(alarms.call({"action": "set", "time": "7:05", "label": "起床"}, "ann"))
    assert (made["time"], made["date"], made["in_seconds"]) == ("07:05", "2026-11-24", 39_900)
    tonight = done(alarms.call({"action": "set", "time": "20:30"}, "ann"))
    assert (tonight["date"], tonight["in_seconds"]) == ("2026-11-23", 1800)
    found = done(alarms.call({"action": "list"}, "ann"))["alarms"]
    assert [alarm["time"] for alarm in found] == ["20:30", "07:05"]
    assert done(alarms.call({"action": "cancel", "time": "7:05"}, "ann"))["cancelled"] == ["07:05"]


@pytest.mark.parametrize(
    "more",
    [
        {"time": "25:00"},
        {"time": "7 o'clock"},
        {},
        {"time": "07:00", "date": "2026-11-22"},
        {"time": "07:00", "date": "2026-02-30"},
        {"time": "07:00", "date": "2099-01-01"},
        {"time": "07:00", "date": "2026-12-01", "days": ["mon"]},
        {"time": "07:00", "days": []},
        {"time": "07:00", "days": ["someday"]},
    ],
)
def test_an_alarm_that_cannot_be_is_refused(make: Make, more: dict[str, object]) -> None:
    alarms = make("alarms", zone="UTC")
    assert failed(alarms.call({"action": "set", **more}, "ann")) == "arguments"
    assert done(alarms.call({"action": "list"}, "ann"))["count"] == 0


def test_reminders_at_a_time_a_day_or_after_a_while(make: Make) -> None:
    reminders = make("reminders", zone="UTC", hour="08:00")
    said = {"action": "set", "text": "给妈妈打电话"}
    assert done(reminders.call({**said, "seconds": 1200}, "ann"))["time"] == "12:20"
    assert done(reminders.call({**said, "date": "2026-11-30"}, "ann"))["time"] == "08:00"
    weekly = done(reminders.call({**said, "time": "09:00", "days": ["tue"]}, "ann"))
    assert (weekly["date"], weekly["days"], weekly["text"]) == ("2026-11-24", ["tue"], said["text"])
    assert failed(reminders.call(said, "ann")) == "arguments"
    assert failed(reminders.call({**said, "seconds": 5, "time": "09:00"}, "ann")) == "arguments"
    cancel = {"action": "cancel", "text": "打电话", "all": True}
    assert done(reminders.call(cancel, "ann"))["count"] == 3


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("now", "time", "rings"),
    [
        ("2026-03-28 12:00", "02:30", "2026-03-29 03:30+02:00"),  # 02:30 is skipped
        ("2026-03-28 12:00", "03:30", "2026-03-29 03:30+02:00"),
        ("2026-10-24 12:00", "02:30", "2026-10-25 02:30+02:00"),  # twice: the first
        ("2026-10-24 12:00", "07:00", "2026-10-25 07:00+01:00"),  # 20 hours of clock, 19 + 1
        ("2026-12-31 23:59", "00:00", "2027-01-01 00:00+01:00"),
        ("2026-05-05 07:00", "07:00", "2026-05-06 07:00+02:00"),
    ],
)
def test_clocks_change(now: str, time: str, rings: str) -> None:
    zone = zone_of(BERLIN)
    start = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(BERLIN)).timestamp()
    assert next_moment(start, time, zone) == datetime.fromisoformat(rings).timestamp()


def test_weekdays_keep_their_wall_time_when_clocks_change(clock: SetClock) -> None:
    zone = zone_of(BERLIN)
    at = datetime(2026, 3, 28, 8, tzinfo=ZoneInfo(BERLIN)).timestamp()
    for _ in range(10):
        at = next_moment(at, "07:00", zone, days=["sat", "sun"])
        shown = datetime.fromtimestamp(at, ZoneInfo(BERLIN))
        assert (shown.hour, shown.minute, shown.weekday() in (5, 6)) == (7, 0, True)


# -- the clock that rings


class Told:
    """Somebody who hears, or not."""

    def __init__(self, heard: bool = True) -> None:
        self.heard = heard
        self.dues: list[Due] = []
        self.rang = threading.Event()

    def __call__(self, due: Due) -> bool:
        self.dues.append(due)
        self.rang.set()
        return self.heard


@pytest.mark.alone
def test_it_rings_when_it_is_due_and_not_before() -> None:
    told = Told()
    schedule = Schedule(in_memory(), told, time.time)
    started = time.time()
    schedule.add("ann", "timer", "tea", started + 0.4)
    schedule.add("ann", "timer", "later", started + 60)
    assert told.rang.wait(5)
    assert 0.4 <= time.time() - started < 2
    wait_until(lambda: [e.label for e in schedule.entries("ann", "timer")] == ["later"])
    assert [(due.person, due.label) for due in told.dues] == [("ann", "tea")]
    assert 0 <= told.dues[0].late < 1
    schedule.close()
    schedule.close()


def test_what_nobody_heard_is_told_at_the_next_welcome() -> None:
    told = Told(heard=False)
    kept = in_memory()
    schedule = Schedule(kept, told, time.time)
    schedule.add("ann", "reminder", "call", time.time() + 0.05)
    assert told.rang.wait(5)
    wait_until(lambda: schedule.entries("ann", "reminder") == [])
    time.sleep(0.1)
    assert len(told.dues) == 1  # it does not ring again and again
    assert [due.label for due in schedule.welcome("ann")] == ["call"]
    assert schedule.welcome("ann") == []
    schedule.close()


def test_whoever_tells_may_be_wrong() -> None:
    calls = []

    def tell(due: Due) -> bool:
        calls.append(due.label)
        if due.label == "first":
            raise RuntimeError("a bug of the page")
        return True

    schedule = Schedule(in_memory(), tell, time.time)
    schedule.add("ann", "timer", "first", time.time())
    schedule.add("ann", "timer", "second", time.time() + 0.1)
    wait_until(lambda: calls == ["first", "second"])
    assert [due.label for due in schedule.welcome("ann")] == ["first"]
    schedule.close()


def test_a_clock_that_is_set_forward_is_noticed(clock: SetClock) -> None:
    told = Told()
    schedule = Schedule(in_memory(), told, clock)
    schedule.add("ann", "alarm", "morning", clock.now + 3600, time="13:00", days=["mon"])
    time.sleep(0.05)
    assert told.dues == []
    clock.now += 7200
    assert told.rang.wait(10)
    assert told.dues[0].late == 3600
    wait_until(lambda: schedule.entries("ann", "alarm")[0].at > clock.now)  # next Monday
    schedule.close()


def test_missed_while_off_is_told_once_and_what_repeats_goes_on(
    tmp_path: Path, clock: SetClock
) -> None:
    kept = in_file(tmp_path / "settings.json")
    first = Schedule(kept, Told(), clock)
    first.add("ann", "timer", "茶", clock.now + 60)
    first.add("ann", "reminder", "later", clock.now + 10 * 86_400)
    first.add("ann", "alarm", "up", clock.now + 3600, time="13:00", days=("mon", "wed"), zone="UTC")
    first.close()
    clock.now += 86_400 + 3600  # off until Tuesday 13:00
    told = Told()
    second = Schedule(kept, told, clock)
    missed = second.welcome("ann")
    assert [(due.label, due.late) for due in missed] == [("茶", 89_940.0), ("up", 86_400.0)]
    assert second.welcome("ann") == []
    assert [e.at - MONDAY_NOON for e in second.entries("ann", "alarm")] == [2 * 86_400 + 3600]
    assert [entry.label for entry in second.entries("ann", "reminder")] == ["later"]
    assert (tmp_path / "settings.json").stat().st_mode & 0o077 == 0
    second.close()


def test_it_survives_a_kill_and_lies_in_the_real_vault(tmp_path: Path) -> None:
    code = """
import sys, time, os, signal
sys.path.insert(0, sys.argv[2])
from tooling import opened
from penjing.tools.schedule import Schedule
with opened(sys.argv[1]) as (person, store):
    schedule = Schedule(lambda _: store.settings, lambda _: True, time.time)
    schedule.add(person, "alarm", "起床", time.time() + 1)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    support = Path(__file__).parent.parent / "support"
    gone = subprocess.run([sys.executable, "-c", code, str(tmp_path), str(support)], check=False)
    assert gone.returncode == -9
    time.sleep(1)
    with opened(str(tmp_path)) as (person, store):
        schedule = Schedule(lambda _: store.settings, Told(), time.time)
        assert [due.label for due in schedule.welcome(person)] == ["起床"]
        schedule.close()


def test_snooze_is_of_what_rang(given: Given) -> None:
    told = Told()
    schedule = Schedule(given.kept, told, given.clock)
    own = Given(given.folder, given.kept, schedule, clock=given.clock)
    (alarms,) = make_tools({"alarms": {"zone": "UTC"}}, own)
    assert failed(alarms.call({"action": "snooze"}, "ann")) == "unknown_name"
    schedule.add("ann", "alarm", "up", given.clock())
    assert told.rang.wait(5)
    again = done(alarms.call({"action": "snooze", "minutes": 5}, "ann"))
    assert (again["label"], again["in_seconds"]) == ("up", 300)
    schedule.close()


def test_two_programs_keep_in_one_place(tmp_path: Path, clock: SetClock) -> None:
    kept = in_file(tmp_path / "settings.json")
    chat, tool = Schedule(kept, Told(), clock), Schedule(kept, Told(), clock)
    for number in range(5):
        for one in (chat, tool):
            one.add("ann", "timer", f"{number}", clock.now + 60)
    assert len(chat.entries("ann", "timer")) == len(tool.entries("ann", "timer")) == 10
    chat.cancel("ann", [chat.entries("ann", "timer")[0].id])
    assert len(tool.entries("ann", "timer")) == 9
    chat.close()
    tool.close()


WALL = st.floats(min_value=1_500_000_000, max_value=2_500_000_000)
TIMES = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda t: f"{t[0]:02}:{t[1]:02}")
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Shanghai", "UTC"])
WEEKDAYS = st.lists(st.sampled_from(DAYS), unique=True)


@hypothesis.given(WALL, TIMES, ZONES, WEEKDAYS)
def test_the_next_time_is_after_now_and_on_the_wall(
    now: float, wanted: str, zone: str, days: list[str]
) -> None:
    at = next_moment(now, wanted, zone_of(zone), days=days)
    assert now < at <= now + 9 * 86_400
    shown = datetime.fromtimestamp(at, ZoneInfo(zone))
    assert not days or DAYS[shown.weekday()] in days
    if f"{shown:%H:%M}" != wanted:  # the clocks skipped it
        assert shown.utcoffset() != datetime.fromtimestamp(at - 7200, ZoneInfo(zone)).utcoffset()


def test_for_whom_has_left_it_rings_without_words(clock: SetClock) -> None:
    told = Told(heard=False)
    schedule = Schedule(in_memory(), told, clock)
    schedule.add("ann", "timer", "tea", clock.now + 1)
    schedule.leave("ann")
    clock.now += 10
    schedule.add("ben", "timer", "eggs", clock.now)
    wait_until(lambda: len(told.dues) == 2)
    assert [(due.person, due.label) for due in told.dues] == [("ann", ""), ("ben", "eggs")]
    assert [due.label for due in schedule.welcome("ann")] == ["tea"]
    schedule.close()


def test_a_closed_store_and_a_spoilt_one_are_outcomes(tmp_path: Path, clock: SetClock) -> None:
    spoilt = MemorySettings()
    spoilt.put("tools.schedule", '[{"id": 1}]')

    def kept(person: str) -> Settings:
        if person == "ann":
            return spoilt
        raise NotFound("person", person)

    given = Given(tmp_path, kept, Schedule(kept, Told(), clock), clock=clock)
    (timers,) = make_tools({"timers": {}}, given)
    for person in ("ann", "nobody"):
        assert failed(timers.call({"action": "set", "seconds": 5}, person)) == "not_kept"
    assert spoilt.get("tools.schedule") == '[{"id": 1}]'
    given.schedule.close()


def test_there_is_room_for_some_and_no_more(make: Make) -> None:
    timers = make("timers")
    for number in range(200):
        done(timers.call({"action": "set", "seconds": 60 + number}, "ann"))
    assert failed(timers.call({"action": "set", "seconds": 60}, "ann")) == "full"
