// The official Ollama client for Node: lists, chat in lines, a form, embeddings.
import assert from "node:assert";
import { Ollama } from "ollama";

const client = new Ollama({
  host: process.env.PENJING_URL,
  headers: { Authorization: `Bearer ${process.env.PENJING_TOKEN}` },
});
const { models } = await client.list();
const model = models[0].name;
const messages = [{ role: "user", content: "What is the capital of France?" }];
const options = { num_predict: 16 };

const done = await client.chat({ model, messages, options });
assert.match(done.message.content, /Paris/);
assert.equal(typeof done.total_duration, "number");
let text = "";
for await (const part of await client.chat({ model, messages, options, stream: true })) {
  text += part.message.content;
}
assert.match(text, /Paris/);
assert.deepEqual((await client.show({ model })).capabilities, ["completion", "tools"]);
const json = await client.generate({ model, prompt: "Name a city.", format: "json", options });
assert(json.response.trimStart().startsWith("{"));
const embedder = models.find((one) => one.details.family === "bert");
if (embedder) {
  const found = await client.embed({ model: embedder.name, input: ["a", "b"] });
  assert.equal(found.embeddings.length, 2);
}
