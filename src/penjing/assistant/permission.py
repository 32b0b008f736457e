"""Tool permission: whether this person may use this tool. The one place that decides it.

Two can say no: the spec, by what a person is (`who`), and whoever keeps the accounts, by name, as
they are at that moment. A dialogue offers nothing that the spec refuses; right before a call both
are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from penjing.assistant.spec.values import ToolRule
from penjing.core.dialogue import TALKER, Outcome, Standing

Forbids = Callable[[str, str], str | None]
"""Why the accounts keep a person from a tool, of both names; None where they do not."""


def spec_allows(rules: Mapping[str, ToolRule], tool: str, role: Standing) -> bool:
    """Whether the spec lets such a person use a tool; a talker uses none."""
    rule = rules.get(tool)
    return rule is not None and role != TALKER and role in rule.who


def refusal(
    rules: Mapping[str, ToolRule],
    tool: str,
    person: str,
    role: Standing,
    forbids: Forbids | None = None,
) -> Outcome | None:
    """What comes of a call that this person may not make; None where they may."""
    if not spec_allows(rules, tool, role):
        return Outcome(False, error="this tool may not be used here")
    why = None if forbids is None else forbids(person, tool)
    return None if why is None else Outcome(False, {"reason": "refused"}, why)
