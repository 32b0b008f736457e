"""Tasks: what a model can still do, judged by questions whose answers are known."""
