"""An organization is deleted seven days after an owner asked: who may ask, what everybody sees, and that nothing is left."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings as project
from django.db import models
from django.test import Client
from django.utils import timezone

from environments import audit, verifying
from environments.access import OrgScope
from environments.models import (
    AuditEvent,
    AuditFloor,
    AuditHead,
    AuditSignedHead,
    DataExport,
    Decision,
    Deletion,
    EnvironmentGrant,
    Identity,
    IdentityProvider,
    LogCheck,
    LogExport,
    Notice,
    Organization,
    Session,
    TeamMember,
    Topic,
    User,
)
from environments.origin import NOWHERE
from environments.services import deletion as verbs
from environments.services.deletion import DELAY, AskedAlready
from environments.services.organizations import create_organization
from environments.signing import Verifier
from environments.upkeep.checkpoints import sign_heads
from environments.upkeep.floors import look_after_floors
from keys.models import DailyFigure, Death, HourOfUse, Key, KeySet, RefreshToken, SpentAssertion
from keys.upkeep import deletion
from keys.upkeep.deletion import SETTLED, delete_organizations, tables
from tests.addresses import the_rows
from tests.approving import owner
from tests.cast import LONG_AGO, person
from tests.log import lines
from tests.pages import text_of

pytestmark = pytest.mark.django_db
DANGER = "/o/acme/settings/danger/"
DELETE, KEEP = DANGER + "delete/", DANGER + "keep/"
SIGNED = {AuditFloor, AuditHead, AuditSignedHead}
"""Numbers and hashes by which the rest of the log still proves itself; design part 8."""


@pytest.fixture
def asked(acme):
    return verbs.ask_deletion(acme.org("owner"))


def pass_by(time_machine, span):
    time_machine.move_to(timezone.now() + span)
    delete_organizations(timezone.now())


def over(time_machine):
    """The date, the pause after the first refusal, and one more round."""
    for span in (DELAY, SETTLED, timedelta(minutes=1)):
        pass_by(time_machine, span)


def test_an_owner_asks_by_typing_the_name_and_everybody_sees_when(acme, sign_in):
    client = sign_in("owner")
    assert "Acme" in text_of(client.get(DELETE))
    assert client.post(DELETE, {"typed": "Acme"}).headers["Location"] == DANGER
    assert Deletion.objects.get().due_at - timezone.now() > DELAY - timedelta(minutes=1)
    assert lines("organization.deletion-asked") == 1
    for name, page in (("owner", DANGER), ("member", "/o/acme/"), ("viewer", "/o/acme/e/staging/")):
        said = text_of(sign_in(name).get(page))
        assert "Acme will be deleted on" in said
        assert ("Cancel deletion" in said) == (name == "owner")


@pytest.mark.parametrize("typed", ["", "acme", "Acme ltd", "Acm"])
def test_another_name_asks_for_nothing(acme, sign_in, typed):
    answer = sign_in("owner").post(DELETE, {"typed": typed})
    assert answer.status_code == 422
    assert "Type Acme exactly" in text_of(answer)
    assert not Deletion.objects.exists()


@pytest.mark.parametrize(("name", "status"), [("admin", 403), ("member", 403), ("stranger", 404)])
def test_nobody_else_asks_for_it_or_takes_it_back(acme, sign_in, name, status):
    client = sign_in(name)
    assert client.get(DANGER).status_code == status
    assert client.post(DELETE, {"typed": "Acme"}).status_code == status
    verbs.ask_deletion(acme.org("owner"))
    assert client.post(KEEP).status_code == status
    assert Deletion.objects.exists()


def test_a_sign_in_long_ago_is_not_enough(acme, sign_in):
    answer = sign_in("owner", ago=LONG_AGO).post(DELETE, {"typed": "Acme"})
    assert "/accounts/" in answer.headers["Location"]
    assert not Deletion.objects.exists()


def test_all_owners_hear_of_it_and_any_of_them_takes_it_back(acme, sign_in):
    olga = owner(acme, "olga")
    verbs.ask_deletion(acme.org("owner"))
    told = Notice.objects.filter(title__startswith="Acme will be deleted on")
    assert {notice.user for notice in told} == {olga, acme["owner"]}
    assert {notice.topic for notice in told} == {Topic.SECURITY}, "nobody can silence it"
    assert sign_in("olga").post(KEEP, follow=True).status_code == 200
    assert not Deletion.objects.exists()
    assert Notice.objects.filter(title="Acme stays").count() == 2
    assert lines("organization.deletion-cancelled") == 1
    assert "will be deleted" not in text_of(sign_in("member").get("/o/acme/"))
    assert not verbs.cancel_deletion(acme.org("olga"))


def test_asked_for_twice_it_keeps_the_first_date(acme, asked, sign_in):
    with pytest.raises(AskedAlready):
        verbs.ask_deletion(acme.org("owner"))
    assert sign_in("owner").get(DELETE).headers["Location"] == DANGER
    assert Deletion.objects.get().due_at == asked.due_at


def test_on_the_day_before_owners_are_reminded_once(acme, asked, time_machine):
    pass_by(time_machine, timedelta(days=5, hours=23))
    reminders = Notice.objects.filter(title__endswith="within a day")
    assert not reminders.exists()
    pass_by(time_machine, timedelta(hours=2))
    pass_by(time_machine, timedelta(hours=1))
    assert reminders.count() == 1
    assert acme.org("owner")


def test_once_begun_it_cannot_be_taken_back_and_is_on_no_page(acme, asked, sign_in, time_machine):
    scope = acme.org("owner")
    pass_by(time_machine, DELAY)
    assert not verbs.cancel_deletion(scope)
    client = sign_in("owner")
    assert client.post(KEEP).status_code == 404
    assert client.get("/o/acme/").status_code == 404
    assert "Acme" not in text_of(client.get("/"))


def everything() -> dict[type[models.Model], set[object]]:
    """Every row of every table, by its id."""
    return {
        table: set(models.QuerySet(table).values_list("pk", flat=True))
        for table in apps.get_models(include_auto_created=True)
    }


def plant(scope: OrgScope, user: User, env: str) -> None:
    """A row in each table of the organization; what the pages do not make is put there."""
    rows = the_rows(user, scope, env)
    key = Key.objects.get(client_id=rows["client_id"])
    now, organization = timezone.now(), scope.organization
    Death.objects.create(secret=key.secrets.get())
    RefreshToken.objects.create(secret=key.secrets.get(), mark=env.encode(), expires_at=now)
    SpentAssertion.objects.create(key=key, mark=b"s" * 32, kept_until=now)
    HourOfUse.objects.create(key=key, hour=now, count=1)
    DailyFigure.objects.create(key=key, day=now.date())
    KeySet.objects.create(key=key, url="https://keys.example/jwks.json")
    LogExport.objects.get(organization=organization).parts.create(number=0, data=b"gz")
    DataExport.objects.get(organization=organization).parts.create(number=0, data=b"PK")
    LogCheck.objects.create(organization=organization)
    Decision.objects.create(permit=organization.permits.get(), by=user, approved_at=now)
    team = organization.teams.get(slug=f"{env}-team")
    team.issues_in.add(*organization.environments.all())
    TeamMember.objects.create(team=team, member=scope.member, role="lead")
    organization.webhooks.get().deliveries.create(event="key.created", body="{}")
    key.environment.signing_keys.create(serial=1, kid=env, public_jwk={}, sealed=b"x")
    provider = {"name": "IdP", "issuer": "https://id.example", "client_id": "x"}
    IdentityProvider.objects.create(organization=organization, sealed_secret="x", **provider)
    Identity.objects.create(
        organization=organization, user=user, issuer=provider["issuer"], subject="1"
    )
    Session.objects.create(
        session_key=f"{env}-vouched-for",
        expire_date=now + timedelta(days=9),
        user=user,
        organization=organization,
    )


@pytest.fixture
def doomed(acme, time_machine):
    """An organization beside Acme, in which every table has a row; and all there was before it came."""
    EnvironmentGrant.objects.create(
        member=acme.member("owner"), environment=acme.environment("staging"), role="engineer"
    )
    plant(acme.org("owner"), acme["owner"], "staging")
    before = everything()
    nora = person("nora")
    scope = create_organization(
        nora, name="Nowhere", slug="nowhere", timezone="UTC", origin=NOWHERE
    )
    plant(scope, nora, "development")
    for table, way in tables():
        found: models.QuerySet[models.Model] = models.QuerySet(table).filter(
            **{way: scope.organization}
        )
        assert found.exists(), f"plant a row of {table.__name__}, or it is not seen to go"
    sign_heads(timezone.now())
    verbs.ask_deletion(scope)
    return scope.organization, before


def test_nothing_of_it_is_left_in_any_table_and_no_other_organization_is_touched(
    doomed, time_machine
):
    organization, before = doomed
    pk = organization.pk
    over(time_machine)
    look_after_floors(timezone.now())
    after = everything()
    people = {User, *(each for each in after if each.__name__ == "EmailAddress")}
    log = {*SIGNED, AuditEvent, *(each for each in after if each.__name__ == "AuditCheckpoint")}
    for table, rows in after.items():
        gone, new = before[table] - rows, rows - before[table]
        assert not gone, table
        assert not new or table in people | log, table
    assert not AuditEvent.objects.filter(organization_id=pk).exists()
    named = [each for each in after if any(f.name == "organization_id" for f in each._meta.fields)]
    for table in named:
        assert table in SIGNED or not models.QuerySet(table).filter(organization_id=pk), table


def test_the_installation_remembers_who_asked_and_the_rest_of_the_log_is_sound(
    doomed, time_machine
):
    organization, _ = doomed
    over(time_machine)
    look_after_floors(timezone.now())
    mine = AuditEvent.objects.filter(organization_id=audit.INSTALLATION)
    told = mine.get(event="organization.deleted")
    assert (told.label, told.detail["asked_by"]) == ("Nowhere", "nora@acme.test")
    assert mine.get(event="log.shortened").subject == f"log:{organization.pk}"
    sign_heads(timezone.now() + timedelta(minutes=6))
    report = verifying.verify(Verifier.parse(project.LATCHKEY_AUDIT_PUBLIC_KEYS), timezone.now())
    assert report.sound, (report.faults, report.problems)


def test_a_worker_that_was_killed_in_the_middle_is_followed_by_another(
    doomed, time_machine, monkeypatch
):
    organization, _ = doomed
    pass_by(time_machine, DELAY)
    real = deletion._batches

    def killed(pk):
        for number, some in enumerate(real(pk)):
            if number == 5:
                raise KeyboardInterrupt
            yield some

    monkeypatch.setattr(deletion, "_batches", killed)
    with pytest.raises(KeyboardInterrupt):
        pass_by(time_machine, SETTLED)
    monkeypatch.setattr(deletion, "_batches", real)
    pass_by(time_machine, timedelta(minutes=1))
    assert Organization.objects.filter(pk=organization.pk).exists(), "its lease still runs"
    pass_by(time_machine, timedelta(minutes=5))
    assert not Organization.objects.filter(pk=organization.pk).exists()


def test_what_is_too_much_for_one_go_goes_in_several(doomed, time_machine, monkeypatch):
    organization, _ = doomed
    monkeypatch.setattr(deletion, "BATCHES", 20)
    pass_by(time_machine, DELAY)
    pass_by(time_machine, SETTLED)
    assert Organization.objects.filter(pk=organization.pk).exists()
    for _ in range(3):
        pass_by(time_machine, timedelta(minutes=1))
    assert not Organization.objects.filter(pk=organization.pk).exists()


def test_who_belongs_nowhere_else_is_signed_out(acme, asked, sign_in, client, time_machine):
    sign_in("member")
    elsewhere = Client()
    elsewhere.force_login(acme["stranger"])
    pass_by(time_machine, DELAY)
    assert "/accounts/login/" in client.get("/").headers["Location"]
    assert Session.objects.filter(user=acme["stranger"]).exists()
