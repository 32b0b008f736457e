"""Whole characters, and nothing past a stop string, however the bytes are cut."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from penjing.engine.streaming import TextStream


def _stream(data: bytes, cuts: list[int], stop: tuple[str, ...] = ()) -> str:
    stream = TextStream(stop)
    edges = [0, *sorted(c % (len(data) + 1) for c in cuts), len(data)]
    parts = [data[a:b] for a, b in itertools.pairwise(edges)]
    return "".join(stream.feed(part) for part in parts) + stream.finish()


@given(st.text(), st.lists(st.integers(0, 999)))
def test_any_cut_gives_the_same_text(text, cuts):
    assert _stream(text.encode("utf-8", "ignore"), cuts) == text.encode("utf-8", "ignore").decode()


@given(
    st.text("abx"), st.lists(st.integers(0, 99)), st.lists(st.text("ab", min_size=1), max_size=3)
)
def test_stops_before_the_first_stop_string(text, cuts, stop):
    found = _stream(text.encode(), cuts, tuple(stop))
    at = [text.find(word) for word in stop if word in text]
    # Pieces may reveal a longer stop word only after a shorter one that begins later.
    assert text.startswith(found)
    assert not any(word in found for word in stop)
    if not at:
        assert found == text


def test_nothing_of_a_possible_stop_is_shown_early():
    stream = TextStream(["###"])
    assert stream.feed(b"hello #") == "hello "
    assert stream.feed(b"#") == ""
    assert stream.feed(b"!") == "##!"
    assert stream.feed(b"###") == ""
    assert stream.stopped
    assert stream.finish() == ""


def test_broken_bytes_become_replacement_characters():
    assert _stream(b"a\xff\xe4\xbd", []) == "a\ufffd\ufffd"
