"""Negative or huge numbers: refused in words, at once, and the server goes on."""

from __future__ import annotations

import time

import pytest
from premises import Premises

HUGE = ("-1", "1e400", "-1e400", str(2**31), str(2**63), str(2**64), "9" * 5000, "NaN", "Infinity",
        "-Infinity", "0.5", "1e-400", "true", '"1"', "[]", "{}", "00", "0x10", "１２")  # fmt: skip
PARAMETERS = ("max_tokens", "max_completion_tokens", "n", "seed", "temperature", "top_p",
              "top_logprobs", "frequency_penalty", "presence_penalty")  # fmt: skip


def body(parameter: str, number: str) -> bytes:
    said = '"messages": [{"role": "user", "content": "hi"}]'
    return f'{{"model": "fake", {said}, "{parameter}": {number}}}'.encode()


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_number_out_of_bounds_is_no_crash_and_no_work(server: Premises, parameter: str) -> None:
    ben = server.caller("Ben")
    for number in HUGE:
        began = time.monotonic()
        sent = {"Content-Type": "application/json"}
        reply = ben.ask("POST", "/v1/chat/completions", body(parameter, number), sent)
        assert reply.status in (200, 400, 422), (number, reply.body)
        if reply.status == 200:
            fits = ("-1", "0.5", "1e-400", str(2**31))
            assert number in fits or (parameter == "seed" and len(number) < 25), number
        assert time.monotonic() - began < 5
    assert ben.ask("GET", "/health").status == 200


@pytest.mark.parametrize(
    "number", ["-1", "0", "1e9", "99999999999999999999", "x", "NaN", "", "1_0"]
)
@pytest.mark.parametrize(
    "path", ["/api/documents/{id}/text?start={n}&end=5", "/api/documents/{id}/text?end={n}"]
)
def test_a_place_in_a_text_is_within_it(server: Premises, path: str, number: str) -> None:
    ben = server.caller("Ben")
    sent = {"Content-Type": "text/plain"}
    one = ben.ask("POST", "/api/documents?name=a.txt", b"0123456789", sent).json["id"]
    reply = ben.ask("GET", path.format(id=one, n=number))
    assert reply.status in (200, 400, 422)
    if reply.status == 200:
        assert reply.json["text"] in "0123456789"
    ben.ask("DELETE", f"/api/documents/{one}")


@pytest.mark.parametrize("number", ["-1", "0", "101", str(2**40), "1.5", "null", '"5"'])
def test_a_search_has_a_limit(server: Premises, number: str) -> None:
    ben = server.caller("Ben")
    data = f'{{"words": "x", "limit": {number}}}'.encode()
    reply = ben.ask("POST", "/api/search", data, {"Content-Type": "application/json"})
    assert reply.status == 422


@pytest.mark.parametrize("length", ["-1", "1" * 30, "abc", "1, 2", "+5", "0x5", "5 5", ""])
def test_a_body_with_a_strange_length_is_refused(server: Premises, length: str) -> None:
    ben = server.caller("Ben")
    reply = ben.ask("POST", "/api/sessions", headers={"Content-Length": length})
    assert reply.status in (400, 413)
    assert ben.ask("GET", "/api/me").status == 200
