"""Whatever a person types or points at: one line, the right status, no trace, nothing left behind.

A matrix of what is wrong times the commands that meet it, through the real command line. Tiny
models; the engine is the real one. `capfd` also hears what C code writes.
"""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from place import Place, prose

from penjing.bundle.codecs import codec
from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.gguf_values import Value, ValueKind
from penjing.bundle.gguf_writer import OutTensor, write_gguf
from penjing.cli.app import main
from penjing.core.files import sha256_file
from penjing.workshop.compress.work import Work

Run = Callable[..., str]


class Touch:
    """Unpickled, it makes a file: the proof that somebody ran a pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("bad"))
    bad = place.folder / "models"
    bad.mkdir()
    whole = place.model.read_bytes()
    header = b"GGUF" + struct.pack("<I", 3)
    for name, data in {
        "truncated": whole[: len(whole) // 2],
        "header-only": whole[:300],
        "random": bytes(range(7, 250)) * 20,
        "pickle": pickle.dumps(Touch(place.folder / "was-run")),
        "empty": b"",
        "two-to-sixty": header + struct.pack("<QQ", 2**60, 0),
        "two-to-sixty-keys": header + struct.pack("<QQ", 0, 2**60),
        "no-metadata": header + struct.pack("<QQ", 0, 0),
        "no-tensors": whole[:8] + struct.pack("<Q", 0) + whole[16:],
        "a-wheel": b"PK\3\4" + bytes(100),
    }.items():
        (bad / f"{name}.gguf").write_bytes(data)
    again(place.model, bad / "architecture.gguf", {"general.architecture": Value.text("zzz")})
    again(place.model, bad / "bf16-norms.gguf", {}, norms="BF16")
    (bad / "folder").mkdir()
    (bad / "folder" / "README.md").write_text("no model")
    (bad / "hf").mkdir()
    (bad / "hf" / "config.json").write_text("{}")
    (bad / "hf" / "pytorch_model.bin").write_bytes(b"x")
    return place


def again(
    source: Path, path: Path, changes: dict[str, Value], *, norms: str = "F32", fill: bytes = b""
) -> None:
    """The same model with other metadata, its norms in another codec, or filled with a number."""
    with GGUFFile.open(source) as file:
        tensors = []
        for name, info in file.tensors.items():
            norm = len(info.shape) == 1
            kind = codec(norms) if norm else info.codec
            data = bytes(kind.nbytes(info.shape)) if kind != info.codec else file.raw(name)
            if norm and fill:
                data = fill * info.shape[0]
            tensors.append(OutTensor(name, info.shape, kind, lambda data=data: data))
        write_gguf(path, {**file.metadata, **changes}, tensors)


@pytest.fixture(autouse=True)
def own_home(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENJING_HOME", str(place.folder / "home"))
    monkeypatch.chdir(place.folder)


@pytest.fixture
def refused(place: Place, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs a command line that must be refused; gives what it said. Nothing may be left behind."""

    def run(*words: str, status: int = 2) -> str:
        capfd.readouterr()
        found = main([*words, "--json", "--quiet"])
        said = capfd.readouterr()
        lines = said.err.strip().splitlines()
        assert len(lines) == 1, said.err
        assert lines[0].startswith("penjing: ")
        assert "internal error" not in lines[0]
        assert found == status, lines[0]
        error = json.loads(said.out)["error"]  # exactly one document
        assert error["exit_code"] == status
        assert f"penjing: {error['message']}" == lines[0]
        return lines[0]

    before = set(place.folder.iterdir())
    yield run
    left = set(place.folder.iterdir()) - before - {place.folder / "home"}
    assert not left, f"left behind: {left}"


def command(place: Place, name: str, model: str) -> list[str]:
    return {
        "chat": ["chat", model, "--once", "hi", "--threads", "1"],
        "evaluate": ["evaluate", model, "--text", str(place.held), "--threads", "1"],
        "baseline": ["evaluate", str(place.model), "--baseline", model,
                     "--text", str(place.held), "--threads", "1"],
        "compress": ["compress", model, "-o", "out", "--size", "110KB", "--effort", "light",
                     "--held-out", str(place.held), "--text", str(place.folder / "own.txt"),
                     "--threads", "1"],
        "fit": ["fit", model, "--device", "pi-zero-2w"],
    }[name]  # fmt: skip


