"""What a token may be used for, as data: every route and the scopes of which it needs one.

A route that is not here is refused to every token; `tests/serve/door/test_scopes.py` walks the app
and the door and fails on one that is missing. Web sessions have no scopes: whoever logged in may do
what their role may. A scope adds nothing to a role: a member's token with `admin` reaches what a
member may. Knows nothing of where a token's scopes are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from penjing.serve.door.public import is_public
from penjing.serve.door.visit import Refusal, Visit

READ, CHAT, TOOLS, DOCUMENTS, ADMIN = "read", "chat", "tools", "documents", "admin"

SCOPES: Mapping[str, str] = {
    READ: "read your conversations and settings, and what the model is",
    CHAT: "ask the model and the assistant, which may quote your documents and does nothing",
    TOOLS: "ask the assistant and let it act: lights, timers, whatever its tools can do",
    DOCUMENTS: "add, read and remove documents",
    ADMIN: "delete conversations, change settings, export all there is about you; an owner's token "
    "also reads who there is and the server's numbers",
}
"""All of them, the least first, each with a line for people."""
LEAST = READ
"""What a token has of which nothing else was said, or is recorded."""

SERVER = "server"
"""What the server's own token has beside others: nobody can give it to another one."""
ALONE = frozenset({READ, CHAT, TOOLS, DOCUMENTS, SERVER})
"""The server's own token without a vault: programs have no other there. All but what destroys."""
BESIDE_A_VAULT = frozenset({SERVER})
"""The same with a vault, where people make tokens of their own."""

_GET, _POST, _PUT, _PATCH, _DELETE = "GET", "POST", "PUT", "PATCH", "DELETE"
_ALL = frozenset({*SCOPES, SERVER})
_PAGE = frozenset[str]()
"""No token at all: what would make a token more than it is (accounts and roles as well as tokens),
what wipes somebody, or needs a passphrase anyway."""

