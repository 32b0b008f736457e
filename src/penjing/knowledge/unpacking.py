"""A zip and the XML in it, from a stranger: what both may cost has bounds. Pure.

A member is read up to a limit whatever its header claims. Of XML no type is read, which alone could
define entities; what costs more than it is long is counted or refused: a tag of megabytes
(the parser begins it anew with every piece), attributes, namespaces, depth.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self
from xml.parsers import expat

from penjing.core.errors import BadInput

MOST_BYTES = 128 * 2**20
"""Of one member, unpacked."""
MOST_MEMBERS = 10_000
MOST_ELEMENTS = 1_500_000
"""Of one document; attributes count too."""
LONGEST_TAG = 16 * 2**20
"""Bytes of one tag or comment: pictures stand in attributes."""
MOST_ATTRIBUTES = 1000
"""Of one element."""
DEEPEST = 500
_LONGEST_NAMESPACE = 300
_MOST_NAMESPACES = 100_000
_MOST_AT_ONCE = 4 * 2**20
_PIECE = 2**16
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError,
            ValueError, LookupError, OverflowError)  # fmt: skip

Begin = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]
Characters = Callable[[str], None]


class _Wary(io.BytesIO):
    """`zipfile` asks for the table of contents in one piece, however long it claims to be."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = len(self.getbuffer()) - self.tell()
        asked = left if size is None or size < 0 else min(size, left)
        if asked > _MOST_AT_ONCE:
            raise BadInput("it is a zip archive with too many files in it: save it anew")
        return super().read(asked)


class Archive:
    """The members of a zip archive. Raises BadInput, whatever the bytes are."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(_Wary(data))
        except _DAMAGED as error:
            raise _damaged() from error
        if len(self._zip.filelist) > MOST_MEMBERS:
            raise BadInput("it is a zip archive with too many files in it: save it anew")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    def holds(self, name: str) -> bool:
        """Whether there is such a member."""
        return name in self._zip.NameToInfo

    def pieces(self, name: str) -> Iterator[bytes]:
        """A member unpacked, a piece at a time."""
        about = self._zip.NameToInfo[name]
        if about.flag_bits & 0x1:
            raise BadInput("it is encrypted: save a copy without a password")
        if about.compress_type not in _METHODS:
            raise _damaged()
        count = 0
        try:
            with self._zip.open(about) as member:
                while piece := member.read(_PIECE):
                    count += len(piece)
                    if count > MOST_BYTES:
                        most = MOST_BYTES // 2**20
                        raise BadInput(f"it unpacks to more than {most} MB: split it")
                    yield piece
        except _DAMAGED as error:
            raise _damaged() from error


class Xml:
    """Reads the XML of one document, of one or more members, within one budget."""

    def __init__(self) -> None:
        self._left = MOST_ELEMENTS
        self._namespaces = _MOST_NAMESPACES
        self._depth = 0

    def parse(
        self, pieces: Iterator[bytes], begin: Begin, end: End, characters: Characters | None = None
    ) -> None:
        """Tell of each element, by namespace and name. Raises BadInput."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = _no_type
        parser.StartNamespaceDeclHandler = self._namespace
        parser.StartElementHandler = self._counted(begin)
        parser.EndElementHandler = self._left_again(end)
        if characters is not None:
            parser.CharacterDataHandler = characters
            parser.buffer_text = True
        self._depth = 0
        try:
            for piece in _doubling(parser, pieces):
                parser.Parse(piece, False)
            parser.Parse(b"", True)
        except (expat.ExpatError, UnicodeError) as error:
            raise BadInput("its XML is damaged: open it and save it again") from error

    def _counted(self, begin: Begin) -> Begin:
        def counted(name: str, attributes: dict[str, str]) -> None:
            self._left -= 1 + len(attributes)
            self._depth += 1
            if self._left < 0 or len(attributes) > MOST_ATTRIBUTES:
                raise BadInput("its XML has too many elements or attributes: split it")
            if self._depth > DEEPEST:
                raise BadInput("its XML is nested too deeply: open it and save it again")
            begin(name, attributes)

        return counted

    def _left_again(self, end: End) -> End:
        def left(name: str) -> None:
            self._depth -= 1
            end(name)

        return left

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        """A namespace is said again with each name in it."""
        self._namespaces -= 1
        if self._namespaces < 0 or len(uri or "") + len(prefix or "") > _LONGEST_NAMESPACE:
            raise BadInput("its XML has too many namespaces, or long ones: save it anew")


def _doubling(parser: expat.XMLParserType, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces together, until they are as long as what the parser will begin anew with them."""
    fed, waiting = 0, bytearray()
    for piece in pieces:
        waiting += piece
        unfinished = fed - parser.CurrentByteIndex if fed else 0
        if unfinished + len(waiting) > LONGEST_TAG and unfinished:
            raise BadInput(
                f"its XML has a tag of more than {LONGEST_TAG // 2**20} MB: save it anew"
            )
        if len(waiting) >= unfinished:
            fed += len(waiting)
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def _no_type(*_: object) -> None:
    raise BadInput("its XML defines a document type, which no DOCX does: save it again")


def _damaged() -> BadInput:
    return BadInput("it is damaged, or no DOCX: open it and save it again")
