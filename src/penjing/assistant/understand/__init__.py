"""From a person's sentence to what they want. Knows no dialogue and does nothing."""
