"""Writes THIRD-PARTY-LICENSES: whose work ships with Penjing or is installed for it.

Run by `make licences`, in an environment with everything (`make .venv/dev`); a test fails when
the file is not of the pinned versions.
"""

from __future__ import annotations

from pathlib import Path

from shipped import ROOT, Part, parts

FILE = ROOT / "THIRD-PARTY-LICENSES"
HEAD = """\
Whose work Penjing is made with
===============================

Penjing itself is under the Apache License 2.0 (LICENSE). Its wheel holds the web page, with the
packages marked "page" bundled into it, and vectors of words distilled from multilingual-e5-small
(Wang et al. 2024; MIT). All others are installed beside it by the extras that are
named, from their own files, which may hold more notices than are here (torch: those of hundreds
of parts; llguidance: those of its crates, which are MIT or Apache-2.0). Written by
scripts/licences.py.
"""
LINE = "\n" + "-" * 88 + "\n\n"


def written() -> str:
    """The whole file. A text that stands there already is not said twice."""
    known: dict[str, str] = {}
    pieces = [HEAD, _overview(parts())]
    for one in parts():
        title = _title(one)
        body = []
        for text in one.texts:
            clean = "\n".join(line.rstrip() for line in text.strip().splitlines())
            if clean in known:
                body.append(f"The same text as for {known[clean]}.")
            else:
                known[clean] = title
                body.append(clean)
        pieces.append(f"{title}\n{one.licence}\n\n" + "\n\n".join(body) + "\n")
    return LINE.join(pieces)


def _title(one: Part) -> str:
    return f"{one.name} {one.version}" if one.version else f"{one.name}, in {one.within}"


def _overview(every: list[Part]) -> str:
    lines = [f"{_title(one):48} {', '.join(one.needed)}" for one in every]
    return "\n".join(("what, and needed by which extra", "", *lines, ""))


if __name__ == "__main__":
    Path(FILE).write_text(written(), "utf-8")
    print(f"{FILE.name}: {len(parts())} parts, {FILE.stat().st_size} bytes")
