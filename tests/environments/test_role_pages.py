"""Roles are chosen, looked over, and then changed all at once; who holds what, and why, is told in words."""

import pytest
from django.urls import reverse

from environments.models import AuditEvent, EnvironmentGrant, Notice
from environments.policy import EnvironmentRole, OrganizationRole
from environments.services import role_changes, roles
from environments.services.role_changes import ChangedMeanwhile, ReasonMissing, Wanted
from environments.services.roles import LastOwner

EDIT, REVIEW = "/o/acme/members/edit/", "/o/acme/members/review/"


def cells(acme, *changes, **more):
    """As the table sends them: (who, where, what it was, what it shall be)."""
    sent = dict(more)
    for name, place, was, role in changes:
        pk = acme.member(name).pk
        sent |= {f"was-{pk}-{place}": was, f"role-{pk}-{place}": role}
    return sent


def held(acme, name):
    grants = EnvironmentGrant.objects.filter(member=acme.member(name))
    return {grant.environment.slug: grant.role for grant in grants}


def test_the_review_says_what_is_gained_and_lost_and_changes_nothing_yet(acme, sign_in):
    sent = cells(acme, ("viewer", "staging", "viewer", "engineer"))
    page = sign_in("admin").post(REVIEW, sent)
    said = page.content.decode()
    assert "Review 1 change" in said
    assert "Rotate secrets" in said
    assert "1 right unchanged" in said
    assert held(acme, "viewer")["staging"] == "viewer"


def test_several_people_change_at_once_with_a_line_for_each(acme, sign_in):
    sent = cells(
        acme,
        ("viewer", "staging", "viewer", "engineer"),
        ("member", "production", "none", "support"),
        ("engineer", "development", "engineer", "none"),
        confirmed="1",
        reason="New on call",
    )
    answer = sign_in("admin").post(REVIEW, sent)
    assert answer.headers["Location"] == "/o/acme/members/"
    assert held(acme, "viewer")["staging"] == "engineer"
    assert held(acme, "member") == {"production": "support"}
    assert "development" not in held(acme, "engineer")
    lines = AuditEvent.objects.filter(event="environment-role.changed")
    assert [line.detail["reason"] for line in lines] == ["New on call"] * 3


def test_what_somebody_else_changed_meanwhile_is_shown_and_not_overwritten(acme, sign_in):
    sent = cells(acme, ("viewer", "staging", "viewer", "engineer"), confirmed="1")
    pk = acme.member("viewer").pk
    roles.set_environment_role(acme.org("owner"), pk, "staging", EnvironmentRole.SUPPORT)
    page = sign_in("admin").post(REVIEW, sent)
    assert page.status_code == 422
    assert "Meanwhile somebody else made it support; you saw viewer." in page.content.decode()
    assert held(acme, "viewer")["staging"] == "support"


def test_the_second_yes_after_looking_again_does_it(acme, sign_in):
    pk = acme.member("viewer").pk
    roles.set_environment_role(acme.org("owner"), pk, "staging", EnvironmentRole.SUPPORT)
    sent = cells(acme, ("viewer", "staging", "support", "engineer"), confirmed="1")
    assert sign_in("admin").post(REVIEW, sent).status_code == 302
    assert held(acme, "viewer")["staging"] == "engineer"


def test_production_takes_a_reason(acme, sign_in):
    sent = cells(acme, ("viewer", "production", "viewer", "engineer"), confirmed="1")
    client = sign_in("admin")
    page = client.post(REVIEW, sent)
    assert "a change in production needs a reason" in page.content.decode()
    assert held(acme, "viewer")["production"] == "viewer"
    with pytest.raises(ReasonMissing):
        role_changes.change_roles(
            acme.org("admin"),
            [Wanted(acme.member("viewer").pk, "production", "viewer", "engineer")],
            reason="  ",
        )
    client.post(REVIEW, {**sent, "reason": "Deputy for Chen"})
    assert held(acme, "viewer")["production"] == "engineer"


def test_who_gains_production_without_a_second_factor_is_pointed_out(acme, sign_in):
    sent = cells(acme, ("viewer", "production", "viewer", "engineer"))
    page = sign_in("admin").post(REVIEW, sent).content.decode()
    assert "Viewer has no second factor and gains rights in production." in page


def test_keys_that_go_out_of_sight_are_counted_but_not_those_of_the_own_team(acme, sign_in, issue):
    issue(environment="staging")
    issue(environment="staging", name="search-api")
    page = sign_in("admin").post(REVIEW, cells(acme, ("viewer", "staging", "viewer", "none")))
    assert "Will no longer see 2 keys in Staging." in page.content.decode()


def test_an_admin_touches_neither_the_owner_nor_themselves_whatever_the_form_says(acme, sign_in):
    client = sign_in("admin")
    for name in ("owner", "admin"):
        sent = cells(acme, (name, "development", "none", "engineer"), confirmed="1")
        assert client.post(REVIEW, sent).status_code == 403
        assert held(acme, name) == {}
    promote = cells(acme, ("viewer", "@", "member", "admin"), confirmed="1")
    assert client.post(REVIEW, promote).status_code == 403
    assert acme.member("viewer").role == "member"
    assert AuditEvent.objects.filter(denied=True).count() == 3


def test_one_refused_change_and_none_of_the_form_is_done(acme, sign_in):
    sent = cells(
        acme,
        ("viewer", "staging", "viewer", "engineer"),
        ("owner", "staging", "none", "viewer"),
        confirmed="1",
    )
    assert sign_in("admin").post(REVIEW, sent).status_code == 403
    assert held(acme, "viewer")["staging"] == "viewer"


