"""PDF: the text of each page, which says where it is. Scanned pages have none."""

from __future__ import annotations

import io
import logging

from penjing.core.errors import BadInput, MissingExtra
from penjing.knowledge.plain import Builder, Plain

MOST_PAGES = 5000


def read(data: bytes) -> Plain:
    """The text of all pages."""
    try:
        import pypdf
        from pypdf.errors import DependencyError, PyPdfError
    except ModuleNotFoundError as error:
        raise MissingExtra("reading PDF files", "knowledge") from error
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of every odd byte
    builder = Builder()
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise BadInput("it is encrypted: save a copy without a password")
        if len(reader.pages) > MOST_PAGES:
            raise BadInput(f"it has more than {MOST_PAGES} pages: split it")
        for number, page in enumerate(reader.pages, 1):
            builder.place(f"page {number}")
            text = page.extract_text().strip()
            builder.add(f"{text}\n\n" if text else "")
    except DependencyError as error:
        raise BadInput("it is encrypted: save a copy without a password") from error
    except (PyPdfError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
            RecursionError, NotImplementedError, AssertionError, OSError) as error:  # fmt: skip
        raise BadInput("it is damaged, or no PDF: open it and save it again") from error
    return builder.done()
