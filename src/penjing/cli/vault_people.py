"""What each verb of `penjing vault user` does with an open vault. Computes nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from penjing.cli.vault_opening import Opening

if TYPE_CHECKING:
    from penjing.vault.access import Kind, Role
    from penjing.vault.vault import Vault


def _add(opening: Opening, vault: Vault, *, name: str, role: Role, keyring: bool) -> None:
    from penjing.vault.access import operator
    from penjing.vault.vault import NewPerson

    name = vault.accounts.free_name(name)
    secret = opening.new_secret(name, keyring=keyring)
    vault.add_person(operator(), NewPerson(name, role, [secret]))


def _role(_opening: Opening, vault: Vault, *, name: str, role: Role) -> None:
    from penjing.vault.access import operator

    vault.accounts.set_role(operator(), vault.accounts.require(name), role)


def _rename(_opening: Opening, vault: Vault, *, name: str, new: str) -> None:
    from penjing.vault.access import operator

    vault.accounts.rename(operator(), vault.accounts.require(name), new)


def _allow(_opening: Opening, vault: Vault, *, name: str, kind: Kind, what: str) -> None:
    _permit(vault, name, (kind, what), allowed=True)


def _refuse(_opening: Opening, vault: Vault, *, name: str, kind: Kind, what: str) -> None:
    _permit(vault, name, (kind, what), allowed=False)


def _permit(vault: Vault, name: str, thing: tuple[Kind, str], *, allowed: bool) -> None:
    from penjing.vault.access import operator

    person = vault.accounts.require(name)
    vault.notes += _unproven(*thing)
    vault.accounts.permit(operator(), person, *thing, allowed)


def _unproven(kind: str, name: str) -> list[str]:
    """What cannot be told of a name here: only a spec knows it. Raises UnknownName for a tool that
    cannot be."""
    from penjing.tools.registry import is_own
    from penjing.vault.access import EVERY

    if name == EVERY or (kind == "tool" and is_own(name)):
        return []
    what = {"tool": "a tool of an MCP server", "source": "a source"}.get(kind, "an assistant")
    return [f"whether there is {what} '{name}' is not known here: the line counts for that name"]


def _keep(opening: Opening, vault: Vault, *, name: str, days: int | None) -> None:
    from penjing.vault.retention import DAYS

    with opening.unlocked(vault, name) as store:
        if days is None:
            store.settings.drop(DAYS)
        else:
            store.settings.put(DAYS, str(days))
            store.expire()


def _recover(opening: Opening, vault: Vault, *, name: str) -> None:
    person = vault.accounts.require(name)
    code, secret = opening.code(), opening.new_secret(person.name, keyring=False)
    vault.recover(person.name, code, secret)


VERBS: Mapping[str, Callable[..., None]] = {
    "list": lambda _opening, _vault: None,
    "add": _add,
    "role": _role,
    "rename": _rename,
    "allow": _allow,
    "refuse": _refuse,
    "keep": _keep,
    "recover": _recover,
}
"""By their names; each takes what was typed after it by name."""
