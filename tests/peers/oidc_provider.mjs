// A certified OpenID provider on a free port. The clients `reader`, `operator` and `stranger` (secret: `secret`) get JWT
// access tokens for the resource `urn:sluicegate` by client credentials, with a claim `groups`. Beside it:
// `POST /_rotate` gives it other keys, and `GET /_fetched` tells how often keys were fetched. Prints `ready URL` and ends with
// its standard input.
import { createServer } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import { load } from "./installed.mjs";

const { default: Provider } = await import(pathToFileURL(load.resolve("oidc-provider")));
const groups = { reader: ["readers"], operator: ["readers", "operators"], stranger: ["elsewhere"] };
const audience = "urn:sluicegate";

const key = (kind, options) => {
  const jwk = generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" });
  return { ...jwk, kid: randomUUID(), use: "sig" };
};
// oidc-provider signs by the first key that fits: RSA for RS256.
const keys = () => [key("rsa", { modulusLength: 2048 }), key("ec", { namedCurve: "P-256" })];

let provider;
const start = (url) => {
  provider = new Provider(url, {
    jwks: { keys: keys() },
    clients: Object.keys(groups).map((id) => ({
      client_id: id,
      client_secret: "secret",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    })),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: "",
          audience,
          accessTokenFormat: "jwt",
          accessTokenTTL: 600,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    extraTokenClaims: (_, token) => ({ groups: groups[token.clientId] }),
  });
};

let fetched = 0;
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, url);
  if (pathname === "/_rotate") {
    start(url);
    response.end();
  } else if (pathname === "/_fetched") {
    response.end(String(fetched));
  } else {
    if (pathname === "/jwks") fetched += 1;
    provider.callback()(request, response);
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}`;
start(url);
console.log(`ready ${url}`);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
