// Chat, completions and embeddings, whole and as streams.
import assert from "node:assert/strict";
import { answered, collect, refused } from "./expect.mjs";

const messages = [
  { role: "system", content: "Be short." },
  { role: "user", content: [{ type: "text", text: "What is a sluice? \u6c34 \u{1f30a}" }] },
];
const repeatable = { temperature: 0, seed: 1 };
const schema = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
  additionalProperties: false,
};

const textOf = (chunks) =>
  chunks
    .flatMap(({ data }) => data.choices)
    .map((choice) => choice.delta?.content ?? choice.text ?? "")
    .join("");

export const inference = {
  async chat({ gateway, model }) {
    const answer = answered(await gateway.chat.completion.create({ model, messages, ...repeatable }), 200);
    assert.deepEqual([answer.object, answer.choices[0].message.role], ["chat.completion", "assistant"]);
    assert.ok(answer.id && answer.model && Number.isInteger(answer.created), JSON.stringify(answer));
    assert.ok(answer.choices[0].message.content, "the answer is empty");
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    assert.equal(total_tokens, prompt_tokens + completion_tokens);
  },

  async chat_takes_every_argument({ gateway, model }) {
    const asked = {
      model,
      messages,
      ...repeatable,
      topP: 0.9,
      n: 2,
      stop: ["never said"],
      user: "somebody",
      maxCompletionTokens: 64,
      frequencyPenalty: 0.1,
      presencePenalty: 0.1,
      logitBias: { 50256: -100 },
      logprobs: true,
      topLogprobs: 2,
      metadata: { purpose: "test" },
      modalities: ["text"],
      parallelToolCalls: true,
      reasoningEffort: "low",
      store: false,
      serviceTier: "auto",
      prediction: { type: "content", content: "A sluice" },
      streamOptions: undefined,
      cache: { enabled: false, threshold: 0.95 },
      router: { models: [model], optimization: "cost", quality_tradeoff: 0.8 },
    };
    const answer = answered(await gateway.chat.completion.create(asked), 200);
    assert.equal(answer.choices.length, 2);
    assert.ok(answer.choices[0].logprobs.content.length > 0, "no log probabilities");
    answered(await gateway.chat.completion.create({ model, messages, maxTokens: 8 }), 200);
  },

  async chat_stream({ gateway, model }) {
    const asked = { model, messages, ...repeatable };
    const whole = answered(await gateway.chat.completion.create(asked), 200);
    const silent = await collect(gateway.chat.completion.create({ ...asked, stream: true }));
    assert.equal(textOf(silent), whole.choices[0].message.content, "streamed text");
    assert.ok(silent.length > 2, "the stream is in one piece");
    assert.ok(!silent.some(({ data }) => data.usage), "usage is shown though nobody asked");
    const finishes = silent.flatMap(({ data }) => data.choices).filter((choice) => choice.finish_reason);
    assert.deepEqual(
      finishes.map((choice) => choice.finish_reason),
      ["stop"],
    );

    const counted = await collect(
      gateway.chat.completion.create({ ...asked, stream: true, streamOptions: { include_usage: true } }),
    );
    assert.deepEqual(
      counted.filter(({ data }) => data.usage).map(({ data }) => data.usage),
      [whole.usage],
    );
  },

  async chat_stream_as_lines({ gateway, model }) {
    const asked = { model, messages, ...repeatable, stream: true, returnObject: false };
    const lines = (await collect(gateway.chat.completion.create(asked))).filter((line) => line !== "");
    assert.equal(lines.pop(), "data: [DONE]");
    for (const line of lines) {
      assert.ok(line.startsWith("data: "), line);
      assert.equal(JSON.parse(line.slice(6)).object, "chat.completion.chunk");
    }
  },

  async aborted_stream({ gateway, model }) {
    const stream = await gateway.chat.completion.create({ model, messages, stream: true });
    let seen = 0;
    try {
      for await (const _ of stream) {
        seen += 1;
        stream.controller.abort();
      }
    } catch (error) {
      assert.equal(error.name, "AbortError");
    }
    assert.ok(seen >= 1, "no chunk before the abort");
    answered(await gateway.chat.completion.create({ model, messages }), 200);
  },

  async tools({ gateway, model }) {
    const name = "get_weather";
    const tools = [
      { type: "function", function: { name, description: "The weather of a place.", parameters: schema } },
    ];
    for (const toolChoice of ["required", { type: "function", function: { name } }]) {
      const asked = { model, messages, ...repeatable, tools, toolChoice };
      const [choice] = answered(await gateway.chat.completion.create(asked), 200).choices;
      assert.equal(choice.finish_reason, "tool_calls");
      const [call] = choice.message.tool_calls;
      assert.deepEqual([call.type, call.function.name], ["function", name]);
      assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)).sort(), ["city", "days"]);

      const chunks = await collect(gateway.chat.completion.create({ ...asked, stream: true }));
      const calls = chunks.flatMap(({ data }) => data.choices).flatMap(({ delta }) => delta.tool_calls ?? []);
      assert.equal(calls.map((piece) => piece.function.arguments ?? "").join(""), call.function.arguments);

      const result = { role: "tool", tool_call_id: call.id, content: '["rain"]' };
      answered(
        await gateway.chat.completion.create({
          ...asked,
          toolChoice: "none",
          messages: [...messages, choice.message, result],
        }),
        200,
      );
    }
  },

  async json_schema({ gateway, model }) {
    const responseFormat = { type: "json_schema", json_schema: { name: "report", strict: true, schema } };
    const answer = answered(await gateway.chat.completion.create({ model, messages, responseFormat }), 200);
    assert.deepEqual(Object.keys(JSON.parse(answer.choices[0].message.content)).sort(), ["city", "days"]);
  },

  async completions({ gateway, model }) {
    const asked = {
      model,
      prompt: "A sluice is",
      maxTokens: 16,
      ...repeatable,
      echo: false,
      bestOf: 1,
      n: 1,
      logprobs: 1,
      topP: 1,
      suffix: "",
      frequencyPenalty: 0,
      presencePenalty: 0,
      user: "somebody",
      metadata: { purpose: "test" },
      cache: { enabled: false, threshold: 1 },
      router: { models: [model] },
      stop: ["never said"],
    };
    const answer = answered(await gateway.completion.create(asked), 200);
    assert.equal(answer.object, "text_completion");
    assert.ok(answer.choices[0].text && answer.usage.total_tokens > 0, JSON.stringify(answer));
    const several = answered(await gateway.completion.create({ model, prompt: ["A sluice", "A gate"] }), 200);
    assert.deepEqual(
      several.choices.map((choice) => choice.index),
      [0, 1],
    );
    answered(await gateway.completion.create({ model, prompt: [1, 2, 3] }), 200);

    const { logprobs, ...plain } = asked;
    const chunks = await collect(gateway.completion.create({ ...plain, stream: true }));
    assert.equal(textOf(chunks), answer.choices[0].text, "streamed text");
    const lines = await collect(gateway.completion.create({ ...plain, stream: true, returnObject: false }));
    assert.equal(lines.filter((line) => line).at(-1), "data: [DONE]");
  },

  async embeddings({ gateway, model }) {
    const asked = { model, input: ["water", "gate"], user: "somebody" };
    const answer = answered(await gateway.embeddings.completion.create({ ...asked, encodingFormat: "float" }), 200);
    assert.deepEqual([answer.object, answer.data.map((item) => item.index)], ["list", [0, 1]]);
    const packed = answered(await gateway.embeddings.completion.create({ ...asked, encodingFormat: "base64" }), 200);
    for (const [index, { embedding, object }] of answer.data.entries()) {
      assert.equal(object, "embedding");
      const bytes = Buffer.from(packed.data[index].embedding, "base64");
      const floats = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4));
      assert.deepEqual(floats, embedding.map(Math.fround));
    }
    assert.ok(answer.usage.prompt_tokens > 0 && answer.usage.total_tokens >= answer.usage.prompt_tokens);
    const short = answered(await gateway.embeddings.completion.create({ model, input: "water", dimensions: 8 }), 200);
    assert.equal(short.data[0].embedding.length, 8);
    answered(await gateway.embeddings.completion.create({ model, input: [[1, 2], [3]] }), 200);
  },

  async wrong_calls({ gateway, model }) {
    for (const stream of [false, true]) {
      await refused(
        gateway.chat.completion.create({ model: "no-such-model", messages, stream }),
        404,
        "model_not_found",
      );
      await refused(gateway.completion.create({ model: "no-such-model", prompt: "x", stream }), 404, "model_not_found");
      await refused(gateway.chat.completion.create({ model, messages: "hello", stream }), 400, "invalid_request");
    }
    await refused(gateway.embeddings.completion.create({ model: "no-such-model", input: "x" }), 404, "model_not_found");
    await refused(gateway.embeddings.completion.create({ model, input: [] }), 400, "invalid_request");
    await assert.rejects(gateway.chat.completion.create({ model }), /messages/);
  },
};
