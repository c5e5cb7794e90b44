// Providers and models, from birth to end.
import assert from "node:assert/strict";
import { answered, refused } from "./expect.mjs";

const listed = (list, uuid) => list.find((item) => item.uuid === uuid);

export const catalog = {
  async providers({ gateway, provider }) {
    const name = "watsonx-ai-provider-1 (own) [a]";
    const created = answered(
      await gateway.providers.create({ providerName: "openai", name, data: { apikey: "sk-0123456789-wxyz" } }),
      201,
    );
    assert.deepEqual(created, { uuid: created.uuid, name, type: "openai" });
    const providerId = created.uuid;

    const read = answered(await gateway.providers.getDetails({ providerId }), 200);
    assert.deepEqual([read.uuid, read.name, read.type], [providerId, name, "openai"]);
    assert.ok(!JSON.stringify(read).includes("0123456789"), "a secret is shown");
    const all = answered(await gateway.providers.getDetails(), 200);
    assert.equal(all.object, "list");
    for (const item of all.data) assert.ok(item.uuid && item.name && item.type, JSON.stringify(item));
    assert.deepEqual(listed(await gateway.providers.list(), providerId), read);
    assert.ok(listed(await gateway.providers.list(), provider), "the provider of the other checks");

    const data = { apikey: "sk-another-9876543210", base_url: "https://models.example/v1" };
    const replaced = answered(
      await gateway.providers.update({ providerId, providerName: "openai", name: "renamed", data }),
      200,
    );
    assert.deepEqual(replaced, { uuid: providerId, name: "renamed", type: "openai" });
    assert.equal(listed(await gateway.providers.list(), providerId).data.base_url, data.base_url);

    answered(await gateway.providers.delete({ providerId }), 204);
    await refused(gateway.providers.getDetails({ providerId }), 404, "provider_not_found");
    assert.equal(listed(await gateway.providers.list(), providerId), undefined);
  },

  async replayed_create({ gateway }) {
    const asked = { providerName: "openai", name: "replayed", data: { apikey: "sk-0123456789-wxyz" } };
    const [first, second] = [await gateway.providers.create(asked), await gateway.providers.create(asked)];
    assert.equal(answered(second, 201).uuid, answered(first, 201).uuid, "the replay made a twin");
    const taken = { ...asked, data: { apikey: "sk-quite-another-one" } };
    await refused(gateway.providers.create(taken), 409, "name_taken");
    answered(await gateway.providers.delete({ providerId: first.result.uuid }), 204);
  },

  // The type of the SDK's own TypeScript for the provider `cerebras`, and so what its users write.
  async sdk_defect_cerebas_is_cerebras({ gateway }) {
    const asked = { providerName: "cerebas", name: "cerebras", data: { apikey: "csk-0123456789" } };
    const { uuid: providerId, type } = answered(await gateway.providers.create(asked), 201);
    assert.equal(type, "cerebras");
    answered(await gateway.providers.delete({ providerId }), 204);
  },

  async available_models({ gateway, provider: providerId }) {
    const { object, data } = answered(await gateway.providers.getAvailableModelsDetails({ providerId }), 200);
    assert.equal(object, "list");
    assert.ok(data.length > 0, "no model is available");
    for (const item of data) {
      assert.ok(item.id && item.owned_by && Number.isInteger(item.created), JSON.stringify(item));
      assert.equal(item.object, "model");
    }
    assert.deepEqual(await gateway.providers.listAvailableModels({ providerId }), data);
  },

  async models({ gateway, provider: providerId }) {
    const alias = "nodejs-sdk/ibm/granite-4-h-small";
    const metadata = {
      cost: 0.000125,
      model_family: "granite",
      context_window: 131072,
      functions: ["text_chat"],
      own: { a: [null] },
    };
    const created = answered(await gateway.models.create({ providerId, modelId: "demo", alias, metadata }), 201);
    const modelId = created.uuid;
    assert.deepEqual([created.id, created.alias, created.object], [alias, alias, "model"]);
    assert.deepEqual(created.metadata, metadata);
    assert.equal(created.owned_by, "demo:node-sdk");
    assert.ok(Math.abs(created.created - Date.now() / 1000) < 600, `created ${created.created}`);

    for (const name of [modelId, alias])
      assert.deepEqual(answered(await gateway.models.getDetails({ modelId: name }), 200), created);
    assert.deepEqual(listed(await gateway.models.list(), modelId), created);
    assert.deepEqual(listed(await gateway.models.list({ providerId }), modelId), created);
    assert.equal(answered(await gateway.models.getDetails(), 200).object, "list");
    assert.deepEqual(listed(answered(await gateway.models.getDetails({ providerId }), 200).data, modelId), created);

    const plain = answered(await gateway.models.create({ providerId, modelId: "plain" }), 201);
    assert.ok(
      !("metadata" in plain) && !("alias" in plain),
      `what was not given is left out: ${JSON.stringify(plain)}`,
    );
    answered(await gateway.models.delete({ modelId: plain.uuid }), 204);

    answered(await gateway.models.delete({ modelId: alias }), 204);
    await refused(gateway.models.getDetails({ modelId }), 404, "model_not_found");
  },

  async wrong_catalog({ gateway, provider: providerId }) {
    const absent = "00000000-0000-4000-8000-000000000000";
    await refused(
      gateway.providers.create({ providerName: "no-such-type", name: "x", data: { apikey: "0123456789" } }),
      400,
      "invalid_request",
    );
    await refused(
      gateway.providers.create({ providerName: "openai", name: "x", data: { apikey: "0123456789", surplus: "y" } }),
      400,
      "invalid_request",
    );
    await refused(
      gateway.providers.create({ providerName: "openai", name: "x", dataReference: { resource: "crn:v1:x" } }),
      400,
      "invalid_request",
    );
    await refused(gateway.providers.delete({ providerId: absent }), 404, "provider_not_found");
    await refused(gateway.models.create({ providerId: absent, modelId: "m" }), 404, "provider_not_found");
    await refused(gateway.models.delete({ modelId: absent }), 404, "model_not_found");
    await refused(gateway.models.create({ providerId, modelId: " " }), 400, "invalid_request");
    await refused(gateway.models.create({ providerId, modelId: "m", alias: 7 }), 400, "invalid_request");
  },
};
