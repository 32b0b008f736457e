"""Distillation: train a small model to say what the starting model says."""
