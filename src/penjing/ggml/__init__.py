"""The binding to ggml and llama.cpp: struct layouts, functions, block formats.

A room of its own because two others need the same shared library: `engine` runs models with it and
`workshop` encodes and decodes block formats with it. It knows pointers and bytes; it must not know
chat, bundles on disk or budgets.
"""
