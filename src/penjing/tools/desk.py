"""Where tickets and handovers go: a folder of files, or a server that takes JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, PenjingError, StorageError
from penjing.core.files import write_text
from penjing.core.plain_json import read_json
from penjing.tools.failed import ToolError
from penjing.tools.given import Clock
from penjing.tools.keep import read_secret
from penjing.tools.web import Web, parse_origin

_MOST_OWN = 50
_LONGEST = 64 * 1024


def require_one(folder: Path | None, url: str | None, where: str) -> None:
    """Exactly one place for tickets. Raises BadInput."""
    if (folder is None) == (url is None):
        raise BadInput(f"{where} needs a folder or a url, and not both")
    if url:
        parse_origin(url)


class Desk:
    """Takes tickets."""

    def __init__(
        self, folder: Path | None, url: str | None, token_file: Path | None, clock: Clock
    ) -> None:
        token = read_secret(token_file) if token_file else None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._folder, self._clock = folder, clock
        self._web = Web(url, headers=headers) if url else None

    def own(self, kind: str, person: str) -> Sequence[Mapping[str, str]]:
        """A person's own that lie in the folder, the newest first; what is no ticket is passed
        over."""
        found: list[Mapping[str, str]] = []
        for path in sorted(self._folder.glob("*.json"), reverse=True) if self._folder else ():
            try:
                one = read_json(path, limit=_LONGEST)
            except (OSError, PenjingError):
                continue
            words = ("number", "subject", "at")
            fits = isinstance(one, dict) and (one.get("kind"), one.get("person")) == (kind, person)
            if fits and all(isinstance(one.get(word), str) for word in words):
                found.append({word: one[word] for word in words})
            if len(found) == _MOST_OWN:
                break
        return found

    def take(self, kind: str, person: str, about: Mapping[str, Any]) -> str:
        """Write a ticket down, or send it; its number. Raises ToolError."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        number = f"{now:%Y%m%d}-{os.urandom(3).hex()}"
        ticket = {"number": number, "kind": kind, "at": now.isoformat(), "person": person, **about}
        if self._web is not None:
            self._web.post("", ticket)
        elif self._folder is not None:
            path = self._folder / f"{number}.json"
            try:
                write_text(path, json.dumps(ticket, ensure_ascii=False, indent=1), private=True)
            except StorageError as error:
                raise ToolError("not_kept", f"no ticket was opened: {error}") from error
        return number
