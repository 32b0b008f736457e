"""Checkpoint -> files other programs run; one file per format."""
