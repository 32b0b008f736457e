"""`penjing seal` and `penjing open`: a model encrypted to devices or a passphrase."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.cli import passphrases
from penjing.cli.options import path
from penjing.cli.output import Output
from penjing.core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

EXAMPLES: Mapping[str, str] = {
    "seal": """
        penjing seal --this-device
        penjing seal small/ -o small.sealed --to pjd1...
        penjing seal model.gguf -o model.sealed --passphrase
    """,
    "open": """
        penjing open small.sealed
        penjing open model.sealed --passphrase-file words.txt --json
    """,
}


def register(parser: ArgumentParser, command: str) -> None:
    """Add the arguments of one command."""
    add = parser.add_argument
    if command == "open":
        add("file", type=path, help="a file that penjing seal made")
        passphrases.register(parser, "--passphrase-file")
        return
    add("model", nargs="?", help="a bundle, a .gguf file or a model's name")
    add("-o", "--output", type=path, metavar="FILE", help="the .sealed file to be made")
    add("--to", action="append", default=[], metavar="KEY", help="a device that may open it")
    add("--passphrase", action="store_true", help="ask for a passphrase that opens it too")
    passphrases.register(parser, "--passphrase-file")
    add("--overwrite", action="store_true", help="replace the file that is there")
    add("--this-device", action="store_true", help="print this device's own key, made at first")
    add("--key-in-file", action="store_true", help="keep that key in a file, in no keyring")


def run(args: Namespace) -> int:
    """Seal a model, print this device's key, or open what was sealed."""
    output = Output(args.json, quiet=args.quiet)
    if args.command == "open":
        _open(args.file, args.passphrase_file, output)
    elif args.this_device:
        if args.model is not None:
            raise UsageError("--this-device only prints its key: leave the model")
        _this_device(output, in_file=args.key_in_file)
    elif args.model is None or args.output is None:
        raise UsageError("seal what, and into which file? give a model and -o FILE.sealed")
    else:
        words = _words(args.passphrase_file, asked=args.passphrase)
        _seal(args.model, args.output, tuple(args.to), words, output, overwrite=args.overwrite)
    return 0


def _words(given: Path | None, *, asked: bool) -> str | None:
    from penjing.vault.secrets import Passphrase

    if given is None and not asked:
        return None
    secret = passphrases.new_secret(given, "the sealed file", keyring=False)
    return secret.text if isinstance(secret, Passphrase) else None


def _seal(
    model: str,
    to_file: Path,
    to: tuple[str, ...],
    words: str | None,
    output: Output,
    *,
    overwrite: bool,
) -> None:
    from penjing.app.sealing import Sealing, seal
    from penjing.core.units import counted, format_size

    made = seal(Sealing(model, to_file, to, words, overwrite), output.progress())

    def human(console: Console) -> None:
        count = made["devices"]
        who = [counted(count, "device")] if count else []
        who += ["a passphrase"] if made["passphrase"] else []
        more = made["bytes"] - made["plain_bytes"]
        line = f"{made['output']}: {format_size(made['bytes'])} ({more} bytes more than in clear)"
        console.print(f"{line}, for {' and '.join(who)}", markup=False, soft_wrap=True)
        console.print("\nOnly what you send is sealed: the model itself is still where it was.")

    output.emit(made, human)


def _this_device(output: Output, *, in_file: bool) -> None:
    from penjing.app.sealing import device_key
    from penjing.bundle.home import Home

    found = device_key(Home.from_environment(), in_file=in_file)
    if found["bound"] == "file":
        output.progress().note(
            f"the private key lies in {found['file']}, in no keyring: who copies it is this device"
        )
    output.emit(found, lambda console: console.print(found["key"], soft_wrap=True))


def _open(file: Path, words: Path | None, output: Output) -> None:
    from penjing.app.sealing import look_into

    found = look_into(file, passphrases.model_words(words, "--passphrase-file"), output.progress())
    output.emit(found, lambda console: _draw(found, console))


def _draw(found: Mapping[str, Any], console: Console) -> None:
    from penjing.core.units import format_count, format_size

    parts = [found["architecture"], format_size(found["model_bytes"])]
    if found["parameters"]:
        parts.insert(1, f"{format_count(found['parameters'])} parameters")
    console.print(f"{found['name']}: {', '.join(parts)}", markup=False, soft_wrap=True)
    for name, size in found["files"].items():
        console.print(f"  {name}  {format_size(size)}", markup=False, soft_wrap=True)
    console.print(f"\nNothing was written. To use it: penjing chat {found['file']}", markup=False)
