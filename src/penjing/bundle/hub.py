"""A Hugging Face repository of safetensors, in the hub's own shared cache.

Only weights as safetensors and the small files beside them are ever asked for: nothing that runs
code when opened. Large files are fetched here rather than by the client library, because that one
begins again from nothing after an interruption; it still lays out the cache.
"""

from __future__ import annotations

import fnmatch
import logging
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.bundle.origins import HubFileSource, HubSource
from penjing.bundle.sources import DISK_REFUSALS, Promise
from penjing.core.errors import (
    FormatError,
    IntegrityError,
    MissingExtra,
    NetworkError,
)
from penjing.core.extras import needed
from penjing.core.files import disk_errors, require_space, sha256_file
from penjing.core.progress import Progress, Task

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

ALLOWED = ("*.safetensors", "*.json", "tokenizer.model", "*.jinja", "merges.txt", "LICENSE*")
"""Files that are fetched; never pickles, never code, nothing in sub-folders."""
_LARGE = 8 * 2**20
_PIECE = 2**20
_TIMEOUT = 30.0
_RETRIES = 3
_PARTIAL = ".penjing.incomplete"


@dataclass(frozen=True)
class Snapshot:
    """A repository as it lies in the hub's cache."""

    folder: Path
    """Where its files are."""
    revision: str
    """The commit."""
    hashes: Mapping[str, str]
    """sha256 of each file."""
    ours: bool
    """Whether this download brought it; False when another program already had."""


def fetch_snapshot(
    source: HubSource, name: str, known: Mapping[str, str], progress: Progress, revision: str = ""
) -> Snapshot:
    """Bring the model files of a repository, resuming what was begun.

    `known` are hashes of an earlier pull that must be met again. `revision` overrides the source's.
    """
    hub = _library(name)
    with _hub_errors(source, name), _quiet_library():
        info = hub.HfApi().model_info(
            source.repository,
            revision=revision or source.revision,
            files_metadata=True,
            timeout=_TIMEOUT,
        )
        commit = _commit(info.sha)
        files = _wanted(source, info.siblings or [])
        missing = [file for file in files if not _cached(source, commit, file.rfilename)]
        size = sum(file.size or 0 for file in missing)
        require_space(_cache(), size)
        with progress.task(f"downloading {name}", size or None, unit="B") as task:
            for file in missing:
                _fetch(source, commit, file, task)
        paths = {file.rfilename: _place(source, commit, file.rfilename) for file in files}
    hashes = _hashes(name, files, paths, progress)
    _compare(name, hashes, known)
    folder = paths["config.json"].parent
    return Snapshot(folder, commit, hashes, ours=bool(missing))


def fetch_file(
    source: HubFileSource, promise: Promise, target: Path, staging: Path, progress: Progress
) -> None:
    """Put one verified file of a repository at `target`, whole or not at all; what was begun in
    `staging` goes on."""
    _library(promise.name)
    partial = staging / f"{promise.sha256}{_PARTIAL}"
    require_space(staging, promise.bytes)
    with _hub_errors(source, promise.name), _quiet_library(), disk_errors(partial):
        partial.parent.mkdir(parents=True, exist_ok=True)
        wanted = _Wanted(source.repository, source.revision, source.filename, promise.bytes)
        with progress.task(f"downloading {promise.name}", promise.bytes, unit="B") as task:
            _persist(wanted, partial, _Meter(task))
    if partial.stat().st_size != promise.bytes or sha256_file(partial) != promise.sha256:
        partial.unlink()
        raise IntegrityError(
            f"{promise.name} from the hub does not have the promised sha256: nothing was kept"
        )
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)
    shutil.rmtree(staging, ignore_errors=True)


def delete_snapshot(revision: str) -> int:
    """Delete a commit from the hub's cache; the bytes that are free again."""
    hub = _library("removing a hub model")
    try:
        plan = hub.scan_cache_dir().delete_revisions(revision)
        plan.execute()
    except (OSError, ValueError, hub.CacheNotFound):
        return 0
    return int(plan.expected_freed_size)


