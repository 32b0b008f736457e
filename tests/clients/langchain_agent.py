"""LangChain: an agent with a tool comes to its end; streamed chat; embeddings; the assistant."""

from __future__ import annotations

from common import ASSISTANT, BASE, EMBEDDER, MODEL, TOKEN, add
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

about = {"base_url": BASE, "api_key": TOKEN, "timeout": 300, "max_retries": 0}
chat = ChatOpenAI(model=MODEL, max_tokens=64, **about)

agent = create_agent(chat, tools=[tool(add)])
found = agent.invoke(
    {"messages": [("user", "Add 2 and 3 with the tool.")]}, {"recursion_limit": 12}
)
assert found["messages"][-1].type == "ai", found
assert not found["messages"][-1].tool_calls

assert "".join(piece.content for piece in chat.stream("Say hello."))

if EMBEDDER is not None:
    vectors = OpenAIEmbeddings(
        model=EMBEDDER, check_embedding_ctx_length=False, base_url=BASE, api_key=TOKEN
    )
    assert len(vectors.embed_query("hello")) > 100

butler = ChatOpenAI(model=ASSISTANT, **about)
asked = butler.invoke("set a timer for 5 minutes")
done = butler.invoke([("user", "set a timer for 5 minutes"), asked, ("user", "yes")])
assert "5 minutes" in done.content, done
