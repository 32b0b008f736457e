"""Tokens of every scope at every route, in odd spellings: nothing beyond what their person allowed.

What each route takes is written down here by hand. The numbers that owners read are looked at too:
they name nobody and nothing that anybody said.
"""

from __future__ import annotations

import http.client
import re
import string
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote

from attacked import PLANTED, Attacked, attacked, plant, sound
from doorway import Caller, Reply
from ground import Ground
from household import WORDS
from way import Way

_ID = "0" * 32
_CHAT = {"model": "tiny", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
_ROUTES: tuple[tuple[str, str, str, Any], ...] = (
    ("GET", "/v1/models", "read chat", None),
    ("POST", "/v1/chat/completions", "chat", _CHAT),
    ("POST", "/v1/chat/completions", "chat", {**_CHAT, "stream": True}),
    ("POST", "/v1/completions", "chat", {"model": "tiny", "max_tokens": 1, "prompt": "hi"}),
    ("POST", "/v1/embeddings", "chat", {"model": "tiny", "input": "hi"}),
    ("POST", "/v1/responses", "chat", {"model": "tiny", "max_output_tokens": 1, "input": "hi"}),
    ("GET", "/metrics", "admin", None),
    ("GET", "/api/me", "read chat tools documents admin", None),
    ("GET", "/api/model", "read", None),
    ("GET", "/api/news", "read", None),
    ("GET", "/api/settings", "read", None),
    ("PUT", "/api/settings", "admin", {}),
    ("POST", "/api/search", "read", {"words": PLANTED}),
    ("GET", "/api/sessions", "read", None),
    ("POST", "/api/sessions", "chat tools", {}),
    ("PATCH", f"/api/sessions/{_ID}", "chat tools", {"title": "x"}),
    ("DELETE", f"/api/sessions/{_ID}", "admin", None),
    ("GET", f"/api/sessions/{_ID}/turns", "read", None),
    ("POST", f"/api/sessions/{_ID}/turns", "chat tools", {"text": "hi"}),
    ("POST", f"/api/sessions/{_ID}/actions/{_ID}", "tools", {"yes": True}),
    ("POST", f"/api/ringing/{_ID}/stop", "tools", None),
    ("POST", f"/api/ringing/{_ID}/snooze", "tools", {}),
    ("GET", "/api/documents", "documents", None),
    ("POST", "/api/documents?name=x", "documents", b""),
    ("DELETE", f"/api/documents/{_ID}", "documents", None),
    ("GET", f"/api/documents/{_ID}/text", "documents", None),
    ("GET", "/api/people", "admin", None),
    ("POST", "/api/people", "", {"name": "Eve", "role": "owner", "passphrase": "short"}),
    ("PATCH", f"/api/people/{_ID}", "", {"role": "owner"}),
    ("DELETE", f"/api/people/{_ID}", "", {"confirm": "Eve"}),
    ("POST", "/api/me/export", "admin", {}),
    ("POST", "/api/me/passphrase", "", {"old": "x", "new": "other words altogether"}),
    ("POST", "/api/me/wipe", "", {"passphrase": "x"}),
    ("GET", "/api/me/tokens", "", None),
    ("POST", "/api/me/tokens", "", {"label": "more", "scopes": ["admin"], "passphrase": "x"}),
    ("DELETE", f"/api/me/tokens/{_ID}", "", None),
    ("POST", "/api/logout", "", {}),
)
"""Method, path, the scopes of which one is enough, and a body that does no harm."""
_OWNERS = {("GET", "/metrics"), ("POST", "/api/people"), ("PATCH", f"/api/people/{_ID}"),
           ("DELETE", f"/api/people/{_ID}")}  # fmt: skip
_GRANTS = ("read", "chat", "tools", "documents", "admin", "read chat", "chat tools documents",
           "read chat tools documents", "")  # fmt: skip
"""Of each person's tokens; nothing said is the last."""
_REFUSED = (400, 401, 403, 405, 413, 414, 421, 429, 431)
"""How the door refuses; anything else came from behind it."""
_TWINS = {"/": "\uff0f", ".": "\u2024", "a": "\u0430", "p": "\u0440", "e": "\u0435", "s": "\u0455"}
"""Letters that look the same."""
_LINE = re.compile(
    r"# (?:HELP|TYPE) [a-z_]+ .+"
    r'|[a-z_]+(?:\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})? [0-9.e+infa-]+',
    re.IGNORECASE,
)
"""Of the text format of Prometheus."""
_MOST_LINES = 3000


@dataclass
class _State:
    server: Attacked
    tokens: dict[tuple[str, str], str]
    """By name and grant."""
    own: str
    """The server's."""
    private: tuple[bytes, ...]
    """What no number may tell."""


def _prepare(ground: Ground) -> _State:
    server = attacked(ground)
    plant(server)
    tokens, private = {}, [PLANTED, *WORDS]
    for name, words in WORDS.items():
        for grant in _GRANTS:
            more: dict[str, Any] = {"scopes": grant.split(), "passphrase": words} if grant else {}
            tokens[name, grant] = server.token(name, **more)
        private.append(server.caller(name).ask("GET", "/api/me").json["person"])
    own = Path(server.said["token_file"]).read_text("ascii").strip()
    told = tuple(one.encode() for one in [*private, own, *(one[-43:] for one in tokens.values())])
    return _State(server, tokens, own, told)


def _case(state: _State, random: Random, folder: Path) -> str | None:
    if random.random() < 0.05:
        return _numbers(state, random)
    name, grant = random.choice([*state.tokens])
    method, path, needed, body = random.choice(_ROUTES)
    granted = set(grant.split() or ["read"])
    may = bool(granted & set(needed.split()))
    if may and random.random() < 0.8:
        return _allowed(state, random, (name, grant), (method, path, body))
    if may:
        return None
    spelled = _spelled(random, path)
    if method == "GET" and random.random() < 0.3:
        method = "HEAD"
    headers = {
        **_odd_headers(random, state),
        "Authorization": f"Bearer {state.tokens[name, grant]}",
    }
    reply = _ask(state, random, method, spelled, body, headers)
    if reply is None or reply.status in _REFUSED:
        return None if reply is None else sound(reply)
    if reply.status == 404 and unquote(spelled).startswith("/assets/"):
        return sound(reply)  # looked for among the page's own files, which anybody may have
    return (
        f"{method} {spelled[:100]!r} with '{grant}' of {name}: {reply.status} {reply.body[:100]!r}"
    )


def _allowed(
    state: _State, random: Random, who: tuple[str, str], what: tuple[str, str, Any]
) -> str | None:
    """What it may do it can do, or the rest would prove nothing."""
    name, grant = who
    method, path, body = what
    shown = {"Authorization": f"Bearer {state.tokens[who]}"}
    reply = _ask(state, random, method, path, body, shown)
    if reply is None:
        return None
    kept = (method, path) in _OWNERS and name != "Anna"
    if (reply.status == 403) != kept or reply.status == 401:
        return f"{method} {path} with '{grant}' of {name}: {reply.status} {reply.body[:100]!r}"
    if name != "Anna" and PLANTED.encode() in reply.body:
        return f"{method} {path} told {name} what is Anna's"
    return sound(reply)


def _numbers(state: _State, random: Random) -> str | None:
    token = random.choice((state.own, state.tokens["Anna", "admin"]))
    reply = _ask(state, random, "GET", "/metrics", None, {"Authorization": f"Bearer {token}"})
    if reply is None or reply.status != 200:
        return f"/metrics: {reply and reply.status}"
    told = [one for one in state.private if one in reply.body]
    lines = reply.body.decode().splitlines()
    odd = [one for one in lines if not _LINE.fullmatch(one)]
    if told or odd or len(lines) > _MOST_LINES:
        return f"/metrics: tells {told}, {len(lines)} lines, {odd[:2]} among them"
    return None


def _ask(
    state: _State, random: Random, method: str, path: str, body: Any, headers: dict[str, str]
) -> Reply | None:
    caller = Caller(state.server.port, address=f"127.0.0.{random.randrange(2, 250)}")
    try:
        address = path.encode("utf-8").decode("latin-1")
        return caller.ask(method, address, body, headers, timeout=10)
    except (http.client.HTTPException, UnicodeError, ValueError):
        return None  # what cannot be sent
    except ConnectionError:
        return None


def _spelled(random: Random, path: str) -> str:
    """The same address, or what somebody might take for it: never a shorter one."""
    bare, mark, query = path.partition("?")
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        bare = random.choice(_SPELLINGS)(random, bare)
    return bare + mark + query


def _coded(random: Random, path: str) -> str:
    places = [n for n, char in enumerate(path) if n and char in string.ascii_letters + "/._"]
    chosen = {n for n in places if random.random() < 0.2}
    form = random.choice(("%{:02x}", "%{:02X}", "%25{:02x}"))
    return "".join(form.format(ord(c)) if n in chosen else c for n, c in enumerate(path))


def _cased(random: Random, path: str) -> str:
    return "".join(char.upper() if random.random() < 0.3 else char for char in path)


def _twinned(random: Random, path: str) -> str:
    place = random.randrange(1, len(path))
    return path[:place] + _TWINS.get(path[place], path[place]) + path[place + 1 :]


def _longer(random: Random, path: str) -> str:
    place = random.choice([n for n, char in enumerate(path) if char == "/"] + [len(path)])
    more = random.choice(("/", "//", "/.", "/./", "/..", "\\", "%2f", ";x=1", "%00", "%20", "%0a",
                          "%0d%0a", "%c0%af", ".json", "/%2e%2e/", "%ef%bc%8f"))  # fmt: skip
    return path[:place] + more + path[place:]


def _prefixed(random: Random, path: str) -> str:
    return random.choice(("/assets/..", "/assets/%2e%2e", "/.", "//assets", "http://localhost",
                          "/health/..", "/assets/x;/..")) + path  # fmt: skip


_SPELLINGS = (_coded, _cased, _twinned, _longer, _longer, _prefixed)


def _odd_headers(random: Random, state: _State) -> dict[str, str]:
    mightier = state.tokens[random.choice(("Anna", "Ben")), "admin"]
    return random.choice(
        (
            {},
            {"authorization": f"Bearer {mightier}"},  # a second one
            {"Cookie": f"penjing={mightier}"},
            {"X-HTTP-Method-Override": "GET", "X-Original-URL": "/assets/x"},
            {"X-Forwarded-Prefix": "/assets", "X-Forwarded-For": "127.0.0.1"},
            {"Proxy-Authorization": f"Bearer {mightier}"},
        )
    )


def _finish(state: _State) -> list[str]:
    wrong = []
    for name in WORDS:
        listed = state.server.caller(name).ask("GET", "/api/me/tokens").json
        if len(listed) != len(_GRANTS):
            wrong.append(f"{name} has {len(listed)} tokens")
    people = [one["name"] for one in state.server.caller("Anna").ask("GET", "/api/people").json]
    if people != [*WORDS]:
        wrong.append(f"there are {people}")
    return [*wrong, *state.server.stop()]


WAY = Way(
    "tokens",
    "every scope at every route, oddly spelled: nothing beyond the scope; numbers name nobody",
    _prepare,
    _case,
    forked=False,
    finish=_finish,
)
