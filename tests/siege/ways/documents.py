"""Documents that want a processor or the memory for themselves, and damaged ones."""

from __future__ import annotations

import io
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import mutate
from ground import SIGN, Ground
from way import Way

from penjing.knowledge.chunking import chunks
from penjing.knowledge.reading import Limits, read

sys.path.append(str(Path(__file__).parents[2] / "knowledge"))

import hostile

_NAMES = ("a.docx", "a.html", "a.txt", "a.md", "a.csv", "a.pdf")
_SIZES = (10, 1_000, 100_000, 2_000_000)
_WORD = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'


def _docx(random: Random) -> bytes:
    n = random.choice(_SIZES)
    body = random.choice((
        f'<w:body><w:p w:x="{"a" * n}"><w:r><w:t>x</w:t></w:r></w:p></w:body>',
        "<w:body>" + "<w:p>" * min(n, 100_000) + "</w:body>",
        "<w:body>" + "".join(f'<w:p a{i}="1"/>' for i in range(min(n, 50_000))) + "</w:body>",
        "<w:body><w:p " + " ".join(f'b{i}="1"' for i in range(min(n, 50_000))) + "/></w:body>",
        "<w:body><w:p><w:r><w:t>" + "word " * (n // 5) + "</w:t></w:r></w:p></w:body>",
        "&a;" * n,
    ))  # fmt: skip
    head = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 9))
    doctype = f'<!DOCTYPE x [<!ENTITY a0 "lol">{head}<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    text = (doctype if random.random() < 0.2 else "") + _WORD + body + "</w:document>"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
        names = ["word/document.xml"] * random.choice((1, 1, 1, 2))
        for name in (
            *names,
            "../../decoys/passwd",
            *(f"x{i}" for i in range(random.choice((0, 5000)))),
        ):
            pack.writestr(name, text if name.startswith("word") else "x")
    return out.getvalue()


def _html(random: Random) -> bytes:
    n = random.choice(_SIZES)
    piece = random.choice(
        (
            "<!--",
            "<![",
            "<?",
            "<a ",
            "<div>",
            "</p>",
            "&",
            "&#x",
            "<script>",
            "<style>",
            "<td>",
            '<a href="',
            "<!DOCTYPE ",
            "<p a=b ",
            "<table><tr>",
            "<li>",
            "<x:y>",
            "]]>",
            "\x00",
            "<svg>",
        )
    )
    mixed = "".join(random.choice((piece, "word ", ">", "</div>")) for _ in range(min(n, 100_000)))
    return random.choice((piece * (n // len(piece) + 1), mixed, f"<body>{piece * n}</body>"))[
        :8_000_000
    ].encode()


def _text(random: Random) -> bytes:
    n = random.choice(_SIZES)
    unit = random.choice(
        (b"a", b"\n", b"# ", b"- ", b"\xff", b"\x00", "盆".encode(), b"```\n", b"> ")
    )
    return random.choice((b"", b"\xff\xfe", b"\xef\xbb\xbf", b"\x00\x00\xfe\xff")) + unit * n


def _csv(random: Random) -> bytes:
    n = random.choice(_SIZES)
    return random.choice(
        (b'"' + b"a" * n, b"," * n, b'"",' * n, b"a;b\n" * n, b'"\n' * n, b"\r" * n)
    )


def _pdf(random: Random) -> bytes:
    n = random.choice(_SIZES)
    stream = random.choice((
        zlib.compress(b"\x00" * (n * 50)), zlib.compress(b"BT (a) Tj ET " * n), b"q " * n,
        zlib.compress(b"[" * n), b"x" * n,
    ))  # fmt: skip
    length = random.choice((len(stream), 0, 10**9, -1))
    kids = random.choice(
        ("[3 0 R]", "[2 0 R]", "[" + "3 0 R " * min(n, 100_000) + "]", "[1 0 R 2 0 R]")
    )
    parts = [
        "1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj",
        f"2 0 obj << /Type /Pages /Kids {kids} /Count {random.choice((1, n, -1))} >> endobj",
        f"3 0 obj << /Type /Page /Parent {random.choice((2, 3))} 0 R /Contents 4 0 R >> endobj",
        f"5 0 obj {'[' * random.choice((1, 500, 50_000))} endobj",
    ]
    data = b"%PDF-1.7\n" + "\n".join(parts).encode()
    data += f"\n4 0 obj << /Filter /FlateDecode /Length {length} >> stream\n".encode() + stream
    return data + b"\nendstream endobj\ntrailer << /Root 1 0 R /Prev 0 >>\nstartxref\n0\n%%EOF"


_MADE: dict[str, Callable[[Random], bytes]] = {
    "a.docx": _docx, "a.html": _html, "a.txt": _text, "a.md": _text, "a.csv": _csv, "a.pdf": _pdf,
}  # fmt: skip


def _known(random: Random) -> tuple[str, bytes]:
    """One of the hostile documents that tests/knowledge has, of some size."""
    return hostile.TABLE[random.choice(sorted(hostile.TABLE))](random.choice((0.01, 0.2, 1, 3)))


def _case(_: None, random: Random, folder: Path) -> str | None:
    if random.random() < 0.5:
        name, data = _known(random)
    else:
        name = random.choice(_NAMES)
        data = _MADE[name](random)
    if random.random() < 0.1:  # what one format forbids, another may not
        name = random.choice(_NAMES)
    if random.random() < 0.3:
        data = mutate.spoiled_bytes(random, data)
    (folder / name).write_bytes(data)
    plain = read(name, "", data, Limits())
    if SIGN in plain.text:
        return "a decoy was read"
    made = chunks(plain)  # in the process of whoever added it, without the child's limits
    ends = [0, *(one.end for one in made)]
    whole = [one.start for one in made] == ends[:-1] and ends[-1] == len(plain.text)
    return None if whole else "the passages are not the text"


def _prepare(_: Ground) -> None:
    return None


WAY = Way(
    "documents",
    "documents that want a processor or the memory: read or refused in seconds",
    _prepare,
    _case,
)
