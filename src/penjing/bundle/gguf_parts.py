"""A GGUF model in one file or in several: found whole, opened as one, counted and hashed as one.

llama.cpp splits large models into NAME-00001-of-00003.gguf and so on; any part leads to all. Every
part is checked as `gguf_reader.py` checks a file. Of the keys it knows split.* alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.gguf_values import TensorInfo, Value
from penjing.core.errors import FormatError
from penjing.core.files import sha256_file

_NAME = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
_MOST = 999


@dataclass(frozen=True)
class GGUFModel:
    """An open model: one `GGUFFile`, or several that belong together."""

    parts: tuple[GGUFFile, ...]
    """In order; the first has the metadata."""

    @classmethod
    def open(cls, path: Path | str) -> GGUFModel:
        """Map and check all of a model's files. Raises as `GGUFFile.open`, and for a part that
        is missing or of another model."""
        first = GGUFFile.open(path)
        if first.get("split.count", 1) in (0, 1):
            return cls((first,))
        first.close()
        parts: list[GGUFFile] = []
        try:
            for number, each in enumerate(parts_of(Path(path))):
                parts.append(GGUFFile.open(each))
                if parts[-1].get("split.no", 0) != number:
                    raise FormatError(f"{each} is part {parts[-1].get('split.no')}, not {number}")
            model = cls(tuple(parts))
            model._require_whole()
        except BaseException:
            for part in parts:
                part.close()
            raise
        return model

    @property
    def path(self) -> Path:
        """The first file."""
        return self.parts[0].path

    @property
    def file_bytes(self) -> int:
        """Of all files."""
        return sum(part.file_bytes for part in self.parts)

    @cached_property
    def metadata(self) -> Mapping[str, Value]:
        """In the first file's order, without what is said of parts."""
        found = self.parts[0].metadata
        return MappingProxyType({k: v for k, v in found.items() if not k.startswith("split.")})

    @cached_property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """Of all files, in order."""
        return MappingProxyType(
            {n: info for part in self.parts for n, info in part.tensors.items()}
        )

    def get(self, key: str, default: Any = None) -> Any:
        """Plain Python data of a metadata value, or `default`."""
        return self.parts[0].get(key, default)

    def raw(self, name: str) -> npt.NDArray[np.uint8]:
        """The bytes of a tensor: a read-only view of its file."""
        return next((p for p in self.parts if name in p.tensors), self.parts[0]).raw(name)

    def release(self) -> None:
        """Give back the memory of what was read."""
        for part in self.parts:
            part.release()

    def close(self) -> None:
        """Let go of the files. Calling it twice is harmless."""
        for part in self.parts:
            part.close()

    def __enter__(self) -> GGUFModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_whole(self) -> None:
        wanted, found = self.get("split.tensors.count"), sum(len(p.tensors) for p in self.parts)
        if len(self.tensors) != found:
            raise FormatError(f"{self.path}: its parts hold a tensor twice: get all parts again")
        if len(self.parts) > 1 and wanted is not None and wanted != found:
            raise FormatError(
                f"{self.path}: its parts hold {found} tensors and {wanted} belong to the model: "
                "get all parts again"
            )


def parts_of(path: Path) -> tuple[Path, ...]:
    """All files of the model that one of them belongs to, in order.

    FormatError names the part that is missing.
    """
    with GGUFFile.open(path) as file:
        count = file.get("split.count", 1)
    if type(count) is not int or not 0 <= count <= _MOST:
        raise FormatError(f"{path} is of {str(count)[:20]} parts: the file is damaged")
    if count <= 1:
        return (path,)
    named = _NAME.fullmatch(path.name)
    if named is None or int(named["count"]) != count:
        raise FormatError(
            f"{path} is one of {count} parts and not named like one: "
            f"name them NAME-00001-of-{count:05}.gguf and so on"
        )
    parts = tuple(path.with_name(f"{named['stem']}-{n:05}-of-{count:05}.gguf")
                  for n in range(1, count + 1))  # fmt: skip
    for number, part in enumerate(parts, 1):
        if not part.is_file():
            raise FormatError(
                f"part {number} of {count} is missing: put {part.name} beside {path.name}"
            )
    return parts


def is_part(path: Path) -> bool:
    """Whether a file is named as a part of a model is."""
    return _NAME.fullmatch(path.name) is not None


def whole_name(path: Path) -> str:
    """What to call a model file, without its ending and without which part it is."""
    named = _NAME.fullmatch(path.name)
    return named["stem"] if named else path.stem


def model_bytes(path: Path) -> int:
    """Size of all of a model's files."""
    return sum(part.stat().st_size for part in _files(path))


def model_sha256(path: Path, *, on_bytes: Callable[[int], None] | None = None) -> str:
    """Hash of a model: the file's own, or one over those of all parts."""
    hashes = [sha256_file(part, on_bytes=on_bytes) for part in _files(path)]
    return hashes[0] if len(hashes) == 1 else sha256("\n".join(hashes).encode()).hexdigest()


def _files(path: Path) -> tuple[Path, ...]:
    """The same without a look into a file that is not named as a part is."""
    return parts_of(path) if is_part(path) else (path,)
