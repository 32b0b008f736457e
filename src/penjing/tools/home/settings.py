"""How a spec names a house: a broker or a Home Assistant, and lines of devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penjing.core.errors import BadInput
from penjing.tools.web import parse_origin, require_host


@dataclass(frozen=True)
class Mqtt:
    """A broker."""

    host: str
    """Where it is."""
    port: int = 0
    """Where it listens; 1883, or 8883 with TLS, when left out."""
    username: str | None = None
    """Who we are."""
    password_file: Path | None = None
    """A file with the password."""
    tls: bool = False
    """Whether to speak TLS."""
    ca: Path | None = None
    """Certificates to trust instead of the system's; means TLS."""
    discovery: str | None = None
    """Prefix under which devices describe themselves, usually homeassistant; none: only lines."""
    zigbee2mqtt: str = "zigbee2mqtt"
    """Zigbee2MQTT's base topic."""
    seconds: float = 3.0
    """How long to wait for the broker."""
    echo_seconds: float = 0.5
    """How long to wait until a device says that it is so now."""

    def __post_init__(self) -> None:
        require_host(self.host)
        if not 0 <= self.port < 65_536:
            raise BadInput("an MQTT port is between 1 and 65535")
        for topic in (self.discovery, self.zigbee2mqtt):
            require_topic(topic or "x")

    @property
    def secure(self) -> bool:
        """Whether to speak TLS."""
        return self.tls or self.ca is not None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or (8883 if self.secure else 1883)


@dataclass(frozen=True)
class HomeAssistant:
    """A Home Assistant."""

    url: str
    """Where it is, such as http://homeassistant.local:8123."""
    token_file: Path
    """A file with a long-lived access token."""
    ca: Path | None = None
    """Certificates to trust instead of the system's."""

    def __post_init__(self) -> None:
        parse_origin(self.url)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return parse_origin(self.url).address


@dataclass(frozen=True)
class Topics:
    """One property of a device on topics of its own."""

    set: str | None = None
    """Where to write it."""
    state: str | None = None
    """Where it is told."""
    yes: str = "ON"
    """The payload for true."""
    no: str = "OFF"
    """The payload for false."""

    def __post_init__(self) -> None:
        for topic in (self.set, self.state):
            require_topic(topic or "x")


@dataclass(frozen=True)
class Line:
    """A device that the spec names."""

    name: str
    """What people call it."""
    also: tuple[str, ...] = ()
    """Its other names."""
    room: str = ""
    """Where it is."""
    zigbee2mqtt: str | None = None
    """Its friendly name in Zigbee2MQTT."""
    tasmota: str | None = None
    """Its topic in Tasmota."""
    irhvac: str | None = None
    """Tasmota sends infrared to an air conditioner of this vendor."""
    topics: Mapping[str, Topics] = field(default_factory=dict)
    """Topics by property, for anything else on MQTT."""
    entity: str | None = None
    """Its entity id in Home Assistant."""

    def __post_init__(self) -> None:
        ways = [self.zigbee2mqtt, self.tasmota, self.topics or None, self.entity]
        if sum(way is not None for way in ways) != 1:
            raise BadInput(f"{self.name} needs one of zigbee2mqtt, tasmota, topics, entity")
        for topic in (self.zigbee2mqtt, self.tasmota):
            require_topic(topic or "x")
        if self.irhvac is not None and (self.tasmota is None or not self.irhvac.isalnum()):
            raise BadInput(f"{self.name}: irhvac is a vendor's name, beside tasmota")


@dataclass(frozen=True)
class HouseSettings:
    """The settings of a tool that works on devices."""

    mqtt: Mqtt | None = None
    """A broker."""
    home_assistant: HomeAssistant | None = None
    """A Home Assistant."""
    devices: tuple[Line, ...] = ()
    """Devices by name; a broker with discovery and a Home Assistant know more."""
    rooms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Rooms and their other names."""
    careful: bool | None = None
    """Whether a person must confirm it; the tool's own way when left out."""

    def __post_init__(self) -> None:
        if self.mqtt is None and self.home_assistant is None:
            raise BadInput("devices need mqtt or home_assistant: say where they are")
        for line in self.devices:
            if line.entity is not None and self.home_assistant is None:
                raise BadInput(f"{line.name} is an entity, but there is no home_assistant")
            if line.entity is None and self.mqtt is None:
                raise BadInput(f"{line.name} is on MQTT, but there is no mqtt")

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return [place.address for place in (self.mqtt, self.home_assistant) if place is not None]


def require_topic(topic: str) -> str:
    """A topic that names one thing. Raises BadInput."""
    if not topic or len(topic) > 200 or any(char in topic for char in "#+\0") or topic[0] == "$":
        raise BadInput(f"'{topic[:80]}' is not a topic: it must be plain, with no # or +")
    return topic
