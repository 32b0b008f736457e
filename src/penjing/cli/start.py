"""The first of `penjing` that runs: from here on Ctrl-C is one line, whatever is being imported.

Imports nothing that the interpreter has not loaded by itself.
"""

from __future__ import annotations

import os
import sys

_STOPPED = 130
"""What a shell reports for a program that Ctrl-C ended; `cli/app.py` says the same later."""


def main() -> int:
    """Run the command line of this process and return its exit status."""
    try:
        from penjing.cli.app import main as run
    except KeyboardInterrupt:
        os.write(2, b"penjing: stopped\n")
        os._exit(_STOPPED)  # half of an import is nothing that could be ended cleanly
    return run()


if __name__ == "__main__":
    sys.exit(main())
