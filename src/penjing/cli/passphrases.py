"""How a command asks for passphrases: at the terminal without echo, from a file, or from a pipe.

Never from an argument or the environment, where other programs and histories would see them.

A server slows down who guesses; a command does not, and keeps no count that processes would share.
Whoever can run it on a vault can copy the key slots and guess with a program of their own, which
keeps none either; a count in a file could be deleted by the guesser, and would keep only the owner
waiting. What a guess costs is the derivation (`vault/envelope.py`), here as there; that wrong ones
were made is in the audit log.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.cli.options import path
from penjing.core.errors import BadInput, UsageError

if TYPE_CHECKING:
    from penjing.vault.accounts import Person
    from penjing.vault.place import Place
    from penjing.vault.secrets import Secret


def register(parser: ArgumentParser, *options: str) -> None:
    """Add options that name a file with one secret, such as --passphrase-file."""
    for option in options:
        about = option.removeprefix("--").removesuffix("-file").replace("-", " ")
        parser.add_argument(
            option,
            type=path,
            metavar="FILE",
            help=f"read the {about} from its first line (-: a line of standard input)",
        )


@dataclass(frozen=True)
class SecretFiles:
    """Files with one secret each; None is asked for at the terminal."""

    own: Path | None = None
    """--vault-passphrase-file: opens the list of people."""
    person: Path | None = None
    """--passphrase-file: opens a person's part."""
    new: Path | None = None
    """--new-passphrase-file: what is to open it from now on."""
    code: Path | None = None
    """--code-file: a recovery code."""


def files(args: Namespace) -> SecretFiles:
    """Those that were named."""
    return SecretFiles(
        own=getattr(args, "vault_passphrase_file", None),
        person=getattr(args, "passphrase_file", None),
        new=getattr(args, "new_passphrase_file", None),
        code=getattr(args, "code_file", None),
    )


def vault_secret(given: Path | None, place: Place) -> Secret:
    """What opens the accounts: the system's keyring where it was chosen, else a passphrase."""
    from penjing.vault.place import ACCOUNTS

    return _known(given, place, ACCOUNTS, "the vault")


def person_secret(given: Path | None, place: Place, person: Person) -> Secret:
    """What opens a person's part."""
    return _known(given, place, person.id, person.name)


def new_secret(given: Path | None, whom: str, *, keyring: bool) -> Secret:
    """A passphrase to be set, typed twice, or a new entry of the system's keyring."""
    from penjing.vault.envelope import require_passphrase
    from penjing.vault.secrets import Keyring, Passphrase

    if keyring:
        return Keyring()
    if given is not None:
        text = _line(given)
        require_passphrase(text)
        return Passphrase(text)
    text = _ask(f"New passphrase of {whom}: ")
    require_passphrase(text)
    if _ask("The same again: ") != text:
        raise BadInput("the two passphrases differ: type the same one twice")
    return Passphrase(text)


def model_words(
    given: Path | None, option: str = "--model-passphrase-file"
) -> Callable[[str], str]:
    """What asks for the passphrase of a sealed model, when no key of this device opens it."""
    return lambda name: _ask(f"Passphrase of {name}: ", option) if given is None else _line(given)


def code(given: Path | None) -> str:
    """A recovery code."""
    return _ask("Recovery code: ") if given is None else _line(given)


def confirm(question: str, answer: str) -> None:
    """Go on only when a person at the terminal types `answer`."""
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to confirm: add --yes if this is really wanted")
    print(f"{question} Type {answer} to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != answer:
        raise UsageError("not confirmed: nothing was changed")


def _known(given: Path | None, place: Place, subject: str, whom: str) -> Secret:
    from penjing.vault.secrets import Keyring, Passphrase
    from penjing.vault.slots import kinds

    if given is not None:
        return Passphrase(_line(given))
    if "keyring" in kinds(place, subject):
        return Keyring()
    return Passphrase(_ask(f"Passphrase of {whom}: "))


def _line(given: Path) -> str:
    """The first line, without its end; no more than that is read of an endless one."""
    from penjing.vault.envelope import LONGEST

    most, name = LONGEST + len("\r\n"), "standard input" if str(given) == "-" else str(given)
    try:
        if str(given) == "-":
            line = sys.stdin.readline(most)
        else:
            with given.open(encoding="utf-8") as file:
                line = file.readline(most)
    except UnicodeDecodeError as error:
        raise BadInput(f"{name} is not UTF-8 text: write the passphrase with UTF-8") from error
    except OSError as error:
        raise BadInput(f"cannot read {name}: {(error.strerror or str(error)).lower()}") from error
    text = line.rstrip("\r\n")
    if not text:
        raise BadInput(f"{name} has no first line: write the passphrase on it")
    if len(text) > LONGEST:
        advice = "write the passphrase alone on it"
        raise BadInput(f"the first line of {name} is longer than {LONGEST} characters: {advice}")
    return text


def _ask(prompt: str, option: str = "--passphrase-file") -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"no terminal to ask for a passphrase: give it with {option}")
    import getpass

    try:
        return getpass.getpass(prompt, stream=sys.stderr)
    except EOFError as error:
        raise UsageError("no passphrase was typed: nothing was changed") from error
