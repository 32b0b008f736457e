"""The STREAM construction: what was sealed comes back, and nothing that was changed does."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.core.errors import IntegrityError
from penjing.ownership import stream
from penjing.ownership.stream import TAG, open_stream, seal_stream, sealed_bytes
from penjing.vault.envelope import Key

KEY = Key(bytes(range(32)))


def sealed(plain: bytes, *, about: bytes = b"head", key: Key = KEY) -> bytes:
    return b"".join(seal_stream(key, about, [plain], len(plain)))


def opened(data: bytes, length: int, *, about: bytes = b"head", key: Key = KEY) -> bytes:
    return b"".join(map(bytes, open_stream(key, about, io.BytesIO(data), length, "it")))


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHUNK", 10)


@pytest.mark.parametrize("length", [1, 9, 10, 11, 20, 35])
def test_it_comes_back(length: int) -> None:
    plain = bytes(range(length))
    data = sealed(plain)
    assert len(data) == sealed_bytes(length)
    assert opened(data, length) == plain
    pieces = [plain[at : at + 3] for at in range(0, length, 3)]
    assert b"".join(seal_stream(KEY, b"head", pieces, length)) == data


def test_it_is_the_construction_of_the_paper() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    plain, cipher = bytes(25), AESGCM(KEY.raw())
    nonces = [bytes(11) + b"\0", bytes(10) + b"\1\0", bytes(10) + b"\2\1"]
    parts = [plain[:10], plain[10:20], plain[20:]]
    expected = [cipher.encrypt(n, p, b"head") for n, p in zip(nonces, parts, strict=True)]
    assert sealed(plain) == b"".join(expected)


@settings(max_examples=200)
@given(data=st.data())
def test_no_change_goes_unnoticed(data: st.DataObject) -> None:
    plain = bytes(range(35))
    good = sealed(plain)
    bad = bytearray(good)
    bad[data.draw(st.integers(0, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(IntegrityError, match=r"it was changed: chunk [1-4] of 4"):
        opened(bytes(bad), 35)


def test_chunks_stay_in_order_and_whole() -> None:
    plain, size = bytes(range(40)), 10 + TAG
    good = sealed(plain)
    chunks = [good[at : at + size] for at in range(0, len(good), size)]
    swapped = b"".join([chunks[1], chunks[0], *chunks[2:]])
    with pytest.raises(IntegrityError, match="chunk 1 of 4"):
        opened(swapped, 40)
    with pytest.raises(IntegrityError, match="chunk 2 of 4"):
        opened(b"".join([chunks[0], chunks[0], *chunks[2:]]), 40)
    with pytest.raises(IntegrityError, match="cut short"):
        opened(good[:-1], 40)
    with pytest.raises(IntegrityError, match="cut short"):
        opened(good[: -2 * size], 40)
    with pytest.raises(IntegrityError, match="chunk 3 of 3"):  # as if it ended there
        opened(good[: 3 * size], 30)
    with pytest.raises(IntegrityError, match="goes on"):
        opened(good + b"x", 40)
    with pytest.raises(IntegrityError, match="chunk 4 of 5"):
        opened(good + chunks[3], 50)


def test_another_key_or_head_opens_nothing() -> None:
    good = sealed(b"abc")
    for key, about in ((Key.random(), b"head"), (KEY, b"other")):
        with pytest.raises(IntegrityError, match="chunk 1 of 1"):
            opened(good, 3, key=key, about=about)


@pytest.mark.parametrize("found", [b"", b"12", b"1234", b"1" * 500])
def test_what_changes_while_it_is_sealed_is_noticed(found: bytes) -> None:
    with pytest.raises(IntegrityError, match="changed while it was being sealed"):
        list(seal_stream(KEY, b"", [found], 3))
