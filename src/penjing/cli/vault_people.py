"""What each verb of `penjing vault user` does with an open vault. Computes nothing itself."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from penjing.cli import passphrases
from penjing.cli.vault_opening import unlocked

if TYPE_CHECKING:
    from penjing.vault.vault import Vault


def _add(args: Namespace, vault: Vault) -> None:
    from penjing.vault.access import operator
    from penjing.vault.vault import NewPerson

    name = vault.accounts.free_name(args.name)
    secret = passphrases.new_secret(args.new_passphrase_file, name, keyring=args.keyring)
    vault.add_person(operator(), NewPerson(name, args.role, [secret]))


def _role(args: Namespace, vault: Vault) -> None:
    from penjing.vault.access import operator

    vault.accounts.set_role(operator(), vault.accounts.require(args.name), args.role)


def _rename(args: Namespace, vault: Vault) -> None:
    from penjing.vault.access import operator

    vault.accounts.rename(operator(), vault.accounts.require(args.name), args.new)


def _permit(args: Namespace, vault: Vault) -> None:
    from penjing.vault.access import operator

    person = vault.accounts.require(args.name)
    vault.notes += _unproven(args.kind, args.what)
    vault.accounts.permit(operator(), person, args.kind, args.what, args.verb == "allow")


def _unproven(kind: str, name: str) -> list[str]:
    """What cannot be told of a name here: only a spec knows it. Raises UnknownName for a tool that
    cannot be."""
    from penjing.tools.registry import is_own
    from penjing.vault.access import EVERY

    if name == EVERY or (kind == "tool" and is_own(name)):
        return []
    what = {"tool": "a tool of an MCP server", "source": "a source"}.get(kind, "an assistant")
    return [f"whether there is {what} '{name}' is not known here: the line counts for that name"]


def _keep(args: Namespace, vault: Vault) -> None:
    from penjing.vault.retention import DAYS

    with unlocked(args, vault) as store:
        if args.days is None:
            store.settings.drop(DAYS)
        else:
            store.settings.put(DAYS, str(args.days))
            store.expire()


def _recover(args: Namespace, vault: Vault) -> None:
    person = vault.accounts.require(args.name)
    code = passphrases.code(args)
    secret = passphrases.new_secret(args.new_passphrase_file, person.name, keyring=False)
    vault.recover(person.name, code, secret)


VERBS: Mapping[str, Callable[[Namespace, Vault], None]] = {
    "list": lambda _args, _vault: None,
    "add": _add,
    "role": _role,
    "rename": _rename,
    "allow": _permit,
    "refuse": _permit,
    "keep": _keep,
    "recover": _recover,
}
"""By their names."""
