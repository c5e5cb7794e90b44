// What several checks expect alike.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";

// The body of a failed call. Of one that would have been a stream, the SDK gives the stream itself.
async function bodyOf({ result }) {
  return typeof result.pipe === "function" ? JSON.parse(await text(result)) : result;
}

// The SDK fails with this status, and the body that it was given has this code and a request id.
export async function refused(promise, status, code) {
  const error = await promise.then(
    () => assert.fail(`the call went through in place of ${status} ${code}`),
    (error) => error,
  );
  assert.equal(error.status, status, `${error.message} ${error.body}`);
  const body = await bodyOf(error);
  assert.deepEqual(Object.keys(body), ["error"], "members beside `error`");
  assert.equal(body.error.code, code, JSON.stringify(body));
  assert.ok(body.error.message, "no message");
  assert.ok(body.error.request_id, "no request id");
}

// The answer has this status; gives its body.
export function answered(response, status) {
  assert.equal(response.status, status);
  return response.result;
}

// All that an iterator gives.
export async function collect(stream) {
  const items = [];
  for await (const item of await stream) items.push(item);
  return items;
}
