"""Where sentences end, in Latin and Chinese scripts; a line is a unit of its own. Pure; linear.

A full stop ends none behind an abbreviation, an initial or the number of a list's item, nor before
a small letter. What wraps lines joins them first (`paragraphs.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_STOP = re.compile(
    r"""(?:[.!?…]+["'”’»)\]]*(?:\[\d{1,3}\])*(?=\s|$)|[。！？…]+["'”’」』）】]*|\n)"""
)
_WORD = re.compile(r"[^\W_](?:[\w.]*[^\W_])?$")
_REACH = 16
"""Characters before a full stop in which an abbreviation stands."""
_ALWAYS = frozenset(
    """e.g eg i.e ie approx ca cf vs dr mr mrs ms prof st z.b d.h u.a bzw ggf evtl inkl resp incl
    excl viz""".split()  # noqa: SIM905
)
_BEFORE_NUMBERS = frozenset(
    """no nos nr fig figs vol p pp ch chap sec sect eq ref art abs abb tab max min tel ext temp jan
    feb mar apr jun jul aug sep sept oct nov dec par para""".split()  # noqa: SIM905
)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """First character of each and one past its last, without the spaces around."""
    begin = 0
    for found in _STOP.finditer(text):
        if found[0] != "\n" and not ends(text, found.start(), found.end(), begin):
            continue
        yield from _trimmed(text, begin, found.end())
        begin = found.end()
    yield from _trimmed(text, begin, len(text))


def ends(text: str, mark: int, stop: int, begin: int) -> bool:
    """Whether the signs from `mark` to `stop` end the sentence from `begin` on."""
    sign = text[mark]
    if sign in "。！？" or stop >= len(text):
        return True
    if sign == "…" and not text[stop].isspace():
        return text[stop] > "\u2e80"
    following = text[stop : stop + 8].lstrip(" \t")[:1]
    if following.islower():
        return False
    if sign != "." or text[mark + 1 : mark + 2] == ".":
        return True
    return not _is_short(text, begin, mark, following)


def _is_short(text: str, begin: int, mark: int, following: str) -> bool:
    """Whether the full stop at `mark` shortens a word or numbers an item."""
    found = _WORD.search(text, max(begin, mark - _REACH), mark)
    if found is None:
        return False
    word = found[0].lower()
    if word.isdigit():  # the number of a list's item stands alone before what it says
        return not text[begin : found.start()].strip()
    initial = len(word) == 1 and word < "\u2e80"
    return initial or word in _ALWAYS or (word in _BEFORE_NUMBERS and following.isdigit())


def _trimmed(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    while begin < end and text[begin].isspace():
        begin += 1
    while begin < end and text[end - 1].isspace():
        end -= 1
    if begin < end:
        yield begin, end
