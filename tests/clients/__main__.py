"""Clients of other people against a real `penjing serve`: each in an environment of its own.

    python tests/clients [NAME ...]

`make clients` runs all. An environment is made on demand below build/clients and used again; the
server has the default model, the embedding model where it was pulled, and `assistant.yaml`. A
script fails by its exit status, and says why.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENTS = ROOT / "build" / "clients"
_SECONDS = 900
_START = 300


@dataclass(frozen=True)
class Client:
    """Somebody else's client."""

    script: str
    """What is run, in this folder."""
    needs: tuple[str, ...]
    """What is installed for it, from PyPI or (a script of Node) npm."""


CLIENTS: Mapping[str, Client] = {
    "openai": Client("openai_python.py", ("openai>=3,<4",)),
    "openai-npm": Client("openai_node.mjs", ("openai", "zod")),
    "langchain": Client("langchain_agent.py", ("langchain>=1,<2", "langchain-openai>=1,<2")),
    "pydantic-ai": Client("pydantic_agent.py", ("pydantic-ai-slim[openai]>=2,<3",)),
    "llamaindex": Client(
        "llamaindex_chat.py",
        ("llama-index-llms-openai-like", "llama-index-embeddings-openai-like"),
    ),
    "litellm": Client("litellm_chat.py", ("litellm>=1.80",)),
    "llm": Client("llm_command.py", ("llm>=0.27",)),
    "ollama": Client("ollama_python.py", ("ollama>=0.6",)),
    "ollama-npm": Client("ollama_node.mjs", ("ollama",)),
}


def main(names: Sequence[str]) -> int:
    """Run some, or all; 1 where any failed, 2 for a name that is none."""
    unknown = [one for one in names if one not in CLIENTS]
    if unknown:
        print(f"no client {', '.join(unknown)}: there are {', '.join(CLIENTS)}", file=sys.stderr)
        return 2
    failed = False
    with server() as about:
        for name in names or CLIENTS:
            began = time.monotonic()
            problem = tried(name, CLIENTS[name], about)
            failed = failed or problem is not None
            line = f"{name:14} {'passes' if problem is None else 'FAILS'}"
            print(f"{line:24} {time.monotonic() - began:6.1f} s", flush=True)
            if problem:
                print(problem, flush=True)
    return 1 if failed else 0


def tried(name: str, client: Client, about: Mapping[str, str]) -> str | None:
    """What went wrong with a client; None where nothing did."""
    try:
        command = [*environment(name, client), str(HERE / client.script)]
        if client.script.endswith(".mjs"):  # Node looks for packages beside the script
            copied = ENVIRONMENTS / name / client.script
            shutil.copy(HERE / client.script, copied)
            command[-1] = str(copied)
        done = subprocess.run(
            command, env={**os.environ, **about}, capture_output=True, text=True, timeout=_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        return f"its environment was not made: {(error.stderr or '')[-2000:]}"
    except subprocess.TimeoutExpired:
        return f"no end in {_SECONDS} s"
    return None if done.returncode == 0 else (done.stdout + done.stderr)[-4000:]


def environment(name: str, client: Client) -> list[str]:
    """What runs a script with everything it needs."""
    place = ENVIRONMENTS / name
    made = place / "made"
    node = client.script.endswith(".mjs")
    runs = ["node"] if node else [str(place / "bin" / "python")]
    if made.exists() and made.read_text() == "\n".join(client.needs):
        return runs
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if node:
        (place / "package.json").write_text('{"private": true}')
        make = [["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *client.needs]]
    else:
        pip = [str(place / "bin" / "pip"), "install", "-q", *client.needs]
        make = [[sys.executable, "-m", "venv", str(place)], pip]
    for command in make:
        subprocess.run(command, cwd=place, check=True, capture_output=True, text=True)
    made.write_text("\n".join(client.needs))
    return runs


@contextmanager
def server() -> Iterator[dict[str, str]]:
    """A server on a port of its own; where it is and with which token, as scripts are told."""
    with tempfile.TemporaryDirectory(prefix="clients-") as folder:
        token = Path(folder) / "token"
        command = [sys.executable, "-m", "penjing", "serve", str(HERE / "assistant.yaml")]
        command += ["--no-vault", "--port", "0", "--json", "--token-file", str(token)]
        command += ["--context", "8192", *os.environ.get("PENJING_CLIENTS_SERVE", "").split()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            try:
                yield _told(running, token)
            finally:
                running.terminate()


def _told(running: subprocess.Popen[str], token: Path) -> dict[str, str]:
    """What the server says when it listens."""
    assert running.stdout is not None
    document = json.loads(_document(running))
    api: str = document["api"]
    return {
        "PENJING_URL": api.removesuffix("/v1"),
        "PENJING_TOKEN": token.read_text().strip(),
        "NO_PROXY": "127.0.0.1,localhost",
        "DO_NOT_TRACK": "1",
    }


def _document(running: subprocess.Popen[str]) -> str:
    """One JSON document, which may have several lines."""
    text, ends = "", time.monotonic() + _START
    assert running.stdout is not None
    while time.monotonic() < ends:
        line = running.stdout.readline()
        if not line:
            break
        text += line
        try:
            json.loads(text)
        except ValueError:
            continue
        return text
    raise SystemExit("the server did not start: see what it says above")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
