"""What was said for later, done by a running server: kept with its person, through a restart, for
who is away, with the role they have by then, in time or not at all. The clock is set.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from assisted import SCHEMAS, RecordingTool
from rememberer import Rememberer
from tooling import SetClock, wait_until

from penjing.app.assistants import load_spec
from penjing.app.serving.assistant import Around, ServedAssistant, served
from penjing.core.dialogue import Acted, Event, Outcome, Planned, Remarked, Said, Standing
from penjing.serve.people import Alone
from penjing.serve.present import Present
from penjing.serve.services import Known
from penjing.testing.scheduler import FakeScheduler
from penjing.tools import registry
from penjing.tools.agenda import MemoryAgenda
from penjing.tools.due import GRACE, rung
from penjing.tools.later import PARAMETERS, Later
from penjing.vault.memory import MemoryStore

SPEC = """\
assistant: Lamp
languages: [en, zh]
tools:
  lights: {who: [owner, member], settings: {mqtt: {host: 127.0.0.1}, devices: []}}
  later:
slots:
  light:
    type: entity
    tool: lights
    parameter: light
    ask: {en: "Which?", zh: "哪个？"}
    values: {lamp: [台灯]}
  colour: {type: colour, ask: {en: "Which colour?", zh: "什么颜色？"}}
intents:
  on:
    sentences:
      en: ["turn on the {light}", "turn the {light} on"]
      zh: ["(打开|开){light}", "{light}开"]
    do:
      - call: lights
        with: {light: $light, on: true}
        describes: {en: "turn on the {light}", zh: "打开{light}"}
      - answer: {en: On., zh: 开了。}
  off:
    sentences: {en: ["turn off the {light}"], zh: ["(关掉|关){light}"]}
    do:
      - call: lights
        with: {light: $light, on: false}
        describes: {en: "turn off the {light}", zh: "关掉{light}"}
      - answer: {en: Off., zh: 关了。}
  colour:
    sentences: {en: ["make the {light} {colour}"], zh: ["把{light}变成{colour}"]}
    do:
      - call: lights
        with: {light: $light, colour: $colour}
        describes: {en: "make the {light} {colour}", zh: "把{light}变成{colour}"}
      - answer: {en: "{colour}.", zh: "{colour}了。"}
  planned:
    sentences: {en: ["what is planned"], zh: ["有什么计划"]}
    do:
      - call: later
        with: {action: list}
      - answer: {en: "{result.count}: {result.planned}", zh: "{result.count}：{result.planned}"}
  cancel:
    sentences: {en: ["cancel what is planned"], zh: ["取消计划"]}
    do:
      - call: later
        with: {action: cancel, all: true}
      - answer: {en: "Cancelled: {result.cancelled}", zh: "取消了：{result.cancelled}"}
"""
NOON = datetime(2026, 11, 23, 12).astimezone().timestamp()
ON, OFF = ({"light": "lamp", "on": on} for on in (True, False))


class Household(Alone):
    """People whose roles can be changed."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.known = [Known("anna", "Anna", "owner"), Known("ben", "Ben", "member")]

    def all(self) -> list[Known]:
        return self.known


def lamp(*answers: Outcome) -> RecordingTool:
    names = {"light": ["lamp"]}
    return RecordingTool("lights", SCHEMAS["lights"], answers=answers, names=names)


def white_lamp() -> Rememberer:
    one = Rememberer("lights", "light", {"light": ["lamp"]})
    one.states["lamp"] = {"on": True, "colour": "white"}
    return one


