"""What the pages of a test did that they must never do: other hosts, breaches, exceptions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page

Visit = Callable[..., Page]
"""Opens a page of a server; see the fixture `visit` in tests/web/conftest.py."""

EXPECTED = re.compile(
    r"Failed to load resource: (the server responded with a status of \d+|net::ERR_)"
    r"|Service Worker registration blocked by Playwright"
)
"""What Chromium says of any answer that is not 200; tests look at the statuses they mean, and only
those of the service worker let it in."""


@dataclass
class Watch:
    """Over every page of a test."""

    troubles: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def over(self, page: Page, base: str) -> None:
        page.on("request", lambda request: self._request(request.url, base))
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))

    def _request(self, url: str, base: str) -> None:
        self.requests.append(url)
        if not url.startswith((base, "data:", f"blob:{base}")):
            self.troubles.append(f"request to elsewhere: {url}")

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not EXPECTED.match(text):
            self.troubles.append(f"console: {text}")
