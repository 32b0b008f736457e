"""Devices as data: what each can compute, hold and cost, and where every number was read.

Parses the catalogue (`devices.toml`); must not know models, memory needs or speeds.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_type_hints

from penjing.core.errors import BadInput
from penjing.core.tables import Kinds, Table, read_toml
from penjing.devices.shape import ModelShape

SHIPPED = Path(__file__).with_name("devices.toml")
"""The catalogue that comes with Penjing."""
THIS = "this"
"""The name that means the machine Penjing runs on."""

Kind = Literal["board", "phone", "computer"]


@dataclass(frozen=True)
class Origin:
    """Where a group of facts comes from."""

    source: str
    """A public page, or "measured" for this machine."""
    date: str
    """When that was written; the day it was read where it does not say."""
    estimate: bool = False
    """True when no source states the number; `note` then says how it was derived."""
    note: str = ""
    """What a person should know about it."""


@dataclass(frozen=True)
class Cpu:
    """The cores that do the work."""

    model: str
    """What they are called."""
    cores: int
    """How many an engine would use."""
    isa: tuple[str, ...]
    """Instruction sets that matter: neon, dotprod, i8mm, avx2, avx512_vnni ..."""
    origin: Origin
    """Where this is from."""
    clock_ghz: float | None = None
    """What they hold under load."""


@dataclass(frozen=True)
class Compute:
    """The peak of those cores; what an engine reaches is a small share of it."""

    origin: Origin
    """Where this is from."""
    gflops_fp32: float | None = None
    """10^9 fp32 operations a second."""
    gops_int8: float | None = None
    """10^9 int8 operations a second."""


@dataclass(frozen=True)
class Memory:
    """How much, and how fast it is read."""

    ram_bytes: int
    """Installed, or what a container may use."""
    app_bytes: int
    """What one program can have beside the system."""
    origin: Origin
    """Where this is from."""
    bandwidth_gbs: float | None = None
    """Theoretical, 10^9 bytes a second."""
    stream_gbs: float | None = None
    """What a memory benchmark reached."""


@dataclass(frozen=True)
class Storage:
    """Where models lie."""

    origin: Origin
    """Where this is from."""
    bytes: int | None = None
    """For models and everything else; of this machine: what is free."""


@dataclass(frozen=True)
class Power:
    """What it draws."""

    origin: Origin
    """Where this is from."""
    load_watts: float | None = None
    """With every core busy."""
    idle_watts: float | None = None
    """At rest."""


@dataclass(frozen=True)
class Price:
    """What it costs."""

    origin: Origin
    """Where this is from."""
    usd: float | None = None
    """US dollars, without shipping."""


@dataclass(frozen=True)
class Accelerator:
    """A GPU or NPU, which the CPU estimates leave out."""

    name: str
    """What it is called."""
    origin: Origin
    """Where this is from."""
    tops_int8: float | None = None
    """10^12 int8 operations a second, as advertised."""


@dataclass(frozen=True)
class Wish:
    """What a model should become for it, beside the model it was: a wish and no fact."""

    origin: Origin
    """Where this is from."""
    size: float | None = None
    """Of its file, at most."""
    decode: float | None = None
    """How many times as fast it writes, at least."""
    prefill: float | None = None
    """How many times as fast it reads, at least."""


@dataclass(frozen=True)
class MeasuredRun:
    """One published run."""

    model: str
    """A name under [[reference]]."""
    codec: str
    """How it was stored."""
    size_bytes: int
    """All its weights."""
    origin: Origin
    """Where this is from."""
    prefill: float | None = None
    """Prompt tokens read a second."""
    decode: float | None = None
    """Tokens written a second."""
    backend: str = "cpu"
    """What did the work: cpu, cuda, metal."""
    calibrate: bool = True
    """False keeps it out of the speed model; the note says why."""


@dataclass(frozen=True)
class DeviceProfile:
    """One device."""

    name: str
    """What is typed."""
    title: str
    """What people call it."""
    kind: Kind
    """board, phone or computer."""
    family: str
    """The first of the devices that share its processor, and so its measurements."""
    cpu: Cpu
    """Its cores."""
    compute: Compute
    """Their peak."""
    memory: Memory
    """Its RAM."""
    storage: Storage
    """Its disk or card."""
    power: Power
    """Its watts."""
    price: Price
    """Its dollars."""
    wish: Wish | None = None
    """How small and fast a model should be made for it; None: what fits will do."""
    accelerators: tuple[Accelerator, ...] = ()
    """GPUs and NPUs."""
    measured: tuple[MeasuredRun, ...] = ()
    """Published runs on this family."""


def load_devices(path: Path | None = None) -> Mapping[str, DeviceProfile]:
    """Every device by name, in the catalogue's order; BadInput names what is wrong in the file."""
    return _load(path)[0]