def delete_partial(source: HubSource) -> int:
    """Delete what an interrupted download of a repository left; the bytes freed."""
    freed = 0
    try:
        folder = _blobs(source)
    except MissingExtra:
        return 0
    for path in folder.glob(f"*{_PARTIAL}"):
        freed += path.stat().st_size
        path.unlink()
    return freed


def _library(what: str) -> Any:
    with needed(what, "hub"):
        import httpx  # noqa: F401 - what the library is built on since its version 1
        import huggingface_hub
    return huggingface_hub


def _commit(sha: Any) -> str:
    if not isinstance(sha, str) or not re.fullmatch(r"[0-9a-f]{40}", sha):
        raise ValueError("not a commit")
    return sha


def _wanted(source: HubSource, siblings: list[RepoSibling]) -> list[RepoSibling]:
    files = [
        file
        for file in siblings
        if any(fnmatch.fnmatchcase(file.rfilename, pattern) for pattern in ALLOWED)
        and "/" not in file.rfilename
        and not file.rfilename.startswith(".")
    ]
    for file in files:  # its sha256 becomes a file name
        if file.lfs is not None and not re.fullmatch(r"[0-9a-f]{64}", file.lfs.sha256):
            raise ValueError("not a sha256")
    names = {file.rfilename for file in files}
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise FormatError(
            f"{source.repository} has no config.json with safetensors: choose a repository that has"
        )
    return files


def _cached(source: HubSource, commit: str, file: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(source.repository, file, revision=commit), str)


def _cache() -> Path:
    from huggingface_hub import constants

    return Path(str(constants.HF_HUB_CACHE)).expanduser()


def _blobs(source: HubSource) -> Path:
    _library("a hub model")
    from huggingface_hub.file_download import repo_folder_name

    name = str(repo_folder_name(repo_id=source.repository, repo_type="model"))
    return _cache() / name / "blobs"


def _fetch(source: HubSource, commit: str, file: RepoSibling, task: Task) -> None:
    """Bring one file into the cache. A large one has its sha256 as its name there."""
    if file.lfs is not None and file.lfs.size >= _LARGE:
        blob = _blobs(source) / file.lfs.sha256
        if not blob.exists():
            _fetch_large(source, commit, file, blob, task)
    else:
        task.advance(file.size or 0)
    _place(source, commit, file.rfilename)


def _place(source: HubSource, commit: str, file: str) -> Path:
    """Let the client library lay a file out in its cache; it downloads only what is absent."""
    from huggingface_hub import hf_hub_download

    return Path(str(hf_hub_download(source.repository, file, revision=commit)))


def _fetch_large(source: HubSource, commit: str, file: RepoSibling, blob: Path, task: Task) -> None:
    assert file.lfs is not None  # noqa: S101
    partial = blob.with_name(blob.name + _PARTIAL)
    meter = _Meter(task)
    with disk_errors(blob):
        blob.parent.mkdir(parents=True, exist_ok=True)
        wanted = _Wanted(source.repository, commit, file.rfilename, file.lfs.size)
        _persist(wanted, partial, meter)
        if partial.stat().st_size != file.lfs.size or sha256_file(partial) != file.lfs.sha256:
            partial.unlink()
            raise IntegrityError(
                f"{file.rfilename} does not have the sha256 that the hub promised: try again"
            )
        partial.replace(blob)


@dataclass(frozen=True)
class _Wanted:
    """One file of a repository."""

    repository: str
    """Owner and name."""
    revision: str
    """Branch, tag or commit."""
    name: str
    """The file."""
    size: int
    """Its bytes."""


def _persist(wanted: _Wanted, partial: Path, meter: _Meter) -> None:
    """Append until all is there, in a few attempts."""
    import httpx

    for attempt in range(_RETRIES + 1):
        try:
            if _continue(wanted, partial, meter):
                return
        except httpx.TransportError:
            if attempt == _RETRIES:
                raise


