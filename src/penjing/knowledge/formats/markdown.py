"""Markdown: the source is the plain text, so that what is cited stands there; headings part it."""

from __future__ import annotations

import re

from penjing.knowledge.encodings import decode
from penjing.knowledge.plain import Builder, Plain

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LONGEST = 1000
"""A longer line is no heading, and is not matched against anything."""


def read(data: bytes) -> Plain:
    """The source, parted at its headings; those in fenced code are none."""
    builder = Builder()
    fence = ""
    lines = decode(data).split("\n")
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
                builder.heading(len(found[1]), found[2])
            elif _is_title(line) and len(following) <= _LONGEST and _UNDERLINE.match(following):
                builder.heading(1 if "=" in following else 2, line)
        builder.add(line + "\n" if number + 1 < len(lines) else line)
    return builder.done()


def _is_title(line: str) -> bool:
    """Text that an underline below makes a heading; a rule under a list or table is none."""
    return bool(line.strip()) and not line.lstrip().startswith(("-", "*", "+", ">", "|", "="))
