"""The file of a sealed model, and what somebody may do to it on the way."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from penjing.bundle.lookalikes import looks_sealed
from penjing.core.errors import BadInput, FormatError, IntegrityError, PenjingError
from penjing.ownership import stream
from penjing.ownership.recipients import DeviceKey, for_device, public_bytes
from penjing.ownership.sealed_file import open_sealed, read_head, write_sealed
from penjing.vault.envelope import Key

KEY = Key.random()
WAYS = [for_device(KEY, public_bytes(DeviceKey.random().public))]


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHUNK", 1000)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {"bundle.json": b'{"name": "tree"}', "empty.txt": b"", "model.gguf": b"GGUF" * 1000,
             "onnx/other.bin": bytes(2500)}  # fmt: skip
    for name, data in found.items():
        path = tmp_path / "bundle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return {name: tmp_path / "bundle" / name for name in found}


@pytest.fixture
def sealed(files: dict[str, Path], tmp_path: Path) -> Path:
    path = tmp_path / "tree.sealed"
    heard: list[int] = []
    written = write_sealed(path, KEY, WAYS, files, on_bytes=heard.append)
    assert written == path.stat().st_size
    assert len(heard) == 7
    return path


def test_the_model_lies_in_memory_and_documents_beside_it(sealed: Path) -> None:
    assert looks_sealed(sealed)
    assert b"GGUF" not in sealed.read_bytes()
    assert b"model" not in sealed.read_bytes()
    found = open_sealed(read_head(sealed), KEY, keep=["bundle.json"])
    with found.model as model:
        assert model.path.read_bytes() == b"GGUF" * 1000
        assert found.documents == {"bundle.json": b'{"name": "tree"}'}
        assert list(found.files) == ["bundle.json", "empty.txt", "model.gguf", "onnx/other.bin"]


def test_two_of_the_same_are_alike_in_nothing_but_their_heads(
    files: dict[str, Path], tmp_path: Path
) -> None:
    one, two = tmp_path / "1.sealed", tmp_path / "2.sealed"
    for path in (one, two):
        write_sealed(path, Key.random(), WAYS, files)
    offset = read_head(one).offset
    assert one.read_bytes()[offset : offset + 8] != two.read_bytes()[offset : offset + 8]


def spoil(path: Path, how: str) -> None:
    data, offset = bytearray(path.read_bytes()), read_head(path).offset
    size = 1000 + stream.TAG
    if how == "flipped":
        data[offset + 2500] ^= 1
    elif how == "truncated":
        del data[-1:]
    elif how == "truncated by a chunk":
        del data[-(len(data) - offset) % size or size :]
    elif how == "extended":
        data += b"x"
    elif how == "swapped":
        one, two = data[offset : offset + size], data[offset + size : offset + 2 * size]
        data[offset : offset + 2 * size] = two + one
    elif how == "head":
        data[30] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(("how", "says"), [
    ("flipped", "was changed: chunk 3 of 7"), ("truncated", "is cut short by 1 byte:"),
    ("truncated by a chunk", "is cut short by"), ("extended", "goes on for 1 byte "),
    ("swapped", "was changed: chunk 1 of 7"), ("head", "the head of .* is damaged"),
])  # fmt: skip
def test_what_was_changed_is_one_line(sealed: Path, how: str, says: str) -> None:
    spoil(sealed, how)
    with pytest.raises(IntegrityError, match=says) as raised:
        open_sealed(read_head(sealed), KEY)
    assert "\n" not in str(raised.value)
    assert "copy it again" in str(raised.value)


def rewritten(path: Path, **changes: object) -> None:
    """A head that somebody wrote anew, its checksum right."""
    data, offset = path.read_bytes(), read_head(path).offset
    document = json.loads(data[12 : offset - 32]) | changes
    header = json.dumps(document, sort_keys=True).encode()
    head = data[:8] + len(header).to_bytes(4, "big") + header + hashlib.sha256(header).digest()
    path.write_bytes(head + data[offset:])


def test_a_head_is_bound_to_what_follows(sealed: Path) -> None:
    rewritten(sealed, ways=[*WAYS, *WAYS])
    with pytest.raises(IntegrityError, match="chunk 1 of"):
        open_sealed(read_head(sealed), KEY)


@pytest.mark.parametrize("changes", [
    {"schema": 2}, {"schema": True}, {"bytes": 0}, {"bytes": -1}, {"bytes": 2**70}, {"bytes": "9"},
    {"ways": []}, {"more": 1},
])  # fmt: skip
def test_odd_heads_are_one_line(sealed: Path, changes: dict[str, object]) -> None:
    rewritten(sealed, **changes)
    with pytest.raises(FormatError, match="is no sealed model that can be opened"):
        read_head(sealed)


@pytest.mark.parametrize("data", [b"", b"PJSEAL1", b"PJSEAL1\n", b"GGUF" * 9,
                                  b"PJSEAL1\n\xff\xff\xff\xff" + bytes(99)])  # fmt: skip
def test_what_is_no_sealed_file_is_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "odd.sealed"
    path.write_bytes(data)
    with pytest.raises(PenjingError, match=r"not a sealed model|damaged"):
        read_head(path)
    assert not looks_sealed(tmp_path / "none")
    with pytest.raises(BadInput, match="no such file"):
        read_head(tmp_path / "none")


@pytest.mark.parametrize("table", [
    b"{}", b"[]", b'{"files": []}', b'{"files": [{"name": "a.gguf"}]}', b'{"files": 5}',
    b'{"files": [{"name": "a.gguf", "bytes": -1}]}', b'{"files": [{"name": "a", "bytes": 99}]}',
    b'{"files": [{"name": "", "bytes": 1}]}', b"\xff\xff", b'{"files": [{"name": 1, "bytes": 1}]}',
])  # fmt: skip
def test_a_table_of_a_stranger_who_knows_our_key_is_checked(tmp_path: Path, table: bytes) -> None:
    from penjing.ownership import sealed_file

    path, plain = tmp_path / "odd.sealed", len(table).to_bytes(4, "big") + table + b"x"
    head = sealed_file._head_bytes(WAYS, len(plain))
    inner = Key(sealed_file.derive(KEY, sealed_file._PURPOSE))
    chunks = stream.seal_stream(inner, hashlib.sha256(head).digest(), [plain], len(plain))
    path.write_bytes(head + b"".join(chunks))
    with pytest.raises(PenjingError):
        open_sealed(read_head(path), KEY)


def test_what_holds_no_model_says_so(files: dict[str, Path], tmp_path: Path) -> None:
    del files["model.gguf"]
    write_sealed(tmp_path / "a.sealed", KEY, WAYS, files)
    with pytest.raises(FormatError, match="holds no GGUF model"):
        open_sealed(read_head(tmp_path / "a.sealed"), KEY)


PEAK = """
import sys
from pathlib import Path
from penjing.core.memory import peak_memory
from penjing.ownership.sealed_file import open_sealed, read_head, write_sealed
from penjing.ownership.recipients import DeviceKey, for_device, public_bytes
from penjing.vault.envelope import Key
key = Key.random()
ways = [for_device(key, public_bytes(DeviceKey.random().public))]
def turn(name):
    path = Path(sys.argv[1], name)
    write_sealed(path.with_suffix(".sealed"), key, ways, {"model.gguf": path})
    open_sealed(read_head(path.with_suffix(".sealed")), key).model.close()
    return peak_memory()
print(turn("small.gguf"), turn("large.gguf"))
"""


@pytest.mark.alone
def test_sealing_and_opening_take_no_memory_of_their_own(tmp_path: Path) -> None:
    for name, size in (("small", 8 * 2**20), ("large", 200 * 2**20)):
        with (tmp_path / f"{name}.gguf").open("wb") as file:
            file.truncate(size)
    done = subprocess.run([sys.executable, "-c", PEAK, str(tmp_path)], capture_output=True,
                          text=True, check=True)  # fmt: skip
    small, large = map(int, done.stdout.split())
    assert large - small < 8 * 2**20  # the file in memory is mapped by nobody
