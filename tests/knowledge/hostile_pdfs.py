"""PDFs that want a core for minutes or all memory: see `hostile.py`."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Mapping

from papers import pdf_of

MB = 2**20
Make = Callable[[float], tuple[str, bytes]]


def filled(piece: str | bytes, megabytes: float) -> bytes:
    """A piece again and again."""
    data = piece.encode() if isinstance(piece, str) else piece
    return data * int(megabytes * MB / max(len(data), 1))


def _stream(body: bytes, more: str = "") -> bytes:
    return f"<< /Length {len(body)} {more} >>\nstream\n".encode() + body + b"\nendstream"


def _squeezed(body: bytes) -> bytes:
    return _stream(zlib.compress(body, 9), "/Filter /FlateDecode")


def _content(body: bytes, pages: int = 1) -> bytes:
    """Pages that all show one stream."""
    kids = " ".join(["3 0 R"] * pages)
    return pdf_of(
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources "
        "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        body,
    )


def _shown(piece: str, pages: int = 1, before: str = "BT /F1 9 Tf ", after: str = " ET") -> Make:
    """A stream that unpacks to twenty times its part."""

    def make(mb: float) -> tuple[str, bytes]:
        body = before.encode() + filled(piece, min(20 * mb, 60)) + after.encode()
        return "a.pdf", _content(_squeezed(body), pages)

    return make


def _plain_shown(piece: str) -> Make:
    return lambda mb: ("a.pdf", _content(_stream(b"BT /F1 9 Tf " + filled(piece, mb) + b" ET")))


def _bomb(mb: float) -> tuple[str, bytes]:
    once = zlib.compress(bytes(int(mb * 100 * MB)), 9)
    return "a.pdf", _content(_stream(zlib.compress(once), "/Filter [/FlateDecode /FlateDecode]"))


def _filters(mb: float) -> tuple[str, bytes]:
    names = "/ASCIIHexDecode " * 500
    return "a.pdf", _content(_stream(filled("41", mb) + b">", f"/Filter [{names}]"))


def _filtered(name: str, body: str | bytes, more: str = "") -> Make:
    return lambda mb: ("a.pdf", _content(_stream(filled(body, mb), f"/Filter /{name} {more}")))


def _many_pages(mb: float) -> tuple[str, bytes]:
    return "a.pdf", _content(_stream(b"BT /F1 9 Tf (x) Tj ET"), int(mb * 100_000))


def _tree(mb: float) -> tuple[str, bytes]:
    """Each folder of pages holds the next one ten times."""
    folders = [f"<< /Type /Pages /Count 9 /Kids [{' '.join([f'{n + 3} 0 R'] * 10)}] >>"
               for n in range(30)]  # fmt: skip
    return "a.pdf", pdf_of(*folders, "<< /Type /Page >>")


def _circle(mb: float) -> tuple[str, bytes]:
    return "a.pdf", pdf_of("<< /Type /Pages /Count 9 /Kids [2 0 R 2 0 R] >>")


def _forms(mb: float) -> tuple[str, bytes]:
    """Each form shows the next one ten times."""
    count = 30
    parts = []
    for number in range(count):
        said = _squeezed(b"/X Do " * 10).decode("latin-1")
        more = f"/Subtype /Form /Resources << /XObject << /X {number + 5} 0 R >> >>"
        parts.append(said.replace("<< ", f"<< {more} ", 1).encode("latin-1"))
    return "a.pdf", pdf_of(
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>",
        *parts,
        _stream(b"BT (x) Tj ET", "/Subtype /Form"),
    )


def _unclosed(piece: str) -> Make:
    return lambda mb: (
        "a.pdf",
        pdf_of("<< /Type /Pages /Count 1 /Kids " + filled(piece, mb).decode()),
    )


def _previous(mb: float) -> tuple[str, bytes]:
    """Tables of places that name each other for ever."""
    data = bytearray(b"%PDF-1.4\n")
    at = len(data)
    for _ in range(int(mb * 10_000)):
        table = f"xref\n0 0\ntrailer\n<< /Root 1 0 R /Prev {at} >>\n"
        at = len(data)
        data += table.encode()
    return "a.pdf", bytes(data) + f"startxref\n{at}\n%%EOF\n".encode()


def _sections(mb: float) -> tuple[str, bytes]:
    return "a.pdf", b"%PDF-1.4\nxref\n" + filled("0 99999999\n", mb) + b"startxref\n9\n%%EOF\n"


def _no_places(piece: str) -> Make:
    """Without a table of places, a reader looks through all of the file."""
    return lambda mb: ("a.pdf", b"%PDF-1.4\n" + filled(piece, mb) + b"\nstartxref\n0\n%%EOF\n")


def _objects(mb: float) -> tuple[str, bytes]:
    """Streams of objects that unpack to nothing but places."""
    many = filled("1 0 ", mb * 5)
    stream = _squeezed(many).decode("latin-1")
    stream = stream.replace("<< ", f"<< /Type /ObjStm /N {len(many) // 4} /First 9999999 ", 1)
    return "a.pdf", pdf_of("<< /Type /Pages /Kids [3 0 R] /Count 1 >>", stream.encode("latin-1"))


def _map(mb: float) -> tuple[str, bytes]:
    """A font's table of characters with ranges of all of Unicode."""
    ranges = "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
    ranges += "100 beginbfrange\n" + "<0000> <ffff> <0000>\n" * 100 + "endbfrange\n"
    font = "<< /Type /Font /Subtype /Type0 /BaseFont /A /Encoding /Identity-H /ToUnicode 5 0 R >>"
    return "a.pdf", pdf_of(
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 {font} >> >> >>",
        _stream(b"BT /F1 9 Tf <0041> Tj ET"),
        _squeezed(filled(ranges, mb * 5)),
    )


