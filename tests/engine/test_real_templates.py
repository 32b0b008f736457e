"""What the templates of current models do is allowed, and comes out as transformers writes it.

The ways are in `support/real_templates.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from real_templates import VARIABLES, WAYS

from penjing.engine import sandbox


def outcome(render: Any) -> str:
    try:
        return str(render())
    except Exception as error:
        return f"refused: {error}"


@pytest.mark.parametrize("name", WAYS)
def test_it_comes_out_as_transformers_writes_it(name: str) -> None:
    from transformers.utils.chat_template_utils import _compile_jinja_template

    expected = outcome(lambda: _compile_jinja_template(WAYS[name]).render(**VARIABLES))
    assert outcome(lambda: sandbox.run(WAYS[name], VARIABLES)) == expected
    assert expected.startswith("refused") == (name == "a refusal"), expected
