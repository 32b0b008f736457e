"""The writer, judged by two readers that are not ours: the `gguf` package's and ggml's own."""

from __future__ import annotations

import ctypes
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penjing.bundle.codecs import CODECS
from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.gguf_values import DTYPES, Value, ValueKind
from penjing.bundle.gguf_writer import OutTensor, gguf_bytes, write_gguf
from penjing.core.errors import FormatError, StorageError
from penjing.ggml import library

K = ValueKind
RNG = np.random.default_rng(7)
SCALARS = {
    "general.architecture": Value.text("llama"),
    "z.last first": Value.text("盆景 🌳\n\0"),
    "u8": Value(K.UINT8, 255),
    "i8": Value(K.INT8, -128),
    "u16": Value(K.UINT16, 65535),
    "i16": Value(K.INT16, -32768),
    "u32": Value(K.UINT32, 2**32 - 1),
    "i32": Value(K.INT32, -(2**31)),
    "f32": Value(K.FLOAT32, 1e-5),
    "yes": Value(K.BOOL, True),
    "no": Value(K.BOOL, False),
    "u64": Value(K.UINT64, 2**64 - 1),
    "i64": Value(K.INT64, -(2**63)),
    "f64": Value(K.FLOAT64, 0.1),
}
ARRAYS = {
    "words": Value.array(K.STRING, ["a", "", "Ġhello", "盆景"]),
    "scores": Value.array(K.FLOAT32, [0.0, -1.5, 1e-5]),
    "kinds": Value.array(K.INT32, np.array([1, 3, 1])),
    "flags": Value.array(K.BOOL, [True, False]),
    "bytes": Value.array(K.UINT8, range(5)),
}


def out(name: str, shape: tuple[int, ...], codec: str, data: object = None) -> OutTensor:
    one = CODECS[codec]
    stored = RNG.integers(0, 256, one.nbytes(shape), dtype=np.uint8) if data is None else data
    return OutTensor(name, shape, one, lambda: stored)


def some_tensors() -> list[OutTensor]:
    weights = RNG.standard_normal((3, 64), dtype=np.float32)
    return [
        out("token_embd.weight", (5, 64), "Q4_0"),
        out("blk.0.norm", (7,), "F32", np.arange(7, dtype=np.float32)),
        out("blk.0.w", (3, 64), "F32", weights),
        out("blk.0.cut", (2, 32), "F16", weights.astype(np.float16)[:2, ::2]),
        out("blk.0.experts", (2, 3, 256), "Q6_K"),
        out("one", (1, 1, 1, 32), "IQ4_NL"),
        out("bits", (2, 128), "BF16", weights.view(np.uint16).reshape(-1)[:256]),
    ]


def copied(file: GGUFFile) -> list[OutTensor]:
    return [
        OutTensor(info.name, info.shape, info.codec, lambda name=info.name: file.raw(name))
        for info in file.tensors.values()
    ]


# -- round trips


def test_reading_writing_and_reading_gives_the_same_values_and_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.gguf", tmp_path / "b.gguf"
    metadata = {**SCALARS, **ARRAYS, "nested": Value.array(K.ARRAY, [ARRAYS["words"]] * 2)}
    tensors = some_tensors()
    size = write_gguf(first, metadata, tensors)
    assert size == first.stat().st_size == gguf_bytes(metadata, tensors)
    with GGUFFile.open(first) as file:
        assert dict(file.metadata) == metadata
        assert list(file.metadata) == list(metadata)
        assert [info.name for info in file.tensors.values()] == [one.name for one in tensors]
        for one in tensors:
            assert file.tensors[one.name].shape == one.shape
            assert file.raw(one.name).tobytes() == np.ascontiguousarray(one.data()).tobytes()
        write_gguf(second, file.metadata, copied(file))
    assert first.read_bytes() == second.read_bytes()


