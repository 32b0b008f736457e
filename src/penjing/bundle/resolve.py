"""What a person means by a model or a text: a name, a file, a bundle or a folder of safetensors.

Decides by looking at names and at the first bytes; loads nothing.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal, NamedTuple

from penjing.bundle import fetch, folder, folders
from penjing.bundle.catalogue import Entry, catalogue_of
from penjing.bundle.folders import snapshot_of
from penjing.bundle.gguf_parts import is_part, parts_of
from penjing.bundle.home import Home
from penjing.bundle.lookalikes import what_it_looks_like
from penjing.core.errors import BadInput, FormatError, IntegrityError, UnknownName, UsageError
from penjing.core.files import read_text
from penjing.core.progress import Progress
from penjing.core.strangers import is_there, open_plain, read_errors


class FoundText(NamedTuple):
    """A text and what to call it."""

    name: str
    """Its name in the catalogue, or of its file."""
    text: str
    """All of it."""


def find_model(name_or_path: str, home: Home, *, progress: Progress, download: bool) -> Path:
    """The .gguf file, or the folder of safetensors, that a person means.

    A name of the catalogue wins over a file of that name; write ./NAME for the file. With
    `download=False` a model that is not here is a UsageError that says how to get it.
    """
    catalogue = catalogue_of(home)
    if name_or_path in catalogue.models:
        return _named(catalogue.models[name_or_path], home, progress, download)
    path = _path(name_or_path)
    kind = _kind(path) if name_or_path else ""
    if kind == "folder":
        return _in_folder(path, progress)
    if kind == "file":
        return _gguf(path)
    if _is_path(name_or_path):
        raise BadInput(f"there is no {path}: give a model's name, a .gguf file or a bundle folder")
    if name_or_path in catalogue.texts:
        raise UsageError(f"{name_or_path} is a text, not a model: see penjing list")
    raise UnknownName("model", name_or_path, catalogue.models)


def find_text(name_or_path: str, home: Home, *, progress: Progress, download: bool) -> FoundText:
    """A text by its name in the catalogue or from a UTF-8 file."""
    catalogue = catalogue_of(home)
    if name_or_path in catalogue.questions:
        raise UsageError(
            f"{name_or_path} is a set of questions, not a text: "
            f"penjing evaluate MODEL --tasks {name_or_path}"
        )
    if name_or_path in catalogue.texts:
        path = _named(catalogue.texts[name_or_path], home, progress, download)
        return FoundText(name_or_path, read_text(path))
    path = _path(name_or_path)
    kind = _kind(path) if name_or_path else ""
    if kind == "folder":
        raise BadInput(f"{path} is a folder: give a text file")
    if kind == "file" or _is_path(name_or_path):
        return FoundText(path.name, read_text(path))
    raise UnknownName("text", name_or_path, catalogue.texts)


def find_questions(
    name_or_path: str, home: Home, *, progress: Progress, download: bool
) -> FoundText:
    """The JSON lines of a task by its name in the catalogue, or of a person's own file."""
    known = catalogue_of(home).questions
    if name_or_path in known:
        path = _named(known[name_or_path], home, progress, download)
        return FoundText(name_or_path, read_text(path))
    path = _path(name_or_path)
    if _kind(path) == "file" or "/" in name_or_path or path.suffix in (".jsonl", ".json"):
        return FoundText(path.stem, read_text(path, limit=2**26))
    raise UnknownName("task", name_or_path, known)


def _named(entry: Entry, home: Home, progress: Progress, download: bool) -> Path:
    if record := fetch.find(entry, home):
        return record.path
    if download:
        return fetch.pull(entry, home, progress)
    if any(record.name == entry.name for record in fetch.installed(home)):
        raise IntegrityError(
            f"{entry.name} has changed since it was downloaded: get it again with "
            f"penjing pull {entry.name}"
        )
    raise UsageError(f"{entry.name} is not on this machine: get it with penjing pull {entry.name}")


def _in_folder(path: Path, progress: Progress) -> Path:
    """The model of a bundle, its hash checked, or a folder of safetensors as it is."""
    with read_errors(path):
        return _looked_into(snapshot_of(path), progress)


def _looked_into(path: Path, progress: Progress) -> Path:
    """The same, where the folder may be closed to us: OSError then."""
    if is_there(path / folder.MANIFEST_NAME):
        model = folder.file_path(path, folder.MODEL_NAME)
        size = model.stat().st_size if model.is_file() else 0
        with progress.task(f"verifying {path.name}", size, unit="B") as task:
            known = folder.verify(path, only=[folder.MODEL_NAME], on_bytes=task.advance)
        if known.name.endswith(folder.BROKEN):
            progress.note(
                f"{known.name} lost too much to be of use: see its report, make a larger one"
            )
        return _gguf(model)
    if (what := folders.foreign(path)) is not None:
        raise FormatError(f"{path} {what}")
    if is_there(path / "config.json"):
        if any(path.glob("*.safetensors")):
            return path
        raise FormatError(
            f"{path} holds no .safetensors: pickled weights are never opened, "
            "save them as safetensors"
        )
    files = sorted(item.name for item in path.glob("*.gguf"))
    hint = f"give the file, {path / files[0]}" if files else "look for bundle.json or config.json"
    raise BadInput(f"{path} is neither a bundle nor a folder of safetensors: {hint}")


def _gguf(path: Path) -> Path:
    with read_errors(path), open_plain(path) as file:
        head, size = file.read(512) or b"", os.fstat(file.fileno()).st_size
    if head[:4] != b"GGUF":
        looks = what_it_looks_like(head, size) if head else "it is empty: download it again"
        raise FormatError(f"{path} is not a GGUF model: {looks}")
    return parts_of(path)[0] if is_part(path) else path


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise BadInput(f"{text}: there is no such person here: write the whole path") from error


def _kind(path: Path) -> Literal["file", "folder", ""]:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return ""
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadInput(f"cannot read {str(path)[:200]}: {reason}") from error
    if stat.S_ISDIR(mode):
        return "folder"
    if not stat.S_ISREG(mode):
        raise BadInput(f"{path} is neither a file nor a folder: give a file")
    return "file"


def _is_path(text: str) -> bool:
    """Whether a name that is not there was meant as a path."""
    return "/" in text or text.startswith("~") or Path(text).suffix in (".gguf", ".txt", ".md")