COMMANDS = ("chat", "evaluate", "baseline", "compress", "fit")


# -- models -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("truncated.gguf", "cut short"),
        ("header-only.gguf", "cut short"),
        ("random.gguf", "not a GGUF"),
        ("pickle.gguf", "Python pickle"),
        ("empty.gguf", "empty"),
        ("two-to-sixty.gguf", "tensors would need"),
        ("two-to-sixty-keys.gguf", "keys would need"),
        ("no-metadata.gguf", "architecture"),
        ("no-tensors.gguf", "token_embd|embedding"),
        ("a-wheel.gguf", "zip archive"),
        ("architecture.gguf", "zzz"),
        ("bf16-norms.gguf", "norms and biases must be F32"),
        ("folder", "neither a bundle nor a folder"),
        ("hf", "safetensors"),
        ("missing.gguf", "there is no"),
        ("missing/folder", "there is no"),
    ],
)
def test_models(place: Place, refused: Run, name: str, model: str, words: str) -> None:
    if (name, model) == ("fit", "bf16-norms.gguf"):  # reads shapes only
        assert main(command(place, name, f"models/{model}")) == 0
        return
    said = refused(*command(place, name, f"models/{model}"))
    assert any(word in said for word in words.split("|"))
    assert not (place.folder / "was-run").exists()


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("smollm2-135m-instrct", "did you mean smollm2-135m-instruct"),
        ("Qwen3-0.6", "did you mean qwen3-0.6b"),
        ("nothing-like-it", "known: "),
        ("/dev/null", "neither a file nor a folder"),
        ("x" * 5000, "too long"),
        ("a\nb\x1b[31m", "unknown model"),
        ("~nobody-here/x.gguf", "no such person"),
    ],
)
def test_names_of_models(place: Place, refused: Run, name: str, model: str, words: str) -> None:
    assert words in refused(*command(place, name, model))


@pytest.mark.parametrize("name", ["chat", "evaluate", "baseline", "fit"])
def test_an_empty_name(place: Place, refused: Run, name: str) -> None:
    assert "unknown model ''" in refused(*command(place, name, ""))


# -- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["evaluate --text", "compress --text", "compress --held-out"])
@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("latin-1.txt", b"caf\xe9 " * 400, "not UTF-8"),
        ("utf-16.txt", ("caf\xe9 " * 400).encode("utf-16"), "not UTF-8"),
        ("empty.txt", b"", "empty"),
        ("blank.txt", b" \n\t\n", "empty"),
        ("short.txt", b"too short", "longer"),
        ("missing.txt", None, "no such file"),
    ],
)
def test_texts(
    place: Place, refused: Run, tmp_path: Path, option: str, name: str, data: bytes, words: str
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    which, option = option.split()
    said = refused(*command(place, which, str(place.model)), option, str(tmp_path / name))
    assert words in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("evaluate", "--text", "encyclopdia"), "did you mean encyclopedia"),
        (("compress", "--held-out", "encyclopdia"), "did you mean encyclopedia"),
        (("evaluate", "--text", "smollm2-135m-instruct"), "unknown text"),
        (("evaluate", "--text", ""), "unknown text ''"),
        (("evaluate", "--text", "."), "is a folder"),
        (("compress", "--text", "."), "it is a folder, not a plain file"),
        (("compress", "--text", ""), "empty path"),
        (("compress", "--text", "/dev/zero"), "it is a device, not a plain file"),
        (("evaluate", "--text", "/dev/zero"), "neither a file nor a folder"),
    ],
)
def test_what_is_no_text(place: Place, refused: Run, line: tuple[str, ...], words: str) -> None:
    assert words in refused(*command(place, line[0], str(place.model)), *line[1:])


