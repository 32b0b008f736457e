"""What `penjing serve` does, in order: each step needs those before it.

the spec          of an assistant, where one is served: a mistake in it is said first
the socket        a port that is taken is noticed before anything slow
the model         found, pulled if it is the default and not here
the vault         opened with its own secret, or one person in memory
the shutter       from here on nothing gets out; before any thread and any child
the engine        in a process of its own, while this one imports the server
the assistant     of the spec, with its tools
the door          around the app, and a one-time code for the link that is printed
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.cli.assistant_parts import (
    addresses_of,
    getting_ready,
    is_spec,
    late_embedder,
    load_spec,
)
from penjing.cli.embedder import MODEL
from penjing.cli.opening import close_shutter, find_file
from penjing.cli.output import Output
from penjing.cli.serving_end import end_beside_threads, end_now
from penjing.cli.serving_model import model_of
from penjing.cli.serving_place import Place, address_of, encrypted, listening, require_safe_place
from penjing.core.errors import MissingExtra

if TYPE_CHECKING:
    from penjing.assistant.spec.values import Spec
    from penjing.cli.serving_assistant import Served
    from penjing.core.agenda import Agenda
    from penjing.core.progress import Progress
    from penjing.core.protocols import Embedder, Scheduler, Store
    from penjing.knowledge.desk import KnowledgeDesk
    from penjing.serve.door.accounts import Accounts
    from penjing.serve.present import Present
    from penjing.serve.services import Model, People, Reader, Services
    from penjing.vault.vault import Vault

Opener = Callable[[Path, Namespace], "Scheduler"]
"""Loads the engine. Tests give one that needs no model."""

_LEARNING = 300
"""Seconds that a service manager is asked for, when a spec is read for the first time."""


def serve(args: Namespace, *, opener: Opener | None = None) -> int:
    """Serve until asked to stop."""
    _require_extra()
    output = Output(args.json, quiet=args.quiet)
    progress = output.progress()
    spec = load_spec(args.model) if is_spec(args.model) else None
    reached = addresses_of(spec) if spec else []
    require_safe_place(args)
    with ExitStack() as open_things:
        place = open_things.enter_context(listening(args))
        path = find_file(spec.model if spec else args.model, "serve", progress)
        household = open_things.enter_context(_household(args, progress))
        place = encrypted(args, place)
        if args.offline:
            close_shutter(progress, local=True, allowed=reached)
        imports = _in_the_background(_import_the_server)
        scheduler = (opener or _open_engine)(path, args)
        open_things.callback(scheduler.close, 0.0)
        knowledge = open_things.enter_context(_knowledge(progress))
        imports()
        parts = _Parts(place, household, scheduler, model_of(path, scheduler.name), knowledge)
        if spec:
            with getting_ready(spec, progress):
                assistant = open_things.enter_context(_assistant(args, spec, parts))
            parts = replace(parts, assistant=assistant)
        _serve(args, output, parts)
    end_beside_threads()
    return 0


# -- who is served ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Household:
    """Who there is."""

    accounts: Accounts
    """As the door asks for them."""
    people: People
    """As the app does."""
    vault: Vault | None
    """None where nothing is kept."""
    present: Present
    """Whose store is open."""


@contextmanager
def _household(args: Namespace, progress: Progress) -> Iterator[_Household]:
    from penjing.bundle.home import Home
    from penjing.serve.people import Alone, VaultPeople
    from penjing.serve.present import Present
    from penjing.serve.who import OWNER
    from penjing.vault.vault import Vault, place_in

    place = place_in(Home.from_environment().root)
    if args.no_vault or not place.exists():
        from penjing.serve.door.accounts import OneOwner
        from penjing.vault.memory import MemoryStore

        store = MemoryStore(time.time)
        yield _Household(OneOwner(store), Alone(store), None, Present({OWNER: store}))
        return
    from penjing.cli import passphrases
    from penjing.serve.door.residents import VaultAccounts
    from penjing.vault.process import require_extra

    require_extra()
    with Vault.open(place, passphrases.vault_secret(args, place)) as vault:
        for note in vault.notes:
            progress.note(note)
        yield _Household(VaultAccounts(vault), VaultPeople(vault), vault, Present())


# -- what answers -----------------------------------------------------------------------------


def _open_engine(path: Path, args: Namespace) -> Scheduler:
    from penjing.engine.remote import open_scheduler

    return open_scheduler(
        path,
        context=args.context,
        threads=args.threads,
        places=args.places,
        queue=args.queue,
        offline=args.offline,
    )


@dataclass(frozen=True)
class _Knowledge:
    """Documents of many people."""

    embedder: Embedder
    """Texts to vectors."""
    desk: KnowledgeDesk
    """Indexes and reads documents with it."""


@contextmanager
def _knowledge(progress: Progress) -> Iterator[_Knowledge | None]:
    """Where the embedding model was pulled; it is not fetched for somebody who has no documents."""
    with late_embedder(progress) as late:
        if late is None:
            yield None
            return
        from penjing.knowledge.desk import KnowledgeDesk

        yield _Knowledge(late, KnowledgeDesk(late))


def _assistant(args: Namespace, spec: Spec, parts: _Parts) -> AbstractContextManager[Served]:
    """What is learned from a spec is learned once; a service manager waits for it."""
    from penjing.bundle.home import Home
    from penjing.cli.serving_assistant import Around, served
    from penjing.serve.run import tell_manager

    tell_manager(f"EXTEND_TIMEOUT_USEC={_LEARNING}000000")
    known, household = parts.knowledge, parts.household
    around = Around(
        parts.scheduler,
        household.people,
        household.present,
        desk=known.desk if known else None,
        offline=args.offline,
        cache=Home.from_environment().work / "intents",
        agenda=_agenda(household.vault),
    )
    return served(args.model, spec, around)


def _agenda(vault: Vault | None) -> Agenda | None:
    """What is due for everybody, where a vault keeps it."""
    if vault is None:
        return None
    from penjing.vault.agenda import VaultAgenda

    return VaultAgenda(vault.accounts.database)


# -- serving ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Parts:
    """All that was opened."""

    place: Place
    """Where."""
    household: _Household
    """For whom."""
    scheduler: Scheduler
    """Who writes."""
    model: Model
    """With what."""
    knowledge: _Knowledge | None
    """What makes documents searchable; None where its model is not here."""
    assistant: Served | None = None
    """Who answers in sessions; None for the plain model."""


def _serve(args: Namespace, output: Output, parts: _Parts) -> None:
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from penjing.serve import run
    from penjing.serve.api.me import described
    from penjing.serve.app import Watched, build_app
    from penjing.serve.door.door import Door
    from penjing.serve.door.patience import patient
    from penjing.serve.door.secrets import server_token
    from penjing.serve.door.settings import NAMES, DoorSettings
    from penjing.serve.limits import Limits

    place, household = parts.place, parts.household
    limits = Limits(grace_seconds=args.grace)
    app = build_app(_services(parts), limits)
    token, _ = server_token(_token_file(args))
    names = (*NAMES, args.host, *(args.name or ()))
    settings = DoorSettings(names, place.port, place.certificate is not None)
    door = Door(
        app,
        household.accounts,
        settings,
        described(app.desk),
        token=token,
        present=household.present,
    )
    app.desk.aside = door.aside
    household.present.on_opened = app.desk.read_on
    with _log(args.log_requests):
        run.serve(
            Watched(door, app.desk.metrics),
            place.listening,
            run.Plan(
                limits,
                protocol=patient(H11Protocol),
                certificate=place.certificate.cert if place.certificate else None,
                key=place.certificate.key if place.certificate else None,
                ready=lambda: _say(args, output, parts, door.code.fresh()),
                reload=parts.assistant.reload if parts.assistant else None,
                cut=app.desk.cut,
                healthy=lambda: parts.scheduler.health().ready,
                end=end_now,
            ),
        )


def _services(parts: _Parts) -> Services:
    from penjing.serve.services import Services

    known = parts.knowledge
    return Services(
        parts.scheduler,
        parts.model,
        parts.household.people,
        parts.assistant,
        embedder=known.embedder if known else None,
        embedder_also=(MODEL,) if known else (),
        index=known.desk.index if known else None,
        documents=known.desk.retriever if known else None,
        rings=parts.assistant.rings if parts.assistant else None,
        read=_reader(parts),
    )


def _reader(parts: _Parts) -> Reader:
    """The assistant's own documents, then those that a person put in."""
    assistant, known = parts.assistant, parts.knowledge

    def read(person: str, store: Store, document: str, start: int, end: int) -> str | None:
        text = assistant.text(person, document, start, end) if assistant else None
        if text is None and known is not None:
            text = known.desk.text(store, document, start, end)
        return text

    return read