@dataclass
class House:
    """A server that can be stopped and started, and what its lamp was told."""

    path: Path
    clock: SetClock = field(default_factory=lambda: SetClock(NOON))
    people: Household = field(default_factory=Household)
    lamp: RecordingTool = field(default_factory=lamp)
    stores: dict[str, MemoryStore] = field(default_factory=dict)
    present: Present = field(default_factory=Present)
    agenda: MemoryAgenda = field(default_factory=MemoryAgenda)
    served: ServedAssistant | None = None

    @contextmanager
    def running(self, *who: str) -> Iterator[None]:
        self.present, scheduler = Present(), FakeScheduler()
        around = Around(scheduler, self.people, self.present, clock=self.clock, agenda=self.agenda)
        with served(str(self.path), load_spec(str(self.path)), around) as self.served:
            for one in who:
                self.comes(one)
            yield
        scheduler.close()

    def comes(self, person: str) -> None:
        store = self.stores.setdefault(person, MemoryStore())
        if not store.history.sessions():
            store.history.begin()
        self.present.came(person, store)
        self.present.on_came(person)

    def say(self, person: str, text: str, role: Standing = "owner") -> list[Event]:
        assert self.served is not None
        store = self.stores[person]
        session = store.history.sessions()[0].id
        return list(self.served.reply(person, store, session, text, role=role))

    def told(self, person: str) -> list[str]:
        store = self.stores[person]
        return [one.message.text for one in store.history.turns(store.history.sessions()[0].id)]

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [arguments for arguments, _ in self.lamp.calls]

    def kept(self, person: str) -> str:
        return self.stores[person].settings.get("tools.schedule") or "[]"


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set is noticed at once."""
    monkeypatch.setattr("penjing.tools.schedule._LONGEST_SLEEP", 0.02)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    path = tmp_path / "assistant.yaml"
    path.write_text(SPEC, "utf-8")
    one = House(path)
    real = registry.make_tools
    monkeypatch.setattr(
        registry,
        "make_tools",
        lambda section, given: [one.lamp, *real({"later": section["later"]}, given)],
    )
    return one


def words(events: list[Event]) -> str:
    return "".join(one.text for one in events if isinstance(one, Said))


def test_it_is_done_in_time_once_and_told(house: House) -> None:
    with house.running("anna"):
        assert words(house.say("anna", "turn off the lamp in half an hour")) == (
            "In 30 minutes I will turn off the lamp."
        )
        assert words(house.say("anna", "what is planned")) == "1: at 12:30: turn off the lamp"
        house.clock.now += 1799
        assert house.calls == []
        house.clock.now += 3
        wait_until(lambda: house.calls == [OFF])
        wait_until(lambda: house.told("anna")[-1] == "12:30: turn off the lamp. Done.")
        wait_until(lambda: house.kept("anna") == "[]")
        assert house.lamp.calls[0][1] == "anna"
        house.clock.now += 86_400
        assert words(house.say("anna", "what is planned")).startswith("0:")
        assert house.calls == [OFF]


def test_for_a_while_and_back_through_a_restart(house: House) -> None:
    with house.running("anna"):
        assert "In 10 minutes" in words(house.say("anna", "turn on the lamp for ten minutes"))
        assert house.calls == [ON]
    with house.running("anna"):
        house.clock.now += 601
        wait_until(lambda: house.calls == [ON, OFF])


@pytest.mark.parametrize("text", ["make the lamp red for ten minutes", "把台灯变成红色十分钟"])
def test_a_colour_and_back_through_a_restart(house: House, text: str) -> None:
    house.lamp = one = white_lamp()
    with house.running("anna"):
        house.say("anna", text)
        assert one.states["lamp"]["colour"] == "red"
    with house.running("anna"):
        house.clock.now += 599
        assert one.restored == []
        house.clock.now += 3
        wait_until(lambda: one.states["lamp"] == {"on": True, "colour": "white"})
        wait_until(lambda: house.kept("anna") == "[]")
        wait_until(lambda: len(house.told("anna")) > 2)
    assert len(one.restored) == 1


def test_a_colour_that_somebody_changed_since_stays(house: House) -> None:
    house.lamp = one = white_lamp()
    with house.running("anna"):
        house.say("anna", "make the lamp red for ten minutes")
        house.say("anna", "make the lamp blue")
        house.clock.now += 601
        wait_until(lambda: house.kept("anna") == "[]")
    assert (one.states["lamp"]["colour"], one.restored) == ("blue", [])


def test_later_a_colour_for_a_while(house: House) -> None:
    house.lamp = one = white_lamp()
    with house.running("anna"):
        house.say("anna", "make the lamp red at 1 pm for ten minutes")
        house.clock.now += 3601
        wait_until(lambda: one.states["lamp"]["colour"] == "red")
        wait_until(lambda: "undo" in house.kept("anna"))
        house.clock.now += 601
        wait_until(lambda: one.states["lamp"]["colour"] == "white")


def test_later_for_a_while(house: House) -> None:
    with house.running("anna"):
        house.say("anna", "下午一点开台灯十分钟")
        house.clock.now += 3601
        wait_until(lambda: house.calls == [ON])
        wait_until(lambda: "关掉" in house.kept("anna"))
        wait_until(lambda: "打开" not in house.kept("anna"))
        house.clock.now += 601
        wait_until(lambda: house.calls == [ON, OFF])


def test_two_people_have_their_own(house: House) -> None:
    with house.running("anna", "ben"):
        house.say("anna", "turn off the lamp at 1 pm")
        house.say("ben", "下午一点开台灯", "member")
        assert words(house.say("ben", "有什么计划", "member")) == "1：13:00：打开台灯"
        house.say("ben", "取消计划", "member")
        assert words(house.say("ben", "有什么计划", "member")).startswith("0")
        house.clock.now += 3601
        wait_until(lambda: house.calls == [OFF])
        wait_until(lambda: house.kept("anna") == "[]")
        assert house.calls == [OFF]


def test_what_is_cancelled_is_not_done(house: House) -> None:
    with house.running("anna"):
        house.say("anna", "turn off the lamp in ten minutes")
        house.say("anna", "every day at 1 pm turn on the lamp")
        assert "Cancelled: at 12:10" in words(house.say("anna", "cancel what is planned"))
        house.clock.now += 7200
        assert words(house.say("anna", "what is planned")).startswith("0")
        assert house.calls == []


def test_who_may_not_any_more_is_told_and_it_is_not_done(house: House) -> None:
    with house.running("anna", "ben"):
        house.say("ben", "turn off the lamp in ten minutes", "member")
        house.people.known[1] = replace(house.people.known[1], role="guest")
        house.clock.now += 601
        wait_until(lambda: "did not work" in house.told("ben")[-1])
        assert house.calls == []
        (news,) = [
            one.text
            for one in house.say("ben", "what is planned", "guest")
            if isinstance(one, Remarked)
        ]
        assert "turn off the lamp" in news
        assert not [one for one in house.say("ben", "what is planned") if isinstance(one, Remarked)]
        house.say("anna", "turn off the lamp in ten minutes")
        del house.people.known[0]
        house.clock.now += 601
        wait_until(lambda: "no such person" in house.told("anna")[-1])
        assert house.calls == []


def test_who_may_only_talk_and_who_may_not_plan_nothing(house: House) -> None:
    with house.running("anna"):
        for role in ("talker", "guest"):
            events = house.say("anna", "turn off the lamp in ten minutes", role)  # type: ignore[arg-type]
            assert not [one for one in events if isinstance(one, Planned)]
        assert house.kept("anna") == "[]"


def test_the_tool_itself_plans_nothing_for_anybody() -> None:
    """What a model, a spec or another program can ask of it is to list and to cancel."""
    assert PARAMETERS["properties"]["action"]["enum"] == ["list", "cancel"]
    assert not hasattr(Later, "call")


def test_what_was_missed_is_not_done_late_and_said(house: House) -> None:
    with house.running("anna"):
        house.say("anna", "turn off the lamp at 1 pm")
        house.say("anna", "turn on the lamp every day at 2 pm")
    house.clock.now += 3600 * 2 + GRACE + 1
    with house.running("anna"):
        wait_until(lambda: len(house.told("anna")) == 6)
        assert all("and did not" in one for one in house.told("anna")[-2:])
        remarks = [e.text for e in house.say("anna", "what is planned") if isinstance(e, Remarked)]
        assert [("13:00" in one, "14:00" in one) for one in remarks] == [(1, 0), (0, 1)]
        assert (
            words(house.say("anna", "what is planned")) == "1: every day at 14:00: turn on the lamp"
        )
        assert house.calls == []
        house.clock.now += 86_400 - GRACE
        wait_until(lambda: house.calls == [ON])


def test_a_restart_within_the_grace_does_it(house: House) -> None:
    with house.running("anna"):
        house.say("anna", "turn off the lamp at 1 pm")
    house.clock.now += 3600 + GRACE - 5
    with house.running("anna"):
        wait_until(lambda: house.calls == [OFF])


def test_a_clock_that_jumps_ahead_does_nothing_late(house: House) -> None:
    with house.running("anna"):
        house.say("anna", "turn off the lamp at 1 pm")
        house.clock.now += 5 * 3600
        wait_until(lambda: "and did not" in house.told("anna")[-1])
        assert house.calls == []


def test_a_clock_that_is_set_back_does_it_at_its_time_by_the_wall(house: House) -> None:
    with house.running("anna"):
        house.say("anna", "turn off the lamp at 1 pm")
        house.clock.now -= 3600
        house.clock.now += 3600
        assert house.calls == []
        house.clock.now += 3601
        wait_until(lambda: house.calls == [OFF])


def test_what_was_cut_off_in_the_middle_is_not_done_twice(house: House) -> None:
    with house.running("anna"):
        house.say("anna", "turn off the lamp at 1 pm")
    (waiting,) = house.agenda.all()
    house.clock.now += 3605
    cut = replace(rung(waiting, house.clock.now), begun=True)  # and the server was killed
    assert house.agenda.change(waiting, cut)
    with house.running("anna"):
        wait_until(lambda: "may have been done" in house.told("anna")[-1])
        assert house.calls == []


def test_for_who_is_away_it_is_done_and_told_when_they_are_back(house: House) -> None:
    with house.running("anna"):
        house.say("anna", "at 1 pm turn on the lamp for an hour")
        house.say("anna", "turn off the lamp every day at 10 pm")
        before = len(house.told("anna"))
        house.present.leaves("anna")
        house.clock.now += 3601
        wait_until(lambda: house.calls == [ON])
        house.clock.now += 3601
        wait_until(lambda: house.calls == [ON, OFF])
        house.clock.now += 8 * 3600
        wait_until(lambda: house.calls == [ON, OFF, OFF])
        assert len(house.told("anna")) == before
        house.comes("anna")
        assert [one[:5] for one in house.told("anna")[before:]] == ["13:00", "14:00", "22:00"]
        left = "1: every day at 22:00: turn off the lamp"
        assert words(house.say("anna", "what is planned")) == left
        house.clock.now += 86_400
        wait_until(lambda: len(house.calls) == 4)


def test_what_fails_is_told(house: House) -> None:
    house.lamp = lamp(Outcome(False, error="the lamp does not answer"))
    with house.running("anna"):
        house.say("anna", "一分钟后关台灯")
        house.clock.now += 61
        wait_until(lambda: "the lamp does not answer" in house.told("anna")[-1])
        assert house.told("anna")[-1].startswith("12:01应关掉")


def test_a_spec_that_does_something_else_by_then_does_nothing(house: House) -> None:
    with house.running("anna"):
        house.say("anna", "turn off the lamp at 1 pm")
    house.path.write_text(SPEC.replace("on: false}", "on: true}"), "utf-8")
    with house.running("anna"):
        house.clock.now += 3601
        wait_until(lambda: "something else by now" in house.told("anna")[-1])
        assert house.calls == []


def test_what_is_kept_and_forged_is_no_call(house: House) -> None:
    with house.running("anna"):
        house.say("anna", "turn off the lamp at 1 pm")
    kept, (waiting,) = house.kept("anna"), house.agenda.all()
    for old, new in (('"lights"', '"doors"'), ('"off"', '"nothing"'), ('"person"', '"document"')):
        assert old in kept
        house.clock.now, house.agenda = NOON, MemoryAgenda()
        house.agenda.change(None, waiting)
        house.stores["anna"].settings.put("tools.schedule", kept.replace(old, new))
        house.stores["anna"].history.begin()  # in the one before it was told already
        with house.running("anna"):
            house.clock.now += 3601
            wait_until(lambda: len(house.told("anna")) == 1)
            assert house.calls == []


@pytest.mark.parametrize(
    ("day", "clock"),
    [("2026-03-28 12:00", "03:30"), ("2026-10-24 12:00", "02:30")],
)
def test_daylight_saving(
    house: House, monkeypatch: pytest.MonkeyPatch, day: str, clock: str
) -> None:
    """A time that the clocks skip comes an hour later by the wall; one that comes twice, once."""
    berlin = ZoneInfo("Europe/Berlin")
    for room in ("later", "due"):
        monkeypatch.setattr(f"penjing.tools.{room}.zone_of", lambda _name: berlin)
    house.clock.now = datetime.fromisoformat(day).replace(tzinfo=berlin).timestamp()
    with house.running("anna"):
        house.say("anna", "turn off the lamp every day at 2:30 am")
        at = datetime.fromisoformat(f"{day[:8]}{int(day[8:10]) + 1} {clock}")
        moment = at.replace(tzinfo=berlin).timestamp()
        house.clock.now = moment - 10
        assert words(house.say("anna", "what is planned")).startswith("1: every day at 02:30")
        assert house.calls == []
        house.clock.now = moment + 1
        wait_until(lambda: house.calls == [OFF])
        house.clock.now = moment + 2 * 3600
        house.say("anna", "what is planned")
        assert house.calls == [OFF]


def test_what_was_asked_about_is_planned_by_the_yes(house: House) -> None:
    with house.running("anna"):
        house.clock.now += 4 * 3600
        assert words(house.say("anna", "turn off the lamp at 9")) == (
            "At 21:00 I turn off the lamp. Right?"
        )
        assert house.kept("anna") == "[]"
        assert [e.when.time for e in house.say("anna", "yes") if isinstance(e, Planned)] == [
            "21:00"
        ]
        house.clock.now += 5 * 3600 + 1
        wait_until(lambda: house.calls == [OFF])
        assert not [e for e in house.say("anna", "yes") if isinstance(e, Acted)]


def test_who_comes_while_it_is_done_is_told_what_came_of_it(house: House) -> None:
    with house.running("anna"):
        house.say("anna", "turn off the lamp in ten minutes")
        busy, go_on = threading.Event(), threading.Event()

        def slow(arguments: Mapping[str, Any], person: str) -> Outcome:
            house.lamp.calls.append((dict(arguments), person))
            busy.set()
            assert go_on.wait(10)
            return Outcome(True)

        house.lamp.call = slow  # type: ignore[method-assign]
        house.clock.now += 601
        assert busy.wait(10)
        house.comes("anna")
        go_on.set()
        wait_until(lambda: house.told("anna")[-1] == "12:10: turn off the lamp. Done.")
        assert house.calls == [OFF]
        assert not [one for one in house.told("anna") if "may have been" in one]
