"""`penjing vault`: make, share, check, back up, mend and wipe the encrypted part of the home.

Parses what was typed and hands it to `vault_actions.py`, which does it.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from typing import Any

from penjing.cli import passphrases
from penjing.cli.options import path, whole
from penjing.cli.output import Output
from penjing.core.errors import UsageError

EXAMPLES: Mapping[str, str] = {
    "vault": """
        penjing vault init --name anna
        penjing vault user add ben --role member
        penjing vault backup -o /media/usb/vault-2026-11-25
        penjing vault restore /media/usb/vault-2026-11-25
    """
}

_ROLES = ("owner", "member", "guest")
_KINDS = ("tool", "source", "assistant")
_OWN, _PERSON = "--vault-passphrase-file", "--passphrase-file"
_NEW, _CODE = "--new-passphrase-file", "--code-file"
_MOST_DAYS = 36500
_SAID = ("command", "action", "json", "quiet", "all")
"""Arguments that no action takes by name; `all` is said by naming nobody."""


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _init(_action(actions, "init", "make a vault with its first owner", _OWN, _PERSON))
    _user(_action(actions, "user", "people, their roles, and what they may use"))
    _rotate(
        _action(actions, "rotate", "change a passphrase, and the key with it", _OWN, _PERSON, _NEW)
    )
    one = _action(actions, "backup", "copy everything, encrypted, in use or not", _OWN)
    one.add_argument("-o", "--output", type=path, required=True, metavar="DIR", help="a new folder")
    _restore(
        _action(actions, "restore", "bring back a backup, or mend damage", _OWN, _PERSON, _CODE)
    )
    _wipe(_action(actions, "wipe", "destroy a person's key, and backups with it", _OWN))
    one = _action(actions, "verify", "look whether every byte is what was written", _OWN, _PERSON)
    one.add_argument("name", nargs="?", help="look into this person's part as well")
    one = _action(actions, "export", "all there is about a person, as one zip", _OWN, _PERSON)
    one.add_argument("name", help="whose")
    one.add_argument("-o", "--output", type=path, required=True, metavar="FILE", help="a new .zip")
    _audit(_action(actions, "audit", "who did what kind of thing, and is the log whole", _OWN))
    one = _action(actions, "recovery", "show a recovery code, to keep on paper", _OWN, _PERSON)
    one.add_argument("name", nargs="?", help="whose part (default: the list of people)")


def run(args: Namespace) -> int:
    """Do it; 1 when damage was found."""
    from penjing.cli import vault_actions
    from penjing.cli.vault_opening import Opening
    from penjing.vault.process import require_extra

    _check(args)
    require_extra()
    opening = Opening(passphrases.files(args), Output(args.json, quiet=args.quiet))
    does: Callable[..., int] = getattr(vault_actions, args.action)
    return does(opening, **_typed(args))


def _typed(args: Namespace) -> dict[str, Any]:
    """What was typed after the action, by name: what its function takes."""
    typed = vars(args).items()
    return {name: value for name, value in typed if not (name in _SAID or name.endswith("_file"))}


def _action(actions: Any, name: str, about: str, *secrets: str) -> ArgumentParser:
    parser: ArgumentParser = actions.add_parser(
        name, help=about, description=about[0].upper() + about[1:] + ".", allow_abbrev=False
    )
    _common(parser)
    passphrases.register(parser, *secrets)
    return parser


def _common(parser: ArgumentParser) -> None:
    """May be written after the action too."""
    parser.add_argument("--json", action="store_true", default=SUPPRESS, help="one JSON document")
    parser.add_argument("--quiet", action="store_true", default=SUPPRESS, help="show no progress")


def _init(parser: ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="what the first owner is called")
    parser.add_argument(
        "--keyring",
        action="store_true",
        help="let the system's keyring open the list of people, so that a server can start alone",
    )


def _user(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _action(verbs, "list", "everybody", _OWN)
    one = _action(verbs, "add", "a new person, who types a passphrase of their own", _OWN, _NEW)
    one.add_argument("name")
    one.add_argument("--role", choices=_ROLES, default="member")
    one.add_argument("--keyring", action="store_true", help="no passphrase: the system's keyring")
    one = _action(verbs, "role", "make a person something else", _OWN)
    one.add_argument("name")
    one.add_argument("role", choices=_ROLES)
    one = _action(verbs, "rename", "call a person something else", _OWN)
    one.add_argument("name")
    one.add_argument("new")
    for verb, about in (("allow", "let a person use something"), ("refuse", "keep them from it")):
        one = _action(verbs, verb, about, _OWN)
        one.add_argument("name")
        one.add_argument("kind", choices=_KINDS)
        one.add_argument("what", help="its name; * for all that have no line of their own")
    one = _action(verbs, "keep", "how long a person's turns are kept", _OWN, _PERSON)
    one.add_argument("name")
    one.add_argument("--days", type=whole(1, _MOST_DAYS), metavar="N", help="default: for ever")
    one = _action(verbs, "recover", "a new passphrase, by recovery code", _OWN, _NEW, _CODE)
    one.add_argument("name")


def _rotate(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="whose (default: the vault's own)")
    parser.add_argument(
        "--keyring", action="store_true", help="to an entry of the system's keyring"
    )


def _restore(parser: ArgumentParser) -> None:
    parser.add_argument(
        "backup", nargs="?", type=path, metavar="DIR", help="a backup (default: mend what is here)"
    )
    parser.add_argument("--person", metavar="NAME", help="mend this person's part")
    parser.add_argument(
        "--elsewhere",
        action="store_true",
        help="there is no vault here: make one of the backup, with the vault's recovery code",
    )


def _wipe(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="who")
    parser.add_argument("--all", action="store_true", help="everybody and the vault itself")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _audit(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--expect",
        metavar="COUNT:HASH",
        help="a head noted earlier, that the log must still contain",
    )


def _check(args: Namespace) -> None:
    if args.action == "wipe" and (args.name is None) != args.all:
        raise UsageError("write penjing vault wipe NAME, or penjing vault wipe --all")
    if args.action == "restore":
        if args.elsewhere and args.backup is None:
            raise UsageError("--elsewhere needs a backup: penjing vault restore DIR --elsewhere")
        if args.person is not None and args.backup is not None:
            raise UsageError("restore the backup first, then mend with --person alone")
