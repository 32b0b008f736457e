"""Who may use a tool: by the spec, by the accounts, and both of them."""

from __future__ import annotations

import pytest

from penjing.assistant.permission import refusal, spec_allows
from penjing.assistant.spec.values import ToolRule
from penjing.core.dialogue import Standing

RULES = {
    "lamp": ToolRule("lamp", frozenset({"owner", "member"})),
    "all": ToolRule("all", frozenset({"owner", "member", "guest", "talker"})),
}


@pytest.mark.parametrize(
    ("tool", "role", "may"),
    [
        ("lamp", "owner", True),
        ("lamp", "member", True),
        ("lamp", "guest", False),
        ("all", "guest", True),
        ("all", "talker", False),  # whatever a spec says
        ("door", "owner", False),
    ],
)
def test_the_spec_says_which_people(tool: str, role: Standing, may: bool) -> None:
    assert spec_allows(RULES, tool, role) is may
    assert (refusal(RULES, tool, "ann", role) is None) is may


def test_the_accounts_are_asked_by_both_names_and_only_about_what_the_spec_allows() -> None:
    asked = []

    def forbids(person: str, tool: str) -> str | None:
        asked.append((person, tool))
        return f"{person} may not: ask an owner" if person == "ben" else None

    assert refusal(RULES, "lamp", "ann", "member", forbids) is None
    refused = refusal(RULES, "lamp", "ben", "member", forbids)
    assert refused is not None
    assert (refused.ok, refused.data["reason"]) == (False, "refused")
    assert refused.error == "ben may not: ask an owner"
    assert refusal(RULES, "lamp", "ben", "guest", forbids) is not None
    assert asked == [("ann", "lamp"), ("ben", "lamp")]
