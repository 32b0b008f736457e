"""What is said: the spec's sentences, the model's open answers, quotations with their sources."""
