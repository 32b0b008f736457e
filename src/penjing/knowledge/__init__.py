"""Documents become passages that are found again, with their sources.

Knows a person's part of the vault as `core.protocols.Store`, and models as `Embedder`.
`library.py` is the front door for who keeps documents, `retriever.py` for who asks.
"""
