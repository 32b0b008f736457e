"""What an assistant can do: one file a tool, all alike, each with typed settings from the spec.

Knows core alone: where things are kept, the model that writes and the clock are given.
"""
