// A client as its users write it: discovery, then each way to prove itself, then introspection and revocation.
import { readFileSync } from "node:fs";
import { importJWK } from "jose";
import * as oauth from "oauth4webapi";

const given = JSON.parse(readFileSync(0, "utf8"));
const insecure = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(given.issuer);
const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure }),
);
const client = { client_id: given.client_id };
const key = { key: await importJWK(given.private_jwk, given.algorithm), kid: given.kid };
const ways = {
  client_secret_basic: oauth.ClientSecretBasic(given.client_secret),
  client_secret_post: oauth.ClientSecretPost(given.client_secret),
  private_key_jwt: oauth.PrivateKeyJwt(key),
};
const seen = {};
for (const [name, way] of Object.entries(ways)) {
  const bought = await oauth.processClientCredentialsResponse(
    server,
    client,
    await oauth.clientCredentialsGrantRequest(server, client, way, { scope: "api:read" }, insecure),
  );
  const ask = async () =>
    oauth.processIntrospectionResponse(
      server,
      client,
      await oauth.introspectionRequest(server, client, way, bought.access_token, insecure),
    );
  const before = await ask();
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(server, client, way, bought.access_token, insecure),
  );
  const after = await ask();
  seen[name] = { scope: bought.scope, before: before.active, after: after.active };
}
console.log(JSON.stringify(seen));
