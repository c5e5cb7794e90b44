// A mock of an OAuth 2 server that signs whatever it is told. `POST /_token` takes JSON: `claims` and `header`, which stand in
// the place of the usual ones (null takes one away); `kid` of the key; and `by`: `key` (the usual one), `none`, `secret` (HS256
// by the public key in PEM), `modulus` (HS256 by what the set of keys shows), `stranger` (a key that is in no set, which the
// head embeds) or `torn` (no signature). `POST /_key` makes a key: `alg` and `kid`. `GET /_fetched` tells how often keys were
// fetched, and how often somebody wanted what heads of tokens name. Prints `ready URL` and ends with its standard input.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { load } from "./installed.mjs";

const imported = (name) => import(pathToFileURL(load.resolve(name)));
const { OAuth2Server } = await imported("oauth2-mock-server");
const { SignJWT, exportJWK, exportSPKI, generateKeyPair, importJWK } = await imported("jose");

const mock = new OAuth2Server();
const { issuer } = mock;
const stranger = await generateKeyPair("RS256", { extractable: true });
const base64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

const change = (target, changes) => {
  for (const [name, value] of Object.entries(changes ?? {})) {
    if (value === null) delete target[name];
    else target[name] = value;
  }
};

async function token({ claims, header, kid, by = "key" }) {
  // The mock's own way, unless it would not do that.
  let head, payload;
  const usual = await issuer.buildToken({
    kid,
    scopesOrTransform: (header_, payload_) => {
      Object.assign(payload_, { sub: "ann", aud: "sluicegate" });
      change(payload_, claims);
      change(header_, header);
      [head, payload] = [{ typ: "JWT", ...header_ }, payload_];
    },
  });
  const signed = (head_, key) => new SignJWT(payload).setProtectedHeader(head_).sign(key);
  const shown = issuer.keys.toJSON().find((key) => key.kid === (kid ?? head.kid)) ?? issuer.keys.toJSON()[0];
  switch (by) {
    case "key":
      return usual;
    case "torn":
      return usual.slice(0, usual.lastIndexOf(".") + 1);
    case "none":
      return `${base64({ ...head, alg: "none" })}.${base64(payload)}.`;
    case "secret": {
      const pem = await exportSPKI(await importJWK(shown, shown.alg, { extractable: true }));
      return signed({ ...head, alg: "HS256" }, new TextEncoder().encode(pem));
    }
    case "modulus":
      return signed({ ...head, alg: "HS256" }, Buffer.from(shown.n, "base64url"));
    case "stranger": {
      const jwk = { ...(await exportJWK(stranger.publicKey)), kid: head.kid, alg: "RS256" };
      const named = { jku: `${issuer.url}/_stranger`, x5u: `${issuer.url}/_stranger` };
      return signed({ ...head, jwk, ...named, alg: "RS256" }, stranger.privateKey);
    }
    default:
      throw new Error(`nobody signs by ${by}`);
  }
}

const fetched = { keys: 0, stranger: 0 };
const tools = {
  "/_token": token,
  "/_key": async ({ alg, kid }) => (await issuer.keys.generate(alg, { kid })).kid,
  "/_fetched": () => JSON.stringify(fetched),
  "/_stranger": async () => {
    fetched.stranger += 1;
    return JSON.stringify({ keys: [{ ...(await exportJWK(stranger.publicKey)), alg: "RS256" }] });
  },
};

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, issuer.url);
  if (!(pathname in tools)) {
    if (pathname === "/jwks") fetched.keys += 1;
    mock.service.requestHandler(request, response);
    return;
  }
  let body = "";
  for await (const piece of request) body += piece;
  try {
    response.end(await tools[pathname](body ? JSON.parse(body) : {}));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
issuer.url = `http://127.0.0.1:${server.address().port}`;
await issuer.keys.generate("RS256", { kid: "first" });
console.log(`ready ${issuer.url}`);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
