"""The bounded reader: what it reads, and the rules by which it refuses. See test_gguf_hostile."""

from __future__ import annotations

import os
import pickle
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from gguf_bytes import (
    SAMPLE,
    SAMPLE_DATA,
    SAMPLE_KEYS,
    U64_MAX,
    K,
    entry,
    gguf_file,
    items,
    key,
    refused,
    text,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penjing.bundle.codecs import CODECS
from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.gguf_values import StringArray, Value
from penjing.bundle.gguf_writer import OutTensor, write_gguf
from penjing.core.errors import BadInput, FormatError

# -- what it reads


def test_reads_every_kind_of_value(write) -> None:
    with GGUFFile.open(write(SAMPLE)) as file:
        assert (file.version, file.alignment, file.file_bytes) == (3, 32, len(SAMPLE))
        plain = {name: file.get(name) for name in file.metadata}
    assert plain == {
        "general.architecture": "llama",
        "a.uint8": 200,
        "a.int8": -3,
        "a.uint16": 60000,
        "a.int16": -300,
        "a.uint32": 2**32 - 1,
        "a.int32": -(2**31),
        "a.float32": float(np.float32(1e-5)),
        "a.bool": True,
        "a.uint64": U64_MAX,
        "a.int64": -(2**63),
        "a.float64": 0.1,
        "b.words": ("a", "", "盆景"),
        "b.numbers": (1, -2, 3),
        "b.flags": (False, True),
        "b.nothing": (),
        "c.nested": ((7,), ("x",)),
    }
    assert plain["a.bool"] is True
    assert list(plain) == list(file.metadata)  # and in the file's order
    assert file.metadata["a.int16"] == Value(K.INT16, -300)
    assert file.metadata["a.int16"] != Value(K.INT32, -300)
    assert file.metadata["b.numbers"].item_kind is K.INT32
    assert file.get("absent") is None
    assert file.get("absent", 5) == 5


def test_reads_tensors_in_numpy_order_and_gives_views(write) -> None:
    with GGUFFile.open(write(SAMPLE)) as file:
        info = file.tensors["blk.0.w"]
        assert (info.shape, info.codec.name, info.offset, info.nbytes) == ((3, 64), "Q4_0", 0, 108)
        raw = file.raw("blk.0.w")
        assert raw.tobytes() == bytes(range(108))
        assert raw.dtype == np.uint8
        assert raw.base is not None
        with pytest.raises(ValueError, match="read-only"):
            raw[0] = 1
        assert file.raw("norm").view("<f4").tolist() == list(range(8))
        assert list(file.tensors) == ["blk.0.w", "norm"]
        assert SAMPLE[file.data_offset :] == SAMPLE_DATA


def test_views_and_metadata_outlive_the_file(write) -> None:
    file = GGUFFile.open(write(SAMPLE))
    raw = file.raw("norm")
    file.close()
    file.close()
    assert raw.view("<f4").sum() == 28
    assert file.get("b.words")[2] == "盆景"


def test_a_closed_file_gives_no_weights(write) -> None:
    with GGUFFile.open(write(SAMPLE)) as file:
        pass
    with pytest.raises(BadInput, match="closed"):
        file.raw("norm")


def test_a_missing_tensor_is_a_format_error(write) -> None:
    with GGUFFile.open(write(SAMPLE)) as file, pytest.raises(FormatError, match=r"no.such"):
        file.raw("no.such")


def test_version_2_and_another_alignment(write) -> None:
    keys = [key("general.alignment", K.UINT32, struct.pack("<I", 64))]
    data = gguf_file(keys, [entry("t", [8], 0, 0)], bytes(32), version=2, align=64)
    with GGUFFile.open(write(data)) as file:
        assert (file.version, file.alignment, file.data_offset % 64) == (2, 64, 0)


def test_a_vocabulary_without_tensors_is_a_gguf(write) -> None:
    with GGUFFile.open(write(gguf_file(SAMPLE_KEYS))) as file:
        assert not file.tensors
        assert len(file.metadata) == len(SAMPLE_KEYS)


def test_tensors_may_lie_in_any_order_and_leave_gaps(write) -> None:
    table = [entry("b", [8], 0, 128), entry("a", [8], 0, 0)]
    with GGUFFile.open(write(gguf_file([], table, bytes(range(160))))) as file:
        assert file.raw("b")[0] == 128
        assert file.raw("a")[0] == 0


def test_the_padding_after_the_last_tensor_may_be_absent(write) -> None:
    whole = gguf_file([], [entry("t", [3], 0, 0)], bytes(range(12)))
    with GGUFFile.open(write(whole)) as file:
        assert file.raw("t").tolist() == list(range(12))


def test_a_large_vocabulary_opens_quickly(write) -> None:
    words = [f"▁wörd{i}" for i in range(100_000)]
    payload = items(K.STRING, len(words), b"".join(text(word) for word in words))
    scores = items(K.FLOAT32, len(words), np.arange(len(words), dtype="<f4").tobytes())
    path = write(gguf_file([key("t", K.ARRAY, payload), key("s", K.ARRAY, scores)]))
    best = 9.0
    for _ in range(5):
        started = time.process_time()
        file = GGUFFile.open(path)
        best = min(best, time.process_time() - started)
    assert best < 0.15
    assert file.get("t") == tuple(words)
    assert file.metadata["t"].data[99_999] == words[-1]
    assert file.metadata["s"].data.dtype == np.float32


@given(st.lists(st.text(max_size=300), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_strings_come_back(write, words) -> None:
    payload = items(K.STRING, len(words), b"".join(text(word) for word in words))
    file = GGUFFile.open(write(gguf_file([key("t", K.ARRAY, payload)])))
    found = file.metadata["t"].data
    assert found == words
    assert found == StringArray.of(words)
    assert [found[i] for i in range(len(words))] == words
    assert found[-1:] == tuple(words[-1:])


# -- what it refuses: rules


def with_tensors(*table: bytes, data: bytes = bytes(128)) -> bytes:
    return gguf_file([], list(table), data)


def alignment(number: int, kind: int = K.UINT32, form: str = "<I") -> bytes:
    keys = [key("general.alignment", kind, struct.pack(form, number))]
    return gguf_file(keys, [entry("t", [8], 0, 0)], bytes(2**11))


def nested(depth: int) -> bytes:
    payload = items(K.UINT8, 1, b"\x01")
    for _ in range(depth):
        payload = items(K.ARRAY, 1, payload)
    return gguf_file([key("k", K.ARRAY, payload)])


RULES = {
    "twice the same key": (gguf_file([SAMPLE_KEYS[1], SAMPLE_KEYS[1]]), "appears twice"),
    "an empty key": (gguf_file([key("", K.UINT64, bytes(8))]), "not a metadata key"),
    "a NUL in a key": (gguf_file([key("a\0b", K.UINT8, b"\0")]), "not a metadata key"),
    "a long key": (gguf_file([key("k" * 70000, K.UINT8, b"\0")]), "limit is 65535"),
    "an unknown kind": (gguf_file([key("k", 13, bytes(8))]), "unknown value type 13"),
    "an unknown item kind": (gguf_file([key("k", K.ARRAY, items(99, 0, b""))]), "type 99"),
    "a boolean of 2": (gguf_file([key("k", K.BOOL, b"\x02")]), "neither 0 nor 1"),
    "booleans of 2": (gguf_file([key("k", K.ARRAY, items(K.BOOL, 2, b"\1\2"))]), "neither 0"),
    "a key not UTF-8": (gguf_file([text(b"\xff") + struct.pack("<I", 0) + b"\0"]), "UTF-8"),
    "a string not UTF-8": (gguf_file([key("k", K.STRING, text(b"\xc3"))]), "UTF-8"),
    "strings not UTF-8": (
        gguf_file([key("k", K.ARRAY, items(K.STRING, 2, text(b"\xe7\x9b") + text(b"\x86")))]),
        "UTF-8",
    ),
    "deep nesting": (nested(5), "nests arrays more than 4 deep"),
    "very deep nesting": (nested(20_000), "nests arrays more than 4 deep"),
    "alignment 0": (alignment(0), "power of two"),
    "alignment 4": (alignment(4), "power of two"),
    "alignment 48": (alignment(48), "power of two"),
    "alignment 2 MiB": (alignment(2**21), "power of two"),
    "alignment of another kind": (alignment(32, K.UINT64, "<Q"), "power of two"),
    "twice the same tensor": (
        with_tensors(entry("t", [8], 0, 0), entry("t", [8], 0, 32)),
        "'t' appears twice",
    ),
    "overlap": (with_tensors(entry("a", [16], 0, 0), entry("b", [8], 0, 32)), "overlaps"),
    "the same place": (with_tensors(entry("a", [8], 0, 0), entry("b", [8], 0, 0)), "overlaps"),
    "an odd offset": (with_tensors(entry("t", [8], 0, 8)), "not a multiple of 32"),
    "beyond the end": (with_tensors(entry("t", [8], 0, 128)), "after the file does"),
    "one byte short": (with_tensors(entry("t", [32], 0, 0), data=bytes(127)), "ends 1 bytes"),
    "no dimensions": (with_tensors(entry("t", [], 0, 0)), "0 dimensions"),
    "five dimensions": (with_tensors(entry("t", [1] * 5, 0, 0)), "5 dimensions"),
    "2^32 - 1 dimensions": (with_tensors(entry("t", [1], 0, 0, n=2**32 - 1)), "dimensions"),
    "no rows": (with_tensors(entry("t", [8, 0], 0, 0)), "no elements"),
    "half a block": (with_tensors(entry("t", [48], 2, 0)), "multiple of 32"),
    "a dropped type": (with_tensors(entry("t", [32], 4, 0)), "tensor type 4"),
    "a future type": (with_tensors(entry("t", [32], 43, 0)), "tensor type 43"),
    "a long name": (with_tensors(entry("n" * 64, [8], 0, 0)), "limit is 63"),
    "an empty name": (with_tensors(entry("", [8], 0, 0)), "not a tensor name"),
    "a NUL in a name": (with_tensors(entry("a\0b", [8], 0, 0)), "not a tensor name"),
    "a name not UTF-8": (with_tensors(entry(b"\xff\xfe", [8], 0, 0)), "UTF-8"),
    "version 1": (gguf_file(version=1), "version 1"),
    "version 4": (gguf_file(version=4), "version 4"),
    "version 0": (gguf_file(version=0), "version 0"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "only the magic": (b"GGUF", "ends inside its header"),
    "nothing": (b"", "empty"),
}


@pytest.mark.parametrize("rule", RULES)
def test_rules(write, rule) -> None:
    data, says = RULES[rule]
    refused(write(data), says)


def test_the_limits_themselves_are_allowed(write) -> None:
    keys = [key("k" * 65535, K.UINT8, b"\0")]
    GGUFFile.open(write(gguf_file(keys, [entry("n" * 63, [8], 0, 0)], bytes(32))))
    GGUFFile.open(write(nested(4)))
    GGUFFile.open(write(with_tensors(entry("t", [1, 1, 1, 1], 0, 0))))


def test_names_from_the_file_cannot_write_to_the_terminal(write) -> None:
    table = [entry("\x1b[2J\n盆", [8], 0, 8)]
    refused(write(gguf_file([], table, bytes(64))), r"\\x1b\[2J\\n\\u76c6")


# -- what it refuses: other files


def test_a_pickle_is_named_and_not_opened(write, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self):
            return (Path(tmp_path / "ran").touch, ())

    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        refused(write(pickle.dumps(Bomb(), protocol)), "looks like a Python pickle")
    assert not (tmp_path / "ran").exists()


def test_other_formats_are_named(write, tmp_path: Path) -> None:
    archive = tmp_path / "zip.gguf"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("data.pkl", b"x")
    refused(archive, "zip archive")
    tensors = b'{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    refused(write(struct.pack("<Q", len(tensors)) + tensors + bytes(4)), "safetensors")
    refused(write("A story. 一个故事。\n".encode() * 100), "text file")
    refused(write(b"<!DOCTYPE html><html>404</html>"), "web page")
    refused(write(b"version https://git-lfs.github.com/spec/v1\noid sha256:0"), "Git LFS pointer")
    refused(write(bytes(4096)), "nothing but zeros")
    refused(write(b"\x1f\x8b\x08\0"), "gzip")
    refused(write(b"\xde\xad\xbe\xef" * 9), "de ad be ef")


def test_what_is_no_readable_file_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        GGUFFile.open(tmp_path / "absent.gguf")
    with pytest.raises(BadInput, match="not a plain file"):
        GGUFFile.open(tmp_path)
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(BadInput, match="not a plain file"):
        GGUFFile.open(tmp_path / "pipe.gguf")


def test_a_refused_file_is_let_go(write) -> None:
    path = write(SAMPLE[:-1])
    with pytest.raises(FormatError) as kept:  # with its traceback, so nothing is let go by chance
        GGUFFile.open(path)
    maps = Path("/proc/self/maps")
    assert not maps.exists() or str(path) not in maps.read_text(), kept


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells")
def test_what_was_read_can_be_given_back_and_read_again(tmp_path: Path) -> None:
    path, weights = tmp_path / "large.gguf", np.arange(2**20, dtype=np.float32).reshape(4, -1)
    write_gguf(path, {}, [OutTensor("w", weights.shape, CODECS["F32"], lambda: weights)])
    with GGUFFile.open(path) as file:
        view = file.raw("w")
        assert int(view.astype(np.int64).sum())
        assert resident(path) > 3 * 10**6
        file.release()
        assert resident(path) < 10**6
        assert np.array_equal(view.view(np.float32), weights.reshape(-1))
        del view


def resident(path: Path) -> int:
    """Bytes of a mapped file that are in this process's memory."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.endswith(str(path)))
    return 1024 * next(int(line.split()[1]) for line in lines[start:] if line.startswith("Rss:"))
