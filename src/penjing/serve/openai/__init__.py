"""The part of OpenAI's API that a model on this machine can keep. One file for each endpoint."""
