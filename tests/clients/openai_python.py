"""The official OpenAI client for Python: chat, tools to their end, logprobs, embeddings."""

from __future__ import annotations

import json

import openai
from common import ADD, ASSISTANT, BASE, EMBEDDER, MODEL, TOKEN, add

client = openai.OpenAI(base_url=BASE, api_key=TOKEN, timeout=300, max_retries=0)


def chats() -> None:
    said = [{"role": "user", "content": "What is the capital of France?"}]
    done = client.chat.completions.create(model=MODEL, messages=said, max_tokens=16, store=True)
    assert "Paris" in done.choices[0].message.content, done
    stream = client.chat.completions.create(
        model=MODEL, messages=said, max_tokens=16, stream=True, logit_bias={}, seed=1
    )
    assert "Paris" in "".join(one.choices[0].delta.content or "" for one in stream)


def calls_and_ends() -> None:
    said = [{"role": "user", "content": "Add 2 and 3."}]
    for _ in range(6):
        done = client.chat.completions.create(
            model=MODEL, messages=said, tools=[ADD], max_tokens=64
        )
        message = done.choices[0].message
        if not message.tool_calls:
            assert message.content is not None
            return
        said.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            result = str(add(**json.loads(call.function.arguments)))
            said.append({"role": "tool", "tool_call_id": call.id, "content": result})
    raise AssertionError(f"the loop did not end: {said}")


def scores() -> None:
    numbers = {}
    for end in ("Paris", "banana"):
        done = client.completions.create(
            model=MODEL, prompt=f"The capital of France is {end}", echo=True, logprobs=1,
            max_tokens=0,
        )  # fmt: skip
        told = done.choices[0].logprobs
        assert told.token_logprobs[0] is None
        numbers[end] = sum(told.token_logprobs[1:])
    assert numbers["Paris"] > numbers["banana"], numbers


def embeds() -> None:
    if EMBEDDER is None:
        return
    found = client.embeddings.create(model=EMBEDDER, input=["a cat", "a kitten", "tax law"])
    one, near, far = (item.embedding for item in found.data)
    assert sum(map(float.__mul__, one, near)) > sum(map(float.__mul__, one, far))
    code = None
    try:
        client.embeddings.create(model=EMBEDDER, input="word " * 500)
    except openai.BadRequestError as error:
        code = error.code
    assert code == "context_length_exceeded"


def responds() -> None:
    with client.responses.stream(model=MODEL, input="Say hello.", max_output_tokens=16) as stream:
        kinds = [event.type for event in stream]
    assert kinds[0] == "response.created"
    assert kinds[-1] in ("response.completed", "response.incomplete")


def assists() -> None:
    said = [{"role": "user", "content": "set a timer for 5 minutes"}]
    done = client.chat.completions.create(model=ASSISTANT, messages=said)
    question = done.choices[0].message.content
    assert question.endswith("?"), question
    said += [{"role": "assistant", "content": question}, {"role": "user", "content": "yes"}]
    done = client.chat.completions.create(model=ASSISTANT, messages=said)
    assert "5 minutes" in done.choices[0].message.content, done
    again = client.chat.completions.create(
        model=ASSISTANT, messages=[{"role": "user", "content": "yes"}], max_tokens=8
    )
    assert "It runs" not in again.choices[0].message.content


for part in (chats, calls_and_ends, scores, embeds, responds, assists):
    part()
