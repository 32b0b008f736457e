"""Low rank: a matrix as the product of two thin ones, or such a product beside a rounded one."""
