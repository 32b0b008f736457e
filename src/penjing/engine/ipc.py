"""IPC: what scheduler and worker say to each other, frames of JSON with their length before them.

No pickle and no code passes. Either side treats the other as capable of nonsense: lengths are
bounded before anything is read, and what is not understood is a WireError. Knows sockets and
values; must not know processes.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from penjing.core import errors
from penjing.core.errors import BadInput, Busy, PenjingError
from penjing.core.messages import Chunk, GenerationSettings, Message, TokenLogprob, Usage
from penjing.core.serving import Health, Request

LONGEST = 16 * 2**20
"""Bytes of one frame."""
_LENGTH = struct.Struct(">I")
_ERRORS = (
    *("BadInput", "EngineError", "FormatError", "StorageError", "TooLong", "UnreadableMessages"),
    "UsageError",
)


class WireError(Exception):
    """The other side is gone, or says what cannot be understood."""


def pack(frame: Mapping[str, Any]) -> bytes:
    """A frame as bytes. Raises BadInput for one that is too long or is not JSON."""
    try:
        data = json.dumps(frame, separators=(",", ":"), default=_plain).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"the request is not JSON ({error}): correct it") from error
    if len(data) > LONGEST:
        raise BadInput(f"the request has {len(data)} bytes, over {LONGEST}: shorten it")
    return _LENGTH.pack(len(data)) + data


def receive(connection: socket.socket) -> dict[str, Any]:
    """The next frame. Raises WireError at the end of the connection, too."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    if length > LONGEST:
        raise WireError(f"a frame of {length} bytes")
    try:
        frame = json.loads(_exactly(connection, length))
    except (ValueError, RecursionError) as error:
        raise WireError("a frame that is not JSON") from error
    if not isinstance(frame, dict):
        raise WireError("a frame that is no object")
    return frame


def _exactly(connection: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        try:
            piece = connection.recv(min(length - len(data), 2**20))
        except OSError as error:
            raise WireError(str(error)) from error
        if not piece:
            raise WireError("the end")
        data += piece
    return bytes(data)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is in it")


# -- values to plain data and back


def request_out(request: Request) -> dict[str, Any]:
    """A request as plain data; of its messages only what a model reads."""
    settings = {one.name: getattr(request.settings, one.name) for one in fields(request.settings)}
    messages = messages_out(request.messages)
    return {
        "owner": request.owner,
        "messages": messages,
        "settings": settings,
        "text": request.text,
        "tokens": request.tokens,
        "begun": request.begun,
    }


def request_in(data: Mapping[str, Any]) -> Request:
    """A request again."""
    settings = dict(data["settings"])
    settings["stop"] = tuple(settings["stop"])
    settings["mark"] = tuple(settings["mark"])
    settings["logit_bias"] = tuple((token, bias) for token, bias in settings["logit_bias"])
    tokens = None if data["tokens"] is None else tuple(data["tokens"])
    return Request(
        data["owner"],
        messages_in(data["messages"]),
        GenerationSettings(**settings),
        data["text"],
        tokens,
        data["begun"],
    )


def messages_out(messages: Any) -> list[list[str]]:
    """Messages as plain data."""
    return [[message.role, message.text] for message in messages]


def messages_in(data: Any) -> tuple[Message, ...]:
    """Messages again."""
    return tuple(Message.of(role, text) for role, text in data)


def chunk_out(chunk: Chunk) -> list[Any]:
    """A chunk as plain data; bytes become the characters of the same numbers."""
    usage = [getattr(chunk.usage, one.name) for one in fields(Usage)] if chunk.usage else None
    spoken, read = _logprobs_out(chunk.logprobs), _logprobs_out(chunk.prompt)
    return [chunk.text, chunk.finish_reason, usage, spoken, chunk.thought, read]


def chunk_in(data: Any) -> Chunk:
    """A chunk again."""
    text, reason, usage, spoken, thought, read = data
    counted = Usage(*usage) if usage else None
    return Chunk(text, reason, counted, _logprobs_in(spoken), thought, _logprobs_in(read))


def _logprobs_out(found: Sequence[TokenLogprob]) -> list[list[Any]]:
    return [
        [one.token.decode("latin-1"), one.logprob, [[t.decode("latin-1"), p] for t, p in one.top]]
        for one in found
    ]


def _logprobs_in(data: Any) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(
            token.encode("latin-1"), logprob, tuple((t.encode("latin-1"), p) for t, p in top)
        )
        for token, logprob, top in data
    )


def error_out(error: Exception) -> list[Any]:
    """An error as plain data."""
    if isinstance(error, Busy):
        return ["Busy", error.seconds]
    if isinstance(error, PenjingError):
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _ERRORS]
        return [(kinds or ["EngineError"])[0], str(error)]
    return ["EngineError", f"the engine failed on this request ({type(error).__name__})"]


def error_in(data: Any) -> PenjingError:
    """An error again."""
    kind, what = data
    if kind == "Busy":
        return Busy(float(what))
    made: PenjingError = getattr(errors, kind if kind in _ERRORS else "EngineError")(str(what))
    return made


def health_out(health: Health) -> list[Any]:
    """How an engine is, as plain data."""
    return [health.running, health.waiting, dict(health.counters)]
