"""An assistant put together: its spec, tools, model and documents."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.core.dialogue import Passage
from penjing.core.errors import BadInput
from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.core.strangers import is_there

if TYPE_CHECKING:
    from penjing.assistant.generate.shelf import Shelf
    from penjing.assistant.spec.values import Spec
    from penjing.assistant.turn import Retrievers, SpecAssistant
    from penjing.assistant.writer import Writer
    from penjing.core.progress import Progress
    from penjing.core.protocols import Embedder, Retriever, Tool
    from penjing.tools.given import Given

ENDINGS = (".yaml", ".yml")
"""What tells a spec from a model."""
_LONG = 1.5
"""Seconds after which somebody who waits is told what for."""


def is_spec(name: str | None) -> bool:
    """It names a spec."""
    return name is not None and name.endswith(ENDINGS)


class LazyWriter:
    """Satisfies `Writer`: the model is loaded when it is first asked. Most commands never do."""

    def __init__(self, open_writer: Callable[[], Writer]) -> None:
        self._open = open_writer
        self._writer: Writer | None = None

    def _opened(self) -> Writer:
        if self._writer is None:
            self._writer = self._open()
        return self._writer

    @property
    def context_length(self) -> int:
        """Of the model."""
        return self._opened().context_length

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """As the model counts."""
        return self._opened().count_tokens(messages)

    def write(
        self,
        owner: str,
        messages: Sequence[Message],
        settings: GenerationSettings,
        begun: str = "",
    ) -> Iterator[Chunk]:
        """Stream an answer."""
        yield from self._opened().write(owner, messages, settings, begun)

    def close(self) -> None:
        """Close the model if it was opened."""
        if self._writer is not None:
            self._writer.close()


def addresses_of(spec: Spec) -> list[tuple[str, int]]:
    """Hosts and ports that the spec's tools name."""
    from penjing.tools.registry import addresses

    return addresses(section(spec), Path(spec.folder))


def close_shutter(spec: Spec, progress: Progress) -> None:
    """From here on nothing but the hosts that the spec's tools name is reached."""
    from penjing.app import opening

    opening.close_shutter(progress, local=True, allowed=addresses_of(spec))


def model_writer(
    name: str | None,
    progress: Progress,
    *,
    context: int = 4096,
    threads: int | None = None,
    offline: bool = False,
) -> LazyWriter:
    """The model of a spec. Pulled, if it is not here, unless we are offline."""

    def open_writer() -> Writer:
        from penjing.app.sealing import opened
        from penjing.assistant.writer import ModelWriter
        from penjing.bundle.catalogue import catalogue_of
        from penjing.bundle.home import Home
        from penjing.bundle.lookalikes import looks_sealed
        from penjing.bundle.resolve import find_model
        from penjing.engine.llamacpp import LlamaCpp

        home = Home.from_environment()
        known = name or catalogue_of(home).default
        if looks_sealed(Path(known)):
            with opened(Path(known), None, progress) as found:
                model = LlamaCpp.open(found.model.path, context=context, threads=threads)
            return ModelWriter(model)
        path = find_model(known, home, progress=progress, download=not offline)
        return ModelWriter(LlamaCpp.open(path, context=context, threads=threads))

    return LazyWriter(open_writer)


def load_spec(path: str) -> Spec:
    """The spec of a file that was named."""
    from penjing.assistant.spec.parse import load

    if not is_there(Path(path)):
        raise BadInput(f"there is no file {path}: give the path of a spec, such as assistant.yaml")
    return load(Path(path))


@contextlib.contextmanager
def tools_of(
    spec: Spec, given: Given | None = None, own: Sequence[Tool] = ()
) -> Iterator[list[Tool]]:
    """The tools that a spec names, closed in the end. Without `given` they keep nothing.

    `own` are the caller's: they take the place of those of their names.
    """
    from penjing.tools.given import in_this_process
    from penjing.tools.registry import make_tools

    given = given or in_this_process(Path(spec.folder))
    try:
        mine = {tool.name for tool in own}
        named = {name: rule for name, rule in section(spec).items() if name not in mine}
        tools = [*make_tools(named, given), *own]
        try:
            yield tools
        finally:
            for tool in tools:
                tool.close()
    finally:
        given.schedule.close()


