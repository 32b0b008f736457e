"""Encrypted persistence: keys, people and what they may see, their history and documents.

Imports core only. `vault.py` is the front door; `access.py` the one place that asks whose a row is.
"""
