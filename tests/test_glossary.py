"""The field's words lead to our files: one grep, and the right file comes first."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "penjing"
ROWS = re.findall(
    r"^\| ([^|`]+) \| `([\w/]+\.py)` \|$", (ROOT / "docs/glossary.md").read_text("utf-8"), re.M
)
EXPECTED = """
importance matrix, knapsack, Hessian, reciprocal rank fusion, straight-through estimator,
bit allocation, mixed precision, KV cache, prefix cache, continuous batching, preempt, fair queue,
sampler, top-p, rate limit, session cookie, CSRF, SSRF, authorization, prompt injection,
slot filling, dialogue act, edit distance, stemming, extractive answer, finite automaton,
out-of-scope, B-tree, rollback journal, key derivation
"""
"""What somebody who knows the field looks for."""
MOST = 2
"""Files that one grep may find."""


def first_lines() -> dict[str, str]:
    """Module -> the first line of its docstring, in the order in which grep -r would be sorted."""
    lines = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        words = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        lines[str(path.relative_to(PACKAGE))] = words.partition("\n")[0]
    return lines


def found(term: str, lines: dict[str, str]) -> list[str]:
    """The modules whose first line has a term."""
    return [path for path, line in lines.items() if term.lower() in line.lower()]


LINES = first_lines()


@pytest.mark.parametrize(("term", "path"), ROWS, ids=[term for term, _ in ROWS])
def test_a_term_leads_to_its_file_first(term: str, path: str) -> None:
    files = found(term, LINES)
    assert files[:1] == [path]
    assert len(files) <= MOST


def test_what_the_field_looks_for_is_in_the_glossary() -> None:
    terms = [" ".join(term.split()) for term in EXPECTED.split(",")]
    assert len(terms) == 30
    assert set(terms) <= {term for term, _ in ROWS}


def test_a_wrong_row_would_be_found() -> None:
    assert found("quantum annealing", LINES) == []
    assert found("knapsack", LINES) != ["workshop/search/branch.py"]
