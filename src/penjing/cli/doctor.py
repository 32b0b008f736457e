"""`penjing doctor`: whether this installation is whole, and with --offline whether it keeps quiet.

Looks and tells; mends nothing. The ways out are tried by `core/egress`, never past this machine.
"""

from __future__ import annotations

import platform
import re
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from penjing.cli.output import Output
from penjing.core.errors import PenjingError
from penjing.core.units import format_size

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.core.egress.trial import Trial

EXAMPLES: Mapping[str, str] = {
    "doctor": """
        penjing doctor
        penjing doctor --offline
    """
}

_LITTLE = 500 * 1000**2
"""Free bytes below which the next model will not fit."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    """What."""
    ok: bool
    """Nothing needs to be done."""
    says: str
    """What was found, and what to do where it is not well."""


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the command's own arguments."""
    parser.add_argument(
        "--offline", action="store_true", help="try every way out of this machine, and show which"
    )


def run(args: Namespace) -> int:
    """Look; 1 when something is not well."""
    output = Output(args.json, quiet=args.quiet)
    return _offline(output) if args.offline else _health(output)


# -- is everything here? ----------------------------------------------------------------------


def _health(output: Output) -> int:
    checks = [look() for look in (_python, _engine, _home, _vault)] + _extras()
    document = {"ok": all(one.ok for one in checks), "checks": [asdict(one) for one in checks]}

    def draw(console: Console) -> None:
        for one in checks:
            console.print(f"{'ok  ' if one.ok else 'BAD '} {one.name}: {one.says}", markup=False)

    output.emit(document, draw)
    return 0 if document["ok"] else 1


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("python", sys.version_info >= (3, 11), found)


def _engine() -> Check:
    from penjing.ggml import library

    return _asked("engine", lambda: f"{library.WHEEL} loads" if library.load() else "")


def _home() -> Check:
    from penjing.bundle.home import Home
    from penjing.core.files import require_writable

    root = Home.from_environment().root

    def look() -> str:
        if not root.exists():
            return f"{root} is made when it is first needed"
        require_writable(root)
        free = shutil.disk_usage(root).free
        if free < _LITTLE:
            raise PenjingError(f"{root} has {format_size(free)} free: free some space")
        return f"{root} can be written, {format_size(free)} free"

    return _asked("home", look)


def _vault() -> Check:
    from penjing.bundle.home import Home
    from penjing.vault.vault import place_in

    place = place_in(Home.from_environment().root)
    if not place.exists():
        return Check("vault", True, "none yet: penjing vault init makes one")

    def look() -> str:
        from penjing.vault.verify import verify_slots

        subjects = place.subjects()
        found = [one for subject in subjects for one in verify_slots(place, subject)]
        if found:
            raise PenjingError(f"{len(found)} findings in its key slots: run penjing vault verify")
        return f"there, {len(subjects) - 1} people; penjing vault verify looks at every byte"

    return _asked("vault", look)


def _extras() -> list[Check]:
    """What is installed of each optional part; none of them is missed."""
    from importlib.metadata import PackageNotFoundError, metadata, requires, version

    try:
        names = metadata("penjing").get_all("Provides-Extra") or []
        wanted = requires("penjing") or []
    except PackageNotFoundError:
        return [Check("extras", False, "penjing is not installed: pip install penjing")]

    def missing(extra: str) -> list[str]:
        found = []
        for line in wanted:
            needs, _, condition = line.partition(";")
            package = re.split(r"[^A-Za-z0-9._-]", needs.strip())[0]
            if f'extra == "{extra}"' in condition.replace("'", '"') and package != "penjing":
                try:
                    version(package)
                except PackageNotFoundError:
                    found.append(package)
        return found

    lines = []
    for name in names:
        absent = missing(name)
        advice = f"not there ({', '.join(absent[:4])}): pip install 'penjing[{name}]'"
        lines.append(Check(f"extra {name}", True, advice if absent else "installed"))
    return lines


def _asked(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except PenjingError as error:
        return Check(name, False, str(error))


# -- does anything get out? -------------------------------------------------------------------


def _offline(output: Output) -> int:
    from penjing.core.egress.trial import try_all

    trials = try_all()
    tight = not any(one.leaks or one.missed for one in trials if one.kind != "open")
    document = {"tight": tight, "trials": [_document(one) for one in trials]}
    output.emit(document, lambda console: _draw(console, trials, tight=tight))
    return 0 if tight else 1


def _document(trial: Trial) -> dict[str, Any]:
    return {
        "kind": trial.kind,
        "receipt": trial.receipt,
        "arrived": trial.arrived,
        "leaks": [one.name for one in trial.leaks] if trial.kind != "open" else [],
        "attempts": [asdict(one) for one in trial.attempts],
    }


_TITLES = {
    "open": "Nothing closed, for comparison",
    "nothing": "Closed to everything (penjing chat)",
    "list": "Closed to all but one address (penjing serve with a tool)",
}


def _draw(console: Console, trials: list[Trial], *, tight: bool) -> None:
    for trial in trials:
        console.print(f"\n{_TITLES[trial.kind]}", style="bold", markup=False)
        for line in trial.lines:
            console.print(f"  {line}", markup=False)
        width = max(len(one.about) for one in trial.attempts)
        for one in trial.attempts:
            end = "reached" if one.reached else f"refused by {one.by}"
            console.print(f"  {one.about:<{width}}  {end}", markup=False)
        console.print(f"  arrived at listeners on no list: {trial.arrived}", markup=False)
    console.print(
        "\nNothing got out that the receipts do not name. Every attempt stayed on this machine."
        if tight
        else "\nNOT TIGHT: what was reached above is open to Penjing's own code too.",
        markup=False,
    )
