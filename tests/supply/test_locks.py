"""Everything installed is pinned and held to a hash; a wrong one ends the installation."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name as canonical

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SETS = ["device", *PROJECT["optional-dependencies"]]
_PIN = re.compile(r"([a-z0-9.-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")


def lock(name: str) -> dict[str, tuple[str, list[str]]]:
    """Each package's version and hashes; nothing else stands in a lock."""
    text = (ROOT / "locks" / f"{name}.txt").read_text("utf-8").partition("\n")[2]
    assert _PIN.sub("", text) == ""
    return {
        found[1]: (found[2], re.findall("[0-9a-f]{64}", found[3])) for found in _PIN.finditer(text)
    }


def needed(extra: str) -> set[str]:
    """What Penjing with an extra needs here, walked anew."""
    known, waiting = set(), [("penjing", ""), ("penjing", extra)]
    while waiting:
        name, part = waiting.pop()
        if (name, part) in known:
            continue
        known.add((name, part))
        try:
            lines = requires(name) or []
        except PackageNotFoundError:  # not on this machine: its lock cannot be judged here
            continue
        for wanted in map(Requirement, lines):
            if wanted.marker is None or wanted.marker.evaluate({"extra": part}):
                waiting += [(canonical(wanted.name), one) for one in ("", *wanted.extras)]
    return {name for name, _ in known} - {"penjing"}


@pytest.mark.parametrize("extra", SETS)
def test_a_lock_lists_all_that_is_needed_and_nothing_else(extra: str) -> None:
    assert set(lock(extra)) == needed(extra), "run scripts/lock"


def test_locks_and_constraints_are_of_one_mind() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").split("\n")[1:]
    pins: dict[str, str] = {
        canonical(name): number for name, _, number in (line.partition("==") for line in lines)
    }
    for extra in (*SETS, "build"):
        for name, (number, hashes) in lock(extra).items():
            assert pins[name] == number, f"run scripts/lock: {name}"
            assert len(hashes) == len(set(hashes))
    assert lock("cuda")  # what a torch for graphics processors needs; in no set of ours


def test_both_commands_install_by_the_locks() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for name in ("Makefile", "scripts/light", "deploy/Dockerfile"):
        text = (ROOT / name).read_text("utf-8")
        assert "scripts/install" in text
        assert "pip install" not in text.replace("pip uninstall", "")
    assert "scripts/install $(BIN)/python workshop -e" in makefile
    assert "scripts/install $(BIN)/python dev -e" in makefile


def wheel(folder: Path, name: str, version: str = "1.0") -> str:
    """A package of nothing; its hash."""
    info = f"{name}-{version}.dist-info"
    members = {
        f"{name}.py": f"version = '{version}'",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for member, text in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{member},sha256={digest.decode()},{len(text)}\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in (*members.items(), (f"{info}/RECORD", f"{record}{info}/RECORD,,\n")):
            archive.writestr(member, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip and nothing else; made once, for it takes seconds."""
    made = tmp_path_factory.mktemp("empty") / "env"
    subprocess.run([sys.executable, "-m", "venv", made], check=True)
    return made


@pytest.fixture
def house(empty: Path, tmp_path: Path) -> Path:
    """A checkout with locks of its own, an environment, and two packages that are there."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "locks").mkdir()
    shutil.copy(ROOT / "scripts/install", tmp_path / "scripts")
    for name in ("build", "device"):
        (tmp_path / "locks" / f"{name}.txt").write_text("# nothing\n")
    shutil.copytree(empty, tmp_path / "env", symlinks=True)
    return tmp_path


def install(house: Path) -> subprocess.CompletedProcess[str]:
    """As the Makefile does, but from this folder alone."""
    command = ["sh", str(house / "scripts/install"), str(house / "env/bin/python"), "extra"]
    nowhere = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(house), "PIP_CONFIG_FILE": "/dev/null"}
    return subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", **nowhere}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("which", ["wrong", "none", "one of two", "unlisted"])
def test_a_file_of_another_hash_is_not_installed(house: Path, which: str) -> None:
    good, other = wheel(house, "good"), wheel(house, "other")
    zero = "0" * 64
    text = {
        "wrong": f"good==1.0 --hash=sha256:{good}\nother==1.0 --hash=sha256:{zero}\n",
        "none": f"good==1.0 --hash=sha256:{good}\nother==1.0\n",
        "one of two": f"good==1.0 --hash=sha256:{zero} --hash=sha256:{good}\n",
        "unlisted": f"other==1.0 --hash=sha256:{good}\n",
    }[which]
    (house / "locks/extra.txt").write_text(text)
    done = install(house)
    there = {path.name for path in house.glob("env/lib/python*/site-packages/*.py")}
    if which == "one of two":  # it goes on to our own files, of which there are none here
        assert {"good.py"} == there & {"good.py", "other.py"}
        return
    assert done.returncode != 0
    assert "hash" in done.stderr.lower()
    assert not {"good.py", "other.py"} & there, other


@pytest.mark.parametrize("which", ["there", "not there", "another"])
def test_the_torch_for_processors_is_taken_where_there_is_one(house: Path, which: str) -> None:
    common = wheel(house, "torch")
    digest = wheel(house, "torch", "1.0+cpu")
    if which == "not there":
        (house / "torch-1.0+cpu-py3-none-any.whl").unlink()
    digest = "0" * 64 if which == "another" else digest
    (house / "locks/cpu.txt").write_text(f"torch==1.0+cpu --hash=sha256:{digest}\n")
    (house / "locks/extra.txt").write_text(f"torch==1.0 --hash=sha256:{common}\n")
    done = install(house)
    there = [path.read_text() for path in house.glob("env/lib/python*/site-packages/torch.py")]
    if which == "another":
        assert done.returncode != 0
        assert "hash" in done.stderr.lower()
        assert there == []
    else:
        assert there == [f"version = '{'1.0+cpu' if which == 'there' else '1.0'}'"]
