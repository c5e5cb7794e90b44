// The unmodified Node SDK for watsonx.ai judges the gateway. Reads SLUICEGATE_URL, SLUICEGATE_KEY (an administrator's),
// SLUICEGATE_USER_KEY (a user's, of the group SLUICEGATE_GROUP), SLUICEGATE_CERTIFICATE (a file of what the client is to
// trust, named by NODE_EXTRA_CA_CERTS as well) and MODE: `cloud` or `software_hub`, which is how the SDK gets its token.
// Prints `ok NAME` for each check and stops at the first that fails. Makes, and deletes, a provider `node-sdk`.
import assert from "node:assert/strict";
import { access } from "./ibm_node/access.mjs";
import { catalog } from "./ibm_node/catalog.mjs";
import { connect, doors, ways } from "./ibm_node/doors.mjs";
import { Exercised } from "./ibm_node/exercised.mjs";
import { answered } from "./ibm_node/expect.mjs";
import { inference } from "./ibm_node/inference.mjs";

const names = {
  url: "SLUICEGATE_URL",
  key: "SLUICEGATE_KEY",
  userKey: "SLUICEGATE_USER_KEY",
  group: "SLUICEGATE_GROUP",
  certificate: "SLUICEGATE_CERTIFICATE",
  mode: "MODE",
};
const given = Object.fromEntries(
  Object.entries(names).map(([member, name]) => {
    assert.ok(process.env[name], `set ${name}`);
    return [member, process.env[name]];
  }),
);
assert.ok(given.mode in ways, `MODE is ${Object.keys(ways)}`);
const { url, key, userKey, mode } = given;

const way = Object.values(ways[mode])[0];
const exercised = new Exercised();
const gateway = exercised.watch(connect(url, way(url, key)));
const created = await gateway.providers.create({ providerName: "demo", name: "node-sdk", data: {} });
const { uuid: provider } = answered(created, 201);
const model = "node-sdk/demo";
answered(await gateway.models.create({ providerId: provider, modelId: "demo", alias: model }), 201);
const at = { ...given, gateway, user: connect(url, way(url, userKey)), provider, model };

const last = {
  async every_method_was_called() {
    answered(await gateway.providers.delete({ providerId: provider }), 204);
    exercised.complete();
  },
};

for (const [name, check] of Object.entries({ ...doors, ...catalog, ...access, ...inference, ...last })) {
  try {
    await check(at);
  } catch (problem) {
    console.error(`FAILED ${name}: ${problem.stack}`);
    process.exit(1);
  }
  console.log("ok", name);
}
