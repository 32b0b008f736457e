"""An owner's code in the weights of a quantized file: written, and read back with a p-value."""
