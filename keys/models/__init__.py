"""Keys, what proves them, and the rows that drive background work. Time is data: dates, never flags."""

from keys.models.batch import Batch, BatchItem
from keys.models.credential_test import LEASE, STRIKES, CredentialTest, CredentialTestQuerySet
from keys.models.daily_figure import DailyFigure
from keys.models.death import Death
from keys.models.endpoint import TokenEndpoint, new_endpoint_id
from keys.models.handover import SHOWN_FOR, Handover
from keys.models.hour_of_use import HourOfUse
from keys.models.key import TICKS, Key, KeyQuerySet
from keys.models.key_set import FETCHED_EVERY, KeySet, KeySetQuerySet
from keys.models.provider_host import ProviderHost
from keys.models.public_key import PUBLIC_KEY, PublicKey, SpentAssertion, new_public_key_id
from keys.models.refresh_token import RefreshToken
from keys.models.revoked_token import RevokedToken
from keys.models.rotation import OVERDUE, Rotation
from keys.models.secret import COLLECT_WITHIN, Secret, new_secret_id
from keys.models.signed_test import SignedTest
from keys.models.signing_key import SigningKey
from keys.models.webhook import WAITS, Webhook, WebhookDelivery

__all__ = [
    "COLLECT_WITHIN",
    "FETCHED_EVERY",
    "LEASE",
    "OVERDUE",
    "PUBLIC_KEY",
    "SHOWN_FOR",
    "STRIKES",
    "TICKS",
    "WAITS",
    "Batch",
    "BatchItem",
    "CredentialTest",
    "CredentialTestQuerySet",
    "DailyFigure",
    "Death",
    "Handover",
    "HourOfUse",
    "Key",
    "KeyQuerySet",
    "KeySet",
    "KeySetQuerySet",
    "ProviderHost",
    "PublicKey",
    "RefreshToken",
    "RevokedToken",
    "Rotation",
    "Secret",
    "SignedTest",
    "SigningKey",
    "SpentAssertion",
    "TokenEndpoint",
    "Webhook",
    "WebhookDelivery",
    "new_endpoint_id",
    "new_public_key_id",
    "new_secret_id",
]
