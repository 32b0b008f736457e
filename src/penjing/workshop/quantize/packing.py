"""Bytes of a block format to codes and scales and back, for the formats that lie on a grid.

Layouts are ggml's own (`ggml-common.h`, the `dequantize_row_*` of `ggml-quants.c`). Nothing is
decided here: what code and what scale a weight gets is somebody else's business, and
`pack(unpack(raw))` is `raw`. Must not know torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Fields = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class BlockParts:
    """Blocks taken apart."""

    codes: Bytes
    """[blocks, width] which level each weight has."""
    fields: Fields
    """What their scales are made of: `d` and `dmin` (float16, [blocks]), `sub` and `submin`
    (int16, [blocks, groups]), `e` (uint8, [blocks])."""


@dataclass(frozen=True)
class Packing:
    """The two directions of one format. Both work on [blocks, bytes of a block]."""

    unpack: Callable[[Bytes], BlockParts]
    """Bytes to codes and fields."""
    pack: Callable[[BlockParts], Bytes]
    """And back."""


def _half(raw: Bytes, at: int) -> npt.NDArray[np.float16]:
    return np.ascontiguousarray(raw[:, at : at + 2]).view(np.float16)[:, 0]


def _raw(*parts: npt.NDArray[Any]) -> Bytes:
    """Parts [blocks, ...] side by side as bytes."""
    rows = len(parts[0])
    flat = [np.ascontiguousarray(part).reshape(rows, -1).view(np.uint8) for part in parts]
    return np.concatenate(flat, axis=1)


def _take(raw: Bytes, bits: int, wide: int) -> Bytes:
    """Runs of `wide` bytes hold 8 / bits runs of `wide` codes: the lowest bits of all come first.

    With `wide` 1 that is simply one code after another.
    """
    runs = raw.reshape(len(raw), -1, 1, wide)
    codes = runs >> _places(bits) & np.uint8(2**bits - 1)
    return codes.reshape(len(raw), -1)


def _put(codes: Bytes, bits: int, wide: int) -> Bytes:
    """The bytes that `_take` reads `codes` (less than 2^bits) from."""
    runs = codes.reshape(len(codes), -1, 8 // bits, wide)
    raw: Bytes = np.bitwise_or.reduce(runs << _places(bits), axis=2)
    return raw.reshape(len(codes), -1)


def _places(bits: int) -> Bytes:
    return np.arange(0, 8, bits, dtype=np.uint8)[:, None]


def _low(codes: Bytes, bits: int) -> Bytes:
    return codes & np.uint8(2**bits - 1)


def _high(codes: Bytes, bits: int) -> Bytes:
    return codes >> np.uint8(bits)


def _join(low: Bytes, high: Bytes, bits: int) -> Bytes:
    """Codes of which the lowest `bits` lie in one place and the others elsewhere."""
    return low | high << np.uint8(bits)


# -- one scale for a block of 32, 64 or 128


def _simple(bits: int) -> Packing:
    """Q1_0, Q2_0: a scale, then one code after another."""

    def unpack(raw: Bytes) -> BlockParts:
        return BlockParts(_take(raw[:, 2:], bits, 1), {"d": _half(raw, 0)})

    def pack(packed: BlockParts) -> Bytes:
        return _raw(packed.fields["d"], _put(packed.codes, bits, 1))

    return Packing(unpack, pack)


def _small(bits: int, *names: str) -> Packing:
    """Q4_0, Q4_1, Q5_0, Q5_1, IQ4_NL, MXFP4: the fields of these names, fifth bits, nibbles."""
    head = sum(1 if name == "e" else 2 for name in names)
    nibbles = head + 4 * (bits - 4)

    def unpack(raw: Bytes) -> BlockParts:
        codes = _take(raw[:, nibbles:], 4, 16)
        if bits == 5:
            codes = _join(codes, _take(raw[:, head:nibbles], 1, 1), 4)
        fields: dict[str, npt.NDArray[Any]] = {
            name: raw[:, 0] if name == "e" else _half(raw, 2 * place)
            for place, name in enumerate(names)
        }
        return BlockParts(codes, fields)

    def pack(packed: BlockParts) -> Bytes:
        parts = [packed.fields[name] for name in names]
        if bits == 5:
            parts.append(_put(_high(packed.codes, 4), 1, 1))
        return _raw(*parts, _put(_low(packed.codes, 4), 4, 16))

    return Packing(unpack, pack)


def _unpack_q8_0(raw: Bytes) -> BlockParts:
    return BlockParts(raw[:, 2:] ^ np.uint8(128), {"d": _half(raw, 0)})


def _pack_q8_0(packed: BlockParts) -> Bytes:
    return _raw(packed.fields["d"], packed.codes ^ np.uint8(128))


# -- super-blocks of 256 with a small scale for each group


def _unpack_q2_k(raw: Bytes) -> BlockParts:
    sub = raw[:, :16]
    fields = {
        "d": _half(raw, 80),
        "dmin": _half(raw, 82),
        "sub": _low(sub, 4).astype(np.int16),
        "submin": _high(sub, 4).astype(np.int16),
    }
    return BlockParts(_take(raw[:, 16:80], 2, 32), fields)


def _pack_q2_k(packed: BlockParts) -> Bytes:
    f = packed.fields
    sub = _join(f["sub"].astype(np.uint8), f["submin"].astype(np.uint8), 4)
    return _raw(sub, _put(packed.codes, 2, 32), f["d"], f["dmin"])


def _unpack_q3_k(raw: Bytes) -> BlockParts:
    codes = _join(_take(raw[:, 32:96], 2, 32), _take(raw[:, :32], 1, 32), 2)
    sub = _join(_take(raw[:, 96:104], 4, 8), _take(raw[:, 104:108], 2, 4), 4)
    return BlockParts(codes, {"d": _half(raw, 108), "sub": sub.astype(np.int16) - 32})


def _pack_q3_k(packed: BlockParts) -> Bytes:
    sub = (packed.fields["sub"] + 32).astype(np.uint8)
    codes = packed.codes
    high_bits, low_bits = _put(_high(codes, 2), 1, 32), _put(_low(codes, 2), 2, 32)
    low, high = _put(_low(sub, 4), 4, 8), _put(_high(sub, 4), 2, 4)
    return _raw(high_bits, low_bits, low, high, packed.fields["d"])


def _small_scales(raw: Bytes) -> dict[str, npt.NDArray[np.int16]]:
    """12 bytes -> eight scales and eight minima of six bits (`get_scale_min_k4`)."""
    first, rest = raw[:, :8], _take(raw[:, 8:], 4, 4)
    scales, minima = first[:, :4], first[:, 4:]
    sub = [_low(scales, 6), _join(rest[:, :4], _high(scales, 6), 4)]
    submin = [_low(minima, 6), _join(rest[:, 4:], _high(minima, 6), 4)]
    return {
        "sub": np.concatenate(sub, axis=1).astype(np.int16),
        "submin": np.concatenate(submin, axis=1).astype(np.int16),
    }


def _to_small_scales(fields: Fields) -> Bytes:
    s, m = fields["sub"].astype(np.uint8), fields["submin"].astype(np.uint8)
    scales, minima = (_join(six[:, :4], _high(six[:, 4:], 4), 6) for six in (s, m))
    rest = np.concatenate([_low(s[:, 4:], 4), _low(m[:, 4:], 4)], axis=1)
    return np.concatenate([scales, minima, _put(rest, 4, 4)], axis=1)


def _unpack_q4_k(raw: Bytes) -> BlockParts:
    fields = {"d": _half(raw, 0), "dmin": _half(raw, 2), **_small_scales(raw[:, 4:16])}
    return BlockParts(_take(raw[:, 16:], 4, 32), fields)


def _pack_q4_k(packed: BlockParts) -> Bytes:
    f = packed.fields
    return _raw(f["d"], f["dmin"], _to_small_scales(f), _put(packed.codes, 4, 32))


def _unpack_q5_k(raw: Bytes) -> BlockParts:
    fields = {"d": _half(raw, 0), "dmin": _half(raw, 2), **_small_scales(raw[:, 4:16])}
    return BlockParts(_join(_take(raw[:, 48:], 4, 32), _take(raw[:, 16:48], 1, 32), 4), fields)


def _pack_q5_k(packed: BlockParts) -> Bytes:
    f, codes = packed.fields, packed.codes
    high, low = _put(_high(codes, 4), 1, 32), _put(_low(codes, 4), 4, 32)
    return _raw(f["d"], f["dmin"], _to_small_scales(f), high, low)


def _unpack_q6_k(raw: Bytes) -> BlockParts:
    codes = _join(_take(raw[:, :128], 4, 64), _take(raw[:, 128:192], 2, 32), 4)
    sub = np.ascontiguousarray(raw[:, 192:208]).view(np.int8).astype(np.int16)
    return BlockParts(codes, {"d": _half(raw, 208), "sub": sub})


def _pack_q6_k(packed: BlockParts) -> Bytes:
    f, codes = packed.fields, packed.codes
    low, high = _put(_low(codes, 4), 4, 64), _put(_high(codes, 4), 2, 32)
    return _raw(low, high, f["sub"].astype(np.int8), f["d"])


def _unpack_iq4_xs(raw: Bytes) -> BlockParts:
    sub = _join(_take(raw[:, 4:8], 4, 1), _take(raw[:, 2:4], 2, 1), 4)
    fields = {"d": _half(raw, 0), "sub": sub.astype(np.int16) - 32}
    return BlockParts(_take(raw[:, 8:], 4, 16), fields)


def _pack_iq4_xs(packed: BlockParts) -> Bytes:
    sub = (packed.fields["sub"] + 32).astype(np.uint8)
    high, low = _put(_high(sub, 4), 2, 1), _put(_low(sub, 4), 4, 1)
    return _raw(packed.fields["d"], high, low, _put(packed.codes, 4, 16))


PACKINGS: Mapping[str, Packing] = MappingProxyType(
    {
        "Q1_0": _simple(1),
        "Q2_0": _simple(2),
        "Q4_0": _small(4, "d"),
        "Q4_1": _small(4, "d", "dmin"),
        "Q5_0": _small(5, "d"),
        "Q5_1": _small(5, "d", "dmin"),
        "Q8_0": Packing(_unpack_q8_0, _pack_q8_0),
        "IQ4_NL": _small(4, "d"),
        "MXFP4": _small(4, "e"),
        "Q2_K": Packing(_unpack_q2_k, _pack_q2_k),
        "Q3_K": Packing(_unpack_q3_k, _pack_q3_k),
        "Q4_K": Packing(_unpack_q4_k, _pack_q4_k),
        "Q5_K": Packing(_unpack_q5_k, _pack_q5_k),
        "Q6_K": Packing(_unpack_q6_k, _pack_q6_k),
        "IQ4_XS": Packing(_unpack_iq4_xs, _pack_iq4_xs),
    }
)
"""By codec name."""
