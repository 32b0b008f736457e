"""HTTP for tools without SSRF: to the one server that a spec names, bounded, and never elsewhere.

- http and https alone; an address is read by one strict rule and refused when two parsers could
  read it differently (user@host, backslashes, zones, numbers that are hosts in disguise).
- A name is resolved here, every address it has is checked, and the connection goes to a checked
  address: a name that changes its mind between the check and the call gains nothing. A public name
  may not lead into the local network; only a local name or a plain address does.
- No proxy from the environment, no cookies; redirects stay on the same origin.
- Bounds on the answer's size, on the time it takes altogether, and on what is read as JSON.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from penjing.core.errors import BadInput
from penjing.tools.failed import ToolError

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^\s\\]*)?"
)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_LOCAL_ENDINGS = (".local", ".lan", ".internal", ".home.arpa", ".localhost", ".home")
_REDIRECTS = 3
_PIECE = 64 * 1024
_DEEPEST = 64


@dataclass(frozen=True)
class Origin:
    """A server that may be talked to, and the path everything is under."""

    scheme: str
    """http or https."""
    host: str
    """A name, or an address without brackets."""
    port: int
    """Where it listens."""
    path: str = ""
    """What every request's path begins with; no slash at its end."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme] == self.port
        return f"{self.scheme}://{host}{'' if usual else f':{self.port}'}{self.path}"


@dataclass(frozen=True)
class Limits:
    """How long and how much."""

    seconds: float = 10.0
    """Altogether, from the name to the last byte."""
    most_bytes: int = 2 * 2**20
    """Of an answer's body."""


def parse_origin(url: str) -> Origin:
    """A server from a spec. Raises BadInput for what is not plainly one."""
    match = _URL.fullmatch(url)
    if match is None:
        raise BadInput(f"'{url[:80]}' is not a plain http(s)://host[:port][/path] address")
    host = match["host"].strip("[]").lower().rstrip(".")
    scheme, path = match["scheme"], (match["path"] or "").rstrip("/")
    port = int(match["port"] or (443 if scheme == "https" else 80))
    if not 0 < port < 65_536:
        raise BadInput(f"'{url[:80]}' has no port between 1 and 65535")
    if any(char in path for char in "?#") or "/.." in path:
        raise BadInput(f"'{url[:80]}' must end with its path: no ?, # or ..")
    return Origin(scheme, require_host(host), port, path)


def require_host(host: str) -> str:
    """A host name or an address in its usual form. Raises BadInput."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    labels = host.split(".")
    disguised = re.fullmatch(r"0[xX][0-9a-fA-F]*|[0-9]+", labels[-1])
    if disguised or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadInput(f"'{host[:80]}' is neither a host name nor an address such as 192.168.1.5")
    return host


def is_local_name(host: str) -> bool:
    """A name or address that whoever wrote the spec meant to be in the local network."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_ENDINGS)
    return True


def addresses_of(host: str, port: int, seconds: float) -> list[str]:
    """Addresses that a host has now and that may be talked to. Raises ToolError."""
    numbers = _resolved(host, port, seconds)
    if not numbers:
        raise ToolError("unreachable", f"{host} is not known here: is there a network?")
    if not is_local_name(host):
        inside = [number for number in numbers if not _is_public(number)]
        if inside:
            message = f"{host} leads into the local network ({inside[0]}): write the address itself"
            raise ToolError("refused", f"{message} if that is meant")
    return numbers


def _resolved(host: str, port: int, seconds: float) -> list[str]:
    """What the system's resolver says in time: it has no time limit of its own."""
    answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = []
        answers.put(list(dict.fromkeys(str(one[4][0]) for one in found)))

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty as error:
        raise ToolError("timeout", f"nobody said in time what {host}'s address is") from error


def _is_public(number: str) -> bool:
    address = ipaddress.ip_address(number.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_global and not mapped.is_multicast)


