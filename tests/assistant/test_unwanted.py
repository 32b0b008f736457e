"""Nothing is done that hands which had not read the specs wrote as unwanted."""

from __future__ import annotations

from pathlib import Path

import pytest
from blind import BLIND, SPECS, Stage, sentences


@pytest.mark.parametrize("spec", SPECS)
def test_what_nobody_wants_is_not_done(spec: str, tmp_path: Path) -> None:
    stage = Stage(spec, tmp_path)
    heard = {}
    for folder in BLIND.iterdir():
        stage.begin(folder)
        for one in sentences(f"unwanted-{spec}", folder):
            heard[one.say] = stage.hear(one.say).unwanted
    assert len(heard) > 100
    assert {say: calls for say, calls in heard.items() if calls} == {}
