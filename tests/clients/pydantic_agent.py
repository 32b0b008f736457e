"""Pydantic AI: an agent with tools comes to its end, one of typed output answers in its type."""

from __future__ import annotations

from common import BASE, MODEL, TOKEN, add
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, UsageLimits
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

client = AsyncOpenAI(base_url=BASE, api_key=TOKEN, timeout=300, max_retries=0)
model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))


class City(BaseModel):
    """An answer."""

    name: str


def reset_counter() -> str:
    """Sets the counter to zero."""
    return "It is zero."


limits = UsageLimits(request_limit=10)
agent = Agent(model, tools=[add, reset_counter], model_settings={"max_tokens": 64})
done = agent.run_sync("Please reset the counter.", usage_limits=limits)
assert isinstance(done.output, str), done

typed = Agent(model, output_type=NativeOutput(City), model_settings={"max_tokens": 64})
assert typed.run_sync("Name a city in France.", usage_limits=limits).output.name
