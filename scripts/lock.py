"""Writes locks/: for each extra every package it needs, pinned, with the hashes of all its files.

Versions are those of constraints.txt, and who needs whom is what the installed packages say. Files
come from whatever index this machine's pip uses, and so this uses pip's own parts: run it with the
pip that a fresh environment has (23.2).
"""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name as canonical
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version
from pip._internal.commands import create_command
from pip._internal.index.collector import LinkCollector, parse_links
from pip._internal.network.lazy_wheel import dist_from_wheel_url

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "locks"
HEAD = (
    "# Written by scripts/lock. Used by scripts/install, or: pip install --require-hashes -r THIS\n"
)
TORCH = re.compile(r"torch-[0-9.]+-cp311-cp311-manylinux\w*_x86_64\.whl")


def main() -> int:
    """Write them all."""
    pins = pinned()
    index = Index()
    before = locked()
    hashes = {
        name: sorted({*index.hashes(name, pins[name]), *before.get(f"{name}=={pins[name]}", [])})
        for name in sorted(pins)
    }
    LOCKS.mkdir(exist_ok=True)
    for extra in ["device", *extras()]:
        write(extra, pins, hashes, needed(extra))
    write("build", pins, hashes, {"setuptools"})
    processors(index, pins["torch"])
    graphics = beyond(index, pins)
    more = {name: index.hashes(name, number) for name, number in graphics.items()}
    write("cuda", graphics, more, set(graphics))
    return 0


def pinned() -> dict[str, str]:
    """By canonical name."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").split("\n")
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonical(name): number for name, number in pairs}


def locked() -> dict[str, list[str]]:
    """Hashes that stand there for a version: not every machine sees all builds of torch."""
    found: dict[str, list[str]] = {}
    for path in LOCKS.glob("*.txt"):
        for pin in re.finditer(
            r"^(\S+==\S+)((?:.*\n    --hash\S+)+)", path.read_text("utf-8"), re.M
        ):
            found.setdefault(pin[1], []).extend(re.findall("[0-9a-f]{64}", pin[2]))
    return found


def extras() -> dict[str, list[str]]:
    """What pyproject.toml names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found: dict[str, list[str]] = project["optional-dependencies"]
    return found


def needed(extra: str) -> set[str]:
    """Names of all packages that Penjing with an extra needs, directly or not."""
    known: set[tuple[str, str]] = set()
    waiting = [("penjing", ""), ("penjing", extra)]
    while waiting:
        name, part = waiting.pop()
        if (name, part) in known:
            continue
        known.add((name, part))
        for line in requires(name) or []:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": part}):
                key = canonical(wanted.name)
                waiting += [(key, one) for one in ("", *wanted.extras)]
    return {name for name, _ in known} - {"penjing"}


def write(extra: str, pins: dict[str, str], hashes: dict[str, list[str]], names: set[str]) -> None:
    """One file of locks/. What is installed in another version than is pinned ends it."""
    parts = [HEAD]
    for name in sorted(names):
        if name not in pins:
            sys.exit(f"{name} is not in constraints.txt: add {name}=={version(name)}")
        if not hashes[name]:
            sys.exit(f"no file of {name} {pins[name]} was found in the index")
        lines = "".join(f" \\\n    --hash=sha256:{one}" for one in hashes[name])
        parts.append(f"{name}=={pins[name]}{lines}\n")
    (LOCKS / f"{extra}.txt").write_text("".join(parts), "utf-8")
    print(f"locks/{extra}.txt: {len(names)} packages")


def processors(index: Index, number: str) -> None:
    """A torch made for processors alone, where this machine has one: an eighth of the size.

    It is a list of its own: pip takes a file whose hash the index tells before one from a folder.
    """
    for link in index.links("torch"):
        there = parsed(link.filename)
        if there is None or there.public != number or there.local != "cpu" or not link.is_file:
            continue
        digest = hashlib.sha256(Path(link.file_path).read_bytes()).hexdigest()
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        marker = f"python_version == '{python}' and platform_machine == 'x86_64'"
        line = f"torch=={there} ; {marker} and sys_platform == 'linux'"
        (LOCKS / "cpu.txt").write_text(f"{HEAD}{line} \\\n    --hash=sha256:{digest}\n", "utf-8")
        print("locks/cpu.txt: torch")


