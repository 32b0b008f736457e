"""The built page that is committed is the one its sources make, and small. Needs no browser."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SOURCES = ROOT / "web"
PAGE = ROOT / "src" / "penjing" / "serve" / "page"
MOST_FIRST, MOST_LATER = 60_000, 75_000
"""Bytes, gzipped: of all that the first paint needs, and of scripts that come when they are
used."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def built() -> dict[str, bytes]:
    found = {path.relative_to(PAGE).as_posix(): path for path in PAGE.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items()}


def sources_hash(folder: Path) -> str:
    """As web/vite.config.js has it."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    lines = [
        f"{name} {sha256(found[name].read_bytes())}\n"
        for name in sorted(found)
        if found[name].is_file() and not name.startswith("node_modules/")
    ]
    return sha256("".join(lines).encode())


def test_the_built_page_is_that_of_its_sources() -> None:
    about = json.loads(built()["build.json"])
    assert about["sources"] == sources_hash(SOURCES), "web/ was changed: run `make web`"


def test_no_built_file_was_changed_by_hand() -> None:
    files = built()
    about = json.loads(files.pop("build.json"))
    assert {name: sha256(data) for name, data in files.items()} == about["files"]


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text("one")
    before = sources_hash(tmp_path)
    (tmp_path / "a.ts").write_text("two")
    assert sources_hash(tmp_path) != before


def test_the_first_paint_and_what_comes_later_are_small() -> None:
    files = built()
    start = files["index.html"].decode()
    named = {name for name in files if f"/{name}" in start and name.startswith("assets/")}
    assert {name.rpartition(".")[2] for name in named} == {"js", "css"}
    sizes = {name: len(gzip.compress(data, 9)) for name, data in files.items()}
    first = sum(sizes[name] for name in (*named, "index.html"))
    assert first < MOST_FIRST
    assert sum(sizes[one] for one in files.keys() - named if one.endswith(".js")) < MOST_LATER


def test_nothing_is_inline_and_nothing_from_elsewhere() -> None:
    start = built()["index.html"].decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)", start) == []
    assert re.findall(r"<style|\bstyle=|\bon\w+=", start) == []
    assert re.findall(r'(?:src|href)="([^"]*)"', start) != []
    assert [to for to in re.findall(r'(?:src|href)="([^"]*)"', start) if to[0] != "/"] == []
    style = next(data for name, data in built().items() if name.endswith(".css")).decode()
    assert re.findall(r"url\(|@import", style) == []


def test_every_bundled_package_has_its_notice_on_the_page() -> None:
    """What the page depends on, and what that depends on: all of it is bundled, and named."""
    lock = json.loads((SOURCES / "package-lock.json").read_text("utf-8"))["packages"]
    waiting, bundled = list(lock[""]["dependencies"]), set()
    while waiting:
        name = waiting.pop()
        bundled.add(name)
        waiting += lock[f"node_modules/{name}"].get("dependencies", {})
    notices = built()["licences.txt"].decode()
    parts = notices.split("\n" + "-" * 72 + "\n\n")
    for name in bundled:
        about = lock[f"node_modules/{name}"]
        start = f"{name} {about['version']} ({about['license']})\n"
        mine = next((part for part in parts if part.startswith(start)), "")
        assert "Copyright" in mine, f"{name} is bundled without its notice: run `make web`"
        assert "Permission is hereby granted" in mine
    assert len(parts) == len(bundled) + 2  # before them what it is, after them our own
    scripts = [data.decode() for name, data in built().items() if name.endswith(".js")]
    assert any("/licences.txt" in script for script in scripts)


def test_what_is_installed_is_pinned() -> None:
    package = json.loads((SOURCES / "package.json").read_text("utf-8"))
    wanted = {**package["dependencies"], **package["devDependencies"]}
    lock = json.loads((SOURCES / "package-lock.json").read_text("utf-8"))["packages"]
    assert {name: lock[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [name for name, one in lock.items() if name and "integrity" not in one] == []
