"""What a server does, in order: each step needs those before it.

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
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.app.assistants import (
    addresses_of,
    getting_ready,
    is_spec,
    late_embedder,
    load_spec,
)
from penjing.app.embedder import MODEL
from penjing.app.opening import close_shutter, model_file
from penjing.app.serving.ending import end_beside_threads, end_now
from penjing.app.serving.model import model_of
from penjing.app.serving.place import (
    Place,
    address_of,
    encrypted,
    listening,
    require_safe_place,
)
from penjing.app.serving.settings import Listening, ServeSettings
from penjing.core.extras import require_extra

if TYPE_CHECKING:
    from penjing.app.serving.assistant import ServedAssistant
    from penjing.assistant.spec.values import Spec
    from penjing.core.agenda import Agenda
    from penjing.core.progress import Progress
    from penjing.core.protocols import Embedder, Scheduler, Store
    from penjing.knowledge.desk import KnowledgeDesk
    from penjing.serve.door.accounts import Accounts
    from penjing.serve.present import Present
    from penjing.serve.services import Model, People, Reader, Services
    from penjing.vault.place import Place as VaultPlace
    from penjing.vault.secrets import Secret
    from penjing.vault.vault import Vault

Opener = Callable[[Path, ServeSettings], "Scheduler"]
"""Loads the engine. Tests give one that needs no model."""
SecretOf = Callable[["VaultPlace"], "Secret"]
"""Asks for what opens a vault."""
Told = Callable[[Listening], None]
"""Hears, once, that the server answers."""

_LEARNING = 300
"""Seconds that a service manager is asked for, when a spec is read for the first time."""


def serve(
    settings: ServeSettings,
    secret_of: SecretOf,
    told: Told,
    progress: Progress,
    *,
    opener: Opener | None = None,
) -> None:
    """Serve until asked to stop; `told` hears when it answers."""
    require_extra("the server", "serve", "fastapi", "uvicorn")
    spec = load_spec(settings.model) if settings.model and is_spec(settings.model) else None
    reached = addresses_of(spec) if spec else []
    require_safe_place(settings)
    with ExitStack() as open_things:
        place = open_things.enter_context(listening(settings))
        name = spec.model if spec else settings.model
        found = open_things.enter_context(model_file(name, "serve", progress, settings.words))
        household = open_things.enter_context(_household(settings, secret_of, progress))
        place = encrypted(settings, place)
        if settings.offline:
            close_shutter(progress, local=True, allowed=reached)
        imports = _in_the_background(_import_the_server)
        scheduler = (opener or _open_engine)(found.path, settings)
        open_things.callback(scheduler.close, 0.0)
        knowledge = open_things.enter_context(_knowledge(progress))
        imports()
        parts = _Parts(
            place,
            household,
            scheduler,
            model_of(found.path, scheduler.name, found.documents),
            knowledge,
        )
        if spec:
            with getting_ready(spec, progress):
                assistant = open_things.enter_context(_assistant(settings, spec, parts))
            parts = replace(parts, assistant=assistant)
        _serve(settings, told, parts)
    end_beside_threads()


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
def _household(
    settings: ServeSettings, secret_of: SecretOf, progress: Progress
) -> Iterator[_Household]:
    from penjing.bundle.home import Home
    from penjing.serve.people import Alone, VaultPeople
    from penjing.serve.present import Present
    from penjing.serve.who import OWNER
    from penjing.vault.vault import Vault, place_in

    place = place_in(Home.from_environment().root)
    if not (settings.keep and place.exists()):
        from penjing.serve.door.accounts import OneOwner
        from penjing.vault.memory import MemoryStore

        store = MemoryStore()
        yield _Household(OneOwner(store), Alone(store), None, Present({OWNER: store}))
        return
    from penjing.serve.door.residents import VaultAccounts
    from penjing.vault.process import require_extra

    require_extra()
    with Vault.open(place, secret_of(place)) as vault:
        for note in vault.notes:
            progress.note(note)
        yield _Household(VaultAccounts(vault), VaultPeople(vault), vault, Present())


# -- what answers -----------------------------------------------------------------------------


def _open_engine(path: Path, settings: ServeSettings) -> Scheduler:
    from penjing.engine.remote import open_scheduler

    return open_scheduler(
        path,
        context=settings.context,
        threads=settings.threads,
        places=settings.places,
        queue=settings.queue,
        offline=settings.offline,
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


def _assistant(
    settings: ServeSettings, spec: Spec, parts: _Parts
) -> AbstractContextManager[ServedAssistant]:
    """What is learned from a spec is learned once; a service manager waits for it."""
    from penjing.app.serving.assistant import Around, served
    from penjing.bundle.home import Home
    from penjing.serve.run import tell_manager

    tell_manager(f"EXTEND_TIMEOUT_USEC={_LEARNING}000000")
    known, household = parts.knowledge, parts.household
    around = Around(
        parts.scheduler,
        household.people,
        household.present,
        desk=known.desk if known else None,
        offline=settings.offline,
        cache=Home.from_environment().work / "intents",
        agenda=_agenda(household.vault),
    )
    return served(str(settings.model), spec, around)


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
    assistant: ServedAssistant | None = None
    """Who answers in sessions; None for the plain model."""


def _serve(settings: ServeSettings, told: Told, parts: _Parts) -> None:
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from penjing.serve import run
    from penjing.serve.api.me import described
    from penjing.serve.app import RequestLog, build_app
    from penjing.serve.door.door import Door
    from penjing.serve.door.secrets import server_token
    from penjing.serve.door.settings import NAMES, DoorSettings
    from penjing.serve.door.timeouts import patient
    from penjing.serve.limits import Limits

    place, household = parts.place, parts.household
    limits = Limits(grace_seconds=settings.grace_seconds)
    app = build_app(_services(parts), limits)
    token, _ = server_token(_token_file(settings))
    names = (*NAMES, settings.host, *settings.names)
    door_settings = DoorSettings(
        names, place.port, place.certificate is not None, origins=settings.origins
    )
    door = Door(
        app,
        household.accounts,
        door_settings,
        described(app.desk),
        token=token,
        present=household.present,
    )
    app.desk.aside = door.aside
    household.present.on_opened = app.desk.read_on
    leaves, talked = household.present.on_leaves, app.desk.conversations

    def left(person: str) -> None:
        leaves(person)
        talked.forget(person)

    household.present.on_leaves = left
    with _log(settings.log_requests):
        run.serve(
            RequestLog(door, app.desk.metrics),
            place.listening,
            run.Plan(
                limits,
                protocol=patient(H11Protocol),
                certificate=place.certificate.cert if place.certificate else None,
                key=place.certificate.key if place.certificate else None,
                ready=lambda: told(_ready(settings, parts, door.code.fresh())),
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


def _token_file(settings: ServeSettings) -> Path:
    from penjing.bundle.home import Home

    return settings.token_file or Home.from_environment().root / "serve" / "token"


def _ready(settings: ServeSettings, parts: _Parts, code: str) -> Listening:
    certificate = parts.place.certificate
    return Listening(
        address=address_of(settings, parts.place),
        code=code,
        token_file=_token_file(settings),
        kept=parts.household.vault is not None,
        searches=parts.knowledge is not None,
        fingerprint=certificate.fingerprint if certificate else None,
    )


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
