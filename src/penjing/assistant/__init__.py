"""One spec in, a private assistant out: it understands, remembers, acts and cites.

Knows engine, knowledge, vault and tools by the protocols of `core` only.
"""
