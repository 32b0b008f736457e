"""A real mosquitto, a real mosquitto_sub, and devices that answer. Debian's own programs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tooling import wait_until


def program(name: str, package: str) -> str:
    """Where a program is; without it the test is skipped, but never in CI."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")
    if found is None:
        why = f"{name} is missing: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return found


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Mosquitto:
    """A broker that runs."""

    port: int
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """As when the power fails."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """It stays connected and says nothing any more."""
        self.process.send_signal(19)

    def go_on(self) -> None:
        """It answers again."""
        self.process.send_signal(18)


@contextmanager
def mosquitto(folder: Path, *lines: str, port: int | None = None) -> Iterator[Mosquitto]:
    """A broker with these lines of configuration."""
    port = port or free_port()
    config = folder / f"mosquitto-{port}.conf"
    more = lines or ("allow_anonymous true",)
    user = ("user root",) if os.geteuid() == 0 else ()
    config.write_text("\n".join([f"listener {port} 127.0.0.1", *user, *more, ""]))
    command = [program("mosquitto", "mosquitto"), "-c", str(config)]
    log = (folder / f"mosquitto-{port}.log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(port))
        yield Mosquitto(port, process)
    finally:
        if process.poll() is None:
            process.send_signal(18)
            process.kill()
        process.wait()
        log.close()


class Subscriber:
    """mosquitto_sub on everything."""

    def __init__(self, port: int, *more: str) -> None:
        command = [program("mosquitto_sub", "mosquitto-clients"), "-p", str(port), "-v", "-q", "1"]
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [*command, "-t", "#", *more], stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))

    def saw(self, line: str) -> None:
        """Fails unless it saw that, soon."""
        try:
            wait_until(lambda: line in self.lines, 5)
        except AssertionError:
            raise AssertionError(f"{line!r} is not in {self.lines}") from None

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def subscriber(port: int) -> Iterator[Subscriber]:
    """Somebody who sees every message from now on."""
    one = Subscriber(port)
    try:
        end = time.monotonic() + 10
        while "ready now" not in one.lines:
            assert time.monotonic() < end
            publish(port, "ready", "now")
            time.sleep(0.05)
        yield one
    finally:
        one.close()


def publish(port: int, topic: str, payload: str, *, retain: bool = False) -> None:
    """mosquitto_pub."""
    command = [program("mosquitto_pub", "mosquitto-clients"), "-p", str(port), "-t", topic]
    subprocess.run([*command, "-m", payload, "-q", "1", *(["-r"] if retain else [])], check=True)


@contextmanager
def answering(port: int, topic: str, answer: Callable[[str], tuple[str, str]]) -> Iterator[None]:
    """A device: what it hears on a topic it answers with another message."""
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.enums import CallbackAPIVersion

    ready = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2)

    def replies(who: Client, _data: object, message: MQTTMessage) -> None:
        who.publish(*answer(message.payload.decode()), qos=1)

    client.on_message = replies
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.subscribe(topic, qos=1)
    client.loop_start()
    try:
        assert ready.wait(5)
        yield
    finally:
        client.disconnect()
        client.loop_stop()
