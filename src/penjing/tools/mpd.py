"""Speaks to a Music Player Daemon: a few commands, each in a connection of its own.

https://mpd.readthedocs.io/en/stable/protocol.html. The protocol is lines of text; a client library
would bring more than these hundred lines. Whatever is sent is quoted, so that a song's name is
never a command; what comes back is bounded.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from penjing.tools.failed import ToolError
from penjing.tools.web import addresses_of

_MOST_LINES = 5_000
_LONGEST = 8 * 1024
_ACK_PASSWORD, _ACK_PERMISSION, _ACK_NOT_FOUND = "3", "4", "50"

Pair = tuple[str, str]


class Mpd:
    """One daemon."""

    def __init__(self, host: str, port: int, password: str | None, seconds: float) -> None:
        self._host, self._port, self._password, self._seconds = host, port, password, seconds

    def ask(self, *words: str) -> list[Pair]:
        """One command; its answer as (key, value). Raises ToolError."""
        with self._open() as talk:
            return talk.ask(words)

    def do(self, *commands: Sequence[str]) -> None:
        """Several commands, stopped at the first that fails. Raises ToolError."""
        with self._open() as talk:
            lines = [_line(words) for words in commands]
            talk.send("command_list_begin\n" + "".join(lines) + "command_list_end\n")
            talk.read()

    @contextmanager
    def _open(self) -> Iterator[_Talk]:
        end = time.monotonic() + self._seconds
        where = f"the music player {self._host}:{self._port}"
        sock = self._connected(end, where)
        with sock, sock.makefile("rb") as lines:
            talk = _Talk(sock, lines, end, where)
            try:
                if not talk.line().startswith("OK MPD "):
                    raise ToolError("wrong_answer", f"{where} is no music player daemon")
                if self._password is not None:
                    talk.ask(("password", self._password))
                yield talk
            except TimeoutError as error:
                message = f"{where} did not answer in {self._seconds:g} s"
                raise ToolError("timeout", message) from error
            except OSError as error:
                message = f"{where} hung up: it may have been done, or not"
                raise ToolError("unconfirmed", message) from error

    def _connected(self, end: float, where: str) -> socket.socket:
        last: OSError | None = None
        for number in addresses_of(self._host, self._port, self._seconds):
            try:
                left = max(0.01, end - time.monotonic())
                return socket.create_connection((number, self._port), timeout=left)
            except OSError as error:
                last = error
        raise ToolError("unreachable", f"{where} cannot be reached: is it on?") from last


class _Talk:
    """One connection."""

    def __init__(self, sock: socket.socket, lines: Iterator[bytes], end: float, where: str) -> None:
        self._sock, self._lines, self._end, self._where = sock, lines, end, where

    def ask(self, words: Sequence[str]) -> list[Pair]:
        self.send(_line(words))
        return self.read()

    def send(self, text: str) -> None:
        self._sock.sendall(text.encode())

    def read(self) -> list[Pair]:
        found: list[Pair] = []
        while (line := self.line()) != "OK":
            if line.startswith("ACK "):
                raise self._refusal(line)
            key, _, value = line.partition(": ")
            found.append((key.lower(), value))
            if len(found) > _MOST_LINES:
                raise ToolError("wrong_answer", f"{self._where} answers without end")
        return found

    def line(self) -> str:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        line: bytes = self._lines.readline(_LONGEST)  # type: ignore[attr-defined]
        if not line:
            raise ConnectionError
        if not line.endswith(b"\n"):
            raise ToolError("wrong_answer", f"{self._where} answers without end")
        return line.decode("utf-8", "replace").rstrip("\n")

    def _refusal(self, line: str) -> ToolError:
        number = line[5:].partition("@")[0]
        says = line.rpartition("} ")[2][:120]
        if number in (_ACK_PASSWORD, _ACK_PERMISSION):
            return ToolError("refused", f"{self._where} does not allow it: check the password")
        if number == _ACK_NOT_FOUND:
            return ToolError("unknown_name", f"{self._where} has no such thing", near=[])
        return ToolError("refused", f"{self._where} says: {says}")


def _line(words: Sequence[str]) -> str:
    """A command with its arguments quoted. Raises ToolError for what cannot be in a line."""
    for word in words:
        if any(char in word for char in "\n\r\0"):
            raise ToolError("arguments", "that is more than one line")
    quoted = ['"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words[1:]]
    return " ".join([words[0], *quoted]) + "\n"