def load_references(path: Path | None = None) -> Mapping[str, ModelShape]:
    """The models that the catalogue's measurements were made with."""
    return _load(path)[1]


_Catalogue = tuple[Mapping[str, DeviceProfile], Mapping[str, ModelShape]]
_cache: dict[Path, _Catalogue] = {}


def _load(path: Path | None) -> _Catalogue:
    file = path or SHIPPED
    if file != SHIPPED:
        return _read(file)
    if file not in _cache:
        _cache[file] = _read(file)
    return _cache[file]


def _read(path: Path) -> _Catalogue:
    table = Table(read_toml(path, "a device catalogue"), str(path), _KINDS)
    if table.take("schema", int, 0) != 1:
        raise BadInput(f"{path}: only schema 1 is understood: install a newer penjing")
    references = {shape.name: shape for shape in map(_reference, table.tables("reference"))}
    devices: dict[str, DeviceProfile] = {}
    for item in table.tables("device"):
        device = _device(item, devices)
        if device.name in devices or device.name == THIS:
            raise BadInput(f"{item.where}: the name '{device.name}' is used twice")
        for row in device.measured:
            if row.model not in references:
                raise BadInput(f"{item.where}: '{row.model}' is not a [[reference]]")
        devices[device.name] = device
    table.finish()
    return types.MappingProxyType(devices), types.MappingProxyType(references)


_GROUPS: Mapping[str, type] = {
    "cpu": Cpu,
    "compute": Compute,
    "memory": Memory,
    "storage": Storage,
    "power": Power,
    "price": Price,
}
_LISTS: Mapping[str, tuple[str, type]] = {
    "accelerators": ("accelerator", Accelerator),
    "measured": ("measured", MeasuredRun),
}


def _device(table: Table, known: Mapping[str, DeviceProfile]) -> DeviceProfile:
    like = table.take("like", str, None)
    if like is not None and like not in known:
        raise BadInput(f"{table.where}: 'like' names no device above it")
    base = known[like] if like is not None else None
    groups: dict[str, Any] = {
        key: getattr(base, key) if base and key not in table else _group(table.table(key), kind)
        for key, kind in _GROUPS.items()
    }
    lists: dict[str, Any] = {
        key: tuple(_group(item, kind) for item in table.tables(word))
        or (getattr(base, key) if base else ())
        for key, (word, kind) in _LISTS.items()
    }
    groups["wish"] = _group(table.table("wish"), Wish) if "wish" in table else None
    name = table.take("name", str)
    device = DeviceProfile(
        name=name,
        title=table.take("title", str),
        kind=table.take("kind", str, base.kind if base else MISSING),
        family=base.family if base else name,
        **groups,
        **lists,
    )
    if device.kind not in ("board", "phone", "computer"):
        raise BadInput(f"{table.where}: 'kind' must be board, phone or computer")
    table.finish()
    return device


def _group(table: Table, kind: type) -> Any:
    """A dataclass from a table of its fields and, flat beside them, those of its origin."""
    origin = _plain(table, Origin)
    if origin.estimate and not origin.note:
        raise BadInput(f"{table.where}: an estimate needs a 'note' that says how it was derived")
    value = _plain(table, kind, origin=origin)
    table.finish()
    return value


def _reference(table: Table) -> ModelShape:
    """A shape of one byte a weight: each measurement brings its own size."""
    parameters = table.take("parameters", int)
    _plain(table, Origin)
    tied = table.take("tied", bool)
    shape: ModelShape = _plain(
        table,
        ModelShape,
        parameters=parameters,
        weight_bytes=parameters,
        context_trained=2**20,
        tied=tied,
        lookup_bytes=0,
    )
    table.finish()
    return shape if tied else replace(shape, lookup_bytes=shape.vocab * shape.hidden)


def _plain(table: Table, kind: type, **given: Any) -> Any:
    hints = get_type_hints(kind)
    for field in fields(kind):
        if field.name not in given:
            given[field.name] = table.take(field.name, hints[field.name], field.default)
    return kind(**given)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _whole(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**60


def _positive(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value > 0


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


_KINDS: Kinds = {
    str: (_text, "a text"),
    int: (_whole, "a positive whole number"),
    int | None: (_whole, "a positive whole number"),
    float | None: (_positive, "a positive number"),
    bool: (lambda value: type(value) is bool, "true or false"),
    tuple[str, ...]: (_texts, "a list of texts"),
}
