"""Whose is it, and who may: every kind of id that is somebody else's is not found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from members import ANNA, BEN

from penjing.core.errors import BadInput, NotFound, NotPermitted, UnknownName, WrongPassphrase
from penjing.core.history import Excerpt
from penjing.core.messages import Message
from penjing.vault import access
from penjing.vault.access import EVERY, Actor, Gate, Kind, operator
from penjing.vault.envelope import LEAST, Cost, Key, stretch
from penjing.vault.person import PersonStore
from penjing.vault.secrets import Passphrase
from penjing.vault.vault import NewPerson, Vault

Plant = dict[str, str]


@pytest.fixture
def planted(anna: PersonStore, ben: PersonStore) -> Plant:
    """Rows of Ben's in Anna's own database, as a mistake or an attack might leave them."""
    theirs = PersonStore(anna.database, ben.person)
    session = theirs.history.begin("ben's")
    theirs.history.append_turn(session.id, Message.of("user", "ben's secret"))
    document = theirs.documents.add("ben.txt", "text/plain", b"ben's secret")
    theirs.documents.put_excerpts(document.id, [Excerpt("ben's secret", "1")])
    theirs.passages.finish(document.id)
    theirs.snapshots.put("ben's", b"ben's secret")
    theirs.settings.put("ben's", "secret")
    return {"session": session.id, "document": document.id}


def calls(store: PersonStore, ids: Plant) -> dict[str, Callable[[], object]]:
    """Everything that takes an id."""
    session, document = ids["session"], ids["document"]
    return {
        "turns": lambda: store.history.turns(session),
        "append": lambda: store.history.append_turn(session, Message.of("user", "hi")),
        "rename": lambda: store.history.rename(session, "mine"),
        "delete session": lambda: store.history.delete(session),
        "read": lambda: store.documents.read(document),
        "excerpts": lambda: store.documents.excerpts(document),
        "put vectors": lambda: store.passages.put_vectors(document, {0: b"x"}),
        "put excerpts": lambda: store.documents.put_excerpts(document, []),
        "finish": lambda: store.passages.finish(document),
        "marks": lambda: store.passages.marks(document),
        "text": lambda: store.passages.text(document, 0, 9),
        "delete document": lambda: store.documents.delete(document),
    }


def refused(store: PersonStore, ids: Plant) -> set[str]:
    """Which calls say that there is no such thing."""
    found = set()
    for name, call in calls(store, ids).items():
        try:
            call()
        except NotFound:
            found.add(name)
    return found


def test_another_persons_id_is_not_found_whatever_it_is_of(
    anna: PersonStore, planted: Plant
) -> None:
    assert refused(anna, planted) == set(calls(anna, planted))


def test_it_is_answered_like_an_id_that_is_nobodys(anna: PersonStore, planted: Plant) -> None:
    with pytest.raises(NotFound) as theirs:
        anna.history.turns(planted["session"])
    with pytest.raises(NotFound) as nobodys:
        anna.history.turns("0" * 32)
    assert str(theirs.value).replace(planted["session"], "0" * 32) == str(nobodys.value)


def test_another_persons_rows_are_in_no_list(anna: PersonStore, planted: Plant) -> None:
    assert anna.history.sessions() == []
    assert anna.history.search("secret") == []
    assert anna.documents.all() == []
    assert anna.passages.indexed() == []
    assert anna.passages.get(range(9)) == []
    assert anna.snapshots.names() == []
    assert anna.snapshots.get("ben's") is None
    assert anna.settings.all() == {}
    assert anna.settings.get("ben's") is None


def test_retention_and_dropping_touch_nobody_elses(anna: PersonStore, planted: Plant) -> None:
    anna.settings.put("retention.days", "1")
    anna._clock = lambda: 10.0**12
    assert anna.expire().turns == 0
    anna.snapshots.drop()
    with anna.database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM turn").fetchone()[0] == 1
        assert connection.execute("SELECT count(*) FROM snapshot").fetchone()[0] == 1


def test_without_the_check_all_of_this_fails(
    anna: PersonStore, planted: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everybodys(
        self: Gate, table: str, equal: dict[str, object]
    ) -> tuple[str, tuple[object, ...]]:
        conditions = " AND ".join(["1 = 1", *(f"{name} = ?" for name in equal)])
        return f"WHERE {conditions}", tuple(equal.values())

    monkeypatch.setattr(Gate, "_where", everybodys)
    assert refused(anna, planted) == set()
    assert anna.documents.all() == []  # the calls above deleted it


def test_only_our_own_words_are_names_of_tables() -> None:
    with pytest.raises(KeyError):
        Gate(None, "x").all("session; DROP TABLE turn")
    assert set(access._KEYS) == {
        "session", "turn", "setting", "document", "excerpt", "snapshot", "piece",
    }  # fmt: skip


@pytest.mark.parametrize(("role", "may"), [("owner", True), ("member", True), ("guest", False)])
def test_what_a_role_may_where_nothing_was_said(role: access.Role, may: bool) -> None:
    assert Actor("x", "X", role).may("tool", "timer") is may


def test_what_was_said_of_a_thing_counts_before_what_was_said_of_all() -> None:
    said: dict[tuple[Kind, str], bool] = {
        ("tool", EVERY): False,
        ("tool", "timer"): True,
        ("source", EVERY): True,
    }
    guest = Actor("x", "X", "guest", said)
    assert guest.may("tool", "timer")
    assert not guest.may("tool", "mail")
    assert guest.may("source", "recipes")
    with pytest.raises(NotPermitted, match="ask an owner"):
        guest.require("tool", "mail")


def test_permissions_are_kept_and_changed(vault: Vault) -> None:
    ben = vault.accounts.require("ben")
    vault.accounts.permit(operator(), ben, "tool", "mail", False)
    assert not vault.accounts.actor(ben.id).may("tool", "mail")
    vault.accounts.permit(operator(), ben, "tool", "mail", True)
    assert vault.accounts.actor(ben.id).may("tool", "mail")
    with pytest.raises(BadInput, match="assistant"):
        vault.accounts.permit(operator(), ben, "door", "front", True)  # type: ignore[arg-type]


def test_only_owners_change_who_there_is(vault: Vault) -> None:
    ben = vault.accounts.require("ben")
    actor = vault.accounts.actor(ben.id)
    for call in (
        lambda: vault.add_person(actor, NewPerson("Eve", "owner", [BEN])),
        lambda: vault.accounts.set_role(actor, ben, "owner"),
        lambda: vault.accounts.rename(actor, ben, "Anna the second"),
        lambda: vault.accounts.permit(actor, ben, "tool", "x", True),
        lambda: vault.wipe(actor, "Anna"),
    ):
        with pytest.raises(NotPermitted):
            call()
    assert [person.name for person in vault.accounts.people()] == ["Anna", "Ben"]
    vault.wipe(actor, "Ben")  # oneself
    assert [person.name for person in vault.accounts.people()] == ["Anna"]


def test_the_last_owner_is_wiped_last(vault: Vault) -> None:
    for actor in (operator(), vault.accounts.actor(vault.accounts.require("Anna").id)):
        with pytest.raises(BadInput, match="Anna is the only owner: make somebody else an owner"):
            vault.wipe(actor, "anna")
    vault.unlock("Anna", ANNA).close()  # nothing was destroyed
    vault.accounts.set_role(operator(), vault.accounts.require("Ben"), "owner")
    vault.wipe(operator(), "Anna")
    vault.wipe(operator(), "Ben")  # nobody is left who would need an owner
    assert vault.accounts.people() == []


def test_the_last_owner_stays_one(vault: Vault) -> None:
    anna = vault.accounts.require("Anna")
    with pytest.raises(BadInput, match="only owner"):
        vault.accounts.set_role(operator(), anna, "guest")
    vault.accounts.set_role(operator(), vault.accounts.require("Ben"), "owner")
    vault.accounts.set_role(operator(), anna, "guest")
    with pytest.raises(BadInput, match="is not a role"):
        vault.accounts.set_role(operator(), anna, "king")


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\nb", "\x1b[2J", "a\u202eb"])
def test_a_name_that_could_deceive_is_refused(vault: Vault, name: str) -> None:
    with pytest.raises(BadInput, match="printable"):
        vault.add_person(operator(), NewPerson(name, "guest", [BEN]))


@pytest.mark.parametrize("name", ["ben", "BEN", " Ben "])
def test_two_people_cannot_be_mixed_up(vault: Vault, name: str) -> None:
    with pytest.raises(BadInput, match="already"):
        vault.add_person(operator(), NewPerson(name, "guest", [BEN]))
    with pytest.raises(UnknownName, match="did you mean"):
        vault.accounts.require("benn")


def test_paths_in_names_lead_nowhere(vault: Vault) -> None:
    vault.add_person(operator(), NewPerson("../../ben", "guest", [BEN]))
    store = vault.unlock("../../ben", BEN)
    assert store.database.path.parent == vault.place.data
    store.close()


def test_a_wrong_name_and_a_wrong_passphrase_are_answered_alike(vault: Vault) -> None:
    wrong = Passphrase("not her words", LEAST)
    with pytest.raises(WrongPassphrase) as name:
        vault.unlock("nobody", ANNA)
    with pytest.raises(WrongPassphrase) as words:
        vault.unlock("Anna", wrong)
    assert str(name.value) == str(words.value)
    with pytest.raises(WrongPassphrase):
        vault.rotate("nobody", ANNA, [BEN])


def test_a_wrong_name_costs_a_guess_too(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    guesses = []
    from penjing.vault import secrets

    def counted(passphrase: bytes, salt: bytes, cost: Cost) -> Key:
        guesses.append(cost)
        return stretch(passphrase, salt, cost)

    monkeypatch.setattr(secrets, "stretch", counted)
    for name in ("nobody", "Anna"):
        with pytest.raises(WrongPassphrase):
            vault.unlock(name, Passphrase("not her words", LEAST))
    assert guesses == [LEAST, LEAST]
