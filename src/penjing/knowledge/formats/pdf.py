"""PDF: the text of each page, which says where it is. Scanned pages have none.

The library bounds what it unpacks, not how long it takes: opening, each page and all of them have
so much of the processor, and a longer file has more.
"""

from __future__ import annotations

import io
import logging
import time
from typing import Any

from penjing.core.errors import BadInput, MissingExtra
from penjing.knowledge.patience import at_most
from penjing.knowledge.plain import Builder, Plain

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
    try:
        import pypdf
        from pypdf.errors import DependencyError, LimitReachedError, PyPdfError
    except ModuleNotFoundError as error:
        raise MissingExtra("reading PDF files", "knowledge") from error
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of every odd byte
    pypdf.overwrite_configuration(**_bounds())
    builder = Builder()
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
                text = reader.pages[number].extract_text().strip()
            left -= time.process_time() - began
            if left <= 0:
                raise BadInput(_SLOW)
            builder.place(f"page {number + 1}")
            builder.add(f"{text}\n\n" if text else "")
    except DependencyError as error:
        raise BadInput("it is encrypted: save a copy without a password") from error
    except LimitReachedError as error:
        raise BadInput("a part of it is too large or too deep: print it as PDF anew") from error
    except (PyPdfError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
            RecursionError, NotImplementedError, AssertionError, OSError) as error:  # fmt: skip
        raise BadInput("it is damaged, or no PDF: open it and save it again") from error
    return builder.done()


def _bounds() -> dict[str, Any]:
    """Of pypdf's own bounds, those that are too wide for the memory a child has."""
    unpacked = ("zlib", "lzw", "run_length", "brotli", "array_based_stream", "jbig2")
    return {
        **{f"{name}_maximum_output_length": _MOST_UNPACKED for name in unpacked},
        "stream_decoding_work_maximum_length": 4 * _MOST_UNPACKED,
        "jbig2dec_binary": None,  # no other program is run
    }