def test_a_refused_text_leaves_no_unfinished_work(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Run
) -> None:
    """Even one that is found late: the next attempt with a better text must not be in its way."""
    monkeypatch.setattr("penjing.workshop.compress.prepare.check_lengths", lambda *_: None)
    (tmp_path / "short.txt").write_text("too short")
    out = tmp_path / "out"
    line = [*command(place, "compress", str(place.model)), "--text", str(tmp_path / "short.txt")]
    assert "longer" in refused(*line, "-o", str(out))
    assert not list(out.iterdir())


# -- numbers ------------------------------------------------------------------------------------

WHOLE = ("-1", "abc", "", "nan", "inf", "1e3", "1.5", "9" * 20, "9" * 5000, "１２", " 5", "1_0")


@pytest.mark.parametrize(
    ("name", "option", "more"),
    [
        ("chat", "--context", ("0", "15")),
        ("chat", "--threads", ("0", "513")),
        ("chat", "--seed", ()),
        ("chat", "--max-tokens", ("0",)),
        ("evaluate", "--context", ("0", "15")),
        ("evaluate", "--windows", ("0",)),
        ("evaluate", "--seed", ()),
        ("evaluate", "--threads", ("0", "513")),
        ("compress", "--context", ("0",)),
        ("compress", "--seed", ()),
        ("compress", "--threads", ("0", "513")),
        ("fit", "--context", ("0",)),
    ],
)
def test_whole_numbers(
    place: Place, refused: Run, name: str, option: str, more: tuple[str, ...]
) -> None:
    for value in (*WHOLE, *more):
        said = refused(*command(place, name, str(place.model)), f"{option}={value}")
        assert option in said
        assert "is not a whole number of at least" in said
        assert len(said) < 200


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (("chat", "--temperature"), ("-0.1", "11", "nan", "inf", "warm", "")),
        (("fit", "--recommend", "--price"), ("-1", "0", "nan", "inf", "cheap", "")),
        (("fit", "--recommend", "--watts"), ("-1", "0", "nan", "inf", "few", "")),
        (("fit", "--recommend", "--speed"), ("-1", "0", "nan", "inf", "fast", "")),
    ],
)
def test_real_numbers(
    place: Place, refused: Run, line: tuple[str, ...], values: tuple[str, ...]
) -> None:
    name, *options, option = line
    for value in values:
        words = [word for word in command(place, name, str(place.model)) if word != "--device"]
        words = [word for word in words if word != "pi-zero-2w"]
        assert option in refused(*words, *options, f"{option}={value}")


@pytest.mark.parametrize("line", [("compress", "--size"), ("fit", "--recommend", "--ram")])
def test_sizes(place: Place, refused: Run, line: tuple[str, ...]) -> None:
    name, *options, option = line
    words = [w for w in command(place, name, str(place.model)) if w not in ("--size", "110KB")]
    words = [w for w in words if w not in ("--device", "pi-zero-2w")]
    sizes = ("0", "-5MB", "nan", "inf", "1e3MB", "5 PB", "0.0000001KB", "9" * 400 + "MB", "１MB",
             "5MB extra", "0x10MB", "1,5MB", "many")  # fmt: skip
    for size in sizes:
        said = refused(*words, *options, f"{option}={size}")
        assert "is not a size" in said
        assert len(said) < 200
    refused(*words, *options, f"{option}=")


def test_a_size_that_cannot_be(place: Place, refused: Run) -> None:
    said = refused(*command(place, "compress", str(place.model)), "--size", "5B")
    assert "the smallest is" in said


