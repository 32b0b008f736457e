"""Unpacking one member of a wheel that may be wrong or hostile."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest

from penjing.bundle import sources
from penjing.bundle.sources import Promise, unpack_member
from penjing.core.errors import FormatError, IntegrityError, PenjingError, StorageError

DATA = bytes(range(256)) * 5000
MEMBER = "pkg/data.bin"


def wheel_with(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "pkg-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def promise(data: bytes = DATA) -> Promise:
    return Promise("thing", hashlib.sha256(data).hexdigest(), len(data))


def unpack(wheel: Path, target: Path, promised: Promise, member: str = MEMBER) -> int:
    return sum(unpack_member(wheel, member, promised, target))


def refused(wheel: Path, tmp_path: Path, promised: Promise, member: str = MEMBER) -> PenjingError:
    """The error, after checking that nothing was left under any name."""
    target = tmp_path / "out" / "data.bin"
    with pytest.raises(PenjingError) as caught:
        unpack(wheel, target, promised, member)
    assert list((tmp_path / "out").glob("*")) == []
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_member_comes_out_whole_and_alone(tmp_path: Path) -> None:
    wheel = wheel_with(tmp_path, {MEMBER: DATA, "pkg/setup.py": b"raise SystemExit"})
    assert unpack(wheel, tmp_path / "out" / "data.bin", promise()) == len(DATA)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["data.bin"]
    assert (tmp_path / "out" / "data.bin").read_bytes() == DATA


def test_the_files_of_a_pattern_are_joined_by_name(tmp_path: Path) -> None:
    """Those of that folder alone, whatever order the wheel has them in."""
    members = {"pkg/b.txt": b"two", "pkg/a.txt": b"one", "pkg/deep/c.txt": b"", "x/pkg/d.txt": b"",
               "pkg/c.md": b"no"}  # fmt: skip
    wheel, joined = wheel_with(tmp_path, members), b"one\n\ntwo"
    target = tmp_path / "out" / "data.bin"
    assert unpack(wheel, target, promise(joined), "pkg/*.txt") == len(joined)
    assert target.read_bytes() == joined
    target.unlink()
    assert "holds no pkg/*.pdf" in str(refused(wheel, tmp_path, promise(joined), "pkg/*.pdf"))
    assert "should be 3 bytes" in str(refused(wheel, tmp_path, promise(b"one"), "pkg/*.txt"))


def test_another_hash_is_refused(tmp_path: Path) -> None:
    wheel = wheel_with(tmp_path, {MEMBER: DATA[:-1] + b"?"})
    error = refused(wheel, tmp_path, promise())
    assert isinstance(error, IntegrityError)
    assert "promised sha256" in str(error)


def test_a_missing_member_is_refused(tmp_path: Path) -> None:
    wheel = wheel_with(tmp_path, {"pkg/other.bin": DATA})
    assert "holds no pkg/data.bin" in str(refused(wheel, tmp_path, promise()))


@pytest.mark.parametrize("length", [len(DATA) - 1, len(DATA) + 1, 0])
def test_another_declared_size_is_refused(length: int, tmp_path: Path) -> None:
    wheel = wheel_with(tmp_path, {MEMBER: (DATA + b"x")[:length]})
    assert "should be 1280000 bytes" in str(refused(wheel, tmp_path, promise()))


def test_a_bomb_that_tells_its_size_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = wheel_with(tmp_path, {MEMBER: bytes(50_000_000)})
    assert wheel.stat().st_size < 100_000
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("it was opened"))
    assert isinstance(refused(wheel, tmp_path, promise(b"small")), IntegrityError)


def test_a_bomb_that_lies_about_its_size_stops_at_the_promise(tmp_path: Path) -> None:
    """The directory claims the promised size; the stream holds 50 MB."""
    wheel = wheel_with(tmp_path, {MEMBER: bytes(50_000_000)})
    raw = bytearray(wheel.read_bytes())
    true = (50_000_000).to_bytes(4, "little")
    assert raw.count(true) == 2
    wheel.write_bytes(bytes(raw).replace(true, (1000).to_bytes(4, "little")))
    promised = Promise("thing", hashlib.sha256(bytes(1000)).hexdigest(), 1000)
    error = refused(wheel, tmp_path, promised)
    assert isinstance(error, IntegrityError | FormatError)


@pytest.mark.parametrize("cut", [0, 10, 2000, -30])
def test_a_cut_wheel_is_refused(cut: int, tmp_path: Path) -> None:
    wheel = wheel_with(tmp_path, {MEMBER: DATA})
    wheel.write_bytes(wheel.read_bytes()[:cut])
    error = refused(wheel, tmp_path, promise())
    assert isinstance(error, FormatError)
    assert "is not a sound wheel" in str(error)


def test_damaged_and_encrypted_streams_are_refused(tmp_path: Path) -> None:
    wheel = wheel_with(tmp_path, {MEMBER: DATA})
    good = wheel.read_bytes()
    start = good.index(MEMBER.encode()) + len(MEMBER)
    for spoiled in (
        good[: start + 20] + bytes(40) + good[start + 60 :],
        # Bit 0 of the flags, in the local header and in the directory: encrypted.
        good.replace(b"PK\x03\x04\x14\x00\x00\x00", b"PK\x03\x04\x14\x00\x01\x00").replace(
            b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"
        ),
    ):
        assert spoiled != good
        wheel.write_bytes(spoiled)
        assert isinstance(refused(wheel, tmp_path, promise()), FormatError)


def test_path_tricks_in_other_members_reach_nothing(tmp_path: Path) -> None:
    members = {"../../escaped": b"x", "/absolute": b"x", MEMBER: DATA}
    wheel = wheel_with(tmp_path, members)
    unpack(wheel, tmp_path / "a" / "b" / "data.bin", promise())
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert names == {"a", "a/b", "a/b/data.bin", wheel.name}


def test_a_failure_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    target = tmp_path / "data.bin"
    target.write_bytes(b"old and good")
    wheel = wheel_with(tmp_path, {MEMBER: DATA[:-1] + b"?"})
    with pytest.raises(IntegrityError):
        unpack(wheel, target, promise())
    assert target.read_bytes() == b"old and good"


def test_no_room_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = wheel_with(tmp_path, {MEMBER: DATA})
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    error = refused(wheel, tmp_path, promise())
    assert isinstance(error, StorageError)
    assert "1.0 kB free and 1.3 MB are needed" in str(error)


def test_pip_is_told_to_run_nothing(tmp_path: Path) -> None:
    source = sources.PackageSource("pkg", "1.0", "0" * 64, 10, MEMBER)
    command = sources._command(source, tmp_path)
    assert "--only-binary=:all:" in command
    assert "--no-deps" in command
    assert "-P" in command, "a pip.py in the current folder must not run"
    assert command[-1] == "pkg==1.0"


@pytest.mark.parametrize(
    ("noise", "kind", "part"),
    [
        ("[Errno 28] No space left on device", "StorageError", "the disk is full"),
        ("[Errno 111] Connection refused", "NetworkError", "cannot be reached"),
        ("ReadTimeoutError: Read timed out. (read", "NetworkError", "cannot be reached"),
        ("No matching distribution found for pkg==1.0", "NetworkError", "has no pkg 1.0"),
        ("something new", "NetworkError", "pip download --no-deps pkg==1.0"),
    ],
)
def test_pips_many_lines_become_one(noise: str, kind: str, part: str, tmp_path: Path) -> None:
    source = sources.PackageSource("pkg", "1.0", "0" * 64, 10, MEMBER)
    error = sources._pip_error(source, promise(), tmp_path, f"WARNING: x\nERROR: {noise}\n")
    assert type(error).__name__ == kind
    assert part in str(error)
    assert "\n" not in str(error)
    assert noise in error.__notes__[0], "the debug trace keeps pip's words"
