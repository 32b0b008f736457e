"""Where downloads live."""

from __future__ import annotations

import os
import pwd
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from penjing.bundle.home import Home


@pytest.mark.parametrize(
    ("env", "root"),
    [
        ({"PENJING_HOME": "/data/p"}, "/data/p"),
        ({"PENJING_HOME": "/data/p", "XDG_DATA_HOME": "/x", "HOME": "/h"}, "/data/p"),
        ({"PENJING_HOME": "~/p", "HOME": "/h"}, "/h/p"),
        ({"PENJING_HOME": "~", "HOME": "/h"}, "/h"),
        ({"PENJING_HOME": "", "HOME": "/h"}, "/h/.local/share/penjing"),
        ({"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/penjing"),
        ({"XDG_DATA_HOME": "relative", "HOME": "/h"}, "/h/.local/share/penjing"),
        ({"XDG_DATA_HOME": "", "HOME": "/h"}, "/h/.local/share/penjing"),
        ({"HOME": "/h"}, "/h/.local/share/penjing"),
    ],
)
def test_the_environment_decides(env: dict[str, str], root: str) -> None:
    assert Home.from_environment(env).root == Path(root)


def test_a_relative_home_does_not_move_with_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = Home.from_environment({"PENJING_HOME": "here"})
    monkeypatch.chdir("/")
    assert home.root == tmp_path / "here"


def test_without_home_the_account_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    account = pwd.getpwuid(os.getuid()).pw_dir
    assert Home.from_environment({}).root == Path(account, ".local/share/penjing")


def test_the_folders_are_distinct_inside_it_and_not_created(tmp_path: Path) -> None:
    home = Home(tmp_path / "p")
    folders = {home.models, home.texts, home.downloads, home.work, home.records}
    assert len(folders) == 5
    assert all(folder.parent == home.root for folder in folders)
    assert not home.root.exists()


def test_it_is_a_value() -> None:
    home = Home(Path("/a"))
    assert home == Home(Path("/a"))
    with pytest.raises(FrozenInstanceError):
        home.root = Path("/b")  # type: ignore[misc]
