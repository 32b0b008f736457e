"""Bytes to text, whoever wrote them: UTF-8 and -16 and -32, GB18030, Big5, Western. Pure.

A wrong guess would be kept and cited, so what is no text at all is refused. GB18030 can read
almost anything: it is believed only when most of what it gives are common Chinese characters.

Bounded: a codec that a page names is one of a list (Python has some that take the square of the
time), and what cannot be decoded is replaced only so often.
"""

from __future__ import annotations

import codecs

from penjing.core.errors import BadInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""UTF-32's little-endian mark begins with UTF-16's: it is looked for first."""
_SAMPLE = 4096
_PIECE = 2**20
_MOST_BROKEN = 100_000
"""Bytes that are no text; each costs a call."""
_DECLARED = frozenset(
    """ascii big5 big5hkscs cp437 cp850 cp866 cp874 cp932 cp949 cp950 euc_jp euc_kr gb18030 gb2312
    gbk hz iso2022_jp iso2022_kr johab koi8-r koi8-u mac-cyrillic mac-roman shift_jis tis-620 utf-8
    utf-16 utf-16-be utf-16-le""".split()  # noqa: SIM905
    + [f"cp{number}" for number in range(1250, 1259)]
    + [f"iso8859-{number}" for number in range(1, 17)]
)
"""What the Web knows, by Python's names."""
_COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然"
    "家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长"
    "把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制"
    "身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气"
    "題問這個們來為國說時會對後過發經沒動還進樣無與長機關點業間體員論處義"
)
_NO_TEXT = "it is not a text: give a text, Markdown, HTML, PDF, DOCX or CSV file"
_SHARE = 0.1
"""Running Chinese text has far more of these; Western text read as Chinese has nearly none."""


def decode(data: bytes, declared: str = "", most: int | None = None) -> str:
    """The text, with newlines for line ends. Raises BadInput for what is no text.

    Of more than `most` characters nothing is decoded where the bytes tell it already.
    """
    if most is not None and len(data) > 4 * most + 4:  # no encoding needs more for each
        raise BadInput(f"it holds more than {most // 1_000_000} million characters: split it")
    text = _decode(data, declared)
    strange = sum(char < " " and char not in "\t\n\r\f\v\x1b" for char in text[:_SAMPLE])
    if strange > len(text[:_SAMPLE]) // 50:
        raise BadInput(_NO_TEXT)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode(data: bytes, declared: str) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _loosely(data, name)
    if wide := _wide(data):
        return _loosely(data, wide)
    for name in ("utf-8", _known(declared)):
        if (text := _strictly(data, name)) is not None:
            return text
    for name in ("gb18030", "big5"):
        text = _strictly(data, name)
        if text is not None and _is_chinese(text):
            return text
    return _loosely(data, "utf-8" if _nearly(data) else "cp1252")


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: spaces and line ends make every other byte 0 now and then."""
    head = data[:_SAMPLE]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    few = len(head) // 50 + 1
    if odd > max(few, 4 * even):
        return "utf-16-le"
    if even > max(few, 4 * odd):
        return "utf-16-be"
    return ""


def _known(name: str) -> str:
    try:
        found = codecs.lookup(name.strip()[:40] or "utf-8").name
    except (LookupError, ValueError):
        return "utf-8"
    if found not in _DECLARED:
        return "utf-8"
    return {"gb2312": "gb18030", "gbk": "gb18030"}.get(found, found)


def _strictly(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except (UnicodeError, LookupError):  # broken, or a codec that gives no text
        return None


def _loosely(data: bytes, name: str) -> str:
    """With a sign in place of what is broken. Raises BadInput when that is much."""
    decoder = codecs.getincrementaldecoder(name)("replace")
    pieces, broken = [], 0
    for first in range(0, len(data) or 1, _PIECE):
        last = first + _PIECE >= len(data)
        piece = decoder.decode(data[first : first + _PIECE], last)
        broken += piece.count("\N{REPLACEMENT CHARACTER}")
        if broken > _MOST_BROKEN:
            raise BadInput(_NO_TEXT)
        pieces.append(piece)
    return "".join(pieces)


def _nearly(data: bytes) -> bool:
    """UTF-8 with a few broken bytes is still UTF-8."""
    beyond = data.translate(None, bytes(range(128)))[:_PIECE]
    text = beyond.decode("utf-8", "replace")
    broken = text.count("\N{REPLACEMENT CHARACTER}")
    return len(text) - broken > 4 * broken


def _is_chinese(text: str) -> bool:
    beyond = [char for char in text[: 16 * _SAMPLE] if char > "\x7f"]
    return sum(char in _COMMON for char in beyond) > _SHARE * len(beyond)
