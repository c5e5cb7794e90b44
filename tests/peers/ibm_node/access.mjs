// Policies and rate limits.
import assert from "node:assert/strict";
import { answered, refused } from "./expect.mjs";

const tenantLimit = { amount: 10, capacity: 60, duration: "1m" };
const modelLimit = { amount: 3, capacity: 15, duration: "1m" };

export const access = {
  async policies({ gateway, user, model, group }) {
    const { uuid: modelId } = answered(await gateway.models.getDetails({ modelId: model }), 200);
    const asked = { action: "read", effect: "deny", resource: `model:${modelId}`, subject: group };
    const created = await gateway.policies.create(asked);
    assert.ok([200, 201].includes(created.status), `status ${created.status}`);
    const policyId = created.result.uuid;
    assert.deepEqual(created.result, { uuid: policyId, ...asked });
    assert.deepEqual(await gateway.policies.getDetails({ policyId }), created.result);
    assert.deepEqual(
      (await gateway.policies.list()).find((item) => item.uuid === policyId),
      created.result,
    );

    // The policy is in force: the model is neither called nor shown.
    const chat = { model, messages: [{ role: "user", content: "Hi" }] };
    await refused(user.chat.completion.create(chat), 403, "authorization_rejected");
    await refused(user.chat.completion.create({ ...chat, stream: true }), 403, "authorization_rejected");
    assert.ok(!(await user.models.list()).some((item) => item.uuid === modelId), "a denied model is listed");

    answered(await gateway.policies.delete({ policyId }), 204);
    assert.ok(answered(await user.chat.completion.create(chat), 200).choices.length > 0);
    assert.ok((await user.models.list()).some((item) => item.uuid === modelId));
    await assert.rejects(gateway.policies.getDetails({ policyId }), /does not exist/);
    await refused(gateway.policies.delete({ policyId }), 404, "policy_not_found");
    await refused(gateway.policies.create({ ...asked, action: "dance" }), 400, "invalid_request");
    await refused(gateway.policies.create({ ...asked, resource: "model:no-such-model" }), 404, "model_not_found");
  },

  async rate_limits({ gateway }) {
    const asked = { type: "tenant", request: tenantLimit, token: { amount: 1000, capacity: 5000, duration: "1h30m" } };
    const created = answered(await gateway.rateLimit.create(asked), 201);
    const rateLimitId = created.uuid;
    assert.deepEqual(created, { uuid: rateLimitId, ...asked });
    assert.deepEqual(answered(await gateway.rateLimit.getDetails({ rateLimitId }), 200), created);
    assert.equal(answered(await gateway.rateLimit.getDetails(), 200).object, "list");
    assert.deepEqual(
      (await gateway.rateLimit.list()).find((item) => item.uuid === rateLimitId),
      created,
    );
    answered(await gateway.rateLimit.delete({ rateLimitId }), 204);
    await refused(gateway.rateLimit.getDetails({ rateLimitId }), 404, "rate_limit_not_found");
    await refused(
      gateway.rateLimit.create({ type: "tenant", request: { ...tenantLimit, duration: "soon" } }),
      400,
      "invalid_request",
    );
    await refused(gateway.rateLimit.create({ type: "tenant" }), 400, "invalid_request");
    await refused(gateway.rateLimit.create({ type: "galaxy", request: tenantLimit }), 400, "invalid_request");
  },

  // The SDK sends `providerId` and `modelId` where the interface says `provider_uuid` and `model_uuid`.
  async sdk_defect_rate_limit_create_sends_camel_case({ gateway, provider, model }) {
    const { uuid } = answered(await gateway.models.getDetails({ modelId: model }), 200);
    const ofModel = answered(
      await gateway.rateLimit.create({ type: "model", modelId: uuid, request: modelLimit }),
      201,
    );
    assert.deepEqual(ofModel, { uuid: ofModel.uuid, type: "model", model_uuid: uuid, request: modelLimit });
    const ofProvider = answered(
      await gateway.rateLimit.create({ type: "provider", providerId: provider, token: modelLimit }),
      201,
    );
    assert.deepEqual(ofProvider, {
      uuid: ofProvider.uuid,
      type: "provider",
      provider_uuid: provider,
      token: modelLimit,
    });
    // The service that the SDK's own tests run against takes a stray id of a tenant's limit.
    const ofTenant = answered(
      await gateway.rateLimit.create({ type: "tenant", providerId: provider, request: tenantLimit }),
      201,
    );
    assert.deepEqual(ofTenant, { uuid: ofTenant.uuid, type: "tenant", request: tenantLimit });
    for (const { uuid: rateLimitId } of [ofModel, ofProvider, ofTenant]) {
      answered(await gateway.rateLimit.delete({ rateLimitId }), 204);
    }
  },

  // The SDK refuses the id that its own type asks for, and without it names a limit that cannot be.
  async sdk_defect_rate_limit_update_cannot_run({ gateway }) {
    const asked = { type: "tenant", request: tenantLimit };
    const { uuid: rateLimitId } = answered(await gateway.rateLimit.create(asked), 201);
    await assert.rejects(gateway.rateLimit.update({ ...asked, rateLimitId }), /rateLimitId/);
    await refused(gateway.rateLimit.update(asked), 404, "rate_limit_not_found");
    // What it would have sent.
    const replaced = answered(
      await gateway._put({
        url: "/ml/gateway/v1/rate-limits/{rate_limit_id}",
        path: { rate_limit_id: rateLimitId },
        body: { type: "tenant", token: modelLimit },
      }),
      200,
    );
    assert.deepEqual(replaced, { uuid: rateLimitId, type: "tenant", token: modelLimit }, "a replaced limit");
    answered(await gateway.rateLimit.delete({ rateLimitId }), 204);
  },
};