def beyond(index: Index, pins: dict[str, str]) -> dict[str, str]:
    """What the index's torch for Linux needs beside what ours needs."""
    link = next(one for one in index.links("torch") if TORCH.fullmatch(one.filename)
                and one.filename.startswith(f"torch-{pins['torch']}-"))  # fmt: skip
    found: dict[str, str] = {}
    asked: dict[str, SpecifierSet] = {}
    waiting = list(index.requirements("torch", link))
    while waiting:
        wanted = waiting.pop()
        name = canonical(wanted.name)
        both = asked.get(name, SpecifierSet()) & wanted.specifier
        if name in pins or (both == asked.get(name) and not wanted.extras):
            continue
        asked[name] = both
        files = [(parsed(one.filename), one) for one in index.links(name)]
        fit = [number for number, _ in files if number is not None and number in both]
        found[name] = str(max(fit))
        wheel = next(one for number, one in files if str(number) == found[name]
                     and is_used(one.filename) and "aarch64" not in one.filename)  # fmt: skip
        waiting += index.requirements(name, wheel, wanted.extras)
    return found


class Index:
    """The files of this machine's package index, by pip's own eyes."""

    def __init__(self) -> None:
        command: Any = create_command("index")
        options, _ = command.parse_args(["versions", "x"])
        self._context = command.main_context()
        self._context.__enter__()
        self._session = command._build_session(options)
        self._collector = LinkCollector.create(self._session, options=options)

    def links(self, name: str) -> Iterator[Any]:
        """All of a package's files."""
        sources = self._collector.collect_sources(name, candidates_from_page=lambda link: [link])
        for source in filter(None, sources.index_urls):
            page = self._collector.fetch_response(source.link)
            yield from parse_links(page) if page is not None else ()
        for source in filter(None, sources.find_links):
            yield from source.page_candidates()
            yield from (one for one in source.file_links() if named(one.filename) == name)

    def hashes(self, name: str, number: str) -> list[str]:
        """Of the files of one version that a machine we know of could use."""
        found = set()
        for link in self.links(name):
            there = parsed(link.filename)
            if there is None or str(there) != str(Version(number)) or not is_used(link.filename):
                continue
            if link.hash_name == "sha256":
                found.add(link.hash)
        return sorted(found)

    def requirements(self, name: str, link: Any, wanted: Any = ()) -> Iterator[Requirement]:
        """Of one wheel, without fetching all of it."""
        wheel = dist_from_wheel_url(name, link.url_without_fragment, self._session)
        for line in wheel.metadata.get_all("Requires-Dist") or []:
            one = Requirement(line)
            told = [{"extra": extra} for extra in ("", *wanted)]
            if one.marker is None or any(one.marker.evaluate(each) for each in told):
                yield one


def parsed(filename: str) -> Version | None:
    """The version in a file's name; None for what is no wheel or source archive."""
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except ValueError:
        return None


def named(filename: str) -> str:
    """The package that a wheel is of: a folder of files has all kinds."""
    return parse_wheel_filename(filename)[0] if filename.endswith(".whl") else ""


def is_used(filename: str) -> bool:
    """A source archive, or a wheel for Python 3.11 or later on 64 bits of Linux or macOS."""
    if not filename.endswith(".whl"):
        return True
    return any(
        re.match(r"py3|py2\.py3|cp31[1-9]$", tag.interpreter) or tag.abi == "abi3"
        for tag in parse_wheel_filename(filename)[3]
        if re.search("any$|(linux|macosx).*(x86_64|aarch64|arm64|universal2)$", tag.platform)
    )


if __name__ == "__main__":
    sys.exit(main())
