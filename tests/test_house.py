"""The house rules as data: who may import whom, where torch may be, how long a file is.

A new room or a new arrow is a change of the plan: it is made here and in ARCHITECTURE.md together.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from penjing.cli.app import COMMANDS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "penjing"

MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "bundle": {"core"},
    "ggml": {"core", "bundle"},
    "devices": {"core", "bundle"},
    "engine": {"core", "bundle", "devices", "ggml"},
    "vault": {"core"},
    "ownership": {"core", "bundle", "vault"},
    "knowledge": {"core", "vault"},
    "tools": {"core"},
    "evaluation": {"core"},
    "assistant": {"core"},
    "serve": {"core", "assistant", "vault", "bundle"},
    "workshop": {"core", "bundle", "ggml", "devices", "engine", "evaluation"},
    "app": {
        "core", "bundle", "devices", "engine", "vault", "ownership", "knowledge", "tools",
        "evaluation", "assistant", "serve", "workshop",
    },
    "testing": {"core", "engine", "vault"},
    "cli": {
        "app", "core", "bundle", "ggml", "devices", "engine", "vault", "ownership", "knowledge",
        "tools", "evaluation", "assistant", "serve", "workshop",
    },
    # penjing/__init__.py and penjing/__main__.py
    "": {"app", "cli", "core", "vault"},
}  # fmt: skip
"""Every room may also import itself and, for the version, `penjing` alone."""

IN_THE_WORKSHOP: dict[str, set[str]] = {
    "quantize": set(),
    "export": set(),
    "huggingface": set(),
    "pages": set(),
    "report": {"pages"},
    "search": {"quantize"},
    "distill": {"quantize"},
    "prune": {"quantize"},
    "factorize": set(),
    "mark": {"quantize"},
    "compress": {"quantize", "search", "distill", "export", "prune", "report"},
    "compare": {"compress", "export", "pages", "report"},
}
"""Folders of the workshop and which others they may import; its loose files are for all."""

DEVICE_HALF = (
    "core", "bundle", "ggml", "devices", "engine", "vault", "ownership", "knowledge", "tools",
    "assistant", "evaluation", "app", "testing", "cli",
)  # fmt: skip
SERVE_ONLY = ("fastapi", "starlette", "uvicorn", "pydantic", "anyio", "h11")
"""Web frameworks are imported at the top of handlers: of `serve` itself nothing runs without."""
TOOLS_ONLY = ("paho", "mcp")
ASSISTANT_ONLY = ("yaml", "hassil", "home_assistant_intents")
VAULT_ONLY = ("sqlcipher3", "cryptography", "keyring", "pypdf")
WORKSHOP_ONLY = ("torch", "optuna", "safetensors", "transformers", "huggingface_hub")
STDLIB = sys.stdlib_module_names
MAX_LINES = 400


class Import(NamedTuple):
    """One import, wherever in the file it stands."""

    module: str
    line: int
    typing_only: bool


def imports(source: str, module: str, *, is_package: bool = False) -> Iterator[Import]:
    """Absolute names of all modules a file imports; `from a import b` gives "a.b"."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    tree = ast.parse(source)
    typing_only = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for child in ast.walk(statement)
    }
    for node in ast.walk(tree):
        for name in _names(node, package):
            yield Import(name, getattr(node, "lineno", 0), id(node) in typing_only)


