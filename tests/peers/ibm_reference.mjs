// The unmodified Node SDK for watsonx.ai registers a provider by the CRN of its secret, and calls it. Reads SLUICEGATE_URL,
// SLUICEGATE_KEY (an administrator's), NODE_EXTRA_CA_CERTS (a file of what the client is to trust), SLUICEGATE_CRN: the CRN
// of a secret that holds every argument of a provider of the type openai, which the gateway may read, and SLUICEGATE_TEXT:
// what its upstream says. Prints `ok NAME` for each check and stops at the first that fails.
import assert from "node:assert/strict";
import { connect, ways } from "./ibm_node/doors.mjs";
import { answered } from "./ibm_node/expect.mjs";

const { SLUICEGATE_URL: url, SLUICEGATE_KEY: key, SLUICEGATE_CRN: resource, SLUICEGATE_TEXT: text } = process.env;
for (const given of [url, key, resource, text]) assert.ok(given, "set SLUICEGATE_URL, _KEY, _CRN and _TEXT");

async function check(gateway, name) {
  const dataReference = { resource };
  const { uuid: providerId } = answered(
    await gateway.providers.create({ providerName: "openai", name, dataReference }),
    201,
  );
  const read = answered(await gateway.providers.getDetails({ providerId }), 200);
  assert.deepEqual(read.data_reference, dataReference);
  assert.deepEqual(Object.keys(read.data), ["base_url"]);

  const renamed = { providerId, providerName: "openai", name: `${name} again`, dataReference };
  assert.equal(answered(await gateway.providers.update(renamed), 200).name, renamed.name);
  assert.deepEqual(answered(await gateway.providers.getDetails({ providerId }), 200).data, read.data);

  const alias = `${name}/by-crn`;
  answered(await gateway.models.create({ providerId, modelId: "upstream-model", alias }), 201);
  const messages = [{ role: "user", content: "Hi" }];
  const answer = answered(await gateway.chat.completion.create({ model: alias, messages }), 200);
  assert.equal(answer.choices[0].message.content, text);
  answered(await gateway.providers.delete({ providerId }), 204);
}

for (const [mode, [way]] of Object.entries(ways).map(([mode, of]) => [mode, Object.values(of)])) {
  await check(connect(url, way(url, key)), mode.replace("_", "-"));
  console.log("ok provider_by_crn as", mode);
}
