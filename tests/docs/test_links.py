"""Links between the Markdown files lead somewhere, as they are read on GitHub."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FENCED = re.compile(r"^(`{3,}|:{3,}).*?^\1", re.M | re.S)
_INDENTED = re.compile(r"^ {4,}.*$", re.M)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """All that are committed."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split()]


def anchors(text: str) -> set[str]:
    """What GitHub calls the headings of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", _FENCED.sub("", text), re.M):
        words = re.sub(r"\]\([^)]*\)", "", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    return found


def broken(page: Path) -> Iterator[str]:
    """Links of a page that lead to no file, or to no heading of it."""
    text = re.sub(r"^:::.*$", "", page.read_text("utf-8"), flags=re.M)
    prose = _CODE.sub("", _INDENTED.sub("", _FENCED.sub("", text)))
    for link in _LINK.findall(prose):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        known = anchors(target.read_text("utf-8")) if heading and target.exists() else {heading}
        if not target.exists() or heading not in known:
            yield link


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# The `first` part, and more\n")
    page = tmp_path / "a.md"
    page.write_text(
        "[x](b.md#the-first-part-and-more) [x](b.md#other) [x](c.md) [x](https://example.org)\n"
        "`[x](d.md)`\n\n    [x](e.md)\n\n```\n[x](f.md)\n```\n"
    )
    assert list(broken(page)) == ["b.md#other", "c.md"]
