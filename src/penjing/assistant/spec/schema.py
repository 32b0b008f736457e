"""What a spec or a person gives a tool, against the tool's JSON schema.

Each argument alone: a spec says some of them, and others come later. A keyword that is not known
here is left to the tool, which checks its own arguments again. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from penjing.core.json_schema import each_schema
from penjing.core.tool_arguments import mistake, unknown_keywords

MAX_TEXT = 2000
"""Characters of one argument."""


def wrong_argument(
    schema: Mapping[str, Any], arguments: Mapping[str, Any], later: Iterable[str] = ()
) -> str | None:
    """What is wrong with arguments, in one line; None when nothing is. `later`: names whose values
    are not there yet."""
    properties = schema.get("properties", {})
    given = (*arguments, *later)
    for name in given:
        if name not in properties:
            known = ", ".join(sorted(properties)) or "none"
            return f"'{name}' is no argument of it (known: {known})"
    for name, value in arguments.items():
        if (problem := wrong_value(name, properties[name], value)) is not None:
            return problem
    missing = (name for name in schema.get("required", ()) if name not in given)
    return next((f"'{name}' is missing" for name in missing), None)


def wrong_value(name: str, schema: Mapping[str, Any], value: Any) -> str | None:
    """What is wrong with one argument; None when nothing is."""
    return mistake(value, _known(schema), f"'{name}'") or None


def _known(schema: Any) -> dict[str, Any]:
    """A schema with the keywords that are known here alone, and a bound of texts."""
    if not isinstance(schema, Mapping):  # true or false
        return {}
    unknown = unknown_keywords(schema)
    known = {key: one for key, one in each_schema(schema, _known).items() if key not in unknown}
    return {**known, "maxLength": min(known.get("maxLength", MAX_TEXT), MAX_TEXT)}
