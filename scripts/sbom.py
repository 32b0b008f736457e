"""Writes a CycloneDX 1.6 bill of materials beside a built release: `scripts/release` calls it.

No tool writes it for us: what is installed on some machine is not what the locks say, and no tool
knows what is inside a native library. Tests hold it against CycloneDX's own schema.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

from shipped import ROOT, Part, parts

_ALONE = ("Public domain", "blessing")
"""Licences that are words here, and no expression."""


def bill(files: list[Path]) -> dict[str, Any]:
    """The document. The same release makes the same bytes: its number comes from the files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    own = f"pkg:pypi/penjing@{project['version']}"
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    every = parts()
    whole = [one for one in every if not one.within]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([own, digests]))}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "penjing",
                "version": project["version"],
                "description": project["description"],
                "licenses": [{"expression": project["license"]}],
                "purl": own,
                "externalReferences": [
                    _file(name, "SHA-256", digest) for name, digest in sorted(digests.items())
                ],
            }
        },
        "components": [_component(one, every) for one in whole],
        "dependencies": [{"ref": own, "dependsOn": sorted(map(_url, whole))}],
    }


def _component(one: Part, every: list[Part]) -> dict[str, Any]:
    inside = [part for part in every if part.within == one.name and part.kind == "generic"]
    always = {"device", "page"} & set(one.needed)
    about: dict[str, Any] = {
        "type": "library",
        "bom-ref": _url(one),
        "name": one.name,
        "licenses": [_licence(one.licence)],
        "scope": "required" if always else "optional",
        "properties": [{"name": "penjing:needed-by", "value": name} for name in one.needed],
    }
    if one.version:
        about |= {"version": one.version, "purl": _url(one)}
    if one.hashes:
        about["externalReferences"] = [_file(_url(one), *known) for known in one.hashes]
    if inside and not one.within:
        about["components"] = [_component(part, every) for part in inside]
    return about


def _licence(said: str) -> dict[str, Any]:
    return {"license": {"name": said}} if said in _ALONE else {"expression": said}


def _file(url: str, algorithm: str, digest: str) -> dict[str, Any]:
    """One of the files that a package may be installed from."""
    return {
        "type": "distribution",
        "url": url,
        "hashes": [{"alg": algorithm, "content": digest}],
    }


def _url(one: Part) -> str:
    name = quote(one.name, safe="/")
    inside = f"{quote(one.within)}/" if one.within else ""
    return f"pkg:{one.kind}/{inside}{name}" + (f"@{one.version}" if one.version else "")


def main(folder: str) -> int:
    """Beside the files of a release, about them."""
    where = Path(folder)
    files = sorted([*where.glob("*.whl"), *where.glob("*.tar.gz")])
    if len(files) != 2:
        sys.exit(
            f"{where} holds {len(files)} files and not one wheel and one sdist: empty it first"
        )
    text = json.dumps(bill(files), indent=1, ensure_ascii=False) + "\n"
    (where / "penjing.cdx.json").write_text(text, "utf-8")
    print(f"{where}/penjing.cdx.json: {len(parts())} parts")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
