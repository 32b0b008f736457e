"""The passport for people: one self-contained page, and a compact table for the terminal.

    render_report(passport, details) -> str      the whole of report.html
    print_passport(passport, console)            the same numbers in a terminal

This room only shows numbers that others measured. It computes none and must not know torch.
"""

from penjing.workshop.report.page import render_report
from penjing.workshop.report.terminal import print_passport

__all__ = ["print_passport", "render_report"]
