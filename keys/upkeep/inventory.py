"""What the data of an organization is, table by table, by named columns alone: what proves somebody is in none of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Count, Max, Min

from environments.models import (
    AccessRequest,
    Decision,
    Environment,
    EnvironmentGrant,
    Identity,
    IdentityProvider,
    Invitation,
    Member,
    Organization,
    Permit,
    Team,
    TeamMember,
)
from keys.models import (
    Batch,
    CredentialTest,
    DailyFigure,
    HourOfUse,
    Key,
    KeySet,
    PublicKey,
    Rotation,
    Secret,
    SigningKey,
    TokenEndpoint,
    Webhook,
)

CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file of the archive: a row of the table is a line."""

    name: str
    what: str
    table: type[models.Model]
    way: str
    """From a row up to its organization."""
    columns: tuple[str, ...]

    def lines(self, organization: Organization) -> Iterator[dict[str, Any]]:
        rows: models.QuerySet[Any] = (
            models.QuerySet(self.table).filter(**{self.way: organization.pk}).order_by("pk")
        )
        for row in rows.values(*self.columns).iterator(chunk_size=CHUNK):
            yield {name.replace("__", "_"): value for name, value in row.items()}


class Counted(Sheet):
    """Counted: a year of them is millions of lines that say the same."""

    def lines(self, organization: Organization) -> Iterator[dict[str, Any]]:
        tests: models.QuerySet[Any] = models.QuerySet(CredentialTest).filter(
            **{self.way: organization.pk}
        )
        counted = tests.exclude(finished_at=None).values(*self.columns).order_by(*self.columns)
        told = counted.annotate(
            count=Count("pk"), first=Min("finished_at"), last=Max("finished_at")
        )
        for row in told.iterator(chunk_size=CHUNK):
            yield {name.replace("__", "_"): value for name, value in row.items()}


def _spelt(text: str) -> tuple[str, ...]:
    return tuple(text.split())


OF_KEY = "key__environment__organization"
POLICY = (
    "secret_max_age grace_default grace_max expiry_required test_interval idle_after signing_algorithm redox_doors "
    "approvals_create approvals_rotate approvals_delete approvals_roles approvals_policy"
)
ENDS = "created_at created_by__email expires_at revoked_at revoked_by__email last_used_at last_used_from use_count"

SHEETS = (
    Sheet("organization", "The organization itself", Organization, "pk",
          _spelt("name slug timezone created_at second_factor_from log_kept")),
    Sheet("members", "People and their organization roles", Member, "organization",
          _spelt("user__email user__name role joined_at")),
    Sheet("environment_roles", "Who holds which role in which environment", EnvironmentGrant,
          "environment__organization", _spelt("member__user__email environment__slug role")),
    Sheet("teams", "Teams", Team, "organization",
          _spelt("slug name purpose contact most_keys created_at archived_at")),
    Sheet("team_roles", "Who is in which team", TeamMember, "team__organization",
          _spelt("member__user__email team__slug role")),
    Sheet("teams_issue_in", "Where a team may issue keys", Team.issues_in.through, "team__organization",
          _spelt("team__slug environment__slug")),
    Sheet("invitations", "One-time links, without the links", Invitation, "organization",
          _spelt("email role environment_roles team__slug team_role note made_by__email made_at expires_at used_at revoked_at")),
    Sheet("environments", "Environments and their policies", Environment, "organization",
          _spelt(f"slug name kind issuer_id audience scopes created_at archived_at {POLICY}")),
    Sheet("signing_keys", "What verifies the tokens of each environment", SigningKey, "environment__organization",
          _spelt("environment__slug kid algorithm public_jwk created_at signs_from verifies_until")),
    Sheet("token_endpoints", "Outside token endpoints", TokenEndpoint, "environment__organization",
          _spelt("public_id environment__slug name url method algorithm audience scope created_at created_by__email ended_at")),
    Sheet("keys", "Keys, deleted ones too", Key, "environment__organization",
          _spelt("client_id environment__slug team__slug name note used_by kept_in endpoint__public_id outside_id scopes "
                 "takes_token_url allowed_networks tokens_a_minute redox_door legacy_door created_at created_by__email "
                 "disabled_at deleted_at deleted_by__email last_tested_at last_outcome failing_since")),
    Sheet("secrets", "Facts about secrets; never a secret", Secret, OF_KEY,
          _spelt(f"public_id key__client_id kind kid hint collected_at {ENDS}")),
    Sheet("public_keys", "Public keys", PublicKey, OF_KEY,
          _spelt(f"public_id key__client_id kid algorithm jwk kind thumbprint origin proven_at {ENDS}")),
    Sheet("key_sets", "Addresses of public keys", KeySet, OF_KEY,
          _spelt("key__client_id url algorithm set_at set_by__email read_at outcome")),
    Sheet("rotations", "Rotations", Rotation, OF_KEY,
          _spelt("public_id key__client_id old__public_id new__public_id grace reason why asked_by__email asked_at proven_at "
                 "ends_at retired_at refused_at closed_at outcome")),
    Counted("tests", "Tests of credentials, counted by key and outcome", CredentialTest, OF_KEY,
          _spelt("key__client_id outcome")),
    Sheet("tests_by_day", "Tests older than a year, by day", DailyFigure, OF_KEY,
          _spelt("key__client_id day worked failed unjudged median_ms longest_ms")),
    Sheet("use_by_hour", "What clients did, by hour", HourOfUse, OF_KEY,
          _spelt("key__client_id hour proof reason address count")),
    Sheet("bulk_work", "Bulk work", Batch, "organization",
          _spelt("public_id kind asked_by__email asked_at grace finished_at")),
    Sheet("webhooks", "Webhooks, without their secrets", Webhook, "organization",
          _spelt("public_id url topics made_at made_by__email ended_at")),
    Sheet("approvals", "Requests for approval", Permit, "organization",
          _spelt("public_id environment__slug act subject label before after reason asked_by__email asked_at ends_at spent_at "
                 "withdrawn_at rejected_at overtaken_at glass_broken_at glass_reason glass_closed_at")),
    Sheet("decisions", "What was said to them", Decision, "permit__organization",
          _spelt("permit__public_id by__email approved_at rejected_at note")),
    Sheet("access_requests", "Requests for access", AccessRequest, "organization",
          _spelt("member__user__email environment__slug role reason asked_at granted_at declined_at withdrawn_at note")),
    Sheet("sign_on", "The provider of single sign-on, without its secret", IdentityProvider, "organization",
          _spelt("name issuer client_id set_at")),
    Sheet("identities", "Who is linked with it", Identity, "organization",
          _spelt("user__email issuer subject shown linked_at last_used_at")),
)  # fmt: skip

LEFT_OUT = {
    "BatchItem": "what was done to each key is in the log",
    "DataExport": "these archives themselves",
    "DataExportPart": "these archives themselves",
    "Death": "a worker's notes; what came of it is in the log",
    "Handover": "sights of secrets, gone after ten minutes",
    "LogCheck": "a worker's notes on the chain",
    "LogExport": "files that an owner has asked for",
    "LogExportPart": "files that an owner has asked for",
    "Notice": "what each person was told; it is theirs",
    "RefreshToken": "hashes of tokens that end within a day",
    "Session": "of the people, not of the organization",
    "SignedTest": "tried once, kept for a week; the log has them",
    "SpentAssertion": "hashes of assertions that have ended",
    "WebhookDelivery": "the log's lines once more",
}
"""Tables whose rows are in no file, each with why."""
