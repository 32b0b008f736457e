"""Pages of a PDF: paragraphs without their breaks, each cited where it stands; forms; pictures."""

from __future__ import annotations

import pytest
from papers import pdf, pdf_of

from penjing.core.history import Excerpt
from penjing.knowledge.chunking import chunks
from penjing.knowledge.formats import pdf as pdf_format
from penjing.knowledge.pdf_lines import known_words, paragraphs, plain_page
from penjing.knowledge.reading import read
from penjing.knowledge.relevance import coverage
from penjing.vault.tokenizer import asked, segmented

WRAPPED = """2 Cleaning
If the machine shows E18 after the cycle, the
sieve is blocked: take out the sieve and rinse
it under running water. Use no solvents.
- Close the tap first.
- Put a bowl under the door.
Power 900 W"""


def test_paragraphs_are_lines_and_units_stay() -> None:
    found = pdf_format.read(pdf([WRAPPED])).text
    assert found.split("\n") == [
        "2 Cleaning",
        "If the machine shows E18 after the cycle, the sieve is blocked: take out the sieve and "
        "rinse it under running water. Use no solvents.",
        "- Close the tap first.",
        "- Put a bowl under the door.",
        "Power 900 W",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("broken", "elsewhere", "joined"),
    [
        ("Turn the ther-\nmostat down", "The thermostat is new.", "Turn the thermostat down"),
        ("It is energy-\nsaving today", "An energy-saving lamp.", "It is energy-saving today"),
        ("Use the Wi-\nFi of the house", "Nothing.", "Use the Wi-Fi of the house"),
        ("Turn the ther-\nmostat down", "Nothing.", "Turn the ther\u00admostat down"),
    ],
)
def test_hyphens_are_the_words_own_or_the_lines(broken: str, elsewhere: str, joined: str) -> None:
    assert paragraphs(broken, known_words([broken, elsewhere])) == joined


def test_a_sentence_over_two_pages_is_whole_and_cited_so() -> None:
    rooms = ("hall", "kitchen", "bath", "attic", "cellar")
    above = "The lease of the house"
    pages = [f"{above}\nWords of the {one}. If water is lost, the owner of\n{n}"
             for n, one in enumerate(rooms, 1)]  # fmt: skip
    pages[1] = pages[1].replace(above, f"{above}\nthe house calls the plumber. More follows.")
    found = pdf_format.read(pdf(pages))
    starts = [*(one.start for one in found.sections), len(found.text)]
    parts = {one.place: found.text[one.start : end].strip()
             for one, end in zip(found.sections, starts[1:], strict=True)}  # fmt: skip
    assert parts["page 1"] == "The lease of the house\nWords of the hall."
    assert parts["pages 1–2"] == "If water is lost, the owner of the house calls the plumber."
    assert parts["page 2"].startswith("More follows.\nWords of the kitchen.")
    assert found.text.count("The lease") == 1
    assert not set("12345") & set(found.text)


def test_few_pages_keep_their_lines() -> None:
    alike = pdf_format.read(pdf(["Reset code\nThe code of the door is 4711."] * 9))
    assert alike.text.count("4711") == len(alike.sections) == 9
    assert "Call 112" in pdf_format.read(pdf(["Call 112", "Call 113"])).text


def test_ligatures_are_letters() -> None:
    assert plain_page(" the \ufb01lter of \ufb02u\ufb00 \n x") == "the filter of fluff\nx"


def test_chinese_lines_are_joined_without_a_space() -> None:
    page = "洗衣机在程序结束后显示故障说明排水\n滤网被堵住了，请取出用清水冲洗干净，\n后装回。"
    assert "\n" not in paragraphs(page, frozenset())
    assert "排水滤网" in paragraphs(page, frozenset())


@pytest.mark.parametrize("word", ["filter", "abc123", "thermostat", "ther-mostat", "カタカナ"])
def test_what_is_kept_is_found_by_what_is_asked(word: str) -> None:
    text = "the \ufb01lter ＡＢＣ１２３ ther\u00admostat ｶﾀｶﾅ"
    assert coverage([word], Excerpt(text, "")) == 1
    assert coverage(asked(word), Excerpt(text, "")) == 1
    kept = (segmented(text) or text).lower()
    assert all(part in kept for part in asked(word))


