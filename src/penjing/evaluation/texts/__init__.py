"""Texts: how near they are to references, and how varied. Numbers of lines, no model."""
