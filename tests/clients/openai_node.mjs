// The official OpenAI client for Node: chat, a tool run to its end, embeddings.
import assert from "node:assert";
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: `${process.env.PENJING_URL}/v1`,
  apiKey: process.env.PENJING_TOKEN,
  maxRetries: 0,
  timeout: 300_000,
});
const served = (await client.models.list()).data;
const model = served[0].id;
const messages = [{ role: "user", content: "What is the capital of France?" }];

const done = await client.chat.completions.create({ model, messages, max_tokens: 16 });
assert.match(done.choices[0].message.content, /Paris/);
let text = "";
for await (const chunk of await client.chat.completions.create({
  model,
  messages,
  max_tokens: 16,
  stream: true,
})) {
  text += chunk.choices[0]?.delta?.content ?? "";
}
assert.match(text, /Paris/);

const runner = client.chat.completions.runTools(
  {
    model,
    max_tokens: 64,
    messages: [{ role: "user", content: "Please reset the counter." }],
    tools: [
      {
        type: "function",
        function: {
          name: "reset_counter",
          description: "Sets the counter to zero.",
          parameters: { type: "object", properties: {} },
          parse: JSON.parse,
          function: () => "It is zero.",
        },
      },
    ],
  },
  { maxChatCompletions: 8 },
);
assert.equal(typeof (await runner.finalContent()), "string");

const embedder = served.find((one) => one.capabilities.includes("embedding"));
if (embedder) {
  const found = await client.embeddings.create({ model: embedder.id, input: "hello" });
  assert(found.data[0].embedding.length > 100);
}
const asked = [{ role: "user", content: "set a timer for 5 minutes" }];
const question = await client.chat.completions.create({ model: "assistant", messages: asked });
asked.push(question.choices[0].message, { role: "user", content: "yes" });
const set = await client.chat.completions.create({ model: "assistant", messages: asked });
assert.match(set.choices[0].message.content, /5 minutes/);
