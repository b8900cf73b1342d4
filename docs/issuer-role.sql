-- What the token service may do in the database when it runs alone (LATCHKEY_ROLE=issuer), on PostgreSQL.
-- Run as the tables' owner after each migration; the role itself: CREATE ROLE latchkey_issuer LOGIN PASSWORD '…';
-- Never the sealed text of a credential, no person, no log. Repeating it does no harm.

GRANT SELECT ON environments_environment, environments_organization, environments_team,
  keys_key, keys_publickey, keys_signingkey, keys_revokedtoken, keys_refreshtoken, keys_hourofuse,
  django_migrations
  TO latchkey_issuer;
GRANT SELECT (id, key_id, public_id, kind, endpoint_id, kid, hint, pepper_id, mark, created_at, created_by_id,
  collected_at, expires_at, revoked_at, revoked_by_id, last_used_at, last_used_from, use_count, warned_at)
  ON keys_secret TO latchkey_issuer;
GRANT SELECT (id, secret_id, ticket_hash, finished_at, leased_until) ON keys_credentialtest TO latchkey_issuer;
GRANT SELECT (id, public_key_id, ticket_hash, finished_at, leased_until) ON keys_signedtest TO latchkey_issuer;

-- What was used.
GRANT UPDATE (use_count, collected_at, last_used_at, last_used_from) ON keys_secret TO latchkey_issuer;
GRANT UPDATE (use_count, last_used_at, last_used_from) ON keys_publickey TO latchkey_issuer;
GRANT INSERT ON keys_hourofuse TO latchkey_issuer;
GRANT UPDATE (count) ON keys_hourofuse TO latchkey_issuer;

-- Assertions spent, tokens given back, refresh tokens, an environment's first signing key.
GRANT INSERT ON keys_spentassertion, keys_revokedtoken, keys_refreshtoken, keys_signingkey TO latchkey_issuer;
