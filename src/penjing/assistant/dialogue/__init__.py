"""What a conversation is about and what happens next: a frozen state and a pure step."""
