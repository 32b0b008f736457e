"""Bit allocation (mixed precision): what a choice costs, the best assembly under a budget."""
