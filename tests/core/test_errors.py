"""The error tree: whatever a message quotes, it is one line."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.core.errors import FormatError, PenjingError, UnknownName


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=40))
def test_any_message_is_one_printable_line_that_can_be_written(text: str) -> None:
    said = str(FormatError(f"the name {text} is none"))
    assert said.replace("\u3000", "").isprintable()
    said.encode("utf-8")
    assert said.startswith("the name ")


@pytest.mark.parametrize(
    ("quoted", "shown"),
    [
        ("a\nb\r", r"a\nb\r"),
        ("\x1b[2J\x1b[31m", r"\x1b[2J\x1b[31m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\ud800", r"\ud800"),
        ("盆景，树　木", "盆景，树　木"),
        ("it's \\n", "it's \\n"),
    ],
)
def test_what_moves_a_cursor_is_written_out_and_all_else_is_kept(quoted: str, shown: str) -> None:
    assert str(FormatError(quoted)) == shown
    assert shown in str(UnknownName("model", quoted, ["x"]))


def test_a_message_is_never_pages_long_and_keeps_its_remedy() -> None:
    said = str(FormatError("x" * 10**7 + ": get it again"))
    assert len(said) <= 6000
    assert said.endswith(": get it again")


def test_an_error_is_copied_and_sent_as_any_exception_is() -> None:
    error = PenjingError("a\nb")
    assert str(pickle.loads(pickle.dumps(error))) == str(copy.copy(error)) == r"a\nb"
    assert str(PenjingError()) == ""
    assert PenjingError("x", 2).args == ("x", 2)
