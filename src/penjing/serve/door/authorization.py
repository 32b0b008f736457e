"""Authorization: what owners alone may ask for, as data. Handlers need not ask again."""

from __future__ import annotations

from penjing.serve.door.visit import Refusal, Visit

METRICS = "/metrics"

OWNERS_ONLY: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("/api/people", ("POST", "PUT", "PATCH", "DELETE")),
    (METRICS, ("GET", "HEAD")),
)
"""A path, with everything under it, and the methods."""


def check(visit: Visit, role: str) -> Refusal | None:
    """Refuse who is no owner."""
    if role == "owner" or not is_for_owners(visit):
        return None
    return Refusal(403, "only an owner may do this: ask one")


def is_for_owners(visit: Visit) -> bool:
    """Whether the table names it."""
    return any(
        visit.method in methods and (visit.path == path or visit.path.startswith(f"{path}/"))
        for path, methods in OWNERS_ONLY
    )