def _token_file(args: Namespace) -> Path:
    from penjing.bundle.home import Home

    return args.token_file or Home.from_environment().root / "serve" / "token"


def _say(args: Namespace, output: Output, parts: _Parts, code: str) -> None:
    """The one link on standard output; what else is worth knowing beside it."""
    base, kept = address_of(args, parts.place), parts.household.vault is not None
    certificate = parts.place.certificate
    token_file = _token_file(args)
    lines = []
    if kept:
        lines.append(f"programs: {base or 'the socket'}/v1, with a token that its person makes")
    else:
        lines.append(f"programs: {base or 'the socket'}/v1, with the token in {token_file}")
        lines.append("nothing is kept: there is no vault here (penjing vault init makes one)")
    if parts.knowledge is None:
        lines.append(f"documents are kept and not searched: penjing pull {MODEL}")
    if certificate is not None:
        lines.append(f"certificate: SHA-256 {certificate.fingerprint}")
    progress = output.progress()
    for line in [] if args.json else lines:  # the document says the same
        progress.note(line)
    link = str(args.socket) if base is None else f"{base}/#login={code}"
    document = {
        "url": link,
        "api": None if base is None else f"{base}/v1",
        "token_file": token_file,
        "kept": kept,
        "fingerprint": certificate.fingerprint if certificate else None,
    }
    output.emit(document, lambda console: console.print(link, soft_wrap=True))
    sys.stdout.flush()


@contextmanager
def _log(requests: bool) -> Iterator[None]:
    """Lines of our own on standard error: what failed, and each request where wanted."""
    logger = logging.getLogger("penjing.serve")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO if requests else logging.WARNING)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = True


def _require_extra() -> None:
    """Raise MissingExtra before anybody has waited for anything."""
    import importlib.util

    for name in ("fastapi", "uvicorn"):
        try:
            if importlib.util.find_spec(name) is not None:
                continue
        except (ValueError, ImportError):  # made unimportable
            pass
        raise MissingExtra("the server", "serve")


def _import_the_server() -> None:
    """The slow imports."""
    import uvicorn.protocols.http.h11_impl  # noqa: F401

    import penjing.serve.app
    import penjing.serve.door.door  # noqa: F401


def _in_the_background(work: Callable[[], None]) -> Callable[[], None]:
    """Begin it now; the answer waits for its end."""
    thread = threading.Thread(target=work, name="imports", daemon=True)
    thread.start()
    return thread.join
