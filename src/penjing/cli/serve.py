"""`penjing serve`: answer a browser and programs, on this machine unless it was made safe for more.

Parses what was typed; `serving.py` puts the parts together. Only what the first lines need is
imported before them.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping

from penjing.cli import options, passphrases
from penjing.core.errors import UsageError

EXAMPLES: Mapping[str, str] = {
    "serve": """
        penjing serve
        penjing serve ./bundle --port 8034
        penjing serve examples/smart-home/assistant.yaml
        penjing serve --socket /run/user/1000/penjing.sock
        penjing serve --host 192.168.1.20 --self-signed
    """
}

PORT = 8033
_MOST_PLACES = 64


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the command's own arguments."""
    add = parser.add_argument
    add(
        "model",
        nargs="?",
        help="a model's name, a .gguf file, a bundle or a spec (default: a small model)",
    )
    add("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    add("--port", type=options.whole(0, 65535), help=f"default: {PORT}; 0 takes any that is free")
    add("--socket", type=options.path, metavar="PATH", help="a Unix socket instead of a port")
    add("--name", action="append", metavar="HOST", help="another name that browsers may ask for")
    add("--cert", type=options.path, metavar="FILE", help="TLS with this certificate (PEM)")
    add("--key", type=options.path, metavar="FILE", help="the certificate's key (PEM)")
    add("--self-signed", action="store_true", help="TLS with a certificate made here")
    add("--token-file", type=options.path, metavar="FILE", help="where the server's token is kept")
    add("--no-vault", action="store_true", help="keep nothing: one person, in memory only")
    add("--context", type=options.whole(16), default=4096, metavar="N", help="tokens of one answer")
    add("--threads", type=options.threads, metavar="N", help="default: all cores")
    add(
        "--places",
        type=options.whole(1, _MOST_PLACES),
        default=4,
        metavar="N",
        help="answers written side by side (default: 4)",
    )
    add(
        "--queue",
        type=options.whole(0, 10_000),
        default=64,
        metavar="N",
        help="requests that may wait for a place (default: 64)",
    )
    add(
        "--grace",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="for what is being answered, when asked to stop (default: 10)",
    )
    add("--log-requests", action="store_true", help="a line for each request, without content")
    reach = parser.add_mutually_exclusive_group()
    reach.add_argument(
        "--offline",
        action="store_true",
        default=True,
        help="let nothing out of this process (default; a model not here yet is pulled before)",
    )
    reach.add_argument(
        "--online", dest="offline", action="store_false", help="leave the network as it is"
    )
    passphrases.register(parser, "--vault-passphrase-file")


def run(args: Namespace) -> int:
    """Serve until asked to stop."""
    _check(args)
    from penjing.cli.serving import serve

    return serve(args)


def _check(args: Namespace) -> None:
    if (args.cert is None) != (args.key is None):
        raise UsageError("--cert and --key belong together: give both")
    if args.cert is not None and args.self_signed:
        raise UsageError("--self-signed makes a certificate of its own: leave --cert and --key")
    if args.socket is not None and (args.port is not None or args.self_signed or args.cert):
        raise UsageError("--socket has no port and no TLS: leave them, or leave --socket")


def _seconds(text: str) -> float:
    try:
        return options.number(0, 3600)(text)
    except ArgumentTypeError as error:
        raise ArgumentTypeError(f"{error} of seconds") from error
