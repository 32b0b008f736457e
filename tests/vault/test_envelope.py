"""Keys: against another implementation of Argon2id, and against whoever changes a byte."""

from __future__ import annotations

import pickle

import pytest
from argon2.low_level import Type, hash_secret_raw
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.errors import BadInput, IntegrityError
from penjing.vault.envelope import (
    LEAST,
    USUAL,
    Cost,
    Key,
    derive,
    passphrase_bytes,
    require_cost,
    require_passphrase,
    seal,
    stretch,
    unseal,
)


@pytest.mark.parametrize("cost", [LEAST, USUAL])
def test_argon2id_is_what_the_reference_library_computes(cost: Cost) -> None:
    ours = stretch(b"correct horse", b"0123456789abcdef", cost).raw()
    assert ours == hash_secret_raw(
        b"correct horse", b"0123456789abcdef", cost.passes, cost.memory, cost.lanes, 32, Type.ID
    )


@pytest.mark.parametrize(
    "cost",
    [
        Cost(19455, 2, 1),
        Cost(19456, 1, 1),
        Cost(2**22, 2, 1),
        Cost(19456, 2, 0),
        Cost(19456, 2**20, 1),
    ],
)
def test_a_cheap_or_absurd_cost_is_refused(cost: Cost) -> None:
    with pytest.raises(IntegrityError, match="tampered"):
        require_cost(cost)


def test_the_usual_cost_is_above_the_least() -> None:
    assert USUAL.memory * USUAL.passes > LEAST.memory * LEAST.passes
    assert require_cost(USUAL) == USUAL


@given(st.binary(max_size=100), st.binary(max_size=20), st.integers(0), st.integers(0, 7))
def test_any_flipped_bit_of_what_is_sealed_is_noticed(
    plain: bytes, about: bytes, at: int, bit: int
) -> None:
    key = Key.random()
    sealed = seal(key, plain, about)
    assert unseal(key, sealed, about) == plain
    broken = bytearray(sealed)
    broken[at % len(broken)] ^= 1 << bit
    assert unseal(key, bytes(broken), about) is None
    assert unseal(key, sealed, about + b"x") is None
    assert unseal(Key.random(), sealed, about) is None
    assert unseal(key, sealed[: at % len(sealed)], about) is None


def test_the_same_is_never_sealed_to_the_same() -> None:
    key = Key.random()
    assert seal(key, b"x", b"") != seal(key, b"x", b"")


def test_keys_for_different_purposes_differ() -> None:
    key = Key.random()
    assert derive(key, "database", 48) != derive(key, "backup", 48)
    assert derive(key, "database", 48) == derive(key, "database", 48)


def test_a_key_shows_itself_nowhere_and_can_be_forgotten() -> None:
    key = Key(b"\xabsecret-" * 4)
    assert "ab" not in repr(key)
    assert "secret" not in f"{key} {key!r}"
    with pytest.raises(TypeError):
        pickle.dumps(key)
    key.wipe()
    key.wipe()
    with pytest.raises(BadInput, match="forgotten"):
        key.raw()


def test_a_passphrase_is_the_same_from_every_keyboard() -> None:
    assert passphrase_bytes("Käse") == passphrase_bytes("Ka\u0308se")


@pytest.mark.parametrize("text", ["", "1234567", "盆景"])
def test_a_short_passphrase_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadInput, match="too short") as caught:
        require_passphrase(text)
    assert not text or text not in str(caught.value)
