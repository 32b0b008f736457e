"""`penjing sign` and `verify`: who vouches for a model, and whether it is what they signed."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.cli import passphrases
from penjing.cli.options import path
from penjing.cli.output import Output
from penjing.core.errors import UsageError, one_line
from penjing.core.units import counted

if TYPE_CHECKING:
    from rich.console import Console

EXAMPLES: Mapping[str, str] = {
    "sign": """
        penjing sign --new-key mine.pem
        penjing sign small/ --key mine.pem
    """,
    "verify": """
        penjing verify small/ --key theirs.pem.pub
        penjing verify small/
    """,
}


def register(parser: ArgumentParser, command: str) -> None:
    """Add the arguments of one command."""
    add = parser.add_argument
    if command == "verify":
        add("model", type=path, help="a bundle, a folder or a file")
        add("--key", type=path, metavar="FILE", help="public key of whoever signed it (PEM)")
        add("--signature", type=path, metavar="FILE", help="default: model.sig, or FILE.sig")
        return
    add("model", nargs="?", type=path, help="a bundle, a folder or a file")
    add("--key", type=path, metavar="FILE", help="your private key (PEM)")
    add("--signature", type=path, metavar="FILE", help="default: model.sig, or FILE.sig")
    add("--overwrite", action="store_true", help="replace a signature that is there")
    add("--new-key", type=path, metavar="FILE", help="make a key pair, FILE and FILE.pub")
    add("--passphrase", action="store_true", help="encrypt the new key with a passphrase")
    passphrases.register(parser, "--passphrase-file")


def run(args: Namespace) -> int:
    """Sign, verify, or make a pair."""
    from penjing.app import signing

    output = Output(args.json, quiet=args.quiet)
    if args.command == "verify":
        found = signing.verify(
            args.model, output.progress(), key=args.key, signature=args.signature
        )
        output.emit(found, lambda console: _draw(found, console))
    elif args.new_key is not None:
        if args.model is not None:
            raise UsageError("--new-key only makes a pair: leave the model, sign it next")
        _new_pair(args.new_key, args.passphrase_file, output, asked=args.passphrase)
    elif args.model is None or args.key is None:
        raise UsageError("sign what, and with which key? give a model and --key FILE")
    else:
        made = signing.sign(
            args.model,
            args.key,
            output.progress(),
            passphrase=_words(args.key, args.passphrase_file),
            signature=args.signature,
            overwrite=args.overwrite,
        )
        files = counted(len(made["files"]), "file")
        line = f"{made['signature']}: {files}, by key {made['key'][:16]}"
        output.emit(made, lambda console: console.print(line, markup=False, soft_wrap=True))
    return 0


def _new_pair(to: Path, words: Path | None, output: Output, *, asked: bool) -> None:
    from penjing.app.signing import new_pair
    from penjing.vault.secrets import Passphrase

    secret = passphrases.new_secret(words, str(to), keyring=False) if words or asked else None
    made = new_pair(to, secret.text if isinstance(secret, Passphrase) else None)
    if secret is None:
        output.progress().note(f"{to} is not encrypted: keep it where nobody else reads it")
    line = f"{made['public']}: give it to whoever is to verify; {to} is yours alone"
    output.emit(made, lambda console: console.print(line, markup=False, soft_wrap=True))


def _words(key: Path, given: Path | None) -> str | None:
    from penjing.ownership.signing_key import is_encrypted

    if given is None and not is_encrypted(key):
        return None
    return passphrases.model_words(given, "--passphrase-file")(str(key))


def _draw(found: Mapping[str, Any], console: Console) -> None:
    if found["signed"]:
        count = len(found["files"])
        which = "its one file is as it was" if count == 1 else f"all {count} files are as they were"
        line = f"signed by that key: {which}"
    elif found["signature"]:
        line = "as its manifest says; it is signed, and without --key nobody knows by whom"
    else:
        line = "as its manifest says; nobody signed it"
    console.print(f"{found['model']}: {line}", markup=False, soft_wrap=True)
    if found.get("left_out"):
        names = one_line(", ".join(found["left_out"]))
        line = f"  not looked at, as its signature leaves it out; no file lies there: {names}"
        console.print(line, markup=False, soft_wrap=True)
    made = found.get("provenance", {})
    for one in made.get("inputs", ()):
        console.print(f"  made from {one['name']}, sha256 {one['sha256']}", markup=False)
    for name, version in made.get("made_with", {}).items():
        if isinstance(version, str):
            console.print(f"  {name}: {version}", markup=False, soft_wrap=True)
