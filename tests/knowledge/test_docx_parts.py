"""All that a reader of a DOCX sees, once and in its order: boxes, notes, comments, moved text."""

from __future__ import annotations

import io
import zipfile

import pytest
from papers import W, docx, paragraph

from penjing.core.errors import BadInput
from penjing.knowledge.formats import docx as docx_format

MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
SEEN = '<w:rPr><w:vanish w:val="0"/></w:rPr>'
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"


def run(text: str, look: str = "") -> str:
    return f'<w:r>{look}<w:t xml:space="preserve">{text}</w:t></w:r>'


def boxed(inner: str) -> str:
    box = f"<w:txbxContent>{inner}</w:txbxContent>"
    return (
        f'<w:r><mc:AlternateContent {MC}><mc:Choice Requires="wps">{box}</mc:Choice>'
        f"<mc:Choice Requires='x'>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
        "</mc:AlternateContent></w:r>"
    )


def table(*rows: tuple[str, ...]) -> str:
    cells = ("".join(f"<w:tc>{cell}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (f"<w:p>{run('before ')}{boxed(paragraph('in the box'))}{run('after')}</w:p>",
         "before after\nin the box\n"),
        (f"<w:p>{boxed(paragraph('one') + paragraph('two'))}</w:p>", "one\ntwo\n"),
        (f"<w:p>{run('a')}{boxed(table((paragraph('b'), paragraph('c'))))}</w:p>", "a\nb | c\n"),
        (table((f"<w:p>{run('a')}{boxed(paragraph('b'))}</w:p>", paragraph("c"))), "a b | c\n"),
        (table((paragraph("a") + table((paragraph("b"), paragraph("c"))), paragraph("d"))),
         "a b | c | d\n"),
        (f"<w:p>{run('a')}<w:moveFrom>{run('moved')}</w:moveFrom></w:p>"
         f"<w:p><w:moveTo>{run('moved')}</w:moveTo></w:p>", "a\nmoved\n"),
        (f"<w:p>{run('a')}<w:del>{run('gone')}</w:del><w:ins>{run('b')}</w:ins></w:p>", "ab\n"),
        (f"<w:p>{run('a')}{run('unseen', '<w:rPr><w:vanish/></w:rPr>')}{run('b')}</w:p>", "ab\n"),
        (f"<w:p>{run('a', SEEN)}</w:p>", "a\n"),
        ("<w:p><w:r><w:t>well</w:t><w:noBreakHyphen/><w:t>known</w:t></w:r></w:p>", "well-known\n"),
        ("<w:p><w:r><w:t>reser</w:t><w:softHyphen/><w:t>voir</w:t></w:r></w:p>", "reservoir\n"),
        (f"<w:p><w:r><w:ruby><w:rt>{run('kan')}</w:rt><w:rubyBase>{run('漢')}</w:rubyBase>"
         "</w:ruby></w:r></w:p>", "漢\n"),
        (f"<w:sdt><w:sdtContent>{paragraph('chosen')}</w:sdtContent></w:sdt>", "chosen\n"),
    ],
)  # fmt: skip
def test_what_is_seen(body: str, text: str) -> None:
    assert docx_format.read(docx(body)).text == text


def archive(**parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in parts.items():
            made.writestr(name.replace("__", "/") + ".xml", data)
    return out.getvalue()


def part(kind: str, body: str, space: str = W) -> str:
    return f'<w:{kind} xmlns:w="{space}">{body}</w:{kind}>'


def test_notes_and_comments_stand_behind_their_paragraph() -> None:
    body = (
        f"<w:p>{run('The deposit is returned')}<w:r><w:footnoteReference w:id='2'/></w:r>"
        f"{run(' after moving out.')}<w:r><w:endnoteReference w:id='2'/></w:r>"
        f"<w:r><w:commentReference w:id='2'/></w:r></w:p>{paragraph('Next.')}"
    )
    data = archive(
        word__document=part("document", f"<w:body>{body}</w:body>"),
        word__footnotes=part("footnotes", f"<w:footnote w:id='2'>{paragraph('In six weeks.')}"
                             f"</w:footnote><w:footnote w:id='3'>{paragraph('x')}</w:footnote>"),
        word__endnotes=part("endnotes", f"<w:endnote w:id='2'>{paragraph('By law.')}</w:endnote>"),
        word__comments=part("comments", f"<w:comment w:id='2' w:author='Ann'>{paragraph('Why?')}"
                            f"{paragraph('Ask.')}</w:comment>"),
    )  # fmt: skip
    said = "The deposit is returned after moving out.\nIn six weeks.\nBy law.\n[Ann: Why? Ask.]\n"
    assert docx_format.read(data).text == f"{said}Next.\n"


def test_strict_files_and_documents_by_another_name() -> None:
    styles = '<w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>'
    body = f"<w:body>{paragraph('Care', '1')}{paragraph('Bleed it in October.')}</w:body>"
    relation = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Type="http://purl.oclc.org/ooxml/officeDocument/relationships/'
        'officeDocument" Target="/word/document2.xml"/></Relationships>'
    )
    strict = part("document", body, STRICT)
    found = docx_format.read(
        archive(word__document=strict, word__styles=part("styles", styles, STRICT))
    )
    assert found.text == "Care\nBleed it in October.\n"
    assert [one.location for one in found.sections] == ["Care"]
    other = archive(word__document2=strict)
    with pytest.raises(BadInput, match="no DOCX"):
        docx_format.read(other)
    out = io.BytesIO(other)
    with zipfile.ZipFile(out, "a") as made:
        made.writestr("_rels/.rels", relation)
    assert "October" in docx_format.read(out.getvalue()).text
