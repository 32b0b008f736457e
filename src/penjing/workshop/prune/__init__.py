"""A model made smaller by leaving parts out: weights, channels, heads, layers, tokens."""
