"""`penjing knowledge`: add, search, list and remove a person's documents in the vault."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.app.embedder import open_embedder
from penjing.cli import person
from penjing.cli.options import path, whole
from penjing.cli.output import Output
from penjing.cli.person import Asker
from penjing.core.errors import BadInput, NotFound
from penjing.core.units import format_size

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.core.dialogue import Passage
    from penjing.core.history import Document

EXAMPLES: Mapping[str, str] = {
    "knowledge": """
        penjing knowledge add manual.pdf notes.md
        penjing knowledge search "how often do I water it?"
        penjing knowledge list
        penjing knowledge remove manual.pdf
    """
}

_SHOWN = 240
"""Characters of a passage that are shown to people; a document has all of it."""


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    one = _action(actions, "add", "keep documents and make them searchable")
    one.add_argument("files", nargs="+", type=path, metavar="FILE", help="what to add")
    one.add_argument(
        "--replace", action="store_true", help="in the place of what is there by the same name"
    )
    one = _action(actions, "search", "find the passages that answer a question")
    one.add_argument("question", help="in any language")
    one.add_argument("--limit", type=whole(1, 50), default=5, metavar="N", help="(default: 5)")
    _action(actions, "list", "show the documents")
    one = _action(actions, "remove", "delete documents and what was made of them")
    one.add_argument("names", nargs="+", metavar="NAME", help="a document's name or id")


def run(args: Namespace) -> int:
    """Do it; 1 when a document could not be added."""
    output, asker = Output(args.json, quiet=args.quiet), person.asker(args)
    if args.action == "add":
        return _add(args.files, asker, output, replace=args.replace)
    if args.action == "search":
        return _search(args.question, args.limit, asker, output)
    return _list(asker, output) if args.action == "list" else _remove(args.names, asker, output)


def _action(actions: Any, name: str, about: str) -> ArgumentParser:
    parser: ArgumentParser = actions.add_parser(
        name, help=about, description=about[0].upper() + about[1:] + ".", allow_abbrev=False
    )
    parser.add_argument("--json", action="store_true", default=SUPPRESS, help="one JSON document")
    parser.add_argument("--quiet", action="store_true", default=SUPPRESS, help="show no progress")
    person.register(parser)
    return parser


def _add(files: Sequence[Path], asker: Asker, output: Output, *, replace: bool) -> int:
    """Files that cannot be read are told and keep no other from being added."""
    from penjing.app.knowledge import check_document, read_document
    from penjing.knowledge.library import Library

    for file in files:  # mistakes before passphrases
        check_document(file)
    twice = [name for name, times in Counter(one.name for one in files).items() if times > 1]
    if replace and twice:
        raise BadInput(f"two files are called {twice[0]}: add them without --replace")
    progress = output.progress()
    lines: list[dict[str, Any]] = []
    with person.opened(asker, output) as store, open_embedder(progress) as embedder:
        library = Library(store, embedder, progress)
        for file in files:
            try:
                added = library.add(file.name, read_document(file), replaces=replace)
            except BadInput as error:
                lines.append({"name": file.name, "error": str(error)})
                continue
            lines.append({"file": str(file), **_document(added.document), **_counts(asdict(added))})

    def human(console: Console) -> None:
        for line in lines:
            console.print(_told(line), markup=False, soft_wrap=True)

    failed = [line for line in lines if "error" in line]
    if failed and len(lines) == 1:
        raise BadInput(failed[0]["error"])
    output.emit({"documents": lines}, human)
    return 1 if failed else 0


def _search(question: str, limit: int, asker: Asker, output: Output) -> int:
    from penjing.knowledge.retriever import KnowledgeRetriever

    progress = output.progress()
    with person.opened(asker, output) as store, open_embedder(progress) as embedder:
        found = KnowledgeRetriever(store, embedder).search(question, limit=limit)
    document = {"question": question, "passages": [asdict(one) for one in found]}
    output.emit(document, lambda console: _show(console, found))
    return 0


def _list(asker: Asker, output: Output) -> int:
    with person.opened(asker, output) as store:
        ready = {one.document.id: one.excerpts for one in store.passages.indexed()}
        documents = store.documents.all()
    lines = [
        {
            **_document(one),
            "state": "ready" if one.id in ready else "unfinished",
            "passages": ready.get(one.id, 0),
        }
        for one in documents
    ]

    def human(console: Console) -> None:
        for line in lines:
            known = f"{line['passages']} passages" if line["state"] == "ready" else "add it again"
            text = f"{line['name']}  {format_size(line['size'])}  {line['state']}, {known}"
            console.print(text, markup=False, soft_wrap=True)
        if not lines:
            console.print("no documents: penjing knowledge add FILE", markup=False)

    output.emit({"documents": lines}, human)
    return 0


def _remove(names: Sequence[str], asker: Asker, output: Output) -> int:
    """All of them or none, as far as names can be wrong."""
    with person.opened(asker, output) as store:
        every = store.documents.all()
        chosen = [_named(every, name) for name in names]
        for one in {one.id: one for one in chosen}.values():
            store.documents.delete(one.id)
    removed = ", ".join(one.name for one in chosen)
    output.emit(
        {"removed": [_document(one) for one in chosen]},
        lambda console: console.print(f"removed: {removed}", markup=False),
    )
    return 0


def _named(every: Sequence[Document], name: str) -> Document:
    for one in every:
        if name in (one.id, one.name):
            return one
    raise NotFound("document", name)


def _document(one: Document) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "size": one.size, "added": one.added}


def _counts(added: Mapping[str, Any]) -> dict[str, Any]:
    return {name: added[name] for name in ("passages", "embedded", "replaced", "remark")}


def _told(line: Mapping[str, Any]) -> str:
    if "error" in line:
        return f"not added: {line['error']}"
    remark = f"; {line['remark']}" if line["remark"] else ""
    if not line["embedded"] and not line["replaced"]:
        return f"{line['name']}: {line['passages']} passages, nothing new{remark}"
    kind = "replaced" if line["replaced"] else "added"
    if line["name"] != Path(line["file"]).name:
        kind = f"added, for there is another {Path(line['file']).name} (or give --replace)"
    new = f"{line['passages']} passages, {line['embedded']} of them new"
    return f"{line['name']}: {kind}, {new}{remark}"


def _show(console: Console, found: Sequence[Passage]) -> None:
    if not found:
        console.print("nothing in the documents answers that", markup=False)
    for number, one in enumerate(found, 1):
        place = f", {one.location}" if one.location else ""
        console.print(f"[{number}] {one.source}{place}", markup=False, soft_wrap=True)
        text = " ".join(one.text.split())
        short = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        console.print(f"    {short}", markup=False, soft_wrap=True)
