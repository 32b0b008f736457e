"""What a compression is tuned on when no text is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penjing.app.calibration_mix import mix as of_catalogue
from penjing.bundle.catalogue import load_catalogue
from penjing.bundle.home import Home
from penjing.bundle.resolve import FoundText
from penjing.core.errors import NetworkError
from penjing.core.progress import Silent

LINE = "This line of more than sixty signs stands in one text and in the other one too.\n"


class Notes(Silent):
    """Remembers what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, message: str) -> None:
        self.said.append(message)


def mix(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held: str, *, dry: bool = False
) -> tuple[list[Any], list[str]]:
    def found(name: str, *_: Any, **__: Any) -> FoundText:
        if name == "mix-code" and "no network" in held:
            raise NetworkError("cannot download mix-code: the package index cannot be reached")
        return FoundText(name, LINE if name == "mix-code" else name)

    monkeypatch.setattr("penjing.bundle.resolve.find_text", found)
    notes = Notes()
    return of_catalogue(Home(tmp_path), held, notes, dry_run=dry), notes.said


def test_every_domain_comes_with_its_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made, said = mix(monkeypatch, tmp_path, "other words")
    expected = [(entry.domain, entry.share) for entry in load_catalogue().mix]
    assert [(domain.name, domain.share) for domain in made] == expected
    assert said == []


def test_what_the_measured_text_has_lines_of_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, said = mix(monkeypatch, tmp_path, f"before\n{LINE}after")
    assert "code" not in [domain.name for domain in made]
    assert len(made) == len(load_catalogue().mix) - 1
    assert said == ["mix-code is left out: the text that is measured on has lines of it"]


def test_without_a_network_the_models_own_writing_stands_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Half a mix would be another mix: all of it or none."""
    made, said = mix(monkeypatch, tmp_path, "no network")
    assert made == []
    assert len(said) == 1
    assert "own writing alone: cannot download mix-code" in said[0]


def test_a_plan_stands_in_for_what_is_not_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, said = mix(monkeypatch, tmp_path, "no network", dry=True)
    assert len(made) == len(load_catalogue().mix)
    assert said == []
