"""The spec: one YAML file that describes an assistant. Read here into frozen values, and checked."""
