"""Markdown: the source is the plain text, each paragraph a line; headings part it."""

from __future__ import annotations

import re

from penjing.core.errors import BadInput
from penjing.core.paragraphs import flowing
from penjing.knowledge.encodings import decode
from penjing.knowledge.plain import MOST_CHARACTERS, Builder, Plain

_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t])")
_UNDERLINE = re.compile(r" {0,3}(=++|-++)[ \t]*+$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
MOST_LINES = 2_000_000
"""Of one document."""
_LONGEST = 1000
"""A longer line is no heading, and is not matched against anything."""


def read(data: bytes) -> Plain:
    """The source, parted at its headings; those in fenced code are none."""
    builder = Builder()
    fence = ""
    source = decode(data, most=MOST_CHARACTERS)
    if source.count("\n") > MOST_LINES:
        raise BadInput(f"it has more than {MOST_LINES // 1_000_000} million lines: split it")
    lines = flowing(source).split("\n")
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if len(line) <= _LONGEST:
            opened = _FENCE.match(line)
            if fence:
                closes = opened and opened[1].startswith(fence) and not line.strip(" `~")
                fence = "" if closes else fence
            elif opened:
                fence = opened[1]
            elif found := _HEADING.match(line):
                builder.heading(len(found[1]), _title(line[found.end() :]))
            elif _is_title(line) and len(following) <= _LONGEST and _UNDERLINE.match(following):
                builder.heading(1 if "=" in following else 2, line)
        builder.add(line + "\n" if number + 1 < len(lines) else line)
    return builder.done()


def _title(rest: str) -> str:
    """What a heading says, without the signs that may close it; no pattern looks twice."""
    title = rest.strip(" \t")
    bare = title.rstrip("#")
    return bare.rstrip(" \t") if bare[-1:] in ("", " ", "\t") else title


def _is_title(line: str) -> bool:
    """Text that an underline below makes a heading; a rule under a list or table is none."""
    return bool(line.strip()) and not line.lstrip().startswith(("-", "*", "+", ">", "|", "="))
