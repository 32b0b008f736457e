"""The default calibration mix: the catalogue's texts of several domains, in their shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penjing.core.errors import NetworkError

if TYPE_CHECKING:
    from penjing.bundle.home import Home
    from penjing.core.progress import Progress
    from penjing.workshop.mixture import Domain

STAND_IN = "The text that is measured on is not here yet, and a plan needs some words. " * 200
"""Where nothing is to be downloaded."""


def mix(home: Home, held_out: str, progress: Progress, *, dry_run: bool = False) -> list[Domain]:
    """The texts, without what shares passages with the text that is measured on.

    Where they cannot be downloaded the model's own writing stands alone, and that is said.
    """
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.fetch import find
    from penjing.bundle.resolve import find_text
    from penjing.workshop.compress.prepare import shared_lines
    from penjing.workshop.mixture import Domain

    out = []
    for entry in catalogue_of(home).mix:
        if dry_run and find(entry, home) is None:
            out.append(Domain(entry.domain, STAND_IN, entry.share))
            continue
        try:
            text = find_text(entry.name, home, progress=progress, download=True).text
        except NetworkError as error:
            progress.note(f"calibrating on the model's own writing alone: {error}")
            return []
        if shared_lines(text, held_out):
            progress.note(f"{entry.name} is left out: the text that is measured on has lines of it")
        else:
            out.append(Domain(entry.domain, text, entry.share))
    return out
