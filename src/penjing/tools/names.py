"""Names that people give to things: compared as they are heard, near ones named. Pure."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TypeVar

from penjing.tools.failed import ToolError

T = TypeVar("T")

_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_GAP = re.compile(f"(?<=[{_CJK}])\\s+|\\s+(?=[{_CJK}])")


def plain(name: str) -> str:
    """A name as it is compared: width, case, article and spaces do not matter."""
    text = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    text = _GAP.sub("", text)
    return text.removeprefix("the ") or text


def find(kind: str, name: str, known: Mapping[str, T]) -> T:
    """What is called that; `known` is by plain name. Raises ToolError with near names."""
    wanted = plain(name)
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, list(known), n=3, cutoff=0.6)
    hint = f": did you mean {' or '.join(near)}?" if near else ""
    raise ToolError("unknown_name", f"there is no {kind} called '{name[:60]}'{hint}", near=near)


def by_plain(pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """A mapping for `find`; the first of equal names wins."""
    found: dict[str, T] = {}
    for name, thing in pairs:
        found.setdefault(plain(name), thing)
    return found
