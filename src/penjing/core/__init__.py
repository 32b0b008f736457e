"""Shared words: values, protocols and errors. Standard library only; imports no other room."""
