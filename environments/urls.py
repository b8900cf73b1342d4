from django.urls import path

from environments.views import (
    history,
    invitations,
    log_export,
    log_retention,
    notices,
    organizations,
    people,
    roles,
    sign_on,
    teams,
)

app_name = "environments"
urlpatterns = [
    path("o/new/", organizations.new_organization, name="new_organization"),
    path("o/<slug:org>/settings/", organizations.settings, name="settings"),
    path("o/<slug:org>/settings/environments/", organizations.environments, name="environments"),
    path(
        "o/<slug:org>/settings/environments/new/",
        organizations.new_environment,
        name="new_environment",
    ),
    path(
        "o/<slug:org>/settings/environments/<slug:place>/",
        organizations.edit_environment,
        name="edit_environment",
    ),
    path(
        "o/<slug:org>/settings/environments/<slug:place>/order/",
        organizations.order_environment,
        name="order_environment",
    ),
    path("o/<slug:org>/settings/sign-on/", sign_on.sign_on, name="sign_on"),
    path("o/<slug:org>/members/", people.members, name="members"),
    path("o/<slug:org>/members/roles/", people.matrix, name="matrix"),
    path("o/<slug:org>/members/edit/", roles.edit, name="edit_roles"),
    path("o/<slug:org>/members/review/", roles.review, name="review_roles"),
    path("o/<slug:org>/members/who-can/", roles.who_can, name="who_can"),
    path("o/<slug:org>/members/invite/", invitations.invite, name="invite"),
    path("o/<slug:org>/members/links/", invitations.listed, name="invitations"),
    path("o/<slug:org>/members/links/<int:link>/again/", invitations.again, name="invite_again"),
    path("o/<slug:org>/members/links/<int:link>/withdraw/", invitations.withdraw, name="withdraw"),
    path("o/<slug:org>/members/<int:member>/", people.person, name="person"),
    path("o/<slug:org>/teams/", teams.teams, name="teams"),
    path("o/<slug:org>/teams/new/", teams.new_team, name="new_team"),
    path("o/<slug:org>/teams/<slug:team>/", teams.team, name="team"),
    path("o/<slug:org>/teams/<slug:team>/edit/", teams.edit, name="edit_team"),
    path("o/<slug:org>/teams/<slug:team>/member/", teams.team_member, name="team_member"),
    path("o/<slug:org>/teams/<slug:team>/issuing/", teams.issuing, name="issuing"),
    path("o/<slug:org>/teams/<slug:team>/delete/", teams.delete, name="delete_team"),
    path("o/<slug:org>/notices/", notices.notices, name="notices"),
    path("o/<slug:org>/notices/read/", notices.read_all, name="read_all_notices"),
    path("o/<slug:org>/notices/<int:notice>/read/", notices.read_notice, name="read_notice"),
    path("o/<slug:org>/log/", history.log, name="log"),
    path("o/<slug:org>/log/export/", log_export.export, name="export_log"),
    path("o/<slug:org>/log/exports/<slug:export>/", log_export.log_export, name="log_export"),
    path(
        "o/<slug:org>/log/exports/<slug:export>/file/", log_export.download, name="log_export_file"
    ),
    path("o/<slug:org>/log/retention/", log_retention.retention, name="log_retention"),
    path("o/<slug:org>/log/check/", log_export.check, name="check_log"),
    path("audit/keys.json", log_export.audit_keys, name="audit_keys"),
    path("o/<slug:org>/e/<slug:env>/log/", history.environment_log, name="environment_log"),
]
