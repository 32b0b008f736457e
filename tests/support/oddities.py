"""What a stranger can put where a value is expected, and how a reader may answer.

It gives a value, or it refuses in one line and at once.

A document is changed at one place at a time: every key and item of it becomes every kind of value,
is left out, or stands there twice. Long lists and tables are changed at their first two places.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

from hypothesis import strategies as st

from penjing.core.errors import PenjingError

_HOLE = "@@hole@@"
_MOST = 40

ODD = (
    "null", "true", "false", "0", "-0.0", "1", "-1", "2", "3.5", "1e308", "-1e308", "5e-324",
    "1e400", "NaN", "Infinity", "-Infinity", "1" + "0" * 400, "1" + "0" * 5000, "0." + "1" * 400,
    str(2**31), str(2**32), str(2**53), str(2**63 - 1), str(2**63), str(2**64), str(-(2**63)),
    str(-(2**63) - 1), '""', '"x"', '"1"', '"0x10"', '"nan"', '"\\ud800"', '"\\udc00\\ud800"',
    '"\\u0000"', '"\\n\\u001b[31m"', '"\\u202e"', '"' + "a" * 100_000 + '"', '"../../etc/passwd"',
    '"/dev/zero"', "[]", "[[]]", "[null]", "[true]", "[1]", "[-1]", "[1e308]", '["x"]', "[{}]",
    '["x", "x"]', "[1, 2, 3, 4]", "{}", '{"a": 1}', '{"a": 1, "a": 1}', '{"": {}}',
    '{"content": 1}', '{"type": "Sequence"}', '{"\\ud800": 1}',
    "[" * 30 + "]" * 30, '{"a":' * 60 + "1" + "}" * 60, "[" * 5000 + "]" * 5000,
    "[" + "[]," * 2000 + "[]]",
)  # fmt: skip
"""JSON texts, some of which are none."""

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-3, 70000) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
"""Any plain value."""

Path = tuple[str | int, ...]


def paths(document: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in a document, the document itself first."""
    yield at
    if isinstance(document, dict):
        inside: list[Any] = list(document)
    else:
        inside = list(range(len(document))) if isinstance(document, list) else []
    for step in inside if len(inside) <= _MOST else inside[:2]:
        yield from paths(document[step], (*at, step))


def put(document: Any, at: Path, text: str) -> str:
    """The document as JSON text, with `text` at one place."""
    changed = _with(document, at, _HOLE)
    return json.dumps(changed, ensure_ascii=False).replace(f'"{_HOLE}"', text, 1)


def without(document: Any, at: Path) -> str:
    """The document without the key or item at one place."""
    copy = json.loads(json.dumps(document))
    holder = _at(copy, at[:-1])
    del holder[at[-1]]
    return json.dumps(copy)


def twice(document: Any, at: Path) -> str:
    """The document with a key, or an item, that stands there twice."""
    own = json.dumps(_at(document, at))
    if isinstance(at[-1], int):
        return put(document, at, f"{own}, {own}")
    return put(document, at, f"{own}, {json.dumps(at[-1])}: {own}")


def every(document: Any) -> Iterator[str]:
    """All changed documents, as texts."""
    for at in paths(document):
        for text in ODD:
            yield put(document, at, text)
        if at:
            yield without(document, at)
            yield twice(document, at)


def some(document: Any, each: int, seed: int = 0) -> Iterator[str]:
    """Of all changed documents, so many for each place; other ones with another seed."""
    random = Random(seed)
    for at in paths(document):
        for text in random.sample(ODD, each):
            yield put(document, at, text)
        if at:
            yield random.choice((without, twice))(document, at)


def refusals(
    texts: Iterable[str], write: Callable[[str], object], read: Callable[[], object]
) -> tuple[int, int]:
    """How many there were, and how many were refused; any other answer says of which it was."""
    count = refused = 0
    for text in texts:
        count += 1
        write(text)
        try:
            refused += answered(read) is not None
        except BaseException as error:
            error.add_note(f"with {text[:2000]!a}")
            raise
    return count, refused


def answered(read: Callable[[], object], *, seconds: float = 2.0) -> str | None:
    """None where a value came, the line where it was refused; anything else is a failure."""
    begun = time.process_time()
    said = None
    try:
        read()
    except PenjingError as error:
        said = str(error)
        assert said.isprintable(), f"not one line: {said[:300]!a}"
        assert len(said) < 1000, f"{len(said)} characters: {said[:300]!a}"
    took = time.process_time() - begun
    assert took < seconds, f"{took:.1f} s"
    return said


def _with(document: Any, at: Path, value: Any) -> Any:
    if not at:
        return value
    copy: Any = list(document) if isinstance(document, list) else dict(document)
    copy[at[0]] = _with(document[at[0]], at[1:], value)
    return copy


def _at(document: Any, at: Path) -> Any:
    for step in at:
        document = document[step]
    return document
