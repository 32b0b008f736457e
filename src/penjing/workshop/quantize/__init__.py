"""Ways of rounding weights, one algorithm per file, and of making them round better."""
