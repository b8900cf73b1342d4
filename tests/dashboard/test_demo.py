"""The demo: made as people make things, told in a file, taken away as a whole."""

import json
import time
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from joserfc import jwk, jwt

from dashboard.management.commands.demo import DOMAIN
from environments import verifying
from environments.models import AuditEvent, Organization, User
from environments.policy import EnvironmentRole, OrganizationRole, TeamRole
from environments.signing import Verifier
from environments.tasks import look_after_floors
from environments.upkeep.checkpoints import sign_heads
from keys.crypto import hint
from keys.issuer import usage
from keys.issuer.bodies import ASSERTION_TYPE
from keys.models import CredentialTest, Key, Rotation, Secret
from keys.opening import open_credential
from keys.upkeep.rotations import advance
from tests.keys.issuer.conftest import post
from tests.settings import LATCHKEY_AUDIT_PRIVATE_KEYS as WORKERS_LOG_KEYS
from tests.settings import LATCHKEY_CREDENTIAL_PRIVATE_KEYS as WORKERS_KEYS

METHODS = {"secret", "private_key_jwt", "imported_secret", "imported_private_key_jwt"}


@pytest.fixture
def told(db, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(usage, "keep_flushing", lambda: None)
    settings.LATCHKEY_CREDENTIAL_PRIVATE_KEYS = settings.LATCHKEY_AUDIT_PRIVATE_KEYS = ""
    file = tmp_path / "demo.json"
    call_command("demo", out=file, stdout=StringIO())
    assert file.stat().st_mode & 0o777 == 0o600
    yield json.loads(file.read_text())
    usage._uses.clear()


def test_the_file_says_what_the_promise_says_and_no_more(told):
    assert set(told) == {"base_url", "organization", "environments", "users", "keys"}
    assert set(told["organization"]) == {"id", "slug"}
    assert [each["kind"] for each in told["environments"]] == [
        "development",
        "staging",
        "production",
    ]
    for each in told["environments"]:
        assert set(each) == {"id", "slug", "kind", "issuer"}
        assert each["issuer"].startswith(told["base_url"] + "/t/")
    for user in told["users"]:
        assert set(user) == {"email", "password", "organization_role", "environment_roles", "teams"}
    for key in told["keys"]:
        own = {"private_jwk", "kid"} if key["method"].endswith("_key_jwt") else {"secret"}
        assert set(key) == {"client_id", "name", "environment", "team", "method"} | own
        assert key["method"] in METHODS
    assert {key["method"] for key in told["keys"]} == METHODS


def test_there_is_a_person_of_every_role(told):
    users = told["users"]
    assert {user["organization_role"] for user in users} == {str(role) for role in OrganizationRole}
    assert {r for user in users for r in user["environment_roles"].values()} == {
        str(role) for role in EnvironmentRole
    }
    assert {r for user in users for r in user["teams"].values()} == {str(role) for role in TeamRole}


def test_everybody_in_the_file_signs_in_at_once(told, client):
    for user in told["users"]:
        form = {"login": user["email"], "password": user["password"]}
        answer = client.post(reverse("account_login"), form)
        assert answer.headers["Location"] == "/", user["email"]
        assert client.get(f"/o/{told['organization']['slug']}/").status_code == 200
        client.logout()


def test_every_secret_in_the_file_is_waiting_for_its_test_and_is_the_one_that_workers_hold(told):
    for told_key in told["keys"]:
        if "secret" not in told_key:
            continue
        secret = Secret.objects.select_related("key__environment__organization").get(
            key__client_id=told_key["client_id"], hint=hint(told_key["secret"])
        )
        assert CredentialTest.objects.filter(secret=secret).exists()
        with override_settings(LATCHKEY_CREDENTIAL_PRIVATE_KEYS=WORKERS_KEYS):
            text = open_credential(bytes(secret.sealed or b""), secret.context).reveal()
        assert text == told_key["secret"]


def test_the_token_service_gives_what_the_keys_state_promises(told):
    issuers = {place["slug"]: place["issuer"] for place in told["environments"]}
    refused = {}
    for key in told["keys"]:
        if key["method"] != "secret":
            continue
        path = urlsplit(issuers[key["environment"]]).path + "/token"
        asked = {"client_id": key["client_id"], "client_secret": key["secret"]}
        answer = post(path, {"grant_type": "client_credentials", **asked})
        if answer.status != 200:
            refused[key["name"]] = answer.json["error_description"]
    assert set(refused) == {"load-generator", "legacy-importer", "status-page"}
    assert "disabled" in refused["load-generator"]
    assert "expired" in refused["legacy-importer"]
    assert refused["status-page"] == "client_id and what was sent to prove it do not fit together."


def test_a_key_that_signs_buys_a_token_with_the_private_key_of_the_file(told):
    issuers = {place["slug"]: place["issuer"] for place in told["environments"]}
    signers = [key for key in told["keys"] if key["method"] == "private_key_jwt"]
    assert {key["environment"] for key in signers} == {"development", "production"}
    for key in signers:
        issuer, now = issuers[key["environment"]], int(time.time())
        header = {"alg": "ES384", "kid": key["kid"]}
        claims = {
            "iss": key["client_id"],
            "sub": key["client_id"],
            "aud": issuer,
            "jti": key["kid"],
        }
        claims |= {"iat": now, "exp": now + 60}
        signed = jwt.encode(header, claims, jwk.import_key(key["private_jwk"]), ["ES384"])
        form = {"grant_type": "client_credentials", "client_assertion": signed}
        form |= {"client_assertion_type": ASSERTION_TYPE}
        assert post(urlsplit(issuer).path + "/token", form).status == 200


def test_rotations_are_there_in_their_states_and_a_worker_would_agree(told):
    now = timezone.now()
    steps = {}
    for rotation in Rotation.objects.select_related("key"):
        if rotation.closed_at is None:
            # A worker tests first what the verbs asked for; it then looks at what is due.
            rotation.tests.unfinished().update(finished_at=now, outcome="works")
            advance(rotation.pk, now)
            rotation.refresh_from_db()
        steps[rotation.key.name] = rotation.outcome or rotation.step
    assert steps == {
        "mail-relay": "proven_dead",
        "webhook-sender": "await_collection",
        "checkout": "drain",
        "refund-job": "hold",
        "tax-report": "await_secret",
    }


def test_a_second_demo_is_refused_and_the_first_stays(told, tmp_path):
    with pytest.raises(CommandError, match="Remove it first"):
        call_command("demo", out=tmp_path / "again.json")
    assert Organization.objects.filter(demo=True).count() == 1


def test_a_file_that_cannot_be_written_costs_nothing(db, settings, tmp_path):
    settings.LATCHKEY_CREDENTIAL_PRIVATE_KEYS = settings.LATCHKEY_AUDIT_PRIVATE_KEYS = ""
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("demo", out=tmp_path / "nowhere" / "demo.json")
    assert not Organization.objects.exists()


def test_the_demo_goes_as_a_whole_and_nothing_else_goes_with_it(acme, issue, told, settings):
    issue()
    written = StringIO()
    call_command("demo", remove=True, stdout=written)
    assert "go as well, once a worker has signed" in written.getvalue()
    theirs = AuditEvent.objects.filter(organization_id=told["organization"]["id"])
    assert theirs.exists()
    settings.LATCHKEY_AUDIT_PRIVATE_KEYS = WORKERS_LOG_KEYS
    look_after_floors()
    assert not theirs.exists()
    sign_heads(timezone.now())
    verifier = Verifier.parse(settings.LATCHKEY_AUDIT_PUBLIC_KEYS)
    assert verifying.verify(verifier, timezone.now()).sound
    assert not Organization.objects.filter(demo=True).exists()
    assert not User.objects.filter(email__endswith=f"@{DOMAIN}").exists()
    assert Key.objects.count() == 1
    assert Organization.objects.count() == 2


def test_the_imported_keys_are_sealed_for_this_installations_own_service(told):
    kinds = {}
    for secret in Secret.objects.exclude(endpoint=None).select_related(
        "key__environment__organization", "endpoint"
    ):
        assert secret.endpoint is not None
        assert secret.endpoint.url.endswith(f"/t/{secret.key.environment.issuer_id}/token")
        with override_settings(LATCHKEY_CREDENTIAL_PRIVATE_KEYS=WORKERS_KEYS):
            text = open_credential(bytes(secret.sealed or b""), secret.context).reveal()
        kinds[secret.key.client_id] = text
    by_method = {key["method"]: key for key in told["keys"]}
    working, waiting = by_method["imported_secret"], by_method["imported_private_key_jwt"]
    assert kinds[working["client_id"]] == working["secret"]
    assert json.loads(kinds[waiting["client_id"]])["d"] == waiting["private_jwk"]["d"]
