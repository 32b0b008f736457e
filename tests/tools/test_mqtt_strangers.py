"""A house that lies about names: twins, rooms taken over, a name that changes when it is known."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import Mosquitto, Subscriber, mosquitto, publish, subscriber
from tooling import done, failed, wait_until

from penjing.core.protocols import Tool

Make = Callable[..., Tool]
KITCHEN = {"name": "kitchen light", "room": "kitchen", "zigbee2mqtt": "kitchen_light"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture
def seen(broker: Mosquitto) -> Iterator[Subscriber]:
    with subscriber(broker.port) as one:
        yield one


def announce(broker: Mosquitto, prefix: str, **lights: Any) -> None:
    for key, name in lights.items():
        config = json.dumps({"name": name, "cmd_t": f"{prefix}/{key}/set"})
        publish(broker.port, f"{prefix}/light/{key}/config", config, retain=True)


def lights_of(make: Make, broker: Mosquitto, prefix: str) -> Tool:
    mqtt = {"host": "127.0.0.1", "port": broker.port, "echo_seconds": 0.2, "seconds": 1.0}
    rooms = {"kitchen": ["厨房"]}
    return make("lights", mqtt={**mqtt, "discovery": prefix}, devices=[KITCHEN], rooms=rooms)


def test_two_found_devices_with_one_name_are_not_guessed(
    make: Make, broker: Mosquitto, seen: Subscriber
) -> None:
    announce(broker, "twins", one="Porch", two="porch ", three="Attic")
    lights = lights_of(make, broker, "twins")
    lights.entities("light")
    assert failed(lights.call({"light": "porch", "on": True}, "ann")) == "ambiguous"
    done(lights.call({"light": "attic", "on": True}, "ann"))
    seen.saw("twins/three/set ON")
    assert not [one for one in seen.lines if one.startswith(("twins/one", "twins/two"))]


@pytest.mark.parametrize(
    "name", ["kitchen", "厨房", "kitchen lights", "all lights", "kitchen light"]
)
def test_a_found_device_takes_no_name_that_means_something(
    make: Make, broker: Mosquitto, seen: Subscriber, name: str
) -> None:
    announce(broker, "taker", one=name)
    lights = lights_of(make, broker, "taker")
    lights.entities("light")
    done(lights.call({"light": name, "on": True}, "ann"))
    seen.saw('zigbee2mqtt/kitchen_light/set {"state": "ON"}')


def test_a_device_that_changes_its_name_is_asked_about(
    make: Make, broker: Mosquitto, seen: Subscriber
) -> None:
    announce(broker, "liar", one="Attic")
    lights = lights_of(make, broker, "liar")
    done(lights.call({"light": "attic", "on": True}, "ann"))
    seen.saw("liar/one/set ON")
    announce(broker, "liar", one="Porch")
    wait_until(lambda: failing(lights) != "")
    outcome = lights.call({"light": "attic", "on": False}, "ann")
    assert failed(outcome) == "refused"
    assert "calls itself 'Porch' now" in outcome.error
    assert failed(lights.call({"light": "porch", "on": True}, "ann")) == "unknown_name"
    assert "liar/one/set OFF" not in seen.lines
    announce(broker, "liar", one="Attic")  # and back
    time.sleep(0.3)
    done(lights.call({"light": "attic", "on": False}, "ann"))


def failing(lights: Tool) -> str:
    return lights.call({"light": "attic", "on": True}, "ann").error


def test_thousands_of_devices_are_bounded(make: Make, broker: Mosquitto, tmp_path: Path) -> None:
    announce(broker, "flood", **{f"d{n}": f"lamp {n}" for n in range(1500)})
    lights = lights_of(make, broker, "flood")
    began = time.process_time()
    names = lights.entities("light")
    assert "kitchen light" in names
    assert len(names) < 1100
    assert time.process_time() - began < 10