@pytest.mark.parametrize("name", ["member", "engineer", "lead"])
def test_who_manages_no_roles_sees_none_of_these_pages(acme, sign_in, name):
    client = sign_in(name)
    sent = cells(acme, ("viewer", "staging", "viewer", "engineer"), confirmed="1")
    assert client.get(EDIT).status_code == client.post(REVIEW, sent).status_code == 403
    assert client.get(reverse("environments:who_can", args=["acme"])).status_code == 403


def test_a_stranger_finds_nothing_and_no_foreign_member_is_changed(acme, sign_in):
    theirs = acme["stranger"].memberships.get().pk
    sent = {f"was-{theirs}-staging": "engineer", f"role-{theirs}-staging": "none", "confirmed": "1"}
    assert sign_in("owner").post(REVIEW, sent).status_code == 404
    client = sign_in("stranger")
    assert client.get(EDIT).status_code == client.post(REVIEW, sent).status_code == 404
    assert EnvironmentGrant.objects.filter(member=theirs, environment__slug="staging").exists()


@pytest.mark.parametrize(
    "cell",
    [
        {"role-x-staging": "viewer", "was-x-staging": "none"},
        {"role-²-staging": "viewer", "was-²-staging": "none"},
        {f"role-{'9' * 30}-staging": "viewer", f"was-{'9' * 30}-staging": "none"},
        {"role-1-staging": "emperor", "was-1-staging": "none"},
        {"role-1-@": "none", "was-1-@": "member"},
        {"role-1-staging": "viewer"},
        {"role-1-\x00": "viewer", "was-1-\x00": "none"},
    ],
)
def test_what_no_table_ever_sends_is_a_bad_request(acme, sign_in, cell):
    assert sign_in("owner").post(REVIEW, cell).status_code == 400


def test_whose_sign_in_is_old_signs_in_again_before_the_table_is_shown(acme, sign_in):
    client = sign_in("owner", ago=3600)
    for answer in (client.get(EDIT), client.post(REVIEW, cells(acme))):
        assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))


def test_the_only_owner_cannot_step_down_and_nothing_of_the_form_is_done(acme, sign_in):
    sent = cells(
        acme,
        ("owner", "@", "owner", "member"),
        ("viewer", "staging", "viewer", "none"),
        confirmed="1",
    )
    page = sign_in("owner").post(REVIEW, sent)
    assert "only owner" in page.content.decode()
    assert (acme.member("owner").role, held(acme, "viewer")["staging"]) == ("owner", "viewer")
    with pytest.raises(LastOwner):
        roles.set_organization_role(
            acme.org("owner"), acme.member("owner").pk, OrganizationRole.ADMIN
        )


def test_an_owner_hands_over_in_one_step_and_the_others_hear_of_the_new_one(acme, sign_in):
    roles.set_organization_role(acme.org("owner"), acme.member("admin").pk, OrganizationRole.OWNER)
    assert Notice.objects.filter(user=acme["owner"], title="Admin is now an owner").exists()
    sent = cells(
        acme,
        ("owner", "@", "owner", "member"),
        ("support", "@", "member", "owner"),
        confirmed="1",
    )
    assert sign_in("owner").post(REVIEW, sent).status_code == 302
    assert (acme.member("owner").role, acme.member("support").role) == ("member", "owner")
    assert Notice.objects.filter(user=acme["admin"], title="Support is now an owner").exists()


def test_two_admins_who_send_the_same_table_do_not_undo_each_other(acme):
    wanted = [Wanted(acme.member("viewer").pk, "staging", "viewer", "engineer")]
    assert role_changes.change_roles(acme.org("admin"), wanted) == 1
    assert role_changes.change_roles(acme.org("owner"), wanted) == 0
    back = [Wanted(acme.member("viewer").pk, "staging", "viewer", "support")]
    with pytest.raises(ChangedMeanwhile):
        role_changes.change_roles(acme.org("owner"), back)


def test_a_persons_page_says_what_they_may_do_and_which_role_gives_it(acme, sign_in):
    said = sign_in("admin").get(f"/o/acme/members/{acme.member('lead').pk}/").content.decode()
    assert "as lead of Payments, for its keys" in said
    assert "None" in said  # no second factor


def test_who_can_rotate_in_development_is_answered_with_the_role_that_gives_it(acme, sign_in):
    page = sign_in("admin").get(
        reverse("environments:who_can", args=["acme"]), {"right": "key:rotate", "in": "development"}
    )
    assert [(str(member), why) for member, why in page.context["holders"]] == [
        ("Engineer", "engineer"),
        ("Lead", "lead of Payments, for its keys"),
    ]


def test_where_a_team_may_not_issue_its_lead_does_not_rotate(acme, sign_in, issue):
    issue(environment="staging", team=acme.team)
    page = sign_in("owner").get(
        reverse("environments:who_can", args=["acme"]), {"right": "key:rotate", "in": "staging"}
    )
    assert [str(member) for member, _ in page.context["holders"]] == ["Engineer"]
    seen = sign_in("owner").get(
        reverse("environments:who_can", args=["acme"]), {"right": "key:view", "in": "staging"}
    )
    assert "Lead" in [str(member) for member, _ in seen.context["holders"]]


def test_who_reads_the_whole_log_is_answered_for_the_organization(acme, sign_in):
    page = sign_in("owner").get(
        reverse("environments:who_can", args=["acme"]), {"right": "log:read"}
    )
    assert [(str(member), why) for member, why in page.context["holders"]] == [("Owner", "owner")]
    nothing = reverse("environments:who_can", args=["acme"]) + "?right=rule:world"
    assert sign_in("owner").get(nothing).status_code == 400
