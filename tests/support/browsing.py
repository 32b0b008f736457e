"""Where Chromium is, and how it is started."""

from __future__ import annotations

import os
import shutil

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--font-render-hinting=none"]
"""Tests run as root in containers, where Chromium's own sandbox cannot."""


def chromium() -> str | None:
    """The system's Chromium (or $CHROMIUM); None where there is none."""
    if (named := os.environ.get("CHROMIUM")) is not None:
        return shutil.which(named)
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)
