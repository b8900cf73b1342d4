// The other common client of Node: it finds the server's document at the OpenID address.
import { readFileSync } from "node:fs";
import { importJWK } from "jose";
import * as client from "openid-client";

const given = JSON.parse(readFileSync(0, "utf8"));
const key = { key: await importJWK(given.private_jwk, given.algorithm), kid: given.kid };
const ways = {
  client_secret_basic: client.ClientSecretBasic(given.client_secret),
  client_secret_post: client.ClientSecretPost(given.client_secret),
  private_key_jwt: client.PrivateKeyJwt(key),
};
const seen = {};
for (const [name, way] of Object.entries(ways)) {
  const config = await client.discovery(new URL(given.issuer), given.client_id, undefined, way, {
    execute: [client.allowInsecureRequests],
  });
  const bought = await client.clientCredentialsGrant(config, { scope: "api:read" });
  const before = await client.tokenIntrospection(config, bought.access_token);
  await client.tokenRevocation(config, bought.access_token);
  const after = await client.tokenIntrospection(config, bought.access_token);
  seen[name] = { scope: bought.scope, before: before.active, after: after.active };
}
console.log(JSON.stringify(seen));
