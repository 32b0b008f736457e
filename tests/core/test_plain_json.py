"""JSON from a stranger: what Python reads and nobody should have to think of."""

from __future__ import annotations

import gc
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oddities
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.errors import BadInput, FormatError
from penjing.core.plain_json import MAX_NESTING, finite, is_whole, parse_json, read_json


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "b": {"x": 1, "x": 2}}', "a key appears twice"),
        ("[NaN]", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("[1e400]", "too large"),
        ("[-1e999]", "too large"),
        ("1" + "0" * 400, "the number 10000000000000000000... in it is too large"),
        ("1" + "0" * 5000, "too large"),
        ('"\\ud800"', "half a character"),
        ('{"\\udc00": 1}', "half a character"),
        ('[["x\\ud83d"]]', "half a character"),
        ("[" * (MAX_NESTING + 1) + "]" * (MAX_NESTING + 1), "nested more than 64 deep"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        (b"\xff", "it is not UTF-8 (byte 0)"),
        (b'"\xed\xa0\x80"', "it is not UTF-8"),
        ("", "it is not JSON"),
        ("\ufeff{}", "it is not JSON"),
        ("{} {}", "it is not JSON"),
        ("[" + "1," * 2**23 + "1]", "more than 8388608 values"),
        ("01", "it is not JSON"),
        ('"\n"', "it is not JSON"),
    ],
)
def test_what_is_refused(text: str | bytes, words: str) -> None:
    begun = time.process_time()
    with pytest.raises(FormatError) as caught:
        parse_json(text)
    assert words in str(caught.value)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9007199254740993", 2**53 + 1),
        ("1.25e-300", 1.25e-300),
        ("123456789012345678.5", 123456789012345678.5),
        ('"\\ud83d\\ude00"', "😀"),
        ('"ud800"', "ud800"),
        ("[" * MAX_NESTING + "]" * MAX_NESTING, None),
        ('{"a": {"a": 1}}', {"a": {"a": 1}}),
    ],
)
def test_what_is_read(text: str, value: Any) -> None:
    found = parse_json(text)
    assert value is None or (found == value and type(found) is type(value))


def test_whole_numbers_beyond_64_bits_are_floats() -> None:
    """As tokenizer_config.json of many models has for "any length"."""
    found = parse_json('{"model_max_length": 1000000000000000019884624838656}')
    assert found == {"model_max_length": 1e30}
    assert type(found["model_max_length"]) is float
    for text, number in (("18446744073709551616", 2.0**64), ("-9223372036854775809", -(2.0**63))):
        assert parse_json(text) == number
        assert type(parse_json(text)) is float


def test_files_of_our_own_may_hold_nan() -> None:
    assert math.isnan(parse_json("NaN", constants=True))
    assert parse_json("[-Infinity]", constants=True) == [-math.inf]


@given(oddities.PLAIN)
def test_what_python_writes_is_read_or_refused(value: Any) -> None:
    text = json.dumps(value)
    try:
        found = parse_json(text)
    except FormatError:
        assert any(word in text for word in ("NaN", "Infinity", "\\ud")) or len(text) > 300
        return
    assert found == json.loads(text) or '"' in text or len(text) > 15
    found_again = json.dumps(found, allow_nan=False, ensure_ascii=False)
    found_again.encode("utf-8")


@given(st.text(max_size=30) | st.binary(max_size=30))
def test_any_bytes_are_a_value_or_a_line(text: str | bytes) -> None:
    oddities.answered(lambda: parse_json(text))


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(BadInput, match=r"cannot read .*x\.json: no such file"):
        read_json(path, limit=10)
    path.write_text("[1, 2, 3, 4]")
    with pytest.raises(FormatError, match=r"x\.json is larger than 10"):
        read_json(path, limit=10)
    path.write_text("{")
    with pytest.raises(FormatError, match=r"x\.json: it is not JSON .*: mend it, or get it again"):
        read_json(path, limit=10)
    path.write_text("[1]")
    assert read_json(path, limit=10) == [1]


def test_which_numbers_count() -> None:
    assert [is_whole(one) for one in (1, True, 1.0, "1", None)] == [True, *[False] * 4]
    assert [finite(one) for one in (1, 1.5, -0.0)] == [1.0, 1.5, 0.0]
    none: Any
    for none in (True, "1", None, [], math.nan, math.inf, 10**400):
        assert finite(none) is None


def test_a_large_vocabulary_is_read_as_fast_as_python_reads_it() -> None:
    vocabulary = {f"token {number}": number for number in range(60_000)}
    merges = [[f"a{number}", f"b{number}"] for number in range(120_000)]
    text = json.dumps({"model": {"vocab": vocabulary, "merges": merges}}).encode()
    gc.disable()  # a collection of all that the tests before left is nobody's here
    try:
        assert _seconds(parse_json, text) < 4 * _seconds(json.loads, text) + 0.5
    finally:
        gc.enable()


def _seconds(read: Callable[[bytes], Any], text: bytes) -> float:
    begun = time.process_time()
    read(text)
    return time.process_time() - begun
