"""The lines of errors that a page can show, read from the sources: a text, its places as `{}`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "src" / "penjing"
ERRORS = {
    "BadInput", "BadParameter", "Conflict", "EngineError", "InUse", "NotPermitted", "NotServed",
    "PenjingError", "StorageError", "Throttled", "TooLarge", "TooLong", "WrongPassphrase",
}  # fmt: skip
REACHED = (
    *("serve/*.py", "serve/api/*.py", "serve/door/*.py"),
    *("knowledge/*.py", "knowledge/formats/*.py"),
    *("vault/access.py", "vault/accounts.py", "vault/agenda.py", "vault/box.py"),
    *("vault/envelope.py", "vault/history.py", "vault/locks.py", "vault/memory.py"),
    *("vault/retention.py", "vault/database.py", "vault/vault.py"),
    *("assistant/turn.py", "assistant/undoing.py", "assistant/pressing.py", "assistant/notes.py"),
)
"""Files whose errors come before somebody at the page."""
ELSEWHERE = {
    "sockets.py", "safe.py", "certificate.py", "secrets.py", "embedder.py", "ending.py",
}  # fmt: skip
"""Of those, what is told at the start of a server, in its terminal."""


def lines() -> dict[str, str]:
    """Every line, and a place where it is made."""
    found = dict(_of(SOURCES / "core" / "errors.py", {"__init__"}))
    for pattern in REACHED:
        for path in sorted(SOURCES.glob(pattern)):
            if path.name not in ELSEWHERE:
                found |= dict(_of(path))
    return found


def _of(path: Path, inits: frozenset[str] | set[str] = frozenset()) -> Iterator[tuple[str, str]]:
    tree = ast.parse(path.read_text("utf-8"))
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            at = 1 if name == "Refusal" else 0 if name in ERRORS | inits else None
            if at is not None and len(node.args) > at:
                given = node.args[at]
                line = _template(constants.get(getattr(given, "id", ""), given))
                if line is not None:
                    yield line, f"{path.name}:{node.lineno}"


def _template(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values
        )
    return None
