"""What rings beside the page: an MQTT topic, a Music Player Daemon, a Home Assistant that notifies.

Told when something begins to ring, again now and then while it does, and when it is over. Of what
rings it says kind and time; whose it is and what they call it is sealed with them and goes nowhere.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from penjing.core.agenda import Pending
from penjing.core.errors import BadInput
from penjing.core.protocols import Tool
from penjing.tools import music
from penjing.tools.checked import ToolAdapter, number, one_of, parameters
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.home.broker import Broker
from penjing.tools.home.settings import HomeAssistant, Mqtt, require_topic
from penjing.tools.keep import read_secret
from penjing.tools.mpd import Mpd
from penjing.tools.schedule import Schedule
from penjing.tools.web import Web

DESCRIPTION = "Silences or snoozes whatever rings in the house; rings its bell for a try."
PARAMETERS = parameters(
    ["action"],
    action=one_of("what to do", "start", "stop", "snooze"),
    minutes=number("how long to snooze", 1, 120),
)
_AGAIN = 20.0
"""Seconds after which it is told again: a speaker may have been off."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """The `bell:` of a spec."""

    mqtt: Mqtt | None = None
    """A broker that is told."""
    topic: str = "penjing/bell"
    """On which topic, as JSON: `state` is ringing or quiet."""
    mpd: music.Settings | None = None
    """A Music Player Daemon that plays."""
    play: str = ""
    """Which of its playlists, again and again."""
    volume: int | None = None
    """How loud, in percent; as it is when left out."""
    home_assistant: HomeAssistant | None = None
    """A Home Assistant that notifies."""
    notify: str = "notify"
    """By which of its services, such as mobile_app_phone."""
    words: Mapping[str, str] = field(default_factory=dict)
    """What a notification calls an `alarm`, a `timer`, a `reminder`."""

    def __post_init__(self) -> None:
        require_topic(self.topic)
        if self.mqtt is None and self.mpd is None and self.home_assistant is None:
            raise BadInput("bell needs mqtt, mpd or home_assistant: say what is to ring")
        if self.mpd is not None and not self.play:
            raise BadInput("bell needs 'play' beside mpd: the name of a playlist")
        if not self.notify.replace("_", "").isalnum():
            raise BadInput(f"'{self.notify[:40]}' is no service: write such as mobile_app_phone")
        if self.volume is not None and not 0 <= self.volume <= 100:
            raise BadInput("bell.volume is between 0 and 100")

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        places = [place.address for place in (self.mqtt, self.home_assistant) if place is not None]
        return [*places, *(self.mpd.addresses() if self.mpd is not None else [])]


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool, which hears from now on what rings."""
    bell = Bell(settings, given.schedule)
    given.schedule.on_sounding = bell.hear
    bell.hear(given.schedule.sounding)
    return [ToolAdapter("bell", DESCRIPTION, PARAMETERS, bell)]


class Bell:
    """Tells each place, in a thread of its own: who is slow or off holds up no alarm."""

    def __init__(self, settings: Settings, schedule: Schedule) -> None:
        self._schedule = schedule
        self._places = list(_places(settings))
        self._rings: tuple[Pending, ...] = ()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def hear(self, rings: Sequence[Pending]) -> None:
        """What rings now."""
        with self._changed:
            if self._closed or (not rings and self._thread is None):
                return
            self._rings = tuple(rings)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed. What rings is stopped whoever's it is, as on an open page."""
        if (action := arguments["action"]) == "snooze":
            return {"snoozed": self._snoozed(arguments.get("minutes"))}
        stopped = self._stopped() if action == "stop" else 0
        if stopped:
            return {"ringing": False, "stopped": stopped}
        self._try(person, ringing=action == "start")
        return {"ringing": action == "start"}

    def _snoozed(self, minutes: int | None) -> int:
        rings = [self._schedule.snooze(one.id, minutes) for one in self._schedule.sounding]
        if not any(rings):
            raise ToolError("unknown_name", "nothing rings", near=[], said={"zh": "没有什么在响"})
        return sum(one is not None for one in rings)

    def _stopped(self) -> int:
        return sum(self._schedule.stop(one.id) for one in self._schedule.sounding)

    def _try(self, person: str, *, ringing: bool) -> None:
        now = datetime.now().astimezone().timestamp()
        rings = (Pending("0", person, "alarm", now),) if ringing else ()
        for place in self._places:
            place(rings)

    def entities(self, parameter: str) -> Sequence[str]:
        """None."""
        return ()

    def close(self) -> None:
        """What rings is told to be over. Calling it twice is harmless."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(10)

    def _run(self) -> None:
        told: tuple[Pending, ...] = ()
        while True:
            with self._changed:
                if self._rings == told and not self._closed:
                    self._changed.wait(_AGAIN if told else None)
                told, over = (() if self._closed else self._rings), self._closed
            for place in self._places:
                try:
                    place(told)
                except ToolError as error:
                    logger.warning("the bell does not ring there: %s", error)
            if over:
                return


Place = Callable[[Sequence[Pending]], None]
"""Is told all that rings. Raises ToolError."""


def _places(settings: Settings) -> Sequence[Place]:
    places: list[Place] = []
    if settings.mqtt is not None:
        places.append(_Topic(Broker(settings.mqtt), settings.topic))
    if settings.mpd is not None:
        places.append(_Player(settings))
    if settings.home_assistant is not None:
        places.append(_Notifier(settings, settings.home_assistant))
    return places


@dataclass(frozen=True)
class _Topic:
    broker: Broker
    topic: str

    def __call__(self, rings: Sequence[Pending]) -> None:
        every = [{"id": one.id, "kind": one.kind, "at": _at(one)} for one in rings]
        said = {"state": "ringing" if every else "quiet", "ringing": every}
        try:
            self.broker.publish([(self.topic, json.dumps(said))])
        finally:
            if not rings:
                self.broker.close()


class _Player:
    def __init__(self, settings: Settings) -> None:
        mpd = settings.mpd or music.Settings()
        password = read_secret(mpd.password_file) if mpd.password_file else None
        self._mpd = Mpd(mpd.host, mpd.port, password, mpd.seconds)
        self._settings, self._plays = settings, False

    def __call__(self, rings: Sequence[Pending]) -> None:
        if rings and self._plays:
            return
        if rings:
            volume = self._settings.volume
            loud = [["setvol", str(volume)]] if volume is not None else []
            self._mpd.do(["clear"], ["load", self._settings.play], *loud, ["repeat", "1"], ["play"])
        elif self._plays:
            self._mpd.do(["stop"], ["repeat", "0"])
        self._plays = bool(rings)


class _Notifier:
    def __init__(self, settings: Settings, place: HomeAssistant) -> None:
        headers = {"Authorization": f"Bearer {read_secret(place.token_file)}"}
        self._web = Web(place.url, headers=headers, ca=place.ca)
        self._settings = settings
        self._told: set[str] = set()

    def __call__(self, rings: Sequence[Pending]) -> None:
        self._told &= {one.id for one in rings}
        for one in rings:
            if one.id not in self._told:
                called = self._settings.words.get(one.kind, one.kind.capitalize())
                time = datetime.fromtimestamp(_at(one)).astimezone()
                message = {"title": called, "message": f"{called} {time:%H:%M}"}
                self._web.post(f"/api/services/notify/{self._settings.notify}", message)
                self._told.add(one.id)


def _at(one: Pending) -> float:
    return one.at if one.rang is None else one.rang