def _names(node: ast.AST, package: list[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else []
        stem = ".".join([*base, node.module] if node.module else base)
        yield from (f"{stem}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = ast.unparse(node.func).split(".")[-1]
        if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
            yield node.args[0].value


def room_of(module: str) -> str | None:
    """The room a module lies in, "" for the package itself, None for foreign modules."""
    parts = module.split(".")
    if parts[0] != "penjing":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else ""


def forbidden(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """The arrows of one file that are not in the table, and torch where it may not be."""
    room = room_of(module)
    assert room is not None
    found = []
    for one in imports(source, module, is_package=is_package):
        target = room_of(one.module)
        top = one.module.split(".")[0]
        if target not in (None, "", room) and target not in MAY_IMPORT[room]:
            found.append(f"line {one.line}: {room or 'penjing'} -> {target} ({one.module})")
        if target == "" and one.module not in ("penjing", "penjing.__version__"):
            found.append(f"line {one.line}: {one.module} is in no room")
        if top == "torch" and room != "workshop":
            found.append(f"line {one.line}: torch outside workshop/")
        if room == "core" and target is None and not (one.typing_only or top in STDLIB):
            found.append(f"line {one.line}: core imports {top}, not the standard library")
    return found


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_arrows_of_the_plan(path: Path) -> None:
    is_package = path.name == "__init__.py"
    assert forbidden(path.read_text("utf-8"), module_of(path), is_package=is_package) == []


@pytest.mark.parametrize("folder", IN_THE_WORKSHOP)
def test_only_the_arrows_of_the_plan_in_the_workshop(folder: str) -> None:
    found = set()
    for path in (PACKAGE / "workshop" / folder).rglob("*.py"):
        is_package = path.name == "__init__.py"
        for one in imports(path.read_text("utf-8"), module_of(path), is_package=is_package):
            parts = one.module.split(".")
            found |= {parts[2]} if parts[:2] == ["penjing", "workshop"] else set()
    assert found & IN_THE_WORKSHOP.keys() <= {folder, *IN_THE_WORKSHOP[folder]}


def test_every_folder_of_the_workshop_is_in_the_plan() -> None:
    folders = {p.parent.name for p in FILES if p.parent.parent == PACKAGE / "workshop"}
    assert folders == IN_THE_WORKSHOP.keys()


def test_every_room_is_in_the_plan() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0] for path in FILES if path.parent != PACKAGE}
    assert rooms <= MAY_IMPORT.keys()
    assert {"core", "bundle", "cli"} <= rooms
    loose = {path.name for path in FILES if path.parent == PACKAGE}
    assert loose <= {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("plan", [MAY_IMPORT, IN_THE_WORKSHOP])
def test_the_plan_has_no_circle(plan: dict[str, set[str]]) -> None:
    left = {room: set(targets) for room, targets in plan.items()}
    while left:
        free = {room for room, targets in left.items() if not targets & left.keys()}
        assert free, f"circle among {sorted(left)}"
        left = {room: targets for room, targets in left.items() if room not in free}


KNOWN_CIRCLES: list[set[str]] = [
    {"penjing.assistant.understand.classifier", "penjing.assistant.understand.shelf"},
]
"""Files that still import each other."""


def import_graph(sources: dict[str, str], packages: set[str]) -> dict[str, set[str]]:
    """Module -> modules of ours it imports, at its top or within a function; not for types only."""
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        targets = set()
        for each in imports(source, module, is_package=module in packages):
            name = each.module
            while name and name not in sources:
                name = name.rpartition(".")[0]
            targets |= set() if each.typing_only else {name}
        graph[module] = targets - {module, "penjing", ""}
    return graph


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Sets of modules each of which imports all the others, over however many steps."""
    reached: dict[str, set[str]] = {}
    for module, targets in graph.items():
        seen: set[str] = set()
        ahead = [*targets]
        while ahead:
            if (name := ahead.pop()) not in seen:
                seen.add(name)
                ahead += graph[name]
        reached[module] = seen
    mutual = {
        frozenset(two for two in reached[one] if one in reached[two])
        for one in graph
        if one in reached[one]
    }
    return [set(each) for each in mutual]


def test_no_files_import_each_other_lazily_either() -> None:
    sources = {module_of(path): path.read_text("utf-8") for path in FILES}
    packages = {module_of(path) for path in FILES if path.name == "__init__.py"}
    found = circles(import_graph(sources, packages))
    assert sorted(map(sorted, found)) == sorted(map(sorted, KNOWN_CIRCLES))


def test_a_circle_is_found_and_no_other() -> None:
    sources = {
        "penjing.a": "import penjing.b\nimport penjing.d",
        "penjing.b": "def f():\n    from penjing.c import x",
        "penjing.c": "from penjing.a import y",
        "penjing.d": "if TYPE_CHECKING:\n    import penjing.a\nimport os",
    }
    assert circles(import_graph(sources, set())) == [{"penjing.a", "penjing.b", "penjing.c"}]


def test_only_the_command_line_knows_its_arguments() -> None:
    for path in FILES:
        is_package, module = path.name == "__init__.py", module_of(path)
        every = imports(path.read_text("utf-8"), module, is_package=is_package)
        tops = {each.module.split(".")[0] for each in every}
        assert "argparse" not in tops or room_of(module) == "cli", module


def takers(source: str) -> dict[str, set[str]]:
    """Functions of a file that take what argparse parsed -> the types of all they take."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            types = {ast.unparse(each.annotation) for each in every if each.annotation}
            if any("Namespace" in each for each in types):
                found[node.name] = types
    return found


def test_arguments_are_parsed_once_and_end_in_the_parsers() -> None:
    """What a command does takes values: only `run` holds both its arguments and its output."""
    for path in (PACKAGE / "cli").rglob("*.py"):
        source = path.read_text("utf-8")
        found = takers(source)
        assert not found or "ArgumentParser" in source, f"{path}: no parser, and a Namespace"
        assert [name for name, types in found.items() if len(types) > 1 and name != "run"] == []


def test_the_command_line_is_short() -> None:
    """It parses, calls and prints, each command in so many lines; what joins rooms is in `app`."""
    lines = [len(path.read_text("utf-8").splitlines()) for path in (PACKAGE / "cli").rglob("*.py")]
    assert sum(lines) < 235 * len(COMMANDS)


SAYS_WHAT_IS_MISSING = {"core/extras.py", "vault/envelope.py", "knowledge/reading.py"}
"""The one home; a package there without its OpenSSL; what a child process found missing."""


def test_one_place_knows_whether_an_extra_is_installed() -> None:
    found = {
        str(path.relative_to(PACKAGE)) for path in FILES if "MissingExtra(" in path.read_text()
    }
    assert found - {"core/errors.py"} == SAYS_WHAT_IS_MISSING


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert {path: n for path, n in lengths.items() if n > MAX_LINES} == {}


def test_test_files_have_names_of_their_own() -> None:
    names = sorted(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in set(names) if names.count(name) > 1] == []


PARTICIPLES = {
    # events and exceptions are called after what happened
    "core": {"Acted", "Cancelled", "Cited", "Finished", "Planned", "Remarked"},
    "engine": {"Crashed"},
    "serve": {"Refused", "Throttled"} | {
        # bodies of the API, whose names stand in its document
        "Answered", "Branched", "Changed", "Confirmed", "Decided",
        "Penalized", "Sampled", "Titled",
    },
    "workshop": {"Trimmed"},
    "assistant": {
        "Answered", "Compiled", "Confirmed", "Counted", "Deferred", "Garbled", "Licensed",
        "Packaged", "Passed", "Provided", "Ranged", "Refused", "Stepped", "Typed", "Uncited",
        "Wanted", "Weighed",
    },
}  # fmt: skip
"""Public classes that are called so still; none is added but events and exceptions."""


def test_classes_are_called_by_nouns() -> None:
    found: dict[str, set[str]] = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and re.fullmatch(r"[A-Z][a-z]+[^e]ed", node.name):
                found.setdefault(room_of(module_of(path)) or "", set()).add(node.name)
    assert found == PARTICIPLES


LEAST_MIRRORED = 198
"""Modules with a test at the mirrored path; raised when tests move, never lowered."""


def mirrored(modules: list[Path], tests: list[Path]) -> list[Path]:
    """Modules that a test file of their room is named after: `a/b/c.py` by test_c or test_b_c."""
    names = {(test.parts[0], test.stem) for test in tests}
    return [
        one
        for one in modules
        if {
            (one.parts[0], f"test_{one.stem}"),
            (one.parts[0], f"test_{one.parent.name}_{one.stem}"),
        }
        & names
    ]


def test_tests_mirror_the_tree_as_far_as_they_did() -> None:
    modules = [path.relative_to(PACKAGE) for path in FILES if not path.name.startswith("__")]
    tests = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
    found = mirrored(modules, tests)
    assert len(found) >= LEAST_MIRRORED


def test_every_module_says_what_it_is_for() -> None:
    silent = [path for path in FILES if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert [path for path in silent if path.read_text("utf-8").strip()] == []


# -- the rules can fail


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("penjing.core.x", "import penjing.bundle.home"),
        ("penjing.core.x", "import numpy"),
        ("penjing.core.x", "def f():\n    import numpy as np"),
        ("penjing.bundle.x", "from penjing.cli import app"),
        ("penjing.bundle.x", "from penjing import ggml"),
        ("penjing.bundle.x", "from .. import engine"),
        ("penjing.bundle.x", "from ..engine.llamacpp import LlamaCpp"),
        ("penjing.bundle.x", "def f():\n    from penjing.workshop import checkpoint"),
        ("penjing.bundle.x", "import importlib\nimportlib.import_module('penjing.cli.app')"),
        ("penjing.bundle.x", "if TYPE_CHECKING:\n    from penjing.engine import asked"),
        ("penjing.bundle.x", "import torch"),
        ("penjing.engine.x", "def f():\n    from torch.nn import Linear"),
        ("penjing.cli.x", "import torch.nn"),
        ("penjing.evaluation.x", "from penjing.engine.llamacpp import LlamaCpp"),
        ("penjing.workshop.x", "from penjing.cli.output import Output"),
        ("penjing.cli.x", "def f():\n    from penjing.testing import FakeModel"),
        ("penjing.core.x", "from penjing.nowhere import y"),
    ],
)
def test_a_wrong_arrow_is_found(module: str, source: str) -> None:
    assert len(forbidden(source, module)) == 1


def test_who_takes_parsed_arguments_is_found() -> None:
    source = "def run(args: Namespace, output: Output): ...\ndef other(name: str): ..."
    assert takers(source) == {"run": {"Namespace", "Output"}}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("penjing.core.x", "import json, os.path\nfrom penjing.core.errors import FormatError"),
        ("penjing.core.x", "if TYPE_CHECKING:\n    import numpy as np"),
        ("penjing.bundle.x", "import numpy\nfrom penjing import __version__\nfrom . import home"),
        ("penjing.engine.x", "from penjing.ggml import library\nfrom ..devices import this"),
        ("penjing.workshop.export.x", "import torch\nfrom penjing.bundle import folder"),
        ("penjing.cli.x", "def f():\n    from penjing.workshop import checkpoint"),
    ],
)
def test_a_right_arrow_is_let_be(module: str, source: str) -> None:
    assert forbidden(source, module) == []


