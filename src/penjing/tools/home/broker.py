"""A connection to an MQTT broker: what was heard last on each topic, and publishing that is sure.

Nothing waits in a queue: what the broker did not confirm in time is given up together with the
connection, so that no lamp goes on minutes later. The next call connects anew. Knows no dialect.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penjing.core.errors import BadInput
from penjing.core.extras import require_extra
from penjing.tools.failed import ToolError
from penjing.tools.home.settings import Mqtt
from penjing.tools.keep import read_secret
from penjing.tools.web import addresses_of

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessageInfo

_MOST_TOPICS = 5_000
_MOST_BYTES = 64 * 1024
_QUIET = 0.15  # seconds without a message after which retained ones have all come
_SETTLE = 1.5


@dataclass(frozen=True)
class Message:
    """What was heard last on a topic."""

    payload: bytes
    """As it came."""
    at: float | None
    """When, by the monotonic clock; None for what the broker had kept: nobody knows."""


class Broker:
    """One connection, made when it is needed. Thread-safe."""

    def __init__(
        self, settings: Mqtt, on_message: Callable[[str, bytes], Iterable[str]] | None = None
    ) -> None:
        """`on_message` hears every message and says which topics to listen to because of it."""
        self._settings, self._on_message = settings, on_message
        self._secret = read_secret(settings.password_file) if settings.password_file else None
        self._topics: set[str] = set()
        self._heard: dict[str, Message] = {}
        self._count = 0
        self._asked = 0  # subscriptions that the broker has not taken yet
        self._client: Client | None = None
        self._refusal, self._taken = "", False
        self._changed = threading.Condition()
        self._calling = threading.RLock()
        require_extra("MQTT", "tools", "paho")

    def listen(self, topics: Iterable[str]) -> None:
        """Hear these topics from now on; connects nothing."""
        with self._changed:
            new = set(topics) - self._topics
            self._topics |= new
            client = self._client
        if client is not None and client.is_connected():
            self._subscribe(client, new)

    def _subscribe(self, client: Client, topics: Iterable[str]) -> None:
        wanted = [(topic, 1) for topic in sorted(topics)]
        if wanted:
            with self._changed:
                self._asked += 1
            client.subscribe(wanted)

    def heard(self) -> dict[str, Message]:
        """The last message on each topic. Raises ToolError when there is no broker."""
        self.connect()
        with self._changed:
            return dict(self._heard)

    def publish(self, messages: Sequence[tuple[str, str]]) -> None:
        """Publish all; it returns once the broker has confirmed every one. Raises ToolError."""
        with self._calling:
            client = self.connect()
            end = time.monotonic() + self._settings.seconds
            for count, (topic, payload) in enumerate(messages):
                sent = client.publish(topic, payload, qos=1)
                while not _confirmed(sent):
                    if not client.is_connected() or time.monotonic() > end:
                        self._drop()
                        raise ToolError("unconfirmed", self._lost(), sent=count)
                    with contextlib.suppress(RuntimeError, ValueError):  # it asks again above
                        sent.wait_for_publish(0.02)

    def _lost(self) -> str:
        return f"{self._where()} did not confirm it: it may have been done, or not"

    def wait(self, topics: Iterable[str], true: Callable[[], bool], seconds: float) -> bool:
        """Wait until it is so; asked again with each message on these topics."""
        end = time.monotonic() + seconds
        while True:
            with self._changed:
                before = self._count
            if true():
                return True
            with self._changed:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                if self._count == before:
                    self._changed.wait(left)

    def connect(self) -> Client:
        """The connection, made if there is none. Raises ToolError."""
        with self._calling:
            client = self._client
            if client is not None and client.is_connected():
                return client
            self._drop()
            client = self._new_client()
            self._client, self._refusal, self._taken = client, "", False
            try:
                self._begin(client)
            except BaseException:
                self._drop()
                raise
            return client

    def _begin(self, client: Client) -> None:
        host, port = self._settings.address
        seconds = self._settings.seconds
        number = addresses_of(host, port, seconds)[0]
        client.connect_timeout = seconds
        try:  # with TLS the certificate says whom we reached; without, the checked address does
            client.connect(host if self._settings.secure else number, port, keepalive=20)
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or "it speaks no TLS that can be trusted"
            raise ToolError("refused", f"{self._where()}: {why}") from error
        except (OSError, ValueError) as error:
            message = f"{self._where()} cannot be reached: is it on, and is the address right?"
            raise ToolError("unreachable", message) from error
        client.loop_start()
        end = time.monotonic() + seconds
        with self._changed:
            while not self._taken:
                if self._refusal:
                    raise ToolError("refused", f"{self._where()} refuses us: {self._refusal}")
                if time.monotonic() > end:
                    raise ToolError("timeout", f"{self._where()} did not answer in {seconds:g} s")
                self._changed.wait(0.05)
        self._settle()

    def _settle(self) -> None:
        """Wait for what the broker has kept: it comes right after a subscription is taken."""
        end = time.monotonic() + _SETTLE
        with self._changed:
            while time.monotonic() < end and self._topics:
                before = self._count
                self._changed.wait(_QUIET)
                if self._count == before and not self._asked:
                    return

    def _new_client(self) -> Client:
        from paho.mqtt import client as paho
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        # it wakes its thread through TCP to a port that no shutter could have been told of
        paho._socketpair_compat = _pair
        client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        if self._settings.username is not None:
            client.username_pw_set(self._settings.username, self._secret)
        if self._settings.secure:
            try:
                context = ssl.create_default_context(cafile=self._settings.ca)
            except (OSError, ssl.SSLError) as error:
                message = f"{self._settings.ca} holds no certificates: give a PEM file"
                raise BadInput(message) from error
            context.sslsocket_class = _Closing
            client.tls_set_context(context)
        client.on_connect = self._connected
        client.on_message = self._received
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_socket_open = _at_once
        return client

    # -- called from paho's thread

    def _connected(self, client: Client, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        with self._changed:
            topics = sorted(self._topics)
            if reason.is_failure:
                self._refusal = str(reason).lower()
            else:
                self._taken, self._asked = True, 1 if topics else 0
            self._changed.notify_all()
        if topics and not reason.is_failure:
            client.subscribe([(topic, 1) for topic in topics])

    def _subscribed(self, _client: Client, _data: Any, *_: Any) -> None:
        with self._changed:
            self._asked -= 1
            self._count += 1
            self._changed.notify_all()

    def _disconnected(self, _client: Client, _data: Any, *_: Any) -> None:
        with self._changed:
            self._changed.notify_all()

    def _received(self, _client: Client, _data: Any, message: Any) -> None:
        topic, payload = message.topic, bytes(message.payload)
        if len(payload) > _MOST_BYTES:
            return
        at = None if message.retain else time.monotonic()
        with self._changed:
            if topic in self._heard or len(self._heard) < _MOST_TOPICS:
                self._heard[topic] = Message(payload, at)
        more = self._on_message(topic, payload) if self._on_message else ()
        self.listen(more)
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def _where(self) -> str:
        host, port = self._settings.address
        return f"the MQTT broker {host}:{port}"

    def _drop(self) -> None:
        """Give the connection up, and with it everything that waits in it."""
        client, self._client = self._client, None
        if client is not None:
            client.on_disconnect = None
            client.disconnect()
            client.loop_stop()

    def close(self) -> None:
        """End the connection. Calling it twice is harmless."""
        with self._calling:
            self._drop()


def _pair() -> tuple[socket.socket, socket.socket]:
    """Two ends within this process, which nobody waits for."""
    one, other = socket.socketpair()
    one.setblocking(False)
    other.setblocking(False)
    return one, other


def _at_once(_client: Any, _data: Any, sock: Any) -> None:
    """Small messages wait for nothing: a lamp that answers in 2 ms is heard in 2 ms, not 40."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_QUICKACK"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


class _Closing(ssl.SSLSocket):
    """Closes itself when nobody can be trusted: paho forgets it then."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _confirmed(sent: MQTTMessageInfo) -> bool:
    """Whether the broker has it; a connection that was gone when it was handed over has not."""
    try:
        return sent.is_published()
    except (RuntimeError, ValueError):
        return False
