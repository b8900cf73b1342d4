// oidc-provider in memory: one client with a secret, one with a key; access tokens are ES256 JWTs of five minutes.
// node oidc.mjs PORT PUBLIC_JWK
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, publicJwk] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const common = {
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  scope: 'read',
  id_token_signed_response_alg: 'ES256',
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' }] },
  scopes: ['read'],
  clients: [
    { ...common, client_id: 'client', client_secret: 'secret', token_endpoint_auth_method: 'client_secret_post' },
    {
      ...common,
      client_id: 'signer',
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [JSON.parse(publicJwk)] },
    },
  ],
  enabledJWA: { clientAuthSigningAlgValues: ['ES256'] },
  ttl: { ClientCredentials: 300 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:bench:api',
      getResourceServerInfo: () => ({
        scope: 'read',
        audience: 'urn:bench:api',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});
provider.listen(Number(port), '127.0.0.1');
