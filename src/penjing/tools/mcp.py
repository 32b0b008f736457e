"""Tools of any MCP server as tools of Penjing: named, bounded, careful unless the spec says so.

Nothing that a server says of itself is believed or shown to the model: names are checked, schemas
tamed (`remote/schema.py`), and descriptions come from the spec. What it answers is data. A server
that changes what it offers is not called any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.core.errors import BadInput, NetworkError, UnknownName
from penjing.core.extras import require_extra
from penjing.core.protocols import Tool
from penjing.core.tool_arguments import mistake, size_of
from penjing.tools.checked import ToolAdapter
from penjing.tools.failed import ToolError
from penjing.tools.given import Given
from penjing.tools.keep import read_secret
from penjing.tools.remote.schema import Untamable, tame, tame_answer
from penjing.tools.web import parse_origin

if TYPE_CHECKING:
    from penjing.tools.remote.bounds import Budget
    from penjing.tools.remote.link import Link

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_TOOL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}")
_MOST_TOOLS = 64
_LONGEST_TEXT = 20_000
_LARGEST_DATA = 64 * 1024


@dataclass(frozen=True)
class WantedTool:
    """A tool of a server that the spec wants."""

    describe: str = ""
    """What it does, in one English sentence: the model reads this, not the server's words."""
    careful: bool = True
    """Whether a person must confirm it."""
    parameters: Mapping[str, Any] | None = None
    """The schema of its arguments. With it for every tool, a server that is down holds up nothing:
    it is asked when the tool is called."""

    def __post_init__(self) -> None:
        try:
            tame(self.parameters or {})
        except Untamable as error:
            raise BadInput(f"the parameters of an MCP tool: {error}") from error


@dataclass(frozen=True)
class Server:
    """One server."""

    command: tuple[str, ...] = ()
    """A program and its arguments, for a server that is a child process."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Its environment beside PATH, HOME and LANG."""
    url: str | None = None
    """Or where it is, for a server over HTTP."""
    token_file: Path | None = None
    """A file with its bearer token."""
    ca: Path | None = None
    """Certificates to trust instead of the system's."""
    tools: Mapping[str, WantedTool] = field(default_factory=dict)
    """Which of its tools, as it calls them; all of them, carefully, when left out."""
    seconds: float = 15.0
    """How long a call may take."""
    start_seconds: float = 20.0
    """How long it may take until it can be called."""

    def __post_init__(self) -> None:
        if bool(self.command) == (self.url is not None):
            raise BadInput("an MCP server needs a command or a url, and not both")
        if self.url:
            parse_origin(self.url)
        if not (0 < self.seconds <= 600 and 0 < self.start_seconds <= 600):
            raise BadInput("an MCP server starts and answers within 600 seconds: give fewer")


@dataclass(frozen=True)
class Settings:
    """The `mcp:` of a spec."""

    servers: Mapping[str, Server]
    """By the name that their tools begin with."""

    def __post_init__(self) -> None:
        for name in self.servers:
            if not _NAME.fullmatch(name):
                raise BadInput(f"an MCP server is called by letters and digits, not '{name[:40]}'")

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to; what a child process does is its own."""
        return [parse_origin(one.url).address for one in self.servers.values() if one.url]


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tools of all servers. Raises NetworkError when one cannot be started."""
    require_extra("MCP", "tools", "mcp")
    made: list[Tool] = []
    try:
        for name, server in settings.servers.items():
            made += _offered(name, server, given.folder)
    except BaseException:
        for tool in made:
            tool.close()
        raise
    return made


def _offered(name: str, server: Server, folder: Path) -> list[Tool]:
    from penjing.tools.remote.http import streamable
    from penjing.tools.remote.link import Link
    from penjing.tools.remote.pipe import pipe

    token = read_secret(server.token_file) if server.token_file else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    def transport(budget: Budget) -> AbstractAsyncContextManager[Any]:
        if server.url is not None:
            return streamable(server.url, headers, server.ca, server.seconds, budget)
        return pipe(server.command, server.env, folder, budget)

    link = Link(name, transport, server.seconds, server.start_seconds)
    if server.tools and all(wanted.parameters is not None for wanted in server.tools.values()):
        return _made(name, server, link, {})
    try:
        offers = {offer.name: offer for offer in link.tools()}
        for wanted in server.tools:
            if wanted not in offers:
                raise UnknownName(f"tool of the server {name}", wanted, map(_shown, offers))
        return _made(name, server, link, offers)
    except ToolError as error:
        link.close()
        raise NetworkError(str(error)) from error
    except BaseException:
        link.close()
        raise


