"""What scheduler and worker say to each other: whole, bounded, and nonsense is noticed."""

from __future__ import annotations

import json
import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.errors import BadInput, Busy, EngineError, FormatError
from penjing.core.messages import Chunk, GenerationSettings, Message, TokenLogprob, Usage
from penjing.core.serving import Request
from penjing.engine import ipc

TEXT = st.text(st.characters())  # lone surrogates, too: JSON may bring them


def through(frame: dict) -> dict:
    """A frame, sent and received."""
    here, there = socket.socketpair()
    with here, there:
        sender = threading.Thread(target=here.sendall, args=(ipc.pack(frame),))
        sender.start()
        got = ipc.receive(there)
        sender.join()
    return got


@given(TEXT, TEXT, st.none() | TEXT, st.lists(TEXT, max_size=3))
def test_a_request_comes_back(owner, said, text, stop) -> None:
    settings = GenerationSettings(stop=tuple(stop), seed=3, json_schema={"type": ["string"]})
    request = Request(owner, (Message.of("user", said),), settings, text)
    assert ipc.request_in(through(ipc.request_out(request))) == request


@given(TEXT, st.lists(st.binary(max_size=4), max_size=3))
def test_a_chunk_comes_back(text, tokens) -> None:
    logprobs = tuple(TokenLogprob(token, -0.5, ((token, -0.5),)) for token in tokens)
    chunk = Chunk(text, "stop", Usage(1, 2, 3, 0.5, 0.25), logprobs)
    back = ipc.chunk_in(through({"chunk": ipc.chunk_out(chunk)})["chunk"])
    assert (back, back.usage, back.logprobs) == (chunk, chunk.usage, chunk.logprobs)


def test_errors_come_back_as_what_they_were() -> None:
    busy = ipc.error_in(ipc.error_out(Busy(7.5)))
    assert isinstance(busy, Busy)
    assert busy.seconds == 7.5
    for error in (BadInput("so"), EngineError("so"), FormatError("so")):
        back = ipc.error_in(ipc.error_out(error))
        assert (type(back), str(back)) == (type(error), "so")
    # a foreign one may hold what somebody said
    assert "secret" not in str(ipc.error_in(ipc.error_out(KeyError("secret"))))
    assert type(ipc.error_in(["SystemExit", "so"])) is EngineError


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">I", ipc.LONGEST + 1),
        struct.pack(">I", 4) + b"[1]",
        struct.pack(">I", 3) + b"[1]",
        struct.pack(">I", 3) + b"{x}",
        struct.pack(">I", 100_000) + b"[" * 100_000,
        b"\0\0",
        b"",
    ],
)
def test_nonsense_is_noticed(sent: bytes) -> None:
    here, there = socket.socketpair()
    with there:
        with here:
            here.sendall(sent)
        with pytest.raises(ipc.WireError):
            ipc.receive(there)


def test_what_is_too_long_is_refused_before_it_is_sent() -> None:
    with pytest.raises(BadInput, match="shorten"):
        ipc.pack({"text": "x" * ipc.LONGEST})
    with pytest.raises(BadInput, match="not JSON"):
        ipc.pack({"schema": object()})
    assert json.loads(ipc.pack({"a": 1})[4:]) == {"a": 1}