class Web:
    """One server."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        ca: Path | None = None,
    ) -> None:
        self.origin = parse_origin(url)
        self._headers = {"Accept": "application/json", "User-Agent": "penjing", **(headers or {})}
        self._limits = limits or Limits()
        self._tls = tls_context(ca) if self.origin.scheme == "https" else None

    def get(self, path: str, **query: Any) -> Any:
        """The JSON document at a path. Raises ToolError."""
        return _document(self._follow("GET", path, query, None))

    def post(self, path: str, body: Any) -> Any:
        """Send a JSON document; the one that is answered, None for none. Raises ToolError."""
        data = json.dumps(body, ensure_ascii=False).encode()
        answer = self._follow("POST", path, {}, data)
        return _document(answer) if answer.strip() else None

    def _follow(
        self, method: str, path: str, query: Mapping[str, Any], body: bytes | None
    ) -> bytes:
        end = time.monotonic() + self._limits.seconds
        target = self.origin.path + quote(path, safe="/%:;,.-_~@!$&'()*+=")
        if query:
            target += "?" + urlencode(query)
        for _ in range(_REDIRECTS + 1):
            status, moved, answer = self._once(method, target, body, end)
            if moved is None:
                _require_success(self.origin, status, answer)
                return answer
            if method != "GET":
                raise ToolError(
                    "refused", f"{self.origin} sends what was posted elsewhere: refused"
                )
            target = self._same_origin(target, moved)
        raise ToolError("wrong_answer", f"{self.origin} redirects again and again")

    def _same_origin(self, target: str, moved: str) -> str:
        """The path and query that a redirect leads to."""
        base = f"{Origin(self.origin.scheme, self.origin.host, self.origin.port)}{target}"
        url = urljoin(base, moved)
        where, mark, query = url.partition("?")
        try:
            to = parse_origin(where.partition("#")[0])
        except BadInput as error:
            raise ToolError("refused", f"{self.origin} redirects to what is no address") from error
        if (to.scheme, *to.address) != (self.origin.scheme, *self.origin.address):
            raise ToolError(
                "refused", f"{self.origin} redirects to {to.host}: that is another server"
            )
        if not query.isprintable() or " " in query:
            raise ToolError("refused", f"{self.origin} redirects to what is no address")
        return (to.path or "/") + mark + query.partition("#")[0]

    def _once(
        self, method: str, target: str, body: bytes | None, end: float
    ) -> tuple[int, str | None, bytes]:
        late = f"{self.origin} did not answer within {self._limits.seconds:g} s"
        connection = http.client.HTTPConnection(*self.origin.address)
        try:
            raw = self._connected(end)
            with raw, _ended_at(raw, end):
                connection.sock = self._secured(raw)
                headers = dict(self._headers)
                if body is not None:
                    headers["Content-Type"] = "application/json"
                connection.request(method, target, body, headers)
                with connection.getresponse() as response:
                    status, moved = response.status, response.getheader("Location")
                    answer = self._body(response)
                if time.monotonic() >= end:  # it may have been cut off
                    raise ToolError("timeout", late)
                return status, moved if 300 <= status < 400 else None, answer
        except TimeoutError as error:
            raise ToolError("timeout", late) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() >= end:
                raise ToolError("timeout", late) from error
            broken = isinstance(error, OSError | http.client.IncompleteRead)
            why = "it ended in the middle" if broken else "it is not HTTP"
            message = f"the answer of {self.origin} cannot be used: {why}"
            raise ToolError("wrong_answer", message) from error
        finally:
            connection.close()

    def _connected(self, end: float) -> socket.socket:
        """A connection to a checked address. Raises ToolError."""
        host, port = self.origin.address
        last: Exception | None = None
        for number in addresses_of(host, port, _left(end)):
            try:
                return socket.create_connection((number, port), timeout=_left(end))
            except OSError as error:
                last = error
        message = f"{self.origin} cannot be reached: is it on, and is the address right?"
        raise ToolError("unreachable", message) from last

    def _secured(self, raw: socket.socket) -> socket.socket:
        """The same with TLS, if the scheme has it; the certificate must be the name's."""
        if self._tls is None:
            return raw
        try:
            return self._tls.wrap_socket(raw, server_hostname=self.origin.host)
        except TimeoutError:
            raise
        except OSError as error:  # ssl.SSLError is one
            why = getattr(error, "verify_message", "") or "no TLS that can be trusted"
            raise ToolError("refused", f"{self.origin}: {why}") from error

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        if response.getheader("Content-Encoding", "identity") != "identity":
            raise ToolError(
                "wrong_answer", f"{self.origin} answers compressed: nobody asked for that"
            )
        pieces: list[bytes] = []
        size = 0
        while piece := response.read(_PIECE):
            size += len(piece)
            if size > self._limits.most_bytes:
                message = f"{self.origin} answers more than {self._limits.most_bytes} bytes"
                raise ToolError("wrong_answer", message)
            pieces.append(piece)
        if response.length:  # read(n) keeps quiet about it
            raise http.client.IncompleteRead(b"", response.length)
        return b"".join(pieces)


@contextmanager
def _ended_at(raw: socket.socket, end: float) -> Iterator[None]:
    """Cut a connection off at a moment: a server that sends a byte a second has no other limit."""
    own = socket.socket(fileno=os.dup(raw.fileno()))  # stays ours when TLS takes the socket over

    def cut() -> None:
        with suppress(OSError):
            own.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, end - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        own.close()


def tls_context(ca: Path | None) -> ssl.SSLContext:
    """Whom to trust: the system's certificates, or these alone. Raises BadInput."""
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise BadInput(f"{ca} holds no certificates: give a PEM file") from error


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


_STATUS: Mapping[int, str] = {
    401: "does not know us: check the token",
    403: "does not allow it",
    404: "has nothing there",
    429: "is asked too often: wait a while",
}


def _require_success(origin: Origin, status: int, answer: bytes) -> None:
    if 200 <= status < 300:
        return
    says = _STATUS.get(status, f"answers {status}")
    raise ToolError(
        "refused" if status < 500 else "wrong_answer", f"{origin} {says}", status=status
    )


def _document(answer: bytes) -> Any:
    depth = 0
    outside = re.sub(rb'"(?:[^"\\]|\\.)*"', b"", answer)
    for bracket in re.finditer(rb"[\[\]{}]", outside):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > _DEEPEST:
            raise ToolError("wrong_answer", "the answer is nested too deeply")
    try:
        return json.loads(answer, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ToolError("wrong_answer", "the answer is not JSON") from error


def _no_constant(name: str) -> Any:
    raise ValueError(name)
