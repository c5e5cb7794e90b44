// Public fakes of many vendors on one port: greets who says hello, calls get_weather where it is offered. Prints
// `ready URL` and ends with its standard input.
import { load } from "./installed.mjs";

const { LLMock } = load("@copilotkit/aimock");
const mock = new LLMock({ port: 0, chunkSize: 5, logLevel: "silent" });
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
mock.addFixture({
  match: { userMessage: "hello" },
  response: { content: "Hello there, friend. How may I help?", usage },
});
mock.addFixture({
  match: { userMessage: "weather" },
  response: { toolCalls: [{ name: "get_weather", arguments: JSON.stringify({ city: "Rome", days: 2 }) }], usage },
});
mock.addFixture({
  match: { userMessage: "limit" },
  response: { error: { message: "too many requests", type: "rate_limit_error" }, status: 429 },
});
mock.addFixture({ match: { inputText: "hello" }, response: { embedding: [0.25, -0.5, 1] } });
await mock.start();
console.log(`ready ${mock.url}`);
process.stdin.resume();
// At once: to stop the mock in good order is to wait for whoever keeps a connection.
process.stdin.on("end", () => process.exit(0));
