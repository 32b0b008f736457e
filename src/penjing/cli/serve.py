"""`penjing serve`: answer a browser and programs, on this machine unless it was made safe for more.

Parses what was typed and prints the link; `app/serving` does the rest. Only what the first lines
need is imported before them.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping

from penjing.app.serving.settings import PORT, Listening, ServeSettings
from penjing.cli import options, passphrases
from penjing.cli.output import Output

EXAMPLES: Mapping[str, str] = {
    "serve": """
        penjing serve
        penjing serve ./bundle --port 8034
        penjing serve examples/smart-home/assistant.yaml
        penjing serve --socket /run/user/1000/penjing.sock
        penjing serve --host 192.168.1.20 --self-signed
    """
}

_MOST_PLACES = 64


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the command's own arguments."""
    add = parser.add_argument
    add(
        "model",
        nargs="?",
        help="a model's name, a .gguf file, a bundle (sealed or not) or a spec (default: small)",
    )
    add("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    add("--port", type=options.whole(0, 65535), help=f"default: {PORT}; 0 takes any that is free")
    add("--socket", type=options.path, metavar="PATH", help="a Unix socket instead of a port")
    add("--name", action="append", metavar="HOST", help="another name that browsers may ask for")
    add("--origin", action="append", metavar="ORIGIN", help="a page that may ask with a token")
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
    passphrases.register(parser, "--vault-passphrase-file", "--model-passphrase-file")


def run(args: Namespace) -> int:
    """Serve until asked to stop."""
    settings = _settings(args)
    from penjing.app.serving.server import serve

    output = Output(args.json, quiet=args.quiet)
    serve(
        settings,
        lambda place: passphrases.vault_secret(args.vault_passphrase_file, place),
        lambda listening: _say(settings, output, listening),
        output.progress(),
    )
    return 0


def _settings(args: Namespace) -> ServeSettings:
    return ServeSettings(
        model=args.model,
        host=args.host,
        port=args.port,
        socket=args.socket,
        names=tuple(args.name or ()),
        origins=tuple(args.origin or ()),
        certificate=args.cert,
        key=args.key,
        self_signed=args.self_signed,
        token_file=args.token_file,
        keep=not args.no_vault,
        context=args.context,
        threads=args.threads,
        places=args.places,
        queue=args.queue,
        grace_seconds=args.grace,
        log_requests=args.log_requests,
        offline=args.offline,
        words=passphrases.model_words(args.model_passphrase_file),
    )


def _say(settings: ServeSettings, output: Output, listening: Listening) -> None:
    """The one link on standard output; what else is worth knowing beside it."""
    base = listening.address
    progress = output.progress()
    for line in [] if output.json else _remarks(listening):  # the document says the same
        progress.note(line)
    link = str(settings.socket) if base is None else f"{base}/#login={listening.code}"
    document = {
        "url": link,
        "api": None if base is None else f"{base}/v1",
        "token_file": listening.token_file,
        "kept": listening.kept,
        "fingerprint": listening.fingerprint,
    }
    output.emit(document, lambda console: console.print(link, soft_wrap=True))
    sys.stdout.flush()


def _remarks(listening: Listening) -> list[str]:
    from penjing.app.embedder import MODEL

    api = f"programs: {listening.address or 'the socket'}/v1"
    if listening.kept:
        lines = [f"{api}, with a token that its person makes"]
    else:
        lines = [
            f"{api}, with the token in {listening.token_file}",
            "nothing is kept: there is no vault here (penjing vault init makes one)",
        ]
    if not listening.searches:
        lines.append(f"documents are kept and not searched: penjing pull {MODEL}")
    if listening.fingerprint is not None:
        lines.append(f"certificate: SHA-256 {listening.fingerprint}")
    return lines


def _seconds(text: str) -> float:
    try:
        return options.number(0, 3600)(text)
    except ArgumentTypeError as error:
        raise ArgumentTypeError(f"{error} of seconds") from error
