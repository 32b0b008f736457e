"""PDF: the text of each page, which says where it is. Of scanned pages it is said that they have
none.

The library bounds what it unpacks, not how long it takes: opening, each page and all of them have
so much of the processor, and a longer file has more.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Sequence
from typing import Any

from penjing.core.errors import BadInput
from penjing.core.extras import needed
from penjing.knowledge.patience import at_most
from penjing.knowledge.pdf_forms import filled
from penjing.knowledge.pdf_lines import across, known_words, paragraphs, plain_page, without_running
from penjing.knowledge.plain import MOST_CHARACTERS, Builder, Plain

MOST_PAGES = 5000
_OPENING = 2.0
_PAGE = 2.0
"""Seconds of the processor; an honest page takes a twentieth of one."""
_ALL = 2.0
_ALL_PER_BYTE = 40 / 2**20
_MOST_UNPACKED = 16 * 2**20
"""Of one stream; pictures are not unpacked."""
_SLOW = "its pages take too long to read: print it as PDF anew, or split it"


def read(data: bytes) -> Plain:
    """The text of all pages."""
    with needed("reading PDF files", "knowledge"):
        import pypdf
        from pypdf.errors import DependencyError, LimitReachedError, PyPdfError
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of every odd byte
    pypdf.overwrite_configuration(**_bounds())
    pages: list[str] = []
    forms: list[str] = []
    drawn = length = 0
    try:
        with at_most(_OPENING, _SLOW):
            reader = pypdf.PdfReader(io.BytesIO(data))
            if reader.is_encrypted and not reader.decrypt(""):
                raise BadInput("it is encrypted: save a copy without a password")
            count = len(reader.pages)
        if count > MOST_PAGES:
            raise BadInput(f"it has more than {MOST_PAGES} pages: split it")
        left = _ALL + _ALL_PER_BYTE * len(data)
        for number in range(count):
            began = time.process_time()
            with at_most(min(_PAGE, left), _SLOW):
                page = reader.pages[number]
                pages.append(plain_page(page.extract_text()))
                forms.append("\n".join(filled(page)))
                drawn += not pages[-1] and _is_drawn(page)
            length += len(pages[-1]) + len(forms[-1])
            if length > MOST_CHARACTERS:
                raise BadInput(f"it holds more than {MOST_CHARACTERS // 10**6} million characters")
            left -= time.process_time() - began
            if left <= 0:
                raise BadInput(_SLOW)
    except DependencyError as error:
        raise BadInput("it is encrypted: save a copy without a password") from error
    except LimitReachedError as error:
        raise BadInput("a part of it is too large or too deep: print it as PDF anew") from error
    except (PyPdfError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
            RecursionError, NotImplementedError, AssertionError, OSError) as error:  # fmt: skip
        raise BadInput("it is damaged, or no PDF: open it and save it again") from error
    return _built(pages, forms, drawn)


def _built(pages: Sequence[str], forms: Sequence[str], drawn: int) -> Plain:
    known = known_words(pages)
    builder = Builder()
    left = [paragraphs(page, known) for page in without_running(pages)]
    for place, form in enumerate(forms):
        between = ""
        if not form and place + 1 < len(left) and left[place] and left[place + 1]:
            left[place], between, left[place + 1] = across(left[place], left[place + 1], known)
        _write(builder, f"page {place + 1}", "\n".join(filter(None, (left[place], form))))
        _write(builder, f"pages {place + 1}–{place + 2}", between)
    remark = f"{drawn} of {len(pages)} pages hold no text: recognise what was scanned first"
    return builder.done(remark if drawn else "")


def _write(builder: Builder, place: str, text: str) -> None:
    if text.strip():
        builder.place(place)
        builder.add(f"{text}\n\n")


def _is_drawn(page: Any) -> bool:
    """Something is on the page: an empty one was not scanned."""
    contents = page.get_contents()
    return contents is not None and bool(contents.get_data().strip())


def _bounds() -> dict[str, Any]:
    """Of pypdf's own bounds, those that are too wide for the memory a child has."""
    unpacked = ("zlib", "lzw", "run_length", "brotli", "array_based_stream", "jbig2")
    return {
        **{f"{name}_maximum_output_length": _MOST_UNPACKED for name in unpacked},
        "stream_decoding_work_maximum_length": 4 * _MOST_UNPACKED,
        "jbig2dec_binary": None,  # no other program is run
    }