def _length(mb: float) -> tuple[str, bytes]:
    body = _stream(filled("(x) Tj ", mb)).replace(b"/Length ", b"/Length 99999")
    return "a.pdf", _content(body)


def _noise(mb: float) -> tuple[str, bytes]:
    return "a.pdf", b"%PDF-1.7\n" + random.Random(7).randbytes(int(mb * MB))


PDFS: Mapping[str, Make] = {
    "pdf: text": _shown("(x) Tj "),
    "pdf: text not packed": _plain_shown("(x) Tj "),
    "pdf: the same text on many pages": _shown("(word) Tj ", pages=4000),
    "pdf: moves": _shown("1 0 Td "),
    "pdf: states kept": _shown("q "),
    "pdf: states given back": _shown("Q "),
    "pdf: operands": _shown("1 "),
    "pdf: arrays in arrays": _shown("["),
    "pdf: dictionaries in dictionaries": _shown("<</a"),
    "pdf: brackets in a text": _shown("("),
    "pdf: escapes in a text": _shown("\\", before="BT ("),
    "pdf: a text of megabytes": _shown("x", before="BT (", after=") Tj ET"),
    "pdf: hexadecimal of megabytes": _shown("4", before="BT <", after="> Tj ET"),
    "pdf: a name of megabytes": _shown("x", before="/"),
    "pdf: a name of escapes": _shown("#41", before="/"),
    "pdf: a number of megabytes": _shown("9", before=""),
    "pdf: remarks": _shown("%\n"),
    "pdf: a remark without an end": _shown("%", before=""),
    "pdf: pictures without an end": _shown("BI ID "),
    "pdf: pictures with half an end": _shown("E", before="BI ID "),
    "pdf: fonts": _shown("/F1 9 Tf "),
    "pdf: a bomb in a bomb": _bomb,
    "pdf: five hundred filters": _filters,
    "pdf: base 85": _filtered("ASCII85Decode", "z"),
    "pdf: hexadecimal": _filtered("ASCIIHexDecode", "4 "),
    "pdf: LZW": _filtered("LZWDecode", b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01"),
    "pdf: run lengths": _filtered("RunLengthDecode", b"\x81x"),
    "pdf: a predictor": lambda mb: ("a.pdf", _content(_stream(
        zlib.compress(bytes(int(mb * 20 * MB)), 9),
        "/Filter /FlateDecode /DecodeParms << /Predictor 15 /Columns 1 >>"))),
    "pdf: many pages": _many_pages,
    "pdf: pages in pages, ten times each": _tree,
    "pdf: pages in a circle": _circle,
    "pdf: forms in forms, ten times each": _forms,
    "pdf: arrays without an end": _unclosed("["),
    "pdf: dictionaries without an end": _unclosed("<</a "),
    "pdf: references without an end": _unclosed("[9 0 R "),
    "pdf: tables of places in a circle": _previous,
    "pdf: tables of places without an end": _sections,
    "pdf: no places, and objects": _no_places("1 0 obj "),
    "pdf: no places, and spaces": _no_places(" "),
    "pdf: no places, and numbers": _no_places("1 "),
    "pdf: no places, and trailers": _no_places("trailer "),
    "pdf: no places, and streams": _no_places("1 0 obj<</Type/ObjStm>>stream "),
    "pdf: objects in a stream": _objects,
    "pdf: a table of all characters": _map,
    "pdf: a length that lies": _length,
    "pdf: noise": _noise,
}  # fmt: skip
