"""What is said: the spec's sentences, the model's open answers, and quotations with their sources."""
