"""Words that many sentence templates share, written once under `rules:` and used as `<name>`.

A rule may use the rules above it and no others, so that none is inside itself. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from penjing.assistant.spec.yaml_nodes import Entry, nearest

MAX_EXPANDED = 4000
"""Characters of a rule when the rules in it are written out."""
_USE = re.compile(r"<([^<>]{0,64})>")

Rules = Mapping[str, str]
"""Name to what it stands for, in brackets."""


def read_rules(entries: Mapping[str, Entry]) -> Rules:
    """The rules of a spec, in their order. BadInput names the line of one that cannot be used."""
    found: dict[str, str] = {}
    for name, entry in entries.items():
        found[name] = f"({expanded(entry.text(), found, entry)})"
        if len(found[name]) > MAX_EXPANDED:
            raise entry.wrong(f"the rule '{name}' is too long when written out: write several")
    return found


def expanded(template: str, rules: Rules, entry: Entry) -> str:
    """A template with its rules written out. BadInput names the line of one that is not known."""

    def written(use: re.Match[str]) -> str:
        if use.group(1) not in rules:
            near = nearest(use.group(1), rules)
            raise entry.wrong(f"there is no rule '{use.group()}' above this: {near}")
        return rules[use.group(1)]

    return _USE.sub(written, template)
