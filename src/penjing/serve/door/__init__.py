"""The door: whoever comes in over the network comes in here, and nothing else decides who they are.

Pure ASGI around the whole app. The checks are siblings: each is a file with one function that takes
a `Visit` and gives a `Refusal` or None. Knows people and HTTP; must not know models or pages.
"""
