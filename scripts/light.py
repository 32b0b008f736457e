"""What the light install must hold: run by `scripts/light` inside it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path

LIMIT = 250 * 10**6


def main() -> int:
    """0 when every promise is kept."""
    packages = Path(sysconfig.get_paths()["purelib"])
    size = sum(f.stat().st_size for f in packages.rglob("*") if f.is_file())
    heavy = [
        n
        for n in ("torch", "transformers", "safetensors", "cryptography")
        if importlib.util.find_spec(n)
    ]
    own = importlib.util.find_spec("penjing")
    helps = subprocess.run([sys.executable, "-m", "penjing", "--help"], check=True)
    refused = subprocess.run(
        [sys.executable, "-m", "penjing", "compress", "x", "-o", "never", "--size", "1MB"],
        capture_output=True,
        text=True,
        check=False,
    )
    locked = subprocess.run(
        [sys.executable, "-m", "penjing", "vault", "user", "list"],
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"light install: {size / 1e6:.0f} MB of at most {LIMIT / 1e6:.0f}, heavy parts: {heavy}")
    kept = [
        size <= LIMIT,
        not heavy,
        own is not None and Path(own.origin or "").is_relative_to(packages),
        helps.returncode == 0,
        refused.returncode == 2 and "pip install 'penjing[workshop]'" in refused.stderr,
        locked.returncode == 2 and "pip install 'penjing[vault]'" in locked.stderr,
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