# -- what importing really does, in a fresh process

WITHOUT = """
import importlib, sys

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {banned}:
            raise ModuleNotFoundError(f"{{name}} is made unimportable", name=name)

sys.meta_path.insert(0, Nowhere())
for name in {modules}:
    importlib.import_module(name)
print(len({modules}))
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_device_half_imports_without_what_extras_bring() -> None:
    modules = [module_of(path) for path in FILES if module_of(path).split(".")[1:2]]
    modules = [name for name in modules if name.split(".")[1] in DEVICE_HALF]
    extras = {*WORKSHOP_ONLY, *VAULT_ONLY, *SERVE_ONLY, *TOOLS_ONLY, *ASSISTANT_ONLY}
    code = WITHOUT.format(banned=extras, modules=modules)
    assert int(run(code)) == len(modules) > 10


def test_the_server_imports_without_what_other_extras_bring() -> None:
    modules = [module_of(path) for path in FILES if module_of(path).split(".")[1:2] == ["serve"]]
    code = WITHOUT.format(banned={*WORKSHOP_ONLY, *VAULT_ONLY}, modules=modules)
    assert int(run(code)) == len(modules) > 30


def test_unimportable_really_is() -> None:
    code = WITHOUT.format(banned=set(WORKSHOP_ONLY), modules=["json", "safetensors"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"safetensors is made unimportable" in done.stderr


START = """
import json, sys, time
before = set(sys.modules)
started = time.process_time()
import penjing.cli.app
seconds = time.process_time() - started
print(json.dumps([seconds, sorted({name.split(".")[0] for name in set(sys.modules) - before})]))
"""


@pytest.mark.alone
def test_the_command_line_starts_on_the_standard_library_alone_and_fast() -> None:
    seconds, loaded = min(json.loads(run(START)) for _ in range(3))
    assert [name for name in loaded if name not in {*STDLIB, "penjing"}] == []
    assert seconds < 0.2
