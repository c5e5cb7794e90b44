// How a client proves who it is, and how it trusts the gateway.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { load } from "../installed.mjs";
import { answered, refused } from "./expect.mjs";

const auth = load("ibm-cloud-sdk-core");
const { Gateway } = load("@ibm-cloud/watsonx-ai/gateway");

// The ways of each mode; `key` is an API key of the gateway.
export const ways = {
  cloud: {
    iam: (url, key, more) => new auth.IamAuthenticator({ apikey: key, url, ...more }),
    iam_full_url: (url, key, more) => new auth.IamAuthenticator({ apikey: key, url: `${url}/identity/token`, ...more }),
    bearer: (_, key) => new auth.BearerTokenAuthenticator({ bearerToken: key }),
  },
  software_hub: {
    cp4d_api_key: (url, key, more) =>
      new auth.CloudPakForDataAuthenticator({ username: "admin", apikey: key, url: `${url}/icp4d-api`, ...more }),
    cp4d_password: (url, key, more) =>
      new auth.CloudPakForDataAuthenticator({
        username: "admin",
        password: key,
        url: `${url}/icp4d-api/v1/authorize`,
        ...more,
      }),
    bearer: (_, key) => new auth.BearerTokenAuthenticator({ bearerToken: key }),
  },
};

// A gateway as the SDK makes it; an authenticator of none is one made of the environment.
export const connect = (serviceUrl, authenticator, more = {}) => new Gateway({ serviceUrl, authenticator, ...more });

// With the variables of the environment that the SDK reads.
async function withVariables(variables, run) {
  const named = Object.fromEntries(Object.entries(variables).map(([name, value]) => [`WATSONX_AI_${name}`, value]));
  Object.assign(process.env, named);
  try {
    return await run();
  } finally {
    for (const name of Object.keys(named)) delete process.env[name];
  }
}

export const doors = {
  async every_way_in({ url, key, mode, model }) {
    for (const [name, way] of Object.entries(ways[mode])) {
      const gateway = connect(url, way(url, key));
      const [first, second] = [await gateway.models.list(), await gateway.models.list()];
      assert.ok(first.length > 0 && second.length > 0, name);
      const chunks = await gateway.chat.completion.create({
        model,
        messages: [{ role: "user", content: "Hi" }],
        stream: true,
      });
      for await (const { data } of chunks) assert.ok(data.choices, name);
    }
  },

  async ways_of_the_environment({ url, key, mode }) {
    const variables = {
      cloud: { APIKEY: key, AUTH_URL: url },
      software_hub: { AUTH_TYPE: "cp4d", USERNAME: "admin", APIKEY: key, URL: url },
    };
    await withVariables(variables[mode], async () => {
      assert.ok((await connect(url).models.list()).length > 0);
    });
    await withVariables({ AUTH_TYPE: "bearertoken", BEARER_TOKEN: key }, async () => {
      assert.ok((await connect(url).models.list()).length > 0);
    });
  },

  async token_is_a_passport_of_its_own({ url, key, mode }) {
    const way = Object.values(ways[mode])[0](url, key);
    const token = await way.tokenManager.getToken();
    const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
    assert.ok(
      Number.isInteger(claims.exp) && Number.isInteger(claims.iat) && claims.exp > claims.iat,
      JSON.stringify(claims),
    );
    assert.ok(!token.includes(key), "the token holds the key");
    const gateway = connect(url, new auth.BearerTokenAuthenticator({ bearerToken: token }));
    assert.ok((await gateway.models.list()).length > 0);
    // Another's letter in place of one of the signature's.
    const at = token.lastIndexOf(".") + 9;
    const forged = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
    await refused(
      connect(url, new auth.BearerTokenAuthenticator({ bearerToken: forged })).models.list(),
      401,
      "invalid_api_key",
    );
  },

  async wrong_keys({ url, mode }) {
    const wrong = "wrong-key-0123456789";
    await refused(
      connect(url, new auth.BearerTokenAuthenticator({ bearerToken: wrong })).models.list(),
      401,
      "invalid_api_key",
    );
    await assert.rejects(connect(url, Object.values(ways[mode])[0](url, wrong)).models.list(), (error) => {
      assert.equal(error.status, mode === "cloud" ? 400 : 401, error.body);
      if (mode === "cloud") assert.equal(error.result.errorCode, "BXNIM0415E");
      assert.ok(!error.body.includes(wrong), "the answer tells the key");
      return true;
    });
  },

  async user_may_not_administer({ user }) {
    await refused(
      user.providers.create({ providerName: "demo", name: "mine", data: {} }),
      403,
      "authorization_rejected",
    );
    await refused(
      user.policies.create({ action: "read", effect: "allow", resource: "model:*", subject: "me" }),
      403,
      "authorization_rejected",
    );
    await refused(
      user.rateLimit.create({ type: "tenant", request: { amount: 1, capacity: 1, duration: "1m" } }),
      403,
      "authorization_rejected",
    );
  },

  async containers_of_watsonx({ url, key, mode }) {
    const way = Object.values(ways[mode])[0](url, key);
    for (const container of [
      { projectId: "63dc4cf1-252f-424b-b52d-5cdd9814987f" },
      { spaceId: "8cb2d5a1-1d6a-4f6c-9a3c-1e51e8b0a6f1" },
    ]) {
      assert.ok((await connect(url, way, container).models.list()).length > 0);
    }
  },

  async certificates({ url, key, certificate }) {
    const trusting = connect(url, new auth.BearerTokenAuthenticator({ bearerToken: key }), { caCert: certificate });
    answered(await trusting.models.getDetails(), 200);
    const { NODE_EXTRA_CA_CERTS, ...environment } = process.env;
    assert.ok(NODE_EXTRA_CA_CERTS, "set NODE_EXTRA_CA_CERTS");
    const script = fileURLToPath(new URL("untrusted.mjs", import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { env: environment, encoding: "utf8" });
    assert.equal(status, 0, stdout + stderr);
  },
};
