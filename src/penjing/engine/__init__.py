"""From a model file to tokens and scores. One file per runtime, plus a fake.

Knows files and tokens; must not know people, documents or budgets.
"""