def test_a_page_of_a_few_words_is_cited_as_itself() -> None:
    plain = read(
        "a.pdf", "", pdf(["Reset code: 4711", "Water the tree every day. " * 9, "Call 112"])
    )
    where = {plain.text[one.start : one.end].strip(): one.location for one in chunks(plain)}
    assert where["Reset code: 4711"] == "page 1"
    assert where["Call 112"] == "page 3"


def test_a_section_of_a_few_words_is_cited_as_itself() -> None:
    plain = read("a.md", "", b"# Code\n4711\n# Care\n## Water\nEvery day in summer, all of it.\n")
    assert [(plain.text[one.start : one.end], one.location) for one in chunks(plain)] == [
        ("# Code\n4711\n", "Code"),
        ("# Care\n## Water\nEvery day in summer, all of it.\n", "Care › Water"),
    ]


def page(contents: str, more: str = "") -> list[str | bytes]:
    return [
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 5 0 R {more} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Length {len(contents)} >>\nstream\n{contents}\nendstream",
    ]


def test_scanned_pages_are_told_and_empty_ones_are_not() -> None:
    assert pdf_format.read(pdf(["words", "", "more"])).remark == (
        "1 of 3 pages hold no text: recognise what was scanned first"
    )
    empty = pdf(["words", "more"]).replace(b"(more) Tj", b"          ").replace(
        b"BT /F1 12 Tf 72 720 Td            ET", b" " * 36
    )  # fmt: skip
    assert pdf_format.read(empty).remark == ""
    assert read("a.pdf", "", pdf(["words", "", "more"])).remark.startswith("1 of 3 pages")


def test_what_was_filled_in_is_read() -> None:
    fields = [
        "<< /Subtype /Widget /FT /Tx /T (serial) /TU (Serial number) /V (MX-20931) >>",
        "<< /Subtype /Widget /FT /Btn /T (gas) /AS /Yes >>",
        "<< /Subtype /Widget /FT /Btn /T (oil) /AS /Off >>",
        "<< /Subtype /Widget /Parent << /T (owner) /FT /Tx /V (Anna) >> /T (name) >>",
        "<< /Subtype /Widget /FT /Ch /T (rooms) /V [(hall) (bath)] >>",
        "<< /Subtype /Widget /FT /Tx /T (empty) >>",
        "<< /Subtype /FreeText /Contents (Call before noon) >>",
        "<< /Subtype /Text /T (Ben) /Contents (Is this right?) >>",
        "<< /Subtype /Link /Contents (no words) >>",
        "7",
    ]
    found = pdf_format.read(pdf(["Boiler form"], f"/Annots [{' '.join(fields)}]")).text
    assert found.split("\n") == [
        "Boiler form", "Serial number: MX-20931", "gas: ✓", "owner.name: Anna", "rooms: hall, bath",
        "Call before noon", "[Ben: Is this right?]", "", "",
    ]  # fmt: skip


def test_a_form_without_other_text_is_read() -> None:
    annotations = "/Annots [<< /Subtype /Widget /FT /Tx /T (serial) /V (MX) >>]"
    assert pdf_format.read(
        pdf_of("<< /Type /Pages /Kids [3 0 R] /Count 1 >>", *page("", annotations))
    ).text.startswith("serial: MX")


def test_fields_in_a_circle_have_an_end() -> None:
    annotations = "/Resources << /Font << /F1 4 0 R >> >> /Annots [6 0 R 6 0 R 99 0 R]"
    found = pdf_format.read(
        pdf_of(
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            *page("BT /F1 9 Tf (words) Tj ET", annotations),
            "<< /Subtype /Widget /FT /Tx /T (a) /V (b) /Parent 6 0 R >>",
        )
    ).text
    assert found.startswith("words\n" + ".".join("a" * 20) + ": b\n")