def _shown(name: str) -> str:
    return name if _TOOL_NAME.fullmatch(name) else "?"


def _made(name: str, server: Server, link: Link, offers: Mapping[str, Any]) -> list[Tool]:
    made: dict[str, Tool] = {}
    for original in server.tools or list(offers)[:_MOST_TOOLS]:
        wanted = server.tools.get(original, WantedTool())
        called = f"{name}_{re.sub('[^A-Za-z0-9_]', '_', original)}"
        try:
            if not _TOOL_NAME.fullmatch(original) or called in made:
                raise Untamable("its name is no name, or another has it")
            tool = RemoteTool(link, original, offers.get(original))
            own = wanted.parameters
            schema = tame(offers[original].input_schema if own is None else own)
        except Untamable as error:
            if server.tools:  # the spec asked for it: not to be passed over
                message = f"the tool {_shown(original)} of the server {name}: {error}"
                raise BadInput(f"{message}: it cannot be used") from error
            continue
        describe = wanted.describe or f"{_shown(original)} of the server {name}."
        made[called] = ToolAdapter(called, describe, schema, tool, wanted.careful)
    return list(made.values())


class RemoteTool:
    """One tool of a server."""

    def __init__(self, link: Link, name: str, offer: Any | None) -> None:
        self._link, self._name, self._checked = link, name, 0
        self._print: str | None = None
        self._answers: dict[str, Any] | None = None
        if offer is not None:
            self._accept(offer)
            self._checked = link.connect()

    def _accept(self, offer: Any) -> None:
        """What it is from now on. Raises Untamable."""
        has = offer.output_schema is not None
        self._answers = tame_answer(offer.output_schema) if has else None
        self._print = _fingerprint(offer)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed. Who asks is not told."""
        self._require_same()
        answer = self._link.call(self._name, dict(arguments))
        text = "\n".join(one.text for one in answer.content if one.type == "text")
        data: dict[str, Any] = {"text": text[:_LONGEST_TEXT], "trust": "tool"}
        if len(text) > _LONGEST_TEXT:
            data["cut"] = True
        others = sorted({str(one.type) for one in answer.content if one.type != "text"})
        if others:
            data["left_out"] = others
        if answer.is_error:
            raise ToolError("refused", "the server says that it failed", said=data["text"][:2000])
        structured = answer.structured_content
        if self._answers is not None:
            wrong = "it is missing" if structured is None else mistake(structured, self._answers)
            if wrong:
                raise ToolError("wrong_answer", "the server answers what it has not declared")
        if structured is not None:
            large = size_of(structured) > _LARGEST_DATA
            data |= {"cut": True} if large else {"structured": structured}
        return data

    def _require_same(self) -> None:
        """After a restart it may offer something else under the same name."""
        connection = self._link.connect()
        if connection == self._checked:
            return
        offers = {offer.name: offer for offer in self._link.tools()}
        if self._name not in offers:
            raise ToolError("not_supported", "the server does not offer this tool")
        offer = offers[self._name]
        try:
            if self._print is None:
                self._accept(offer)
        except Untamable as error:
            raise ToolError("wrong_answer", f"the server's tool cannot be used: {error}") from error
        if _fingerprint(offer) != self._print:
            self._link.close()
            message = "the server has changed this tool: check it and start again"
            raise ToolError("refused", message)
        self._checked = connection

    def entities(self, parameter: str) -> Sequence[str]:
        """None: what a server calls names is not believed."""
        return ()

    def close(self) -> None:
        """Hang up."""
        self._link.close()


def _fingerprint(offer: Any) -> str:
    return json.dumps([offer.name, offer.input_schema, offer.output_schema], sort_keys=True)
