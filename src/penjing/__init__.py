"""Penjing makes a language model small enough for a device and proves what it kept."""

__version__ = "0.1.0"
