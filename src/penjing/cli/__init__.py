"""The command line: one file per command group. The only place that wires rooms together."""
