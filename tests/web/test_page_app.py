"""Installed as an app: what is kept in a browser is the page's own files and nothing of anybody."""

from __future__ import annotations

import httpx
from garden import Garden
from page import say
from playwright.sync_api import expect
from watching import Visit

KEPT = """async () => {
    const found = [];
    for (const name of await caches.keys())
        for (const one of await (await caches.open(name)).keys())
            found.push(new URL(one.url).pathname);
    return found;
}"""


def test_the_shell_is_there_when_the_server_is_not(alone: Garden, visit: Visit) -> None:
    page = visit(alone, service_workers="allow")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.goto(alone.url)
    say(page, "a secret of mine")
    kept = page.evaluate(KEPT)
    assert "/" in kept
    assert all(one == "/" or one.startswith("/assets/") for one in kept), kept
    page.context.set_offline(True)
    page.reload()
    expect(page.locator("body")).to_contain_text("The server cannot be reached")
    expect(page.locator("body")).not_to_contain_text("a secret of mine")
    page.context.set_offline(False)
    page.reload()
    expect(page.locator(".frame")).to_be_visible()


def test_it_can_be_installed(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    told = page.evaluate(
        """async () => {
            const link = document.querySelector("link[rel=manifest]").href;
            const manifest = await (await fetch(link)).json();
            const icons = await Promise.all(manifest.icons.map(async (one) =>
                (await fetch(one.src)).status));
            return {...manifest, icons};
        }"""
    )
    assert (told["start_url"], told["display"]) == ("/", "standalone")
    assert told["icons"] == [200, 200, 200]


def test_what_the_first_paint_needs_travels_packed(alone: Garden, visit: Visit) -> None:
    page = visit(alone)
    sent = page.evaluate(
        """() => performance.getEntries()
            .filter((one) => one.transferSize && /\\/assets\\/(?!ticking)|\\/$/.test(one.name))
            .reduce((sum, one) => sum + one.transferSize, 0)"""
    )
    assert 10_000 < sent < 60_000
    plain = httpx.get(alone.url, headers={"Accept-Encoding": "identity"})
    packed = httpx.get(alone.url, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content
