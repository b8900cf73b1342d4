"""Queries that begin at no scope, each with why it harms no tenant: file, function, query."""

from collections.abc import Mapping

ALLOWED: Mapping[tuple[str, str, str], str] = {
    (
        "dashboard/arrival.py",
        "setup",
        "User.objects.exists",
    ): "whether anybody is there yet; no row is read",
    (
        "dashboard/arrival.py",
        "join",
        "User.objects.filter",
    ): "whether the link's own address has an account",
    (
        "dashboard/codes.py",
        "spend",
        "Authenticator.objects.select_for_update",
    ): "the row of the very factor that the code has just matched, locked by its id",
    (
        "dashboard/frame.py",
        "organizations",
        "Heartbeat.objects.filter",
    ): "signals of processes belong to no tenant",
    (
        "dashboard/signon.py",
        "AccountAdapter.authentication_failed",
        "User.objects.filter",
    ): "who tries to sign in stands nowhere yet; the chain is the installation's",
    (
        "dashboard/sso.py",
        "_provider",
        "IdentityProvider.objects.select_related",
    ): "whoever signs in by it stands nowhere yet; its name is shown to nobody who does not hold a one-time link",
    (
        "dashboard/views.py",
        "ProfileForm",
        "forms.ModelForm",
    ): "the person's own row, and no field that offers other rows",
    (
        "environments/forms.py",
        "NewOrganizationForm.others",
        "Organization.objects.all",
    ): "an address is unique in the installation; only whether it is taken is said",
    (
        "environments/services/invitations.py",
        "find_invitation",
        "Invitation.objects.open",
    ): "whoever holds the link's token holds the link: it is the proof, 256 bits of it",
    (
        "environments/services/invitations.py",
        "_spend",
        "Invitation.objects.open",
    ): "the row that the token has led to",
    (
        "environments/services/invitations.py",
        "sign_up_and_join",
        "User.objects.filter",
    ): "whether the link's own address has an account",
    (
        "environments/services/invitations.py",
        "new_person",
        "User.objects.create_user",
    ): "makes a person, reads none",
    (
        "environments/services/invitations.py",
        "make_setup_link",
        "User.objects.exists",
    ): "whether anybody is there yet; no row is read",
    (
        "environments/services/invitations.py",
        "make_setup_link",
        "Invitation.objects.open",
    ): "set-up links belong to the installation",
    (
        "environments/services/invitations.py",
        "set_up",
        "User.objects.exists",
    ): "whether anybody is there yet; no row is read",
    (
        "environments/services/data_export.py",
        "export_data",
        "Organization.objects.select_for_update",
    ): "the scope's own organization, locked by its id",
    (
        "environments/services/log.py",
        "set_retention",
        "Organization.objects.select_for_update",
    ): "the scope's own organization, locked by its id",
    (
        "environments/services/organizations.py",
        "edit_organization",
        "Organization.objects.select_for_update",
    ): "the scope's own organization, locked by its id",
    (
        "environments/services/organizations.py",
        "locked_places",
        "Organization.objects.select_for_update",
    ): "the scope's own organization, locked by its id",
    (
        "environments/services/sign_on.py",
        "require_second_factor",
        "Organization.objects.select_for_update",
    ): "the scope's own organization, locked by its id",
    (
        "environments/second_factor.py",
        "without_one",
        "Authenticator.objects.filter",
    ): "a subquery about each member of the organization that the caller has reached",
    (
        "keys/services/leaving.py",
        "known_secrets",
        "Secret.objects.known_to",
    ): "of the scope's organization; the page shows the keys that its reader sees, and counts the rest",
    (
        "keys/views/leaving.py",
        "_person",
        "Secret.objects.filter",
    ): "of the scope's organization; only who made it is read",
    (
        "keys/keepers.py",
        "engineers_of",
        "User.objects.filter",
    ): "whom to tell about an environment that the caller has reached",
    (
        "keys/keepers.py",
        "keepers_of",
        "User.objects.filter",
    ): "whom to tell about a key that the caller has reached",
    (
        "keys/views/runs.py",
        "_ahead",
        "CredentialTest.objects.unfinished",
    ): "how many wait in the one queue of the installation: a number, no row",
    (
        "environments/notices.py",
        "_ways",
        "NoticeChoice.objects.filter",
    ): "how those whom the caller tells want to hear: how the rows are made, never shown",
}
