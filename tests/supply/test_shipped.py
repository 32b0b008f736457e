"""Everything that ships or is installed has its notice, and the bill of materials names it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import validator_for
from referencing import Registry, Resource

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import licences  # noqa: E402
import sbom  # noqa: E402
import shipped  # noqa: E402

SCHEMAS = Path(__file__).with_name("cyclonedx")


@pytest.fixture
def bill(tmp_path: Path) -> dict[str, Any]:
    files = [tmp_path / "penjing-1.whl", tmp_path / "penjing-1.tar.gz"]
    for path in files:
        path.write_bytes(path.name.encode())
    return json.loads(json.dumps(sbom.bill(files)))


def wrong(document: dict[str, Any]) -> list[str]:
    """By CycloneDX's own schema."""
    loaded = [json.loads(path.read_text("utf-8")) for path in SCHEMAS.glob("*.json")]
    registry = Registry().with_resources(
        [(one["$id"], Resource.from_contents(one)) for one in loaded]
    )
    schema = next(one for one in loaded if "bom-1.6" in one["$id"])
    checker = validator_for(schema)(schema, registry=registry)
    return [f"{list(one.path)}: {one.message[:200]}" for one in checker.iter_errors(document)]


def test_the_licence_file_is_of_what_is_pinned() -> None:
    said = (ROOT / "THIRD-PARTY-LICENSES").read_text("utf-8")
    for one in shipped.parts():
        title = f"{one.name} {one.version}" if one.version else f"{one.name}, in {one.within}"
        assert f"\n{title}\n{one.licence}\n" in said, f"{title} is not there: run make licences"
    assert said == licences.written(), "run make licences"


def test_a_package_without_a_notice_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_texts", lambda about: iter(()))
    with pytest.raises(SystemExit, match=r"^[\w.-]+ has no licence or no notice: add one"):
        shipped.parts()


def test_what_is_inside_native_libraries_is_named() -> None:
    inside = {(one.within, one.name) for one in shipped.parts() if one.within}
    assert {
        ("xllamacpp", "llama.cpp"),
        ("xllamacpp", "llguidance"),
        ("sqlcipher3", "sqlcipher"),
    } <= inside
    notices = {path.stem for path in shipped.NOTICES.glob("*/*.txt")}
    assert notices == {name for _, name in inside}  # no notice of what is in nothing


def test_the_bill_is_what_cyclonedx_says_it_is(bill: dict[str, Any]) -> None:
    assert wrong(bill) == []
    bill["components"][0]["type"] = "no such thing"
    assert wrong(bill) != []


def test_the_bill_names_every_locked_and_bundled_package(bill: dict[str, Any]) -> None:
    named = {one["purl"]: one for one in bill["components"]}
    for one in shipped.parts():
        if one.within:
            continue
        component = named[sbom._url(one)]
        said = {
            digest["content"]
            for file in component["externalReferences"]
            for digest in file["hashes"]
        }
        assert said == {digest for _, digest in one.hashes}
        assert component["licenses"]
    assert named["pkg:pypi/numpy@2.4.6"]["scope"] == "required"
    assert named["pkg:npm/%40preact/signals@2.11.4"]["scope"] == "required"
    engine = next(one for purl, one in named.items() if purl.startswith("pkg:pypi/xllamacpp@"))
    assert "llama.cpp" in [one["name"] for one in engine["components"]]
    assert {one["ref"] for one in bill["dependencies"]} == {bill["metadata"]["component"]["purl"]}


def test_the_same_release_is_the_same_bill(bill: dict[str, Any], tmp_path: Path) -> None:
    files = [tmp_path / "penjing-1.whl", tmp_path / "penjing-1.tar.gz"]
    assert sbom.bill(files) == bill
    files[0].write_bytes(b"another")
    assert sbom.bill(files)["serialNumber"] != bill["serialNumber"]
