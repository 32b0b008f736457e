"""Ollama's API, for the programs that speak only that. Behind the same door as everything else."""
