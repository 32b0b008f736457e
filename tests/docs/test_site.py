"""The documentation site: made without a network or a warning, whole, loads nothing of others."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import penjing
from penjing import testing

ROOT = Path(__file__).parents[2]
OFFLINE = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
        raise OSError(f"the site asked for the network: {event} {arguments}")

sys.addaudithook(refuse)
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What one page loads, where it leads, and what may be led to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.ids.add(known.get("id", ""))
        if tag == "a" and "href" in known:
            self.leads.append(known["href"])
        if known.get(LOADED.get(tag, "")):
            self.loads.append(known[LOADED[tag]])


class Site:
    """A folder of pages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def pages(self) -> dict[Path, Page]:
        """By path."""
        return {path: Page(path) for path in sorted(self.folder.rglob("*.html"))}

    def broken(self) -> list[str]:
        """Links to no page, or to no place of it."""
        found = []
        for path, page in self.pages.items():
            for link in page.leads:
                parts = urlsplit(link)
                target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
                known = self.pages[target].ids if target in self.pages else set()
                wrong = not target.exists() or (
                    parts.fragment and target.suffix == ".html"
                    and unquote(parts.fragment) not in known
                )  # fmt: skip
                if not parts.scheme and wrong:
                    found.append(f"{path.relative_to(self.folder)} -> {link}")
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """As `make docs` makes it, with every way out refused."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-q", "-W", "--keep-going", "-c", "docs", "-d", str(folder / "trees")]
    made = subprocess.run(
        [sys.executable, "-c", OFFLINE, *options, ".", str(folder / "site")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (made.returncode, made.stderr) == (0, "")
    return Site(folder / "site")


def test_every_link_leads_somewhere(site: Site) -> None:
    assert len(site.pages) > 40
    assert site.broken() == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<p id="x"><a href="b.html"></a><a href="#x"></a>')
    (tmp_path / "c.html").write_text('<a href="a.html#y"></a><a href="https://example.org/"></a>')
    assert Site(tmp_path).broken() == ["a.html -> b.html", "c.html -> a.html#y"]


def test_nothing_is_loaded_from_elsewhere(site: Site) -> None:
    asked = [link for page in site.pages.values() for link in page.loads]
    styles = "".join(path.read_text("utf-8") for path in site.folder.rglob("*.css"))
    asked += re.findall(r"""(?:url\(|@import\s+)["']?(?!data:)([^"')]+)""", styles)
    assert asked
    assert [link for link in asked if urlsplit(link).netloc] == []
    scripts = "".join(path.read_text("utf-8") for path in site.folder.rglob("*.js"))
    assert re.findall(r"sendBeacon|googletagmanager|google-analytics|plausible", scripts) == []
    assert list(site.folder.rglob("*.woff*")) == []


def test_the_reference_has_all_that_is_exported(site: Site) -> None:
    ids = site.pages[site.folder / "docs/reference.html"].ids
    exported = {f"penjing.{name}" for name in penjing.__all__ if name != "__version__"}
    exported |= {f"penjing.testing.{name}" for name in testing.__all__}
    assert exported - ids == set()


def test_the_front_page_leads_to_the_first_one(site: Site) -> None:
    front = (site.folder / "index.html").read_text("utf-8")
    (target,) = re.findall(r"url=([^\"]+)", front)
    first = (site.folder / target).read_text("utf-8")
    assert "penjing</span>" in first
    assert all(word in first for word in ("Compress", "Prove", "Run", "Assist", "Keep safe"))
