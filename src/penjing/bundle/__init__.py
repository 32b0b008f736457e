"""The handover between the workshop and the device: safe GGUF files, bundles, model catalogue.

Imports core only; knows nothing of torch, of engines or of how a model was made.
"""
