"""What an evaluation opens: a model file with its hash, the engine's name, the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penjing.core.errors import Cancelled
from penjing.core.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from penjing.bundle.home import Home


@dataclass(frozen=True)
class ModelFile:
    """A model file to be opened."""

    name: str
    """What to call it in the report."""
    path: Path
    """The .gguf file."""
    sha256: str
    """Of the file."""


def find_file(
    name_or_path: str,
    home: Home,
    progress: Progress,
    written: ExitStack,
    words: Callable[[str], str] | None,
) -> ModelFile:
    """A model by name or path, as a GGUF for as long as `written` is open, and hashed."""
    from pathlib import Path

    from penjing.app.sealing import opened
    from penjing.bundle.folder import model_name
    from penjing.bundle.folders import folder_name
    from penjing.bundle.gguf_parts import model_bytes, model_sha256
    from penjing.bundle.lookalikes import looks_sealed
    from penjing.bundle.resolve import find_model

    if looks_sealed(Path(name_or_path)):
        path = written.enter_context(opened(Path(name_or_path), words, progress)).model.path
    else:
        path = find_model(name_or_path, home, progress=progress, download=True)
    name = folder_name(path) if path.is_dir() else model_name(path)
    if path.is_dir():
        path = as_gguf(path, home, progress, written)
    with progress.task(f"hashing {name}", model_bytes(path), unit="B") as bar:
        return ModelFile(name, path, model_sha256(path, on_bytes=bar.advance))


def as_gguf(folder: Path, home: Home, progress: Progress, written: ExitStack) -> Path:
    """A folder of safetensors as a GGUF that holds the same numbers, for as long as it is read."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from penjing.core.files import disk_errors, require_space
    from penjing.workshop.export.gguf import export_bytes, export_gguf
    from penjing.workshop.surveyed import open_model

    with open_model(folder) as checkpoint:
        require_space(home.work, export_bytes(checkpoint, {}))
        with disk_errors(home.work):
            home.work.mkdir(parents=True, exist_ok=True)
            place = written.enter_context(TemporaryDirectory(prefix="folder-", dir=home.work))
        path = Path(place) / "model.gguf"
        export_gguf(checkpoint, path, {}, progress=progress)
    return path


def put_in_place(made: Path, output: Path) -> None:
    """Give what was made and measured its name, last of all: whoever is killed before goes on."""
    from shutil import copyfileobj

    from penjing.core.files import writing
    from penjing.core.strangers import open_plain

    with writing(output) as file, open_plain(made) as source:
        copyfileobj(source, file)


@contextmanager
def resumable(kept: Callable[[], str]) -> Iterator[None]:
    """Ctrl-C says what is `kept` ("64 of 80 questions") and goes on; "": nothing, begins anew."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Cancelled(stopped(kept())) from stop


def stopped(kept: str) -> str:
    """What is said of work that Ctrl-C stopped."""
    if not kept:
        return "stopped before anything was kept: the same command begins anew"
    return f"stopped, {kept} kept: the same command goes on from there"


def identity_of(model: ModelFile) -> str:
    """What its logits depend on: the file and the engine."""
    return f"{model.sha256} {engine_name()}"


def engine_name() -> str:
    """The runtime and its version."""
    from importlib.metadata import version

    return f"llama.cpp (xllamacpp {version('xllamacpp')})"


def hardware(threads: int | None) -> dict[str, Any]:
    """The machine, as plain facts."""
    from penjing.devices.machine import look

    machine = look()
    return {
        "processor": machine.model,
        "cores": machine.cores,
        "threads": threads or machine.cores,
        "instruction_sets": list(machine.isa),
        "ram_bytes": machine.ram_bytes,
    }
