"""LiteLLM, by OpenAI's way and by Ollama's, with parameters that it hands on."""

from __future__ import annotations

import litellm
from common import BASE, EMBEDDER, MODEL, TOKEN, URL

said = [{"role": "user", "content": "What is the capital of France?"}]
about = {"api_base": BASE, "api_key": TOKEN, "timeout": 300}
done = litellm.completion(
    f"openai/{MODEL}", said, max_tokens=16, top_k=40, repetition_penalty=1.1, **about
)
assert "Paris" in done.choices[0].message.content, done
stream = litellm.completion(f"openai/{MODEL}", said, max_tokens=16, stream=True, **about)
assert "Paris" in "".join(piece.choices[0].delta.content or "" for piece in stream)
if EMBEDDER is not None:
    found = litellm.embedding(f"openai/{EMBEDDER}", ["hello"], encoding_format="float", **about)
    assert len(found.data[0]["embedding"]) > 100
done = litellm.completion(
    f"ollama_chat/{MODEL}", said, max_tokens=16, api_base=URL, api_key=TOKEN, timeout=300
)
assert "Paris" in done.choices[0].message.content, done