def test_a_huge_context_is_cut_to_what_the_model_has(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    line = command(place, "chat", str(place.model))
    assert main([*line, "--context", "999999999", "--max-tokens", "2", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["answer"] is not None


# -- names and options --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("chta",), "did you mean chat?"),
        (("--jsn",), "options come after the command"),
        (("chat", "--wat"), "unrecognized arguments: --wat"),
        (("chat", "a", "b"), "unrecognized arguments: b"),
        (("chat", "--onc", "hi"), "unrecognized arguments"),
        (("evaluate",), "give a MODEL, or --texts FILE"),
        (("evaluate", "x", "--wat"), "unrecognized arguments: --wat"),
        (("compress",), "required: -o/--output"),
        (("compress", "x", "-o"), "expected one argument"),
        (("compress", "-o", "out", "--size", "1MB"), "which model?"),
        (("fit",), "required: MODEL"),
        (("fit", "qwen3-0.6b", "--codec", "Q4"), "unknown codec 'Q4'"),
        (("fit", "qwen3-0.6b", "--codec", ""), "unknown codec ''"),
        (("fit", "qwen3-0.6b", "--device", ""), "unknown device ''"),
        (("fit", "qwen3-0.6b", "--device", "pi-zero-2"), "did you mean pi-zero-2w"),
        (("fit", "qwen3-0.6b", "--ram", "1GB"), "--ram belongs to --recommend"),
        (("devices", "shw"), "invalid choice"),
        (("devices", "show", "pi-zero-2"), "did you mean pi-zero-2w"),
        (("chat", "--once", " "), "nothing was asked"),
        (("chat", "--grammar", "a", "--json-schema", "b"), "not allowed with"),
    ],
)
def test_words_that_are_none(refused: Run, line: tuple[str, ...], words: str) -> None:
    assert words in refused(*line)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--effort", "ligth"), "did you mean light"),
        (("--effort", ""), "unknown effort ''"),
        (("--device", "pi-5"), "not allowed with"),
        (("--resume", "--restart"), "not allowed with"),
        (("--size", ""), "'' is not a size"),
    ],
)
def test_options_of_compress(place: Place, refused: Run, more: tuple[str, ...], words: str) -> None:
    assert words in refused(*command(place, "compress", str(place.model)), *more)


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("grammar", b"root ::= (", ") is expected"),
        ("grammar", b'root ::= "a" | b', "no rule 'b'"),
        ("grammar", b'x ::= "a"', "root"),
        ("grammar", b'root ::= root "a"', "no text can follow it"),
        (
            "grammar",
            b"root ::= " + b"(" * 60_000 + b'"a"' + b")" * 60_000,
            "is longer than 65536 characters",
        ),
        ("grammar", b"x" * 300_000, "longer than"),
        ("grammar", b"\xff\xfe", "not UTF-8"),
        ("grammar", b"", "is empty"),
        ("grammar", None, "no such file"),
        ("json-schema", b"[]", "write an object"),
        ("json-schema", b"{", "is not JSON"),
        ("json-schema", b"[" * 100_000, "nested too deeply"),
        ("json-schema", b'{"type": "nonsense"}', "JSON schema cannot be used"),
        ("json-schema", b'{"enum": []}', "anyOf is empty"),
    ],
)
def test_grammars_and_schemas(
    place: Place, refused: Run, tmp_path: Path, kind: str, data: bytes | None, words: str
) -> None:
    """The parsers of both write pages to stderr: here it is one line that says what is wrong."""
    path = tmp_path / "rules"
    if data is not None:
        path.write_bytes(data)
    assert words in refused(*command(place, "chat", str(place.model)), f"--{kind}", str(path))


# -- recipes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (b"\xff", "not UTF-8"),
        (b"- 1", "no 'schema: 1'"),
        (b"schema: 2", "no 'schema: 1'"),
        (b"[" * 3000, "too deep"),
        (b"!!python/object/apply:os.system ['touch was-run']", "tags are not read"),
        (b"schema: 1\nseed: " + b"9" * 5000, "'seed' must be a whole number"),
        (b"schema: 1\nseed: 1\nseed: 2", "written twice"),
        (b"a: &a [1]\nb: *a", "aliases are not read"),
        (b"schema: true", "no 'schema: 1'"),
        (b"schema: 1.0", "no 'schema: 1'"),
        (b"schema: 1\nwat: 1", "unknown 'wat': known: "),
        (b"schema: 1\n1: 2", "unknown '1'"),
        ({"model": ["x"]}, "'model' must be a text"),
        ({"seed": "abc"}, "'seed' must be a whole number"),
        ({"seed": -1}, "'seed' must be a whole number"),
        ({"budget_bytes": 1.5}, "'budget_bytes' must be a whole number"),
        ({"budget_bytes": True}, "'budget_bytes' must be a whole number"),
        ({"efort": "light"}, "unknown 'efort': did you mean effort"),
        ({"effort": "heroic"}, "unknown effort"),
        ({"model_sha256": "0" * 64}, "another model"),
        ({"codecs": {"zzz": "Q4_0"}}, "no tensor 'zzz'"),
        ({"codecs": {"token_embd.weight": "Q9"}}, "unknown codec"),
        ({"codecs": {"token_embd.weight": 4}}, "'codecs' must be codecs by the names"),
        ({"codecs": {"output_norm.weight": "Q4_0"}}, "not quantized"),
        ({"codecs": {"token_embd.weight": "I8"}}, "cannot be written"),
        ({"codecs": {"token_embd.weight": "F32"}}, "are allowed"),
    ],
)
def test_recipes(
    place: Place, refused: Run, tmp_path: Path, recipe: bytes | dict[str, Any], words: str
) -> None:
    path = tmp_path / "recipe.yaml"
    if isinstance(recipe, dict):
        sound = {"schema": 1, "model": str(place.model), "model_sha256": sha256_file(place.model),
                 "budget_bytes": 110_000, "effort": "light", "seed": 0}  # fmt: skip
        recipe = yaml.safe_dump({**sound, **recipe}).encode()
    path.write_bytes(recipe)
    said = refused("compress", "-o", "out", "--held-out", str(place.held), "--threads", "1",
                   "--recipe", str(path))  # fmt: skip
    assert words in said
    assert not (place.folder / "was-run").exists()


