"""What came of the calls for a group of things, as a flow may look at it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penjing.core.dialogue import Outcome


def with_one(result: Mapping[str, Any], name: str, outcome: Outcome) -> dict[str, Any]:
    """What is known after one call more.

    `done` and `failed` are names; for each field that is true or false of a thing, `yes.FIELD` and
    `no.FIELD` are the names of which it is; `unknown` are those of which nothing is.
    """
    told: dict[str, Any] = {
        "done": [*result.get("done", ())],
        "failed": [*result.get("failed", ())],
        "yes": dict(result.get("yes", {})),
        "no": dict(result.get("no", {})),
        "unknown": [*result.get("unknown", ())],
    }
    told["done" if outcome.ok else "failed"].append(name)
    told_of_it = {k: v for k, v in outcome.data.items() if outcome.ok and isinstance(v, bool)}
    for key, value in told_of_it.items():
        side = told["yes" if value else "no"]
        side[key] = [*side.get(key, ()), name]
    if not told_of_it:
        told["unknown"].append(name)
    return told
