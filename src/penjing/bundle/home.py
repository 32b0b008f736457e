"""Where downloads live, shared by every project of a person. Knows folders, not what is in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penjing.core.errors import UsageError


@dataclass(frozen=True)
class Home:
    """The shared folder; nothing is created until something is written."""

    root: Path
    """The folder itself."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> Home:
        """PENJING_HOME, or penjing/ in $XDG_DATA_HOME, or ~/.local/share/penjing."""
        if chosen := env.get("PENJING_HOME"):
            return cls(_person_path(chosen, env).absolute())
        data = env.get("XDG_DATA_HOME", "")
        if not Path(data).is_absolute():  # the XDG rule: a relative path is ignored
            data = "~/.local/share"
        return cls(_person_path(data, env) / "penjing")

    @property
    def records(self) -> Path:
        """What was downloaded, when it was verified and with which hash: one small file each."""
        return self.root / "records"

    @property
    def models(self) -> Path:
        """Verified models, a folder each."""
        return self.root / "models"

    @property
    def texts(self) -> Path:
        """Texts ready to read."""
        return self.root / "texts"

    @property
    def downloads(self) -> Path:
        """What is still being downloaded, and the locks that guard it."""
        return self.root / "downloads"

    @property
    def work(self) -> Path:
        """Half-done work that can be resumed."""
        return self.root / "work"


def _person_path(text: str, env: Mapping[str, str]) -> Path:
    """A path that may begin with ~, which is the HOME of `env` or, without one, the account's."""
    if text != "~" and not text.startswith("~/"):
        return Path(text)
    if home := env.get("HOME"):
        return Path(home, text[2:])
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError("no home folder is known: set PENJING_HOME to a folder") from error
