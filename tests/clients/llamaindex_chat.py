"""LlamaIndex: completion, streamed chat and embeddings by its OpenAI-like classes."""

from __future__ import annotations

from common import ASSISTANT, BASE, EMBEDDER, MODEL, TOKEN
from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

about = {"api_base": BASE, "api_key": TOKEN, "timeout": 300, "max_retries": 0}
model = OpenAILike(model=MODEL, is_chat_model=True, max_tokens=16, context_window=4096, **about)
assert "Paris" in model.complete("What is the capital of France?").text
said = [ChatMessage(role="user", content="What is the capital of France?")]
*_, last = model.stream_chat(said)
assert "Paris" in last.message.content

if EMBEDDER is not None:
    embedder = OpenAILikeEmbedding(model_name=EMBEDDER, **about)
    assert len(embedder.get_text_embedding("hello")) > 100

butler = OpenAILike(model=ASSISTANT, is_chat_model=True, context_window=4096, **about)
asked = butler.chat([ChatMessage(role="user", content="set a timer for 5 minutes")]).message
assert asked.content.endswith("?"), asked
