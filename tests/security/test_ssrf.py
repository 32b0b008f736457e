"""SSRF: no address that a client, a document or a redirect names is ever asked.

The server fetches nothing for anybody. What fetches at all are tools, behind the shutter: it
decides at the socket, after every parser has read the address in its own way.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote

import pytest
from premises import Premises, spoken

CONTENTS = (
    {"type": "image_url", "image_url": {"url": "{url}"}},
    {"type": "input_image", "image_url": "{url}"},
    {"type": "file", "file": {"file_id": "{url}"}},
    {"type": "input_file", "file_url": "{url}"},
    {"type": "input_audio", "input_audio": {"data": "{url}", "format": "wav"}},
    {"type": "text", "text": "look at {url} and ![x]({url}) and <img src={url}>"},
)


@pytest.fixture
def trap() -> Iterator[tuple[int, list[bytes]]]:
    """A listener that nobody should come to: its port, and who came."""
    came: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                with suppress(OSError):
                    connection, _ = server.accept()
                    came.append(b"somebody")
                    connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], came
        over.set()
        thread.join()


def spellings(port: int) -> list[str]:
    """One address, as differently as parsers read it."""
    return [
        f"http://127.0.0.1:{port}/",
        f"http://localhost:{port}/",
        f"http://[::ffff:127.0.0.1]:{port}/",
        f"http://2130706433:{port}/",
        f"http://0x7f000001:{port}/",
        f"http://127.1:{port}/",
        f"http://example.com@127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}#@example.com/",
        f"http://127.0.0.1:{port}\\@example.com/",
        f"//127.0.0.1:{port}/",
        f"file:///etc/passwd#{port}",
        f"gopher://127.0.0.1:{port}/",
    ]


def test_nothing_that_is_sent_makes_the_server_fetch(
    server: Premises, trap: tuple[int, list[bytes]]
) -> None:
    port, came = trap
    ben = server.caller("Ben")
    for url in spellings(port):
        for content in CONTENTS:
            part = json.loads(json.dumps(content).replace("{url}", json.dumps(url)[1:-1]))
            said = [{"role": "user", "content": [part]}]
            assert ben.ask(
                "POST", "/v1/chat/completions", {"model": "fake", "messages": said}
            ).status in (200, 400)
            assert ben.ask("POST", "/v1/responses", {"model": "fake", "input": said}).status in (
                200,
                400,
            )
        schema = {"$ref": url}
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        said = [{"role": "user", "content": "hi"}]
        body = {"model": "fake", "messages": said, "response_format": form}
        assert ben.ask("POST", "/v1/chat/completions", body).status == 400
        assert ben.ask("POST", "/v1/chat/completions", {"model": url, "messages": said}).status in (
            400, 404,
        )  # fmt: skip
        html = f'<img src="{url}"><link rel=stylesheet href="{url}"><script src="{url}"></script>'
        sent = {"Content-Type": "text/html", "Referer": url}
        kept = ben.ask("POST", f"/api/documents?name={quote(url, safe='')}", html.encode(), sent)
        if kept.status == 200:
            ben.ask("GET", f"/api/documents/{kept.json['id']}/text")
            ben.ask("DELETE", f"/api/documents/{kept.json['id']}")
    spoken(ben, " ".join(spellings(port)))
    assert came == []


FETCHES = """
import http.server, json, socket, sys, threading, urllib.request
import httpx
from penjing.core.egress.allowed import Address
from penjing.core.egress.shutter import close_shutter

came = []
class Trap(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        came.append(self.path)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
trap = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trap)
class Allowed(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = {"/301": 301, "/302": 302, "/303": 303, "/307": 307, "/308": 308}.get(self.path)
        self.send_response(status or 200)
        if status:
            self.send_header("Location", f"http://127.0.0.1:{trap.server_port}/redirected")
        self.end_headers()
    def log_message(self, *_): pass
allowed = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Allowed)
beside = http.server.ThreadingHTTPServer(("127.0.0.2", allowed.server_port), Trap)
close_shutter([Address("127.0.0.1", allowed.server_port)])  # no threads before it
for one in (trap, allowed, beside):
    threading.Thread(target=one.serve_forever, daemon=True).start()
a, t = allowed.server_port, trap.server_port
urls = [f"http://127.0.0.1:{a}/{n}" for n in (301, 302, 303, 307, 308)]
urls += [
    f"http://127.0.0.1:{t}/", f"http://localhost:{t}/", f"http://127.1:{t}/", f"http://0:{t}/",
    f"http://2130706433:{t}/", f"http://0x7f000001:{t}/", f"http://[::ffff:127.0.0.1]:{t}/",
    f"http://127.0.0.1:{a}@127.0.0.1:{t}/", f"http://x:y@127.0.0.1:{t}/",
    f"http://127.0.0.1:{t}#@127.0.0.1:{a}/", f"http://127.0.0.1:{t}?@127.0.0.1:{a}/",
    f"http://127.0.0.1:{a}\\\\@127.0.0.1:{t}/", f"http://127.0.0.2:{a}/",
    "http://penjing.invalid/", f"http://127.0.0.1.penjing.invalid:{a}/",
    f"ftp://127.0.0.1:{t}/",
]
reached = []
for url in [f"http://127.0.0.1:{a}/", *urls]:
    for name, get in {
        "urllib": lambda: urllib.request.urlopen(url, timeout=5).read(),
        "httpx": lambda: httpx.get(url, follow_redirects=True, timeout=5, trust_env=False),
    }.items():
        try:
            get()
            reached.append([name, url])
        except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL, UnicodeError):
            pass
print(json.dumps([reached, came, a]))
"""


def test_behind_the_shutter_no_redirect_and_no_parser_leads_elsewhere() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FETCHES], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    reached, came, allowed = json.loads(done.stdout)
    assert came == []
    right = f"http://127.0.0.1:{allowed}/"
    assert {name for name, url in reached if url == right} == {"urllib", "httpx"}
    # what reads the odd ones as the allowed address got there, and nowhere else
    assert all(f"127.0.0.1:{allowed}" in url for _, url in reached)
