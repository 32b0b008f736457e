"""The official Ollama client for Python: lists, chat, tools, forms, embeddings, refusals."""

from __future__ import annotations

from collections.abc import Callable

import ollama
from common import ADD, ASSISTANT, EMBEDDER, MODEL, TOKEN, URL

client = ollama.Client(host=URL, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=300)
SAID = [{"role": "user", "content": "What is the capital of France?"}]
SHORT = {"num_predict": 16}

listed = client.list().models
assert [one.model for one in listed][:2] == [MODEL, ASSISTANT]
assert listed[0].modified_at is not None
assert client.ps().models[0].expires_at is not None
assert "completion" in (client.show(MODEL).capabilities or [])

done = client.chat(MODEL, SAID, options=SHORT)
assert "Paris" in done.message.content
assert done.total_duration
assert done.eval_count
assert "Paris" in "".join(one.message.content for one in client.chat(MODEL, SAID, stream=True))
assert client.generate(MODEL, "Once upon a", raw=True, options=SHORT).response

called = client.chat(MODEL, [{"role": "user", "content": "Add 2 and 3."}], tools=[ADD])
assert called.message.tool_calls or called.message.content
form = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
assert '"city"' in client.chat(MODEL, SAID, format=form, options=SHORT | {"num_predict": 48})[
    "message"
]["content"]  # fmt: skip

if EMBEDDER is not None:
    assert len(client.embed(EMBEDDER, ["a", "b"]).embeddings) == 2
    assert len(client.embeddings(EMBEDDER, "a").embedding) > 100


def status_of(wrong: Callable[[], object]) -> int:
    """What it is refused with."""
    try:
        wrong()
    except ollama.ResponseError as error:
        return int(error.status_code)
    return 200


assert status_of(lambda: client.chat("nothing", SAID)) == 404
assert status_of(lambda: client.chat(MODEL, [{**SAID[0], "images": [b"png"]}])) == 400

said = [{"role": "user", "content": "set a timer for 5 minutes"}]
said += [client.chat(ASSISTANT, said).message, {"role": "user", "content": "yes"}]
assert "5 minutes" in client.chat(ASSISTANT, said).message.content
