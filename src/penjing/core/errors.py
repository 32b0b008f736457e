"""The one error tree. Every message is one line: what is wrong, then what to do about it.

    PenjingError                 the work failed                         exit 1
    ├── UsageError               the caller's mistake                    exit 2
    │   ├── UnknownName          no such model, device, codec ...        (suggests near ones)
    │   ├── BadInput             a text, recipe or option is unusable
    │   │   └── TooLong          it does not fit what the model can read
    │   ├── MissingExtra         an optional part is not installed
    │   ├── NotFound             nothing of that id is this person's
    │   ├── NotPermitted         a person's role or permissions do not allow it
    │   ├── WrongPassphrase      a name and a passphrase do not belong together
    │   └── BudgetError          no such small model is possible         (names the smallest)
    ├── FormatError              a file is not the model it claims to be exit 2
    ├── IntegrityError           a hash does not match
    ├── StorageError             disk full, read-only, not permitted
    │   └── InUse                another process has it open
    ├── NetworkError             a source could not be reached
    ├── EngineError              the runtime refused or failed
    │   ├── Busy                 every place is taken                    (says when to try again)
    │   └── UnreadableMessages   the model's template takes no such ones exit 2
    └── Cancelled                a person pressed Ctrl-C                 exit 130

Foreign exceptions are translated at each room's door; no other exception reaches the command line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PenjingError(Exception):
    """Base of everything Penjing raises on purpose.

    One printable line, whatever names and values of a stranger's are quoted in it: what would move
    a cursor, begin a line or turn the writing around is written as an escape.
    """

    exit_code = 1

    def __init__(self, *said: object) -> None:
        super().__init__(*(_one_line(one) if isinstance(one, str) else one for one in said))


_LONGEST = 6000
"""Characters of a message: a path may have 4096, a quoted value never that many."""


def _one_line(text: str) -> str:
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 1000]} ... {text[-900:]}"
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one == "\u3000" else ascii(one)[1:-1] for one in text
    )


class UsageError(PenjingError):
    """The caller asked for something that cannot be; nothing was changed."""

    exit_code = 2


class UnknownName(UsageError):
    """A name is not in its catalogue; the message suggests near ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown {kind} '{name}': {near(name, known)}")


def near(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a name that is not known, or all that is."""
    names = sorted(known)
    meant = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(meant)}?" if meant else f"known: {', '.join(names)}"


class BadInput(UsageError):
    """A text, recipe or option that cannot be used."""


class TooLong(BadInput):
    """More than the model can read at once."""


class MissingExtra(UsageError):
    """An optional part of Penjing is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional part: pip install 'penjing[{extra}]'")


class NotFound(UsageError):
    """Nothing of that id belongs to who asks; whether it is another's is not told."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"there is no {kind} '{name[:64]}' of yours: list yours and choose one")


class NotPermitted(UsageError):
    """A person's role or permissions do not allow it."""


class WrongPassphrase(UsageError):
    """A key slot did not open."""


class BudgetError(UsageError):
    """The budget cannot be met; the message names the smallest that can."""


class FormatError(PenjingError):
    """A file is truncated, corrupt, hostile or of another kind than it claims."""

    exit_code = 2


class IntegrityError(PenjingError):
    """A file's hash is not the one that was promised."""


class StorageError(PenjingError):
    """The disk refused: full, read-only or not permitted."""


class InUse(StorageError):
    """Another process, or another part of this one, has it open."""


class NetworkError(PenjingError):
    """A source could not be reached or answered wrongly."""


class EngineError(PenjingError):
    """The runtime could not load the model or could not run it."""


class Busy(EngineError):
    """Everything that may wait is waiting."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too much is being asked at once: try again in {seconds:.0f} s")
        self.seconds = seconds


class UnreadableMessages(EngineError):
    """The model's chat template takes no such messages: other ones it may take."""

    exit_code = 2


class Cancelled(PenjingError):
    """A person stopped the work."""

    exit_code = 130


def one_line(text: str) -> str:
    """A message as one printable line: a hostile file name cannot drive the terminal."""
    joined = " ".join(part.strip() for part in text.splitlines() if part.strip())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in joined)
