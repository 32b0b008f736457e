"""The spec: one YAML file that describes an assistant. Here it becomes frozen values."""
