"""What is left on the disk of a server session: nothing that was said, typed or shown, in any form.

And of a person who wiped themselves: nothing at all, for nobody.
"""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from doorway import Caller
from household import OWN, WORDS, login
from premises import Premises, premises, spoken

from penjing.core.errors import IntegrityError, PenjingError, WrongPassphrase
from penjing.vault.database import connect, damage
from penjing.vault.envelope import LEAST
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import Vault, place_in

SECRET = "the walnut cabinet opens with 4711"
LABEL = "label of a script at the window"
FILE = "diary of a gardener in november.txt"


def forms(secret: str) -> list[bytes]:
    """A secret as it might turn up: raw, in UTF-16, in hexadecimal, in base64 at any offset."""
    raw = secret.encode()
    shifted = [base64.b64encode(b"x" * n + raw)[4:-4] for n in range(3)]
    every = [raw, secret.encode("utf-16-le"), secret.encode("utf-16-be"), raw.hex().encode()]
    return every + shifted


def found(folders: list[Path], secrets: list[str]) -> list[tuple[str, str]]:
    """Where one of the secrets lies, in content or name; and which."""
    hits = []
    for path in (path for folder in folders for path in folder.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        for secret in secrets:
            if any(form in data or form in os.fsencode(path.name) for form in forms(secret)):
                hits.append((str(path), secret))
    return hits


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where everything that makes a temporary file makes it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("SQLITE_TMPDIR", str(folder))
    return folder


@pytest.fixture
def house(tmp_path: Path, temporary: Path) -> Iterator[Premises]:
    with premises(tmp_path / "home") as running:
        yield running


def busy(house: Premises) -> tuple[Caller, list[str]]:
    """A session of Ben's that touches everything, and every secret in it."""
    caller = house.way.caller()
    code = house.way.code()
    caller.enter("/api/login/once", {"code": code})
    ticket = caller.cookies["penjing-ticket"]
    caller.enter("/api/login", login("Ben", "a wrong passphrase of ben's"))
    caller.enter("/api/login", login("Ben"))
    wanted = {"label": LABEL, "scopes": ["chat"]}
    token = caller.ask("POST", "/api/me/tokens", wanted).json["token"]
    session = spoken(caller, f"{SECRET} " * 20)
    spoken(caller, SECRET, session)
    caller.ask("PATCH", f"/api/sessions/{session}", {"title": SECRET})
    caller.ask("POST", "/api/search", {"words": SECRET})
    path = f"/api/documents?name={FILE.replace(' ', '%20')}"
    assert caller.ask("POST", path, f"{SECRET}\n".encode() * 20_000).status == 200
    said = [{"role": "user", "content": SECRET}]
    caller.ask("POST", "/v1/chat/completions", {"model": "fake", "messages": said})
    caller.ask("POST", "/v1/responses", {"model": "fake", "input": SECRET})
    shown = {"Authorization": f"Bearer {token}"}
    asked = {"model": "fake", "prompt": SECRET}
    assert house.way.caller().ask("POST", "/v1/completions", asked, shown).status == 200
    assert SECRET.encode() in caller.ask("GET", f"/api/sessions/{session}/turns").body
    assert caller.ask("POST", "/api/me/export").status == 200
    secrets = [SECRET, LABEL, FILE, WORDS["Ben"], "a wrong passphrase of ben's", code, ticket]
    return caller, [*secrets, caller.cookies["penjing"], caller.csrf or "", token[-43:]]


def test_the_grep_finds_what_is_there(tmp_path: Path) -> None:
    for number, form in enumerate(forms(SECRET)):
        (tmp_path / f"{number}").write_bytes(b"\0" * 7 + form + b"\0" * 7)
    assert len(found([tmp_path], [SECRET])) == len(forms(SECRET))


def test_nothing_planted_is_anywhere_in_the_home_during_and_after(
    house: Premises, temporary: Path
) -> None:
    caller, secrets = busy(house)
    assert found([house.home, temporary], secrets) == []
    assert caller.ask("POST", "/api/logout").status == 204
    house.way.wait(house.way.door.close())
    assert found([house.home, temporary], secrets) == []


def test_names_of_people_are_not_on_the_disk_either(house: Premises) -> None:
    anna = house.caller("Anna")
    new = {"name": "Wilhelmina Quince", "role": "member", "passphrase": "wilhelmina's words"}
    assert anna.ask("POST", "/api/people", new).status == 200
    assert found([house.home], ["Wilhelmina Quince", "wilhelmina's words"]) == []


def test_bens_part_opens_with_no_key_of_the_owner(house: Premises) -> None:
    busy(house)
    ben = house.vault.accounts.require("Ben")
    anna = house.vault.unlock("Anna", Passphrase(WORDS["Anna"], LEAST))
    place = house.vault.place
    his = place.database(ben.id, place.generations(ben.id)[-1])
    for key in (house.vault.accounts.database.key, anna.database.key):
        with pytest.raises(IntegrityError), damage(his):
            connect(his, key).execute("SELECT count(*) FROM sqlite_master").fetchall()
    for secret in (OWN, Passphrase(WORDS["Anna"], LEAST), Passphrase(WORDS["Gil"], LEAST)):
        with pytest.raises(WrongPassphrase):
            house.vault.unlock("Ben", secret)
    anna.close()


def test_who_wipes_themselves_is_gone_from_server_disk_and_backups(
    house: Premises, tmp_path: Path
) -> None:
    caller, _ = busy(house)
    ben = house.id_of("Ben")
    made = caller.ask("POST", "/api/me/tokens", {"label": "second"}).json["token"]
    stolen = tmp_path / "backup of the data, without the keys"
    shutil.copytree(house.vault.place.data, stolen)
    assert caller.ask("POST", "/api/me/wipe", {"passphrase": "not his words"}).status == 403
    assert caller.ask("GET", "/api/me").status == 200
    assert caller.ask("POST", "/api/me/wipe", {"passphrase": WORDS["Ben"]}).status == 204
    assert caller.ask("GET", "/api/me").status == 401
    assert house.way.caller().enter("/api/login", login("Ben")).status == 401
    shown = {"Authorization": f"Bearer {made}"}
    assert house.way.caller().ask("GET", "/api/me", headers=shown).status == 401
    left = [path.name for path in house.home.rglob("*") if ben in path.name]
    assert [name for name in left if not name.endswith((".use", ".turn"))] == []
    anna = house.caller("Anna")
    assert "Ben" not in {one["name"] for one in anna.ask("GET", "/api/people").json}
    house.way.wait(house.way.door.close())
    for path in stolen.glob(f"{ben}.*"):  # the backup comes back, and opens with nothing
        shutil.copy(path, house.vault.place.data)
    with pytest.raises(PenjingError):
        house.vault.unlock("Ben", Passphrase(WORDS["Ben"], LEAST))
    his = house.vault.place.database(ben, 1)
    if his.exists():
        with pytest.raises(IntegrityError), damage(his):  # noqa: PT012
            key = house.vault.accounts.database.key
            connect(his, key).execute("SELECT count(*) FROM sqlite_master").fetchall()


def test_an_owner_wipes_a_person_by_their_name_and_only_so(house: Premises) -> None:
    anna, ben = house.caller("Anna"), house.caller("Ben")
    path = f"/api/people/{house.id_of('Ben')}"
    assert anna.ask("DELETE", path, {"confirm": "Gil"}).status == 422
    assert ben.ask("GET", "/api/me").status == 200
    assert anna.ask("DELETE", path, {"confirm": "Ben"}).status == 204
    assert ben.ask("GET", "/api/me").status == 401
    assert anna.ask("GET", "/api/me").status == 200


def test_the_vault_opens_again_afterwards(house: Premises, tmp_path: Path) -> None:
    caller, _ = busy(house)
    caller.ask("POST", "/api/logout")
    house.way.wait(house.way.door.close())
    copied = tmp_path / "copy"
    shutil.copytree(house.home, copied)
    with Vault.open(place_in(copied), OWN) as vault:
        store = vault.unlock("Ben", Passphrase(WORDS["Ben"], LEAST))
        assert any(SECRET in turn.message.text for one in store.history.sessions()
                   for turn in store.history.turns(one.id))  # fmt: skip
        assert vault.verify([store]) == []
        store.close()
