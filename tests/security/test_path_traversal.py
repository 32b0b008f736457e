"""Path traversal in names and archives: no name that a client sends ever becomes a path."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import quote

import pytest
from premises import Premises

NAMES = (
    "../../../../tmp/penjing-escaped",
    "..\\..\\penjing-escaped",
    "/tmp/penjing-escaped",
    "C:\\penjing-escaped",
    "....//....//penjing-escaped",
    "%2e%2e%2fpenjing-escaped",
    "..",
    ".",
    "~/penjing-escaped",
    "CON",
    "a" * 255,
    "盆景/../../penjing-escaped",
)


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", NAMES)
def test_a_documents_name_is_a_name_and_no_path(server: Premises, name: str) -> None:
    ben = server.caller("Ben")
    before, beside = listing(server.home), listing(server.home.parent)
    reply = ben.ask(
        "POST", f"/api/documents?name={quote(name, safe='')}", b"x", {"Content-Type": "text/plain"}
    )
    assert reply.status == 200
    assert reply.json["name"] == name
    after = {one for one in listing(server.home) if "-journal" not in one}
    assert after <= before
    assert {one for one in listing(server.home.parent) if "-journal" not in one} <= beside
    assert not Path("/tmp/penjing-escaped").exists()
    assert ben.ask("DELETE", f"/api/documents/{reply.json['id']}").status == 204


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "\x1b[31m", "x" * 256, ""])
def test_a_name_that_is_not_one_line_of_text_is_refused(server: Premises, name: str) -> None:
    ben = server.caller("Ben")
    path = f"/api/documents?name={quote(name, safe='')}"
    reply = ben.ask("POST", path, b"x", {"Content-Type": "text/plain"})
    assert 400 <= reply.status < 500
    assert ben.ask("GET", "/api/documents").json == []


def test_an_exported_archive_unpacks_into_its_own_folder_only(server: Premises) -> None:
    ben = server.caller("Ben")
    ids = [
        ben.ask("POST", f"/api/documents?name={quote(name, safe='')}", b"x").json["id"]
        for name in NAMES
    ]
    reply = ben.ask("POST", "/api/me/export")
    assert reply.status == 200
    members = zipfile.ZipFile(io.BytesIO(reply.body)).namelist()
    assert len(members) == len(set(members)) > len(NAMES)
    for member in members:
        for path in (PurePosixPath(member), PureWindowsPath(member)):
            assert not path.is_absolute()
            assert not path.drive
            assert ".." not in path.parts
        assert member.isprintable()
    for one in ids:
        ben.ask("DELETE", f"/api/documents/{one}")


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/assets/../../../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/..%5c..%5cetc%5cpasswd",
        "/assets//etc/passwd",
        "/assets/%00/etc/passwd",
        "/assets/./../../etc/passwd",
        "/assets/%252e%252e/%252e%252e/etc/passwd",
        "/assets/....//....//etc/passwd",
        "/assets/" + quote(os.fspath(Path(__file__)), safe=""),
    ],
)
def test_an_address_leads_to_no_file_but_the_pages_own(server: Premises, path: str) -> None:
    for caller in (server.caller(), server.caller("Ben")):
        reply = caller.ask("GET", path)
        assert reply.status in (400, 401, 404)
        assert b"root:" not in reply.body
        assert b"traversal" not in reply.body


@pytest.mark.parametrize(
    "one", ["..", "../accounts", "%2e%2e", "a" * 33, "0" * 31 + "/", "0" * 31 + "Ａ"]
)
def test_an_id_is_no_path_either(server: Premises, one: str) -> None:
    ben = server.caller("Ben")
    for path in (f"/api/documents/{quote(one)}/text", f"/api/sessions/{quote(one)}/turns"):
        assert ben.ask("GET", path).status in (400, 404, 422)
    assert ben.ask("DELETE", f"/api/me/tokens/{quote(one)}").status in (400, 404)
