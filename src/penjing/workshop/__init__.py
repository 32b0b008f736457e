"""The half that makes models: torch lives here and nowhere else."""
