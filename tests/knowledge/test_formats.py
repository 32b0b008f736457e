"""Every format gives plain text and the sections it is cited by; nothing hidden, nothing lost."""

from __future__ import annotations

import pytest
from papers import LAUGHS, docx, docx_bomb, encrypted_pdf, paragraph, pdf

from penjing.core.errors import BadInput
from penjing.knowledge import plain
from penjing.knowledge.encodings import decode
from penjing.knowledge.formats import csv, html, markdown, text
from penjing.knowledge.formats import docx as docx_format
from penjing.knowledge.formats import pdf as pdf_format
from penjing.knowledge.plain import Plain

CHINESE = "盆景是微缩的树木艺术，需要定期修剪。\n它的根系很小，浇水要适量，不能让土壤干透。\n"


def parted(found: Plain) -> list[tuple[str, str]]:
    """Locations and the text under each."""
    starts = [one.start for one in found.sections] + [len(found.text)]
    return [
        (one.location, found.text[one.start : end].strip())
        for one, end in zip(found.sections, starts[1:], strict=True)
    ]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"]
)
def test_chinese_text_is_read_whatever_it_is_written_in(encoding: str) -> None:
    both = "Bonsai 2026:\n" + CHINESE
    assert text.read(both.encode(encoding)).text == both


def test_other_encodings_and_broken_ones() -> None:
    assert decode("盆景是樹木的藝術，這個問題對我們來說很重要。".encode("big5")).startswith(
        "盆景是樹"
    )
    assert decode("Café crème, naïve façade".encode("cp1252")) == "Café crème, naïve façade"
    assert decode("价格是 5 元".encode("gb18030"), "gb2312") == "价格是 5 元"
    broken = CHINESE.encode() * 3 + b"\xff\xfe broken \xe4\xb8"
    assert decode(broken).startswith(CHINESE)
    assert decode(b"a\r\nb\rc") == "a\nb\nc"
    assert decode(b"plain", "rot13") == "plain"
    with pytest.raises(BadInput, match="not a text"):
        decode(bytes(range(32)) * 100)


def test_markdown_is_cited_as_it_stands_under_its_headings() -> None:
    source = "intro\n# One #\na\n## Two\nb\n```\n# not one\n```\nThree\n=====\nc\n- x\n---\n"
    found = markdown.read(source.encode())
    assert found.text == source
    assert [one.location for one in found.sections] == ["One", "One › Two", "Three"]
    assert source[found.sections[2].start :].startswith("Three")


def test_html_is_what_a_reader_sees() -> None:
    page = """<html><head><title>t</title><script>evil()</script><style>p{}</style></head><body>
      <h1>Care &amp; <b>water</b></h1><p>Give   water
      daily.<script>document.write("x")</script></p><p style="display: none">hidden order</p>
      <div hidden>also <p>hidden</p></div><h2>Light</h2><ul><li>Sun<li>Shade</ul>
      <table><tr><td>a</td><td>b</td></tr></table><pre>x  =  1
  y</pre><!-- a comment --></body></html>"""
    found = html.read(page.encode())
    assert parted(found) == [
        ("Care & water", "Care & water\nGive water daily."),
        ("Care & water › Light", "Light\nSun\nShade\na b\nx  =  1\n  y"),
    ]


def test_html_declares_its_encoding_and_may_be_broken() -> None:
    page = '<meta charset="gbk"><p>树 &#x6811;<p>' + "<div>" * 20_000 + "x" + "<b <i" * 100
    assert html.read(page.encode("gbk")).text.startswith("树 树\n")
    with pytest.raises(BadInput, match="no text in it"):
        html.read(b"<script>only()</script>")


def test_pdf_pages_are_where_it_stands() -> None:
    found = pdf_format.read(pdf(["Water the tree.", "", "Prune it."]))
    assert parted(found) == [
        ("page 1", "Water the tree."),
        ("page 3", "Prune it."),
    ]


def test_pdf_that_is_encrypted_or_none_says_so() -> None:
    with pytest.raises(BadInput, match="encrypted: save a copy without a password"):
        pdf_format.read(encrypted_pdf("a password"))
    assert "secret words" in pdf_format.read(encrypted_pdf("")).text  # opens for everybody
    for data in (b"", b"%PDF-1.4\n", b"no pdf", pdf(["x"])[:200]):
        with pytest.raises(BadInput):
            pdf_format.read(data)


def test_docx_has_headings_by_style_and_tables_by_row() -> None:
    styles = '<w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>'
    styles += '<w:style w:styleId="a"><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
    table = (
        f"<w:tbl><w:tr><w:tc>{paragraph('a')}</w:tc><w:tc>{paragraph('b')}</w:tc></w:tr></w:tbl>"
    )
    body = paragraph("第一章", "1") + paragraph("浇水。") + paragraph("Light", "a") + table
    body += paragraph("x &lt; y") + "<w:p><w:r><w:delText>gone</w:delText></w:r></w:p>"
    found = docx_format.read(docx(body, styles))
    assert parted(found) == [
        ("第一章", "第一章\n浇水。"),
        ("第一章 › Light", "Light\na | b\nx < y"),
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (docx(paragraph("&j;"), before=LAUGHS), "defines a document type"),
        (docx("<w:p>" * 1000), "nested too deeply"),
        (docx("<w:p>"), "XML is damaged"),
        (docx_bomb(129), "unpacks to more than 128 MB"),
        (b"PK\x03\x04 no zip", "damaged, or no DOCX"),
        (docx(""), "no text in it"),
    ],
    ids=["laughs", "deep", "broken", "bomb", "no zip", "empty"],
)
def test_hostile_docx_is_refused_in_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as caught:
        docx_format.read(data)
    assert "\n" not in str(caught.value)


def test_csv_rows_name_their_columns() -> None:
    found = csv.read('name;price\n"bonsai; small";12\n\n树;30;extra\n'.encode())
    assert parted(found) == [
        ("rows 2–4", "name: bonsai; small; price: 12\nname: 树; price: 30; extra")
    ]
    many = csv.read(b"a,b\n" + b"x,yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n" * 100)
    assert len(many.sections) > 5
    assert csv.read(b"only,names\n").text == "only; names\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'a,b\n1,"' + b"x" * 200_000, "longer than 100000 characters"),
        (b"a\n" + b"," * 600, "more than 500 columns"),
        (b"", "no text"),
    ],
)
def test_hostile_csv_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        csv.read(data)


def test_a_document_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "MOST_CHARACTERS", 1_000_000)
    with pytest.raises(BadInput, match="more than 1 million characters"):
        text.read(b"x" * 1_000_001)
    found = text.read(b"half \xed\xa0\x80 and NUL \0" + b"word " * 99).text
    assert "\N{REPLACEMENT CHARACTER}" in found
    assert "\0" not in found
