"""Which act waits behind a re-authentication, in words: from a closed list, never from the address itself."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.urls import Resolver404, ResolverMatch, resolve

from environments.access import OrgScope, Scope, enter, enter_organization
from environments.models import User
from keys.models import Key

ACTS: Mapping[str, str] = {
    "keys:create": "to make a key in {place}",
    "keys:plug_in": "to plug in a key in {place}",
    "keys:enter": "to enter a secret for {key}",
    "keys:add_endpoint": "to add a token endpoint in {place}",
    "keys:change_endpoint": "to change a token endpoint in {place}",
    "keys:end_endpoint": "to end a token endpoint in {place}",
    "keys:rotate": "to rotate {key}",
    "keys:extend": "to extend the grace period of {key}",
    "keys:retire": "to end the old secret of {key}",
    "keys:discard": "to discard the rotation of {key}",
    "keys:revoke": "to revoke a secret of {key}",
    "keys:add_public_key": "to add a public key to {key}",
    "keys:remove_public_key": "to remove a public key of {key}",
    "keys:change_key_set": "to enter an address of public keys for {key}",
    "keys:remove_key_set": "to remove the address of public keys of {key}",
    "keys:switch_end": "to end the secrets of {key}",
    "keys:leak": "to report a leaked secret of {key}",
    "keys:delete": "to delete {key}",
    "keys:add_webhook": "to add a webhook to {place}",
    "keys:end_webhook": "to end a webhook of {place}",
    "keys:bulk_new": "to act on several keys",
    "environments:invite": "to make a link into {place}",
    "environments:log_retention": "to change how long the log of {place} is kept",
    "environments:delete_organization": "to delete {place}",
    "environments:sign_on": "to change how people of {place} sign in",
    "environments:invite_again": "to make a link into {place}",
    "provider": "to set up single sign-on for {place}",
    "remove_provider": "to remove the single sign-on of {place}",
    "link": "to link your account with the sign-on of {place}",
    "confirm_link": "to link your account with the sign-on of {place}",
    "environments:edit_roles": "to change roles in {place}",
    "environments:review_roles": "to change roles in {place}",
    "keys:remove_member": "to remove {person}",
    "environments:grant_access": "to give a role in {place}",
    "environments:break_glass": "to break the glass in {place}",
    "environments:team_member": "to change who is in {team}",
    "environments:issuing": "to change where {team} may issue keys",
    "environments:bring_back_team": "to bring back {team}",
    "environments:bring_back_environment": "to bring back an environment of {place}",
    "keys:archive_environment": "to archive an environment of {place}",
    "keys:data_export": "to export the data of {place}",
    "keys:data_download": "to download the data of {place}",
    "keys:archive_team": "to archive {team}",
    "mfa_activate_totp": "to add an authenticator app",
    "mfa_deactivate_totp": "to remove the authenticator app",
    "mfa_view_recovery_codes": "to see the recovery codes",
    "mfa_generate_recovery_codes": "to make new recovery codes",
    "mfa_download_recovery_codes": "to download the recovery codes",
    "mfa_list_webauthn": "to manage your passkeys",
    "mfa_add_webauthn": "to add a passkey",
    "mfa_edit_webauthn": "to rename a passkey",
    "mfa_remove_webauthn": "to remove a passkey",
}


def _found(page: str) -> ResolverMatch | None:
    try:
        return resolve(urlsplit(page).path)
    except (Resolver404, ValueError):
        return None


def takes_factor(page: str) -> bool:
    """Whether the act takes a second factor, so that a password alone would lead back here."""
    match = _found(page)
    return match is not None and hasattr(match.func, "by_factor")


def act(user: User, page: str) -> str:
    """'to rotate billing-api'; empty where the address names no act, or nothing that this person sees."""
    match = _found(page)
    if match is None:
        return ""
    words = ACTS.get(match.view_name, "")
    if "{" not in words:
        return words
    names = _names(user, match)
    return words.format(**names) if all(names.values()) else ""


def _names(user: User, match: ResolverMatch) -> dict[str, str]:
    """What the act is about, by the name it has for this person; an empty name for what they cannot see."""
    asked = match.kwargs
    scope = (
        enter(user, asked["org"], asked["env"])
        if "env" in asked
        else enter_organization(user, asked["org"])
    )
    if scope is None:
        return {"place": ""}
    if isinstance(scope, Scope):
        return {"place": scope.environment.name, **_key(scope, asked)}
    return {"place": scope.organization.name, **_about(scope, asked)}


def _key(scope: Scope, asked: Mapping[str, str]) -> dict[str, str]:
    if "client_id" not in asked:
        return {}
    key = Key.objects.within(scope).filter(client_id=asked["client_id"]).first()
    return {"key": key.name if key else ""}


def _about(scope: OrgScope, asked: Mapping[str, str]) -> dict[str, str]:
    if "member" in asked:
        members = scope.organization.members.select_related("user")
        member = members.filter(pk=asked["member"]).first()
        return {"person": str(member) if member else ""}
    if "team" in asked:
        team = scope.organization.teams.filter(slug=asked["team"]).first()
        return {"team": team.name if team else ""}
    return {}