def _continue(wanted: _Wanted, partial: Path, meter: _Meter) -> bool:
    """Append what is missing of one large file; whether it is all there now."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    size = wanted.size
    with partial.open("ab") as out:
        have = out.tell()
        if have < size:
            url = hf_hub_url(wanted.repository, wanted.name, revision=wanted.revision)
            headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
            if have:
                headers["Range"] = f"bytes={have}-"
            with get_session().stream(
                "GET", url, headers=headers, timeout=_TIMEOUT, follow_redirects=True
            ) as answer:
                hf_raise_for_status(answer)
                begins = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
                if answer.status_code != 206 or not begins:  # it sends the whole file again
                    out.truncate(0)
                    have = 0
                for piece in answer.iter_bytes(_PIECE):
                    have += len(piece)
                    if have > size:
                        break
                    out.write(piece)
                    meter.reach(have)
        meter.reach(have)
    return bool(have >= size)


class _Meter:
    """Tells a task how far a file is, which may go back when a server begins again."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._told = 0

    def reach(self, count: int) -> None:
        if count > self._told:
            self._task.advance(count - self._told)
            self._told = count


def _hashes(
    name: str, files: list[RepoSibling], paths: Mapping[str, Path], progress: Progress
) -> dict[str, str]:
    """sha256 of every file, compared with what the hub says of the large ones."""
    found = {}
    total = sum(path.stat().st_size for path in paths.values())
    with progress.task(f"verifying {name}", total, unit="B") as task:
        for file in files:
            path = paths[file.rfilename]
            found[file.rfilename] = sha256_file(path, on_bytes=task.advance)
            if file.lfs is not None and found[file.rfilename] != file.lfs.sha256:
                path.resolve().unlink()
                raise IntegrityError(
                    f"{file.rfilename} in the hub's cache was damaged and is deleted: "
                    f"penjing pull {name} brings it again"
                )
    return found


def _compare(name: str, hashes: Mapping[str, str], known: Mapping[str, str]) -> None:
    for file, sha256 in known.items():
        if hashes.get(file) != sha256:
            raise IntegrityError(
                f"{file} is not the file that was first pulled: penjing remove {name} forgets "
                "the first one, if the new one is to be trusted"
            )


@contextmanager
def _quiet_library() -> Iterator[None]:
    """The client library draws no bars and says nothing meanwhile."""
    from huggingface_hub import utils

    logger = logging.getLogger("huggingface_hub")
    level, shown = logger.level, not utils.are_progress_bars_disabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL)
        utils.disable_progress_bars()
        try:
            yield
        finally:
            logger.setLevel(level)
            if shown:
                utils.enable_progress_bars()


@contextmanager
def _hub_errors(source: HubSource | HubFileSource, name: str) -> Iterator[None]:
    """Translate the client library's exceptions; the order is from special to general."""
    import httpx
    from huggingface_hub import errors

    repository = source.repository
    try:
        yield
    except errors.GatedRepoError as error:
        raise NetworkError(
            f"{repository} is gated: accept its licence on the hub, then log in with: hf auth login"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise NetworkError(
            f"the hub shows no {repository}: if it is private, log in with: hf auth login"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise NetworkError(f"{repository} has no revision {source.revision}: check it") from error
    except errors.OfflineModeIsEnabled as error:
        raise NetworkError(f"cannot download {name}: HF_HUB_OFFLINE is set, unset it") from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        raise NetworkError(
            f"cannot download {name}: the hub answered {status}, try again later"
        ) from error
    except httpx.HTTPError as error:
        raise NetworkError(
            f"cannot download {name}: the hub cannot be reached, check the network and HF_ENDPOINT"
        ) from error
    except OSError as error:
        if error.errno in DISK_REFUSALS:
            with disk_errors(_cache()):
                raise
        raise NetworkError(f"cannot download {name}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise NetworkError(
            f"cannot download {name}: what answered is not a hub, check HF_ENDPOINT"
        ) from error