TABLE: tuple[tuple[str, str, frozenset[str]], ...] = (
    (_GET, "/openapi.json", _ALL),
    (_GET, "/metrics", frozenset({ADMIN, SERVER})),
    (_GET, "/v1/models", frozenset({READ, CHAT})),
    (_GET, "/v1/models/**", frozenset({READ, CHAT})),
    (_POST, "/v1/chat/completions", frozenset({CHAT})),
    (_POST, "/v1/completions", frozenset({CHAT})),
    (_POST, "/v1/embeddings", frozenset({CHAT})),
    (_POST, "/v1/responses", frozenset({CHAT})),
    (_GET, "/v1/responses/*", frozenset({CHAT})),
    (_GET, "/api/version", frozenset({READ, CHAT})),  # Ollama's, from here to /api/copy
    (_GET, "/api/tags", frozenset({READ, CHAT})),
    (_GET, "/api/ps", frozenset({READ, CHAT})),
    (_POST, "/api/show", frozenset({READ, CHAT})),
    (_POST, "/api/chat", frozenset({CHAT})),
    (_POST, "/api/generate", frozenset({CHAT})),
    (_POST, "/api/embed", frozenset({CHAT})),
    (_POST, "/api/embeddings", frozenset({CHAT})),
    (_POST, "/api/pull", frozenset({CHAT})),  # these four are refused to everybody
    (_POST, "/api/push", frozenset({CHAT})),
    (_POST, "/api/create", frozenset({CHAT})),
    (_POST, "/api/copy", frozenset({CHAT})),
    (_GET, "/api/me", frozenset(SCOPES)),  # whose token it is, and what it may do
    (_POST, "/api/me/export", frozenset({ADMIN})),
    (_POST, "/api/me/passphrase", _PAGE),
    (_POST, "/api/me/wipe", _PAGE),
    (_GET, "/api/me/tokens", _PAGE),
    (_POST, "/api/me/tokens", _PAGE),
    (_DELETE, "/api/me/tokens/*", _PAGE),
    (_POST, "/api/logout", _PAGE),
    (_GET, "/api/model", frozenset({READ})),
    (_GET, "/api/news", frozenset({READ})),
    (_GET, "/api/ringing", _ALL),  # anybody may, without a token as well
    (_POST, "/api/ringing/*/stop", frozenset({TOOLS})),
    (_POST, "/api/ringing/*/snooze", frozenset({TOOLS})),
    (_POST, "/api/search", frozenset({READ})),
    (_GET, "/api/settings", frozenset({READ})),
    (_PUT, "/api/settings", frozenset({ADMIN})),  # how long turns are kept: a short time wipes
    (_GET, "/api/sessions", frozenset({READ})),
    (_POST, "/api/sessions", frozenset({CHAT, TOOLS})),
    (_PATCH, "/api/sessions/*", frozenset({CHAT, TOOLS})),
    (_DELETE, "/api/sessions/*", frozenset({ADMIN})),
    (_GET, "/api/sessions/*/turns", frozenset({READ})),
    (_POST, "/api/sessions/*/turns", frozenset({CHAT, TOOLS})),  # who lacks tools: Who.standing
    (_POST, "/api/sessions/*/again", frozenset({CHAT, TOOLS})),
    (_POST, "/api/sessions/*/more", frozenset({CHAT, TOOLS})),
    (_POST, "/api/sessions/*/branch", frozenset({CHAT, TOOLS})),
    (_GET, "/api/sessions/*/answer", frozenset({READ})),
    (_DELETE, "/api/sessions/*/answer", frozenset({CHAT, TOOLS})),
    (_GET, "/api/sessions/*/transcript", frozenset({READ})),
    (_GET, "/api/sessions/*/manner", frozenset({READ})),
    (_PUT, "/api/sessions/*/manner", frozenset({CHAT, TOOLS})),
    (_POST, "/api/sessions/*/actions/*", frozenset({TOOLS})),
    (_POST, "/api/sessions/*/actions/*/undo", frozenset({TOOLS})),
    (_GET, "/api/documents", frozenset({DOCUMENTS})),
    (_POST, "/api/documents", frozenset({DOCUMENTS})),
    (_DELETE, "/api/documents/*", frozenset({DOCUMENTS})),
    (_GET, "/api/documents/*/text", frozenset({DOCUMENTS})),
    (_GET, "/api/suggestions", frozenset({READ})),
    (_GET, "/api/house", frozenset({TOOLS})),  # who may not act is shown nothing to press
    (_POST, "/api/house/press", frozenset({TOOLS})),
    (_GET, "/api/people", frozenset({ADMIN})),
    (_GET, "/api/people/usable", frozenset({ADMIN})),
    (_POST, "/api/people", _PAGE),  # who makes an owner has all that an owner may, for ever
    (_PATCH, "/api/people/*", _PAGE),
    (_DELETE, "/api/people/*", _PAGE),
)
"""Method, path and scopes. `*` is one part of a path, `**` at its end all that is left of it."""

_NEVER = Refusal(403, "no token may do this: log in; /openapi.json lists what tokens may")


def check(visit: Visit, granted: frozenset[str]) -> Refusal | None:
    """Refuse what none of a token's scopes allows."""
    if is_public(visit):
        return None
    needed = needed_for(visit.method, visit.path)
    if not needed:
        return _NEVER
    return None if needed & granted else Refusal(403, _lacks(needed, granted))


def needed_for(method: str, path: str) -> frozenset[str] | None:
    """The scopes of which one is enough; none for what no token may, None for what is not here."""
    method = _GET if method == "HEAD" else method
    path = path.removesuffix("/") or path  # the app sends both spellings to the same place
    return next(
        (scopes for named, shape, scopes in _SHAPES if named == method and shape.fullmatch(path)),
        None,
    )


def in_order(scopes: frozenset[str] | set[str]) -> tuple[str, ...]:
    """The scopes that people give, the least first."""
    return tuple(one for one in SCOPES if one in scopes)


def _lacks(needed: frozenset[str], granted: frozenset[str]) -> str:
    names = " or ".join(f"'{one}'" for one in in_order(needed))
    if SERVER in granted:
        return f"the server's own token has no scope {names}: log in and do it in the page"
    return f"this token has no scope {names}: make one that has, in the page under Settings"


def _shape(path: str) -> re.Pattern[str]:
    parts = {"*": "[^/]+", "**": ".+"}
    return re.compile("/".join(parts.get(one) or re.escape(one) for one in path.split("/")))


_SHAPES = tuple((method, _shape(path), scopes) for method, path, scopes in TABLE)
