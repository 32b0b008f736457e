"""What is known of a model before it is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penjing.core.errors import UsageError

if TYPE_CHECKING:
    from penjing.bundle.home import Home
    from penjing.core.progress import Progress
    from penjing.devices.shape import ModelShape


def shape_of(model: str, codec: str | None, home: Home, progress: Progress) -> ModelShape:
    """Of a name, a file or a folder, stored in `codec` where one is named; downloads nothing."""
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.resolve import find_model
    from penjing.devices.shape import shape_from_entry, shape_from_folder, shape_from_gguf

    entry = catalogue_of(home).models.get(model)
    try:
        path = find_model(model, home, progress=progress, download=False)
    except UsageError:
        if entry is None:
            raise
        return shape_from_entry(entry, codec)  # not here yet: what the catalogue says is enough
    if path.is_dir():
        return shape_from_folder(path, codec)
    shape = shape_from_gguf(path)
    return shape if codec is None else shape.with_codec(codec)
