// Connect's gRPC-Web clients judge the gateway: over Node's http (HTTP/1.1 and HTTP/2) and over fetch, as browsers do.
// Reads SLUICEGATE_URL, SLUICEGATE_KEY, MODEL, and SLUICEGATE_DESCRIPTORS: a file that `buf build -o FILE.binpb` made,
// so no code is generated. PRINT_TEXT=1 prints the streamed text at the end.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { load } from "./installed.mjs";

const { createFileRegistry, fromBinary, fromJson } = load("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = load("@bufbuild/protobuf/wkt");
const { Code, ConnectError, createClient } = load("@connectrpc/connect");
const node = load("@connectrpc/connect-node");
const web = load("@connectrpc/connect-web");

for (const name of ["SLUICEGATE_URL", "SLUICEGATE_KEY", "SLUICEGATE_DESCRIPTORS"]) {
  assert.ok(process.env[name], `set ${name}`);
}
const baseUrl = process.env.SLUICEGATE_URL.replace(/\/$/, "");
const headers = { authorization: `Bearer ${process.env.SLUICEGATE_KEY}` };
const model = process.env.MODEL ?? "demo";

const descriptors = readFileSync(process.env.SLUICEGATE_DESCRIPTORS);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const inference = registry.getService("sluicegate.v1.Inference");

const request = (name = model) =>
  fromJson(inference.method.chat.input, {
    model: name,
    messages: [{ role: "ROLE_USER", parts: [{ text: { text: "What is a sluice? \u6c34 \u{1f30a}" } }] }],
    temperature: 0,
    seed: "1",
  });

const textOf = (parts) =>
  parts.map(({ content }) => (content.case === "text" ? content.value.text : "")).join("");

let printed = "";

function checks(client) {
  return {
    async chat() {
      let requestId;
      const onHeader = (received) => { requestId = received.get("x-request-id"); };
      const answer = await client.chat(request(), { headers, onHeader });
      assert.ok(textOf(answer.choices[0].message.parts), "the answer is empty");
      assert.ok(requestId, "no x-request-id in the initial metadata");
    },
    async stream() {
      const unary = await client.chat(request(), { headers });
      const chunks = [];
      for await (const chunk of client.streamChat(request(), { headers })) chunks.push(chunk);
      printed = chunks.flatMap((chunk) => chunk.choices.map((choice) => textOf(choice.parts))).join("");
      assert.equal(printed, textOf(unary.choices[0].message.parts), "streamed text");
      assert.equal(chunks.filter((chunk) => chunk.usage).length, 1, "chunks with usage");
      assert.ok(chunks.at(-1).usage, "usage is not on the last chunk");
    },
    async abort() {
      const abort = new AbortController();
      await assert.rejects(async () => {
        for await (const _ of client.streamChat(request(), { headers, signal: abort.signal })) abort.abort();
      }, (error) => ConnectError.from(error).code === Code.Canceled);
      assert.ok((await client.chat(request(), { headers })).choices.length, "the call after an abort");
    },
    async errors() {
      const refused = (code) => (error) => {
        assert.equal(Code[ConnectError.from(error).code], Code[code], String(error));
        return true;
      };
      const drain = async (stream) => { for await (const _ of stream); };
      const stranger = { headers: { authorization: "Bearer wrong-key-0123456789" } };
      await assert.rejects(client.chat(request(), stranger), refused(Code.Unauthenticated));
      await assert.rejects(drain(client.streamChat(request(), stranger)), refused(Code.Unauthenticated));
      await assert.rejects(client.chat(request("no-such-model"), { headers }), refused(Code.NotFound));
      await assert.rejects(drain(client.streamChat(request("no-such-model"), { headers })), refused(Code.NotFound));
    },
  };
}

const transports = {
  node_http1: node.createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  // An idle HTTP/2 connection would keep this process alive.
  node_http2: node.createGrpcWebTransport({ baseUrl, httpVersion: "2", idleConnectionTimeoutMs: 1 }),
  fetch: web.createGrpcWebTransport({ baseUrl }),
};

for (const [transport, made] of Object.entries(transports)) {
  for (const [name, check] of Object.entries(checks(createClient(inference, made)))) {
    try {
      await check();
    } catch (problem) {
      console.error(`FAILED ${transport}_${name}: ${problem.stack}`);
      process.exit(1);
    }
    console.log("ok", `${transport}_${name}`);
  }
}
if (process.env.PRINT_TEXT === "1") console.log(printed);
