"""A model as property: sealed for devices, signed by its maker, marked by its owner.

Knows files, keys and codes; must not know the engine, nor who talks.
"""
