"""Devices behind a broker: those that the spec names, and those that describe themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from penjing.tools.failed import ToolError
from penjing.tools.home.broker import Broker
from penjing.tools.home.device import Device, Kind, Known, State, Told, Wanted, close
from penjing.tools.home.dialect import Dialect, Heard
from penjing.tools.home.discovery import described
from penjing.tools.home.plain_topics import PlainTopics
from penjing.tools.home.settings import Line, Mqtt
from penjing.tools.home.tasmota import Tasmota
from penjing.tools.home.zigbee2mqtt import Zigbee2Mqtt

_MOST_DEVICES = 1_000


class MqttHouse:
    """One broker's devices. Satisfies `House`."""

    def __init__(self, settings: Mqtt) -> None:
        self._settings = settings
        self._named: dict[str, tuple[Device, Dialect]] = {}
        self._found: dict[str, tuple[Device, Dialect]] = {}
        self._first: dict[str, str] = {}  # topic to the name that was told first
        self._lock = threading.Lock()
        prefix = settings.discovery
        self._broker = Broker(settings, self._discover if prefix else None)
        if prefix:
            self._broker.listen([f"{prefix}/+/+/config", f"{prefix}/+/+/+/config"])

    def add(self, kind: Kind, lines: Iterable[Line]) -> None:
        """Devices that the spec names."""
        for line in lines:
            if line.entity is None:
                key = f"{kind}/{line.name}"
                device = Device(line.name, kind, key, line.also, line.room)
                dialect = _dialect(line, self._settings)
                self._named[key] = device, dialect
                self._broker.listen(dialect.topics())

    def devices(self) -> Sequence[Device]:
        """What there is right now; only what the spec names while the broker is silent."""
        if self._settings.discovery:
            try:
                self._broker.connect()
            except ToolError:
                if not self._named:
                    raise
        with self._lock:
            found = [device for device, _ in self._found.values()]
        return [*(device for device, _ in self._named.values()), *found]

    def known(self, device: Device) -> Known:
        """What is known of one."""
        dialect = self._dialect_of(device)
        heard = self._broker.heard()
        mine = [heard[topic] for topic in dialect.topics() if topic in heard]
        state = dialect.state({topic: message.payload for topic, message in heard.items()})
        if not state:
            raise ToolError("not_known", f"{device.name} has not said how it is")
        times = [message.at for message in mine]
        fresh = [at for at in times if at is not None]
        return Known(state, round(time.monotonic() - max(fresh), 1) if fresh else None)

    def glance(self, device: Device) -> Known:
        """The same: what was heard is here."""
        return self.known(device)

    def change(self, device: Device, wanted: Wanted) -> Told:
        """Do it; what the device itself says to it."""
        dialect = self._dialect_of(device)
        messages = dialect.messages(wanted)
        heard = self._broker.heard()
        dialect.state({topic: message.payload for topic, message in heard.items()})  # off line?
        topics = dialect.topics()
        if not topics:
            self._broker.publish(messages)
            return "sent"
        before = {topic: heard.get(topic) for topic in topics}
        self._broker.publish(messages)

        def echoed() -> bool:
            now = self._broker.heard()
            fresh = any(now.get(topic) is not before[topic] for topic in topics)
            said = {topic: message.payload for topic, message in now.items()}
            return fresh and agrees(dialect.state(said), wanted)

        try:
            so = self._broker.wait(topics, echoed, self._settings.echo_seconds)
        except ToolError:  # the broker has it; only its answer is lost
            so = False
        return "confirmed" if so else "no_answer"

    def close(self) -> None:
        """Let go of the connection. Calling it twice is harmless."""
        self._broker.close()

    def _dialect_of(self, device: Device) -> Dialect:
        with self._lock:
            found = self._named.get(device.key) or self._found.get(device.key)
        if found is None:
            raise ToolError("unknown_name", f"{device.name} is not there any more", near=[])
        return found[1]

    def _discover(self, topic: str, payload: bytes) -> Sequence[str]:
        """A description came, or was taken back. Called from the broker's thread."""
        prefix = f"{self._settings.discovery}/"
        if not (topic.startswith(prefix) and topic.endswith("/config")):
            return ()
        found = described(topic, payload, prefix[:-1])
        with self._lock:
            self._found.pop(topic, None)
            if found is None or len(self._found) >= _MOST_DEVICES:
                return ()
            first = self._first.setdefault(topic, found[0].name)
            device, dialect = found if first == found[0].name else _renamed(found[0], first)
            while len(self._first) > 2 * _MOST_DEVICES:
                del self._first[next(iter(self._first))]
            self._found[topic] = device, dialect
        return dialect.topics()


def _dialect(line: Line, settings: Mqtt) -> Dialect:
    if line.zigbee2mqtt is not None:
        return Zigbee2Mqtt(line.name, f"{settings.zigbee2mqtt}/{line.zigbee2mqtt}")
    if line.tasmota is not None:
        return Tasmota(line.name, line.tasmota, line.irhvac)
    return PlainTopics(line.name, line.topics)


def _renamed(device: Device, first: str) -> tuple[Device, Dialect]:
    """A device that calls itself otherwise than before answers to neither name."""
    return replace(device, name=first), RenamedDialect(first, device.name)


@dataclass(frozen=True)
class RenamedDialect:
    """Satisfies `Dialect`: says what happened, and does nothing."""

    first: str
    now: str

    def topics(self) -> Sequence[str]:
        """None."""
        return ()

    def messages(self, wanted: Wanted) -> Sequence[tuple[str, str]]:
        """None: raises Failed."""
        raise ToolError("refused", self._why())

    def state(self, heard: Heard) -> State:
        """None: raises Failed."""
        raise ToolError("refused", self._why())

    def _why(self) -> str:
        return f"{self.first} calls itself '{self.now}' now: check it and start again"


def agrees(state: State, wanted: Wanted) -> bool:
    """Whether a state is what was wanted, as far as it says anything of it."""
    same = [name for name in wanted if name in state]
    action = wanted.get("action")
    if action in ("open", "close") and "open" in state:
        return bool(state["open"] == (action == "open"))
    return bool(same) and all(close(state[name], wanted[name]) for name in same)
