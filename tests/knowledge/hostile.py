"""Documents that want a core for minutes or all memory: by name, each of about a size.

`TABLE[name](megabytes)` gives a file name and bytes, the same each time. Most were found by asking
of each format what looks at a byte more than once.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

from hostile_pdfs import MB, PDFS, Make, filled
from papers import W


def _page(piece: str, before: str = "<p>x", after: str = "") -> Make:
    return lambda mb: ("a.html", before.encode() + filled(piece, mb) + after.encode())


def _text(piece: str | bytes, before: bytes = b"", name: str = "a.txt") -> Make:
    return lambda mb: (name, before + filled(piece, mb))


def _nested_page(mb: float) -> tuple[str, bytes]:
    """Hidden and deep; then ends of what was never begun."""
    deep = "<div hidden>" + "<b>" * 100_000
    return "a.html", deep.encode() + filled("</i>", mb)


HTML: Mapping[str, Make] = {
    "html: comments without an end": _page("<!--"),
    "html: comments that end at each other": _page("<!-- --"),
    "html: declarations without an end": _page("<!"),
    "html: sections without an end": _page("<!["),
    "html: cdata without an end": _page("<![CDATA["),
    "html: doctypes without an end": _page("<!doctype "),
    "html: instructions without an end": _page("<?"),
    "html: tags without an end": _page("<a "),
    "html: tags and names without an end": _page("<a"),
    "html: end tags without an end": _page("</a "),
    "html: nameless ends": _page("</"),
    "html: quotes without an end": _page('<a b="'),
    "html: both quotes without an end": _page("<a b=\"c='"),
    "html: equals signs": _page("=", "<a "),
    "html: equals signs and spaces": _page(" = ", "<a "),
    "html: many attributes": _page("a ", "<p ", ">x"),
    "html: many attributes that may hide": _page("hidden1 ", "<p ", ">x"),
    "html: many attributes in many tags": _page("<p " + "style1=a " * 500 + ">"),
    "html: spaces in a tag": _page(" ", "<p a", "b>x"),
    "html: slashes in a tag": _page("/", "<p ", "b>x"),
    "html: elements in elements": _page("<div>"),
    "html: hidden elements in elements": _nested_page,
    "html: tags": _page("<b>"),
    "html: ends": _page("</b>"),
    "html: empty comments": _page("<!>"),
    "html: signs that are no tags": _page("<"),
    "html: signs and spaces": _page("< "),
    "html: references": _page("&amp;"),
    "html: references that are none": _page("&" + "x" * 32),
    "html: half references": _page("&#"),
    "html: a number of a million digits": _page("9", "<p>x&#", ";"),
    "html: a hexadecimal of a million digits": _page("f", "<p>x&#x", ";"),
    "html: scripts without an end": _page("<script>"),
    "html: scripts with half an end": _page("</script", "<p>x<script>"),
    "html: styles without an end": _page("<style></styl"),
    "html: headings": _page("<h1>a</h1>"),
    "html: headings of all levels, long": _page("".join(f"<h{n}>{'t' * 150}" for n in range(1, 7))),
    "html: a heading without an end": _page("word ", "<h1>"),
    "html: style of colons": _page(" ", '<p style="display', ':">x'),
    "html: punycode": lambda mb: ("a.html", b"<meta charset=punycode>\xff" + filled("zz9-", mb)),
    "html: cells": _page("<td>"),
}

TEXTS: Mapping[str, Make] = {
    "text: one line": _text("word and other words "),
    "text: one word": _text("x"),
    "text: line ends": _text("\n", b"x"),
    "text: line ends and spaces": _text("\n ", b"x"),
    "text: returns": _text("\r", b"x"),
    "text: short lines": _text("a\n"),
    "text: sentences of nothing": _text(". "),
    "text: open brackets": _text(".)" * 9 + "x"),
    "text: wide": _text("树"),
    "text: zeros": _text(b"\0"),
    "text: zeros after a while": _text(b"\0", b"word " * 2000),
    "text: broken bytes": _text(b"\xff"),
    "text: broken bytes after a mark": _text(b"\xff", b"\xef\xbb\xbfx"),
    "text: halves of wide characters": _text(b"\x00\xdc", b"\xff\xfea\x00"),
    "text: no characters of four bytes": _text(b"\xff\xff\xff\x7f", b"\xff\xfe\x00\x00a\0\0\0"),
    "text: bytes that are none in the West": _text(b"\x81\x8d\x8f", b"word " * 2000 + b"\xe9 "),
    "text: nearly Chinese": _text(b"\xb0\xa1", b"\xb5\xc4" * 5000 + b"\xff\xff"),
    "text: combining signs": _text("\u0301", b"a"),
    "text: joiners": _text("\u200d\U0001f469"),
    "text: escapes": _text("\x1b[2J"),
    "text: other ways round": _text("\u202e"),
    "markdown: a heading of spaces": _text("# " + " " * 990 + "x\n", name="a.md"),
    "markdown: a heading of spaces and signs": _text("# " + "# " * 490 + "x\n", name="a.md"),
    "markdown: a heading without an end": _text("#", name="a.md"),
    "markdown: headings": _text("# a\n", name="a.md"),
    "markdown: long headings": _text("".join(f"{'#' * n} {'t' * 190}\n" for n in range(1, 7)),
                                     name="a.md"),
    "markdown: fences": _text("```\n", name="a.md"),
    "markdown: a fence of signs": _text("`" * 999 + "\n", name="a.md"),
    "markdown: lines of nothing": _text("\n", b"x", name="a.md"),
    "markdown: underlines": _text("a\n" + "=" * 990 + "x\n", name="a.md"),
    "csv: one field": _text("x", b'a,b\n1,"', name="a.csv"),
    "csv: a million columns": _text(",", b"a\n", name="a.csv"),
    "csv: a million columns in quoted lines": _text('"\n",', b"a\n", name="a.csv"),
    "csv: empty rows": _text("\n", b"a,b\n1,2", name="a.csv"),
    "csv: rows of nothing": _text(",\n", b"a,b\n1,2\n", name="a.csv"),
    "csv: rows": _text("a\n", name="a.csv"),
    "csv: quotes": _text('"', b"a,b\n", name="a.csv"),
    "csv: quotes and commas": _text('","', b"a,b\n", name="a.csv"),
    "csv: long names": _text("1,1\n", ("n" * 90_000 + "," + "m" * 90_000 + "\n").encode(), "a.csv"),
    "csv: zeros": _text("\0,", b"a,b\n" + b"word,word\n" * 2000, name="a.csv"),
}  # fmt: skip


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def _docx(piece: str, before: str = "", after: str = "", root: str = "") -> Make:
    """Unpacked it is twenty times as long: that is what a zip is for."""

    def make(mb: float) -> tuple[str, bytes]:
        head = f'<w:document xmlns:w="{W}"{root}><w:body>{before}'.encode()
        whole = head + filled(piece, min(20 * mb, 120)) + f"{after}</w:body></w:document>".encode()
        return "a.docx", packed(("word/document.xml", whole))

    return make


WORDS = (
    f'<w:document xmlns:w="{W}"><w:body><w:p><w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>'
)


def _attributes(mb: float) -> tuple[str, bytes]:
    """Names that are all different: a parser looks for twins."""
    many = " ".join(f'a{number}=""' for number in range(int(mb * 100_000)))
    return _docx("", f"<w:p {many}/>")(0)


def _namespaces(mb: float) -> tuple[str, bytes]:
    many = " ".join(f'xmlns:a{number}="b{number}"' for number in range(int(mb * 40_000)))
    return _docx("", f"<w:p {many}/>")(0)


def _long_namespace(mb: float) -> tuple[str, bytes]:
    return _docx("<b:c/>", root=f' xmlns:b="{"n" * 1_000_000}"')(mb)


def _members(mb: float) -> tuple[str, bytes]:
    names = [(f"m{number}", b"") for number in range(int(mb * 10_000))]
    return "a.docx", packed(("word/document.xml", WORDS.encode()), *names)


def _lying(mb: float, **what: int) -> tuple[str, bytes]:
    """A header of the table of contents says what is not so."""
    data = bytearray(_docx("<w:p/>")(mb)[1])
    at = data.rindex(b"PK\x01\x02")
    places = {"flags": (8, "H"), "method": (10, "H"), "packed": (20, "I"), "size": (24, "I"),
              "offset": (42, "I")}  # fmt: skip
    for name, value in what.items():
        place, form = places[name]
        struct.pack_into(f"<{form}", data, at + place, value)
    return "a.docx", bytes(data)


def _contents(mb: float) -> tuple[str, bytes]:
    """The end says that the table of contents is nearly all of the file, of names of nothing."""
    entry = b"PK\x01\x02" + bytes(42)
    table = entry * int(mb * MB / len(entry))
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 9, 9, len(table), 0, 0)
    return "a.docx", table + end


def _sixty_four(mb: float) -> tuple[str, bytes]:
    entry = b"PK\x01\x02" + bytes(42)
    table = entry * int(mb * MB / len(entry))
    large = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 9, 9, len(table), 0)
    place = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(table), 1)
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    return "a.docx", table + large + place + end


def _zip_in_zip(mb: float) -> tuple[str, bytes]:
    inner = packed(("word/document.xml", b" " * int(mb * 20 * MB)))
    return "a.docx", packed(("word/document.xml", inner))


def _dictionary(mb: float) -> tuple[str, bytes]:
    """LZMA whose header asks for four gigabytes."""
    data = bytearray(packed(("word/document.xml", WORDS.encode()), method=zipfile.ZIP_LZMA))
    at = data.index(b"word/document.xml") + 17 + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    return "a.docx", bytes(data)


def _styles(mb: float) -> tuple[str, bytes]:
    many = "".join(f'<w:style w:styleId="s{n}"><w:name w:val="heading 1"/></w:style>'
                   for n in range(int(mb * 50_000)))  # fmt: skip
    styles = f'<w:styles xmlns:w="{W}">{many}</w:styles>'
    document = ("word/document.xml", WORDS.encode())
    return "a.docx", packed(document, ("word/styles.xml", styles.encode()))


ARCHIVES: Mapping[str, Make] = {
    "docx: one attribute of megabytes": _docx("x", '<w:p a="', '"/>'),
    "docx: an attribute without an end": _docx("x", '<w:p a="'),
    "docx: a comment of megabytes": _docx("x", "<!--", "-->"),
    "docx: a comment without an end": _docx("<!-"),
    "docx: an instruction without an end": _docx("x", "<?a "),
    "docx: a name of megabytes": _docx("x", "<"),
    "docx: cdata": _docx("x", "<w:p><w:t><![CDATA[", "]]></w:t></w:p>"),
    "docx: many attributes": _attributes,
    "docx: many elements of many attributes": _docx(
        "<w:p " + " ".join(f'a{number}=""' for number in range(900)) + "/>"
    ),
    "docx: many namespaces": _namespaces,
    "docx: a long namespace": _long_namespace,
    "docx: namespaces in each element": _docx('<b:a xmlns:b="c"/>'),
    "docx: elements": _docx("<w:p/>"),
    "docx: elements in elements": _docx("<w:p>"),
    "docx: headings": _docx('<w:p><w:pPr><w:outlineLvl w:val="1"/></w:pPr><w:t>a</w:t></w:p>'),
    "docx: breaks in one paragraph": _docx("<w:br/>", "<w:p>", "<w:t>x</w:t></w:p>"),
    "docx: text in one paragraph": _docx("word ", "<w:p><w:t>", "</w:t></w:p>"),
    "docx: references": _docx("&#120;", "<w:p><w:t>", "</w:t></w:p>"),
    "docx: spaces": _docx(" "),
    "docx: cells": _docx("<w:tc/>", "<w:tbl><w:tr>", "</w:tr></w:tbl>"),
    "docx: many styles": _styles,
    "docx: many members": _members,
    "docx: a table of contents that is the file": _contents,
    "docx: the same in 64 bits": _sixty_four,
    "docx: a zip in the zip": _zip_in_zip,
    "docx: encrypted": lambda mb: _lying(mb, flags=1),
    "docx: a size that lies": lambda mb: _lying(mb, size=1),
    "docx: a length that lies": lambda mb: _lying(mb, packed=2**32 - 2),
    "docx: a place that lies": lambda mb: _lying(mb, offset=2**31),
    "docx: a method that is none": lambda mb: _lying(mb, method=14),
    "docx: a dictionary of gigabytes": _dictionary,
    "docx: another container": lambda mb: (
        "a.docx", bytes.fromhex("d0cf11e0a1b11ae1") + filled(b"\0", mb)),
}  # fmt: skip


TABLE: Mapping[str, Make] = {**HTML, **TEXTS, **ARCHIVES, **PDFS}