# -- where to ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("held.txt", "in the way"),
        ("held.txt/sub", "in the way"),
        ("held.txt/sub/deep", "in the way"),
        ("x" * 300, "too long"),
        ("/dev/null", "in the way"),
        ("/proc/no/such", "cannot write"),
    ],
)
def test_output_that_cannot_be(place: Place, refused: Run, out: str, words: str) -> None:
    before = place.held.read_bytes()
    said = refused(*command(place, "compress", str(place.model)), "-o", out, status=1)
    assert words in said
    assert place.held.read_bytes() == before


def test_an_empty_output(place: Place, refused: Run) -> None:
    """Path("") is the folder we are in: it would have been filled."""
    assert "empty path" in refused(*command(place, "compress", str(place.model)), "-o", "")


def test_an_output_in_a_loop_of_links(place: Place, refused: Run, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    out = str(tmp_path / "loop" / "out")
    refused(*command(place, "compress", str(place.model)), "-o", out, status=1)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder on a read-only file system; root is held back by nothing less."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "ro,size=1m", "penjing-test", str(folder)]
    if (
        mount is None
        or subprocess.run([mount, *options], capture_output=True, check=False).returncode
    ):
        pytest.skip("mounting a read-only file system is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_read_only_output(place: Place, refused: Run, read_only: Path) -> None:
    for out in (read_only, read_only / "bundle"):
        line = command(place, "compress", str(place.model))
        assert "read-only" in refused(*line, "-o", str(out), status=1)


@pytest.mark.parametrize("baseline", [False, True])
def test_a_read_only_home(
    place: Place, refused: Run, read_only: Path, monkeypatch: pytest.MonkeyPatch, baseline: bool
) -> None:
    monkeypatch.setenv("PENJING_HOME", str(read_only / "home"))
    line = command(place, "evaluate", str(place.model))
    more = ["--baseline", str(place.model)] if baseline else []
    assert "read-only" in refused(*line, *more, status=1)


def test_a_home_that_is_a_file(place: Place, refused: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENJING_HOME", str(place.held))
    said = refused(*command(place, "evaluate", str(place.model)), status=1)
    assert "cannot write" in said


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EROFS, "read-only"), (errno.EACCES, "not permitted"), (errno.ENOSPC, "disk is full")],
)
def test_a_disk_that_refuses(
    place: Place, refused: Run, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("penjing.core.files.tempfile.TemporaryFile", refuse)
    line = command(place, "compress", str(place.model))
    assert words in refused(*line, status=1)


# -- what the models are to each other, and the streams ------------------------------------------


def test_a_baseline_of_another_vocabulary(place: Place, refused: Run, tmp_path: Path) -> None:
    with GGUFFile.open(place.model) as file:
        tokens = list(file.metadata["tokenizer.ggml.tokens"].data)
        value = file.metadata["tokenizer.ggml.tokens"]
    tokens[200], tokens[201] = tokens[201], tokens[200]  # as many, but not the same
    tokens[100], tokens[110] = tokens[110], tokens[100]
    other = tmp_path / "other.gguf"
    assert value.item_kind is not None
    again(place.model, other, {"tokenizer.ggml.tokens": Value.array(value.item_kind, tokens)})
    said = refused(*command(place, "baseline", str(other)))
    assert "other" in said
    assert "token" in said


def test_chat_needs_a_template(place: Place, refused: Run, tmp_path: Path) -> None:
    again(place.model, tmp_path / "base.gguf", {"tokenizer.chat_template": Value.text("")})
    said = refused(*command(place, "chat", str(tmp_path / "base.gguf")), status=1)
    assert "no chat template" in said


def test_same_lines_are_not_calibrated_on(place: Place, refused: Run, tmp_path: Path) -> None:
    (tmp_path / "same.txt").write_text(place.held.read_text())
    line = command(place, "compress", str(place.model))
    assert "calibrated on" in refused(*line, "--text", str(tmp_path / "same.txt"))
    (tmp_path / "other.txt").write_text(prose(9, 50))
    assert "longer" in refused(*line, "--text", str(tmp_path / "other.txt"))


@pytest.mark.parametrize("name", ["chat", "evaluate", "baseline", "compress"])
def test_weights_that_are_no_numbers(place: Place, refused: Run, tmp_path: Path, name: str) -> None:
    again(place.model, tmp_path / "nan.gguf", {}, fill=struct.pack("<f", float("nan")))
    status = 2 if name == "compress" else 1
    said = refused(*command(place, name, str(tmp_path / "nan.gguf")), status=status)
    assert "damaged" in said


@pytest.mark.parametrize("name", ["evaluate", "baseline", "compress"])
def test_a_model_of_few_tokens(place: Place, refused: Run, tmp_path: Path, name: str) -> None:
    length = {"llama.context_length": Value(ValueKind.UINT32, 200)}
    again(place.model, tmp_path / "few.gguf", length)
    said = refused(*command(place, name, str(tmp_path / "few.gguf")))
    assert "200" in said


@pytest.mark.parametrize("more", [(), ("--resume",), ("--restart",)])
def test_two_at_once(place: Place, refused: Run, tmp_path: Path, more: tuple[str, ...]) -> None:
    """The second would take the first one's files away under its hands."""
    work = Work.begin(tmp_path / "out", {"model": "x"}, resume=False, restart=False)
    before = sorted((tmp_path / "out").rglob("*"))
    line = command(place, "compress", str(place.model))
    assert "at work in" in refused(*line, "-o", str(tmp_path / "out"), *more)
    assert sorted((tmp_path / "out").rglob("*")) == before
    work.close()


@pytest.mark.parametrize("content", [b"[]", b"{", b"", b"\xff"])
def test_unfinished_work_that_cannot_be_read(
    place: Place, refused: Run, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "out" / ".work").mkdir(parents=True)
    (tmp_path / "out" / ".work" / "signature.json").write_bytes(content)
    line = command(place, "compress", str(place.model))
    assert "--restart" in refused(*line, "-o", str(tmp_path / "out"), "--resume")


@pytest.mark.parametrize("line", [["list"], ["chat", "x.gguf"], ["compress", "x", "-o", "y"]])
def test_a_closed_output_is_refused_before_work(line: list[str]) -> None:
    """Descriptor 1 would become the next file that is opened, and warnings would land in it."""
    shell = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "penjing", *line]
    done = subprocess.run(shell, stderr=subprocess.PIPE, check=False)
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, len(lines)) == (2, 1)
    assert "standard output is closed" in lines[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", ["chat", "fit", "help"])
def test_a_full_output(place: Place, name: str) -> None:
    line = ["chat", "--help"]
    if name != "help":
        line = [*command(place, name, str(place.model)), "--json"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "penjing", *line],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    lines = done.stderr.decode().strip().splitlines()
    assert done.returncode == 1
    assert len(lines) == 1
    assert "no space left" in lines[0] or "disk is full" in lines[0]
