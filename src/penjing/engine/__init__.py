"""From a model file to tokens and scores. One file per runtime.

Knows files and tokens; must not know people, documents or budgets.
"""
