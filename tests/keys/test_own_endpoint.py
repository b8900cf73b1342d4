"""The machine's test against the real token service, over HTTP."""

import pytest
from django.utils import timezone

from keys.issuer import usage
from keys.models import CredentialTest, Secret
from keys.outcomes import Outcome
from keys.upkeep import testing
from tests.keys.made import ask, make_key, make_secret

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.enable_socket]
TEXT = "lk_prd_" + "a" * 43 + "_000000"


@pytest.fixture
def secret(live_server, settings) -> Secret:
    settings.LATCHKEY_INTERNAL_URL = live_server.url
    made = make_secret(make_key(), TEXT)
    made.key.environment.scopes = ["api:production"]
    made.key.environment.save()
    return made


def ran(secret: Secret) -> CredentialTest:
    test = ask(secret)
    testing.run_credential_test(test.pk)
    test.refresh_from_db()
    return test


def test_a_right_secret_works_and_the_test_is_no_use(secret):
    test = ran(secret)
    assert (test.result, test.http_status) == (Outcome.WORKS, 200), test.said
    assert test.stages[-1]["note"] == "300 s, api:production"
    usage.flush()
    secret.refresh_from_db()
    assert secret.last_used_at is None
    assert secret.use_count == 0


def test_a_wrong_secret_is_refused(secret):
    make_secret(secret.key, TEXT)
    Secret.objects.filter(pk=secret.pk).update(revoked_at=timezone.now())
    Secret.objects.exclude(pk=secret.pk).update(mark=b"x" * 32)
    test = ran(Secret.objects.exclude(pk=secret.pk).get())
    assert (test.result, test.error) == (Outcome.REFUSED, "invalid_client")


@pytest.mark.parametrize(
    ("field", "outcome"),
    [("disabled_at", Outcome.DISABLED), ("deleted_at", Outcome.DELETED)],
)
def test_the_cause_of_a_refusal_is_named(field, outcome, secret):
    setattr(secret.key, field, timezone.now())
    secret.key.save()
    assert ran(secret).result is outcome


def test_an_expired_secret_is_named(secret):
    secret.expires_at = timezone.now()
    secret.save()
    assert ran(secret).result is Outcome.EXPIRED
