"""Puts the rooms together: a function for each thing that a person can ask for.

The command line parses, calls these and prints; a program calls them by `import penjing`. Knows no
arguments of a command line and draws nothing.
"""
