// The unmodified OpenAI Node SDK judges the gateway. Reads SLUICEGATE_URL, SLUICEGATE_KEY and MODEL.
// Prints `ok NAME` for each check and stops at the first that fails. A model other than `demo` is only
// asked for what any model can do.
import assert from "node:assert/strict";
import { load } from "./installed.mjs";

const OpenAI = load("openai");

for (const name of ["SLUICEGATE_URL", "SLUICEGATE_KEY"]) {
  assert.ok(process.env[name], `set ${name}`);
}
const baseURL = process.env.SLUICEGATE_URL.replace(/\/$/, "") + (process.env.BASE_PATH ?? "/v1");
const model = process.env.MODEL ?? "demo";

// No retries: the first answer is judged. These settings make any model repeat itself.
const client = new OpenAI({ baseURL, apiKey: process.env.SLUICEGATE_KEY, maxRetries: 0, timeout: 30_000 });
const chat = {
  model,
  messages: [{ role: "user", content: "What is a sluice? \u6c34 \u{1f30a}" }],
  temperature: 0,
  seed: 1,
};

const schema = {
  type: "object",
  properties: {
    unit: { type: "string", enum: ["celsius", "fahrenheit"] },
    place: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
      required: ["city", "days"],
      additionalProperties: false,
    },
  },
  required: ["unit", "place"],
  additionalProperties: false,
};

function assertConforms(json) {
  const value = JSON.parse(json);
  assert.deepEqual(Object.keys(value).sort(), ["place", "unit"]);
  assert.ok(schema.properties.unit.enum.includes(value.unit), `unit ${value.unit}`);
  assert.deepEqual(Object.keys(value.place).sort(), ["city", "days"]);
  assert.equal(typeof value.place.city, "string");
  assert.ok(Number.isInteger(value.place.days), `days ${value.place.days}`);
}

async function collect(request) {
  const chunks = [];
  for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) chunks.push(chunk);
  const choices = chunks.flatMap((chunk) => chunk.choices);
  assert.equal(choices.filter((choice) => choice.finish_reason).length, 1, "finish reasons of one stream");
  return { chunks, text: choices.map((choice) => choice.delta.content ?? "").join("") };
}

const anyModel = {
  async chat() {
    const answer = await client.chat.completions.create(chat);
    assert.ok(answer.choices[0].message.content, "the answer is empty");
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  },
  async stream() {
    const unary = await client.chat.completions.create(chat);
    const asked = await collect({ ...chat, stream_options: { include_usage: true } });
    assert.equal(asked.text, unary.choices[0].message.content, "streamed text");
    assert.equal(asked.chunks.filter((chunk) => chunk.usage).length, 1, "chunks with usage");
    assert.ok(asked.chunks.at(-1).usage, "usage is not on the last chunk");
    const silent = await collect(chat);
    assert.ok(!silent.chunks.some((chunk) => chunk.usage), "usage is shown though nobody asked");
  },
  async completions() {
    const asked = { model, prompt: "A sluice is", max_tokens: 16, temperature: 0, seed: 1 };
    const unary = await client.completions.create(asked);
    let text = "";
    for await (const chunk of await client.completions.create({ ...asked, stream: true })) {
      text += chunk.choices.map((choice) => choice.text).join("");
    }
    assert.ok(text, "the completion is empty");
    assert.equal(text, unary.choices[0].text, "streamed text");
  },
  async abort() {
    const stream = await client.chat.completions.create({ ...chat, stream: true });
    let seen = 0;
    for await (const _ of stream) {
      seen += 1;
      stream.controller.abort();
    }
    assert.ok(seen >= 1, "no chunk before the abort"); // chunks that had arrived already may follow it
    assert.ok((await collect(chat)).text, "the call after an abort");
  },
};

const demo = {
  async models() {
    const ids = [];
    for await (const listed of client.models.list()) ids.push(listed.id);
    assert.ok(ids.includes(model), `${model} is not among ${ids}`);
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  async tools() {
    const name = "get_weather";
    const tools = [{ type: "function", function: { name, description: "The weather of a place.", parameters: schema } }];
    for (const tool_choice of ["required", { type: "function", function: { name } }]) {
      const asked = { ...chat, tools, tool_choice };
      const unary = (await client.chat.completions.create(asked)).choices[0];
      assert.equal(unary.finish_reason, "tool_calls");
      assert.equal(unary.message.tool_calls[0].function.name, name);
      assertConforms(unary.message.tool_calls[0].function.arguments);
      // The SDK's own assembly of the chunks, which refuses much that is out of order.
      const streamed = (await client.chat.completions.stream(asked).finalChatCompletion()).choices[0];
      assert.equal(streamed.finish_reason, "tool_calls");
      assert.ok(streamed.message.tool_calls[0].id, "the streamed tool call has no id");
      const { arguments: json, name: called } = streamed.message.tool_calls[0].function;
      assert.deepEqual([called, json], [name, unary.message.tool_calls[0].function.arguments], "streamed tool call");
    }
  },
  async json_schema() {
    const response_format = { type: "json_schema", json_schema: { name: "report", strict: true, schema } };
    const answer = await client.chat.completions.parse({ ...chat, response_format });
    assertConforms(answer.choices[0].message.content);
    assert.equal((await collect({ ...chat, response_format })).text, answer.choices[0].message.content, "streamed JSON");
  },
  async embeddings() {
    const input = ["water", "gate"];
    const floats = await client.embeddings.create({ model, input, encoding_format: "float" });
    const byDefault = await client.embeddings.create({ model, input }); // base64, decoded by the SDK
    assert.deepEqual(floats.data.map((item) => item.index), [0, 1]);
    assert.ok(floats.data[0].embedding.length > 0, "the vector is empty");
    for (const [index, { embedding }] of floats.data.entries()) {
      assert.deepEqual(embedding.map(Math.fround), [...byDefault.data[index].embedding].map(Math.fround));
    }
  },
  async errors() {
    const stranger = client.withOptions({ apiKey: "wrong-key-0123456789" });
    await assert.rejects(stranger.chat.completions.create(chat), OpenAI.AuthenticationError);
    for (const stream of [false, true]) {
      await assert.rejects(client.chat.completions.create({ ...chat, model: "no-such-model", stream }), (error) => {
        assert.ok(error instanceof OpenAI.NotFoundError, String(error));
        assert.equal(error.code, "model_not_found");
        assert.ok(error.requestID, "the error has no request id");
        return true;
      });
    }
    await assert.rejects(client.chat.completions.create({ ...chat, messages: "hello" }), OpenAI.BadRequestError);
  },
  async request_id() {
    const { response, request_id } = await client.chat.completions.create(chat).withResponse();
    assert.ok(request_id, "no request id");
    assert.equal(response.headers.get("x-request-id"), request_id);
  },
};

for (const [name, check] of Object.entries(model === "demo" ? { ...anyModel, ...demo } : anyModel)) {
  try {
    await check();
  } catch (problem) {
    console.error(`FAILED ${name}: ${problem.stack}`);
    process.exit(1);
  }
  console.log("ok", name);
}