def test_a_file_of_the_gguf_package_is_rewritten_to_the_same_bytes(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs.gguf", tmp_path / "ours.gguf"
    make_with_the_package(theirs)
    with GGUFFile.open(theirs) as file:
        assert file.get("llama.block_count") == 2
        assert file.get("tokenizer.ggml.tokens") == ("<s>", "Ġa", "盆")
        assert file.tensors["w"].shape == (4, 64)
        assert file.tensors["q"].shape == (4, 64)
        assert file.tensors["q"].codec.name == "Q8_0"
        write_gguf(ours, file.metadata, copied(file))
    assert ours.read_bytes() == theirs.read_bytes()


def make_with_the_package(path: Path) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_block_count(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_bool("some.flag", True)
    writer.add_uint64("some.uint64", 2**63)
    writer.add_int8("some.int8", -5)
    writer.add_float64("some.float64", 0.1)
    writer.add_token_list(["<s>", "Ġa", "盆"])
    writer.add_token_scores([0.0, -1.5, 2.5])
    writer.add_token_types([3, 1, 1])
    writer.add_custom_alignment(64)
    weights = RNG.standard_normal((4, 64), dtype=np.float32)
    writer.add_tensor("w", weights)
    writer.add_tensor("v", weights[0, :5].astype(np.float16))
    packed = gguf.quantize(weights, gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("q", packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


NUMBERS = st.sampled_from([kind for kind in DTYPES if kind != K.BOOL])


@st.composite
def values(draw, depth: int = 2) -> Value:
    choice = draw(st.integers(0, 4 if depth else 3))
    if choice == 0:
        return Value.text(draw(st.text(max_size=20)))
    kind = draw(NUMBERS)
    if DTYPES[kind].kind == "f":
        number = st.floats(width=8 * DTYPES[kind].itemsize)
    else:
        limits = np.iinfo(DTYPES[kind])
        number = st.integers(int(limits.min), int(limits.max))
    if choice == 1:
        return Value(kind, draw(number))
    if choice == 2:
        return Value.array(kind, draw(st.lists(number, max_size=5)))
    if choice == 3:
        return Value.array(K.STRING, draw(st.lists(st.text(max_size=20), max_size=5)))
    inner = values(depth - 1).filter(lambda value: value.kind == K.ARRAY)
    return Value.array(K.ARRAY, draw(st.lists(inner, max_size=3)))


KEYS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(KEYS.filter(lambda key: key != "general.alignment"), values(), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_metadata_comes_back(tmp_path, metadata) -> None:
    path = tmp_path / "m.gguf"
    tensors = [out("t", (2, 32), "Q4_0")]
    assert write_gguf(path, metadata, tensors) == gguf_bytes(metadata, tensors)
    with GGUFFile.open(path) as file:
        assert dict(file.metadata) == metadata
        assert list(file.metadata) == list(metadata)
        assert file.raw("t").tobytes() == tensors[0].data().tobytes()


# -- judged by others


def test_the_gguf_package_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    metadata, tensors = {**SCALARS, **ARRAYS}, some_tensors()
    write_gguf(path, metadata, tensors)
    reader = gguf.GGUFReader(path)
    for key, value in metadata.items():
        found = reader.fields[key].contents()
        assert (tuple(found) if value.kind == K.ARRAY else found) == value.plain, key
        assert reader.fields[key].types[0] == value.kind
    assert [one.name for one in reader.tensors] == [one.name for one in tensors]
    for theirs, one in zip(reader.tensors, tensors, strict=True):
        assert int(theirs.tensor_type) == one.codec.type_id
        assert tuple(reversed(theirs.shape.tolist())) == one.shape
        assert theirs.data.tobytes() == np.ascontiguousarray(one.data()).tobytes()


class InitParams(ctypes.Structure):
    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p))


@pytest.fixture(scope="module")
def ggml() -> ctypes.CDLL:
    handle = ctypes.CDLL(library.load()._name)
    pointer, i64, text = ctypes.c_void_p, ctypes.c_int64, ctypes.c_char_p
    for name, result, arguments in (
        ("gguf_init_from_file", pointer, (text, InitParams)),
        ("gguf_free", None, (pointer,)),
        ("gguf_get_n_kv", i64, (pointer,)),
        ("gguf_get_n_tensors", i64, (pointer,)),
        ("gguf_find_tensor", i64, (pointer, text)),
        ("gguf_get_tensor_offset", ctypes.c_size_t, (pointer, i64)),
        ("gguf_get_tensor_size", ctypes.c_size_t, (pointer, i64)),
        ("gguf_get_tensor_type", ctypes.c_int, (pointer, i64)),
        ("gguf_get_data_offset", ctypes.c_size_t, (pointer,)),
        ("gguf_find_key", i64, (pointer, text)),
        ("gguf_get_val_str", text, (pointer, i64)),
        ("gguf_get_arr_str", text, (pointer, i64, ctypes.c_size_t)),
    ):
        function = getattr(handle, name)
        function.restype, function.argtypes = result, arguments
    return handle


@pytest.mark.parametrize("alignment", [None, 8, 32, 128])
def test_ggml_reads_it(tmp_path: Path, ggml: ctypes.CDLL, alignment: int | None) -> None:
    path = tmp_path / "m.gguf"
    metadata, tensors = {**SCALARS, **ARRAYS}, some_tensors()
    if alignment:
        metadata["general.alignment"] = Value(K.UINT32, alignment)
    write_gguf(path, metadata, tensors)
    context = ggml.gguf_init_from_file(str(path).encode(), InitParams(True, None))
    assert context, "ggml refused the file"
    try:
        assert ggml.gguf_get_n_kv(context) == len(metadata)
        assert ggml.gguf_get_n_tensors(context) == len(tensors)
        words = ggml.gguf_find_key(context, b"words")
        assert ggml.gguf_get_arr_str(context, words, 3).decode() == "盆景"
        data = path.read_bytes()
        for one in tensors:
            index = ggml.gguf_find_tensor(context, one.name.encode())
            assert ggml.gguf_get_tensor_type(context, index) == one.codec.type_id
            assert ggml.gguf_get_tensor_size(context, index) == one.nbytes
            start = ggml.gguf_get_data_offset(context) + ggml.gguf_get_tensor_offset(context, index)
            assert start % (alignment or 32) == 0
            stored = np.ascontiguousarray(one.data()).tobytes()
            assert data[start : start + one.nbytes] == stored
    finally:
        ggml.gguf_free(context)


# -- refusals, and what they leave behind


def nothing_left(folder: Path) -> bool:
    return not any(folder.iterdir())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (bytes(35), "35 bytes"),
        (bytes(37), "37 bytes"),
        (b"", "0 bytes"),
        (np.zeros(9, np.float32), "given as float32"),
        (np.zeros(36, np.int8), "given as int8"),
    ],
)
def test_wrong_data_leaves_nothing(tmp_path: Path, data, says) -> None:
    tensors = [out("good", (32,), "Q4_0"), out("bad", (2, 32), "Q4_0", data)]
    with pytest.raises(FormatError, match=f"'bad'.*{says}"):
        write_gguf(tmp_path / "m.gguf", SCALARS, tensors)
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("codec", "dtype"),
    [("BF16", np.float16), ("F32", np.int32), ("F32", ">f4"), ("F16", np.uint16), ("I8", np.bool_)],
)
def test_an_array_of_another_type_and_the_same_size_is_refused(tmp_path, codec, dtype) -> None:
    with pytest.raises(FormatError, match=codec):
        write_gguf(tmp_path / "m.gguf", {}, [out("t", (4,), codec, np.zeros(4, dtype))])


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, FormatError])
def test_a_failure_in_the_middle_keeps_the_old_file(tmp_path: Path, error) -> None:
    path = tmp_path / "m.gguf"
    write_gguf(path, SCALARS, some_tensors())
    before = path.read_bytes()

    def fail() -> bytes:
        raise error("stop")

    with pytest.raises(error):
        write_gguf(path, {}, [*some_tensors(), OutTensor("f", (32,), CODECS["Q4_0"], fail)])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_may_be_rewritten_onto_itself(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    write_gguf(path, SCALARS, some_tensors())
    before = path.read_bytes()
    with GGUFFile.open(path) as file:
        write_gguf(path, file.metadata, copied(file))
    assert path.read_bytes() == before


def test_tensors_are_made_one_at_a_time(tmp_path: Path) -> None:
    path, calls = tmp_path / "m.gguf", []
    sizes: list[int] = []

    def make(index: int) -> bytes:
        calls.append(index)
        return bytes([index]) * 128

    tensors = [OutTensor(f"t{i}", (32,), CODECS["F32"], lambda i=i: make(i)) for i in range(5)]
    gguf_bytes({}, tensors)
    assert calls == []
    total = write_gguf(path, {}, tensors, on_bytes=sizes.append)
    assert calls == [0, 1, 2, 3, 4]
    assert sum(sizes) == total == path.stat().st_size


BAD = {
    "twice": ([out("t", (32,), "F32"), out("t", (32,), "F32")], "written twice"),
    "long name": ([out("n" * 64, (32,), "F32")], "1 to 63 bytes"),
    "long name in bytes": ([out("盆" * 22, (32,), "F32")], "1 to 63 bytes"),
    "no name": ([out("", (32,), "F32")], "1 to 63 bytes"),
    "NUL": ([out("a\0", (32,), "F32")], "without a NUL"),
    "no dimension": ([OutTensor("t", (), CODECS["F32"], bytes)], "shape"),
    "five": ([OutTensor("t", (1,) * 5, CODECS["F32"], bytes)], "shape"),
    "zero": ([OutTensor("t", (0, 32), CODECS["F32"], bytes)], "shape"),
    "half a block": ([OutTensor("t", (2, 48), CODECS["Q4_0"], bytes)], "multiple of 32"),
}


@pytest.mark.parametrize("rule", BAD)
def test_tensors_no_reader_would_take_are_refused(tmp_path: Path, rule) -> None:
    tensors, says = BAD[rule]
    with pytest.raises(FormatError, match=says):
        write_gguf(tmp_path / "m.gguf", {}, tensors)
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(
    "value", [Value(K.UINT32, 0), Value(K.UINT32, 33), Value(K.UINT32, 4), Value(K.UINT64, 32)]
)
def test_a_bad_alignment_is_refused(tmp_path: Path, value) -> None:
    with pytest.raises(FormatError, match=r"general\.alignment"):
        write_gguf(tmp_path / "m.gguf", {"general.alignment": value}, [])


@pytest.mark.parametrize("key", ["", "a\0b", "k" * 65536])
def test_a_bad_key_is_refused(tmp_path: Path, key) -> None:
    with pytest.raises(FormatError, match="metadata key"):
        write_gguf(tmp_path / "m.gguf", {key: Value(K.UINT8, 1)}, [])


def test_a_disk_too_small_is_noticed_before_any_work(tmp_path: Path) -> None:
    def never() -> bytes:
        raise AssertionError("asked for data that has no room")

    giant = OutTensor("t", (2**40, 1024), CODECS["F32"], never)
    with pytest.raises(StorageError, match="free"):
        write_gguf(tmp_path / "m.gguf", {}, [giant])
    assert nothing_left(tmp_path)


def test_a_file_in_the_way_of_the_folder_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(StorageError):
        write_gguf(tmp_path / "f" / "m.gguf", {}, [])
