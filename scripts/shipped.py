"""What ships with Penjing or is installed for it, read once for licences and the bill of materials.

Of Python what the locks of all extras but dev and docs list, of the page what it bundles, and what
is inside native libraries without a notice of its own (notices/parts.toml). Fails where a notice is
missing.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTICES = Path(__file__).with_name("notices")
_PIN = re.compile(r"([a-z0-9.-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")
_NOTICE = re.compile(r"[^/]+\.dist-info/(licenses/)?(licen[cs]e|copying|notice|authors)[^/]*", re.I)
_SAID = {
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
}
"""What older metadata says, by its name in SPDX; each was looked at."""
_SILENT = {"sqlcipher3": "Zlib"}
"""Packages whose metadata says nothing; from their licence file."""


@dataclass(frozen=True)
class Part:
    """A package, or what is inside one."""

    name: str
    """As its ecosystem writes it."""
    version: str
    """Empty for what is inside a package and has none of its own."""
    licence: str
    """An expression of SPDX, or words."""
    kind: str
    """pypi, npm or generic, as in a package URL."""
    needed: tuple[str, ...]
    """By which sets: device, or extras."""
    hashes: tuple[tuple[str, str], ...]
    """Algorithm and hexadecimal digits, of each file that may be installed."""
    texts: tuple[str, ...]
    """Its notices."""
    within: str = ""
    """The package that it is inside of."""


def parts() -> list[Part]:
    """All of them, by name. Ends the program where one has no notice."""
    found = [*_python(), *_page()]
    for one in found:
        if not one.licence or not any(text.strip() for text in one.texts):
            sys.exit(f"{one.name} has no licence or no notice: add one in scripts/shipped.py")
    return found


def sets() -> list[str]:
    """The names of locks of what people install."""
    names = sorted(path.stem for path in (ROOT / "locks").glob("*.txt"))
    return [name for name in names if name not in ("build", "cpu", "cuda", "dev", "docs")]


def _python() -> Iterator[Part]:
    needed: dict[str, list[str]] = {}
    pins: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {}
    for name in sets():
        for found in _PIN.finditer((ROOT / "locks" / f"{name}.txt").read_text("utf-8")):
            needed.setdefault(found[1], []).append(name)
            hashes = re.findall("[0-9a-f]{64}", found[3])
            pins[found[1]] = (found[2], tuple(("SHA-256", one) for one in hashes))
    inside = tomllib.loads((NOTICES / "parts.toml").read_text("utf-8"))
    for name in sorted(pins):
        version, known = pins[name]
        about = distribution(name)
        every = tuple(needed[name])
        yield Part(name, version, _licence(about), "pypi", every, known, tuple(_texts(about)))
        for part, licence in inside.get(name, {}).items():
            text = (NOTICES / name / f"{part}.txt").read_text("utf-8")
            yield Part(part, "", licence, "generic", every, (), (text,), name)


def _first(about: Distribution, name: str) -> str:
    return next(iter(about.metadata.get_all(name) or []), "")


def _licence(about: Distribution) -> str:
    said = _first(about, "License-Expression")
    classes = about.metadata.get_all("Classifier") or []
    for older in (_first(about, "License"), *classes):
        short = older if re.fullmatch(r"[\w.+-]+( (AND|OR|WITH) [\w.+-]+)*", older) else ""
        said = said or _SAID.get(older, short)
    return said or _SILENT.get(about.metadata["Name"], "")


def _texts(about: Distribution) -> Iterator[str]:
    for path in sorted(about.files or [], key=str):
        if _NOTICE.fullmatch(str(path)):
            yield path.read_text("utf-8")


@cache
def bundled() -> dict[str, tuple[str, str, str]]:
    """Of the page: version, licence and integrity by name. What it depends on is bundled."""
    lock = json.loads((ROOT / "web/package-lock.json").read_text("utf-8"))["packages"]
    waiting, found = list(lock[""]["dependencies"]), {}
    while waiting:
        name = waiting.pop()
        about = lock[f"node_modules/{name}"]
        found[name] = (about["version"], about["license"], about["integrity"])
        waiting += about.get("dependencies", {})
    return found


def _page() -> Iterator[Part]:
    notices = (ROOT / "src/penjing/serve/page/licences.txt").read_text("utf-8")
    texts = notices.split("\n" + "-" * 72 + "\n\n")
    for name, (version, licence, integrity) in sorted(bundled().items()):
        start = f"{name} {version} ({licence})\n"
        mine = next((text.removeprefix(start) for text in texts if text.startswith(start)), "")
        digits = base64.b64decode(integrity.removeprefix("sha512-")).hex()
        yield Part(name, version, licence, "npm", ("page",), (("SHA-512", digits),), (mine,))
