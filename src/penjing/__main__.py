"""`python -m penjing` is the same as `penjing`."""

from __future__ import annotations

import sys

from penjing.cli.start import main

if __name__ == "__main__":
    sys.exit(main())
