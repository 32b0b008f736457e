"""What was kept: any `LanguageModel`, a text, perhaps a baseline -> numbers with intervals.

Imports core and numpy only: a shipped file and a torch checkpoint are measured by the same code.
"""