def told(strange: Mapping[str, str]) -> Iterator[str]:
    """Lines about names that are not taken."""
    for name, why in list(strange.items())[:20]:
        shown = "".join(one if one.isprintable() else "?" for one in name)[:60]
        yield (
            f"the name '{shown}' is not listened to ({why}): to use it, write it under the values "
            "of its slot"
        )
    if len(strange) > 20:
        yield f"and {len(strange) - 20} more names are not listened to"


def section(spec: Spec) -> dict[str, Any]:
    """The `tools:` of a spec, as the tools read it."""
    return {rule.name: rule.settings for rule in spec.tools.values() if not rule.part_of}


@dataclass(frozen=True)
class Together:
    """Satisfies `Retriever`: several, whose scores cannot be compared: rank by rank."""

    parts: Sequence[Retriever] = field(default=())
    """The first goes first at each rank."""

    def search(self, query: str, *, limit: int = 5) -> list[Passage]:
        """The best of each, then the second of each, and so on."""
        found = [one.search(query, limit=limit) for one in self.parts]
        ranks = itertools.zip_longest(*found)
        return [one for rank in ranks for one in rank if one is not None][:limit]


def documents_of(spec: Spec, more: Retriever | None = None) -> Retrievers | None:
    """Whoever asks, the spec's own documents are searched, and `more`."""
    parts = [one for one in (more, shelf_of(spec)) if one is not None]
    return (lambda _person, _store: Together(parts)) if parts else None


def shelf_of(spec: Spec) -> Shelf | None:
    """The spec's own documents."""
    from penjing.assistant.generate.shelf import shelf

    sources = spec.knowledge.sources
    return shelf(Path(spec.folder), sources) if sources else None


@contextlib.contextmanager
def getting_ready(spec: Spec, progress: Progress) -> Iterator[None]:
    """Who waits for long while a spec is made ready is told what for, once."""
    line = f"getting {spec.name} ready: its sentences are checked, and learned where they are new"
    saying = threading.Timer(_LONG, progress.note, [line])
    saying.daemon = True
    saying.start()
    try:
        yield
    finally:
        saying.cancel()


@contextlib.contextmanager
def opened(
    spec: Spec,
    writer: Writer | None,
    progress: Progress,
    given: Given | None = None,
    *,
    own: Sequence[Tool] = (),
    documents: Retriever | None = None,
) -> Iterator[SpecAssistant]:
    """The assistant of a spec, ready to reply; closed in the end.

    `own` as of `tools_of`, `documents` as of `documents_of`.
    """
    from penjing.assistant.build import build
    from penjing.assistant.check import require_sound
    from penjing.bundle.home import Home
    from penjing.tools.given import in_this_process
    from penjing.tools.later import planner

    given = given or in_this_process(Path(spec.folder))
    cache = Home.from_environment().work / "intents"
    with tools_of(spec, given, own) as tools:
        with getting_ready(spec, progress):
            require_sound(spec, tools, cache)
            assistant = build(
                spec,
                tools,
                writer=writer,
                retrievers=documents_of(spec, documents),
                cache=cache,
                planner=planner(section(spec), given),
            )
        try:
            yield assistant
        finally:
            assistant.close()


@contextlib.contextmanager
def late_embedder(progress: Progress) -> Iterator[Embedder | None]:
    """The embedding model where it was pulled; loaded when it is first asked."""
    from penjing.app import embedder

    if not embedder.is_here():
        yield None
        return
    path = embedder.find_embedder(progress, download=False)
    late = embedder.LateEmbedder(lambda: path)
    try:
        yield late
    finally:
        late.close()
