"""Every address is guarded or listed as open: a page without a door fails the build."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

# Who opens these is decided without a place: anybody, or any signed-in person about themselves.
OPEN = {
    "livez",
    "readyz",
    "error_codes",
    "environments:audit_keys",
    "theme",
    "setup",
    "setup_link",
    "join",
    "account_logout",
}
OPEN |= {"mfa_authenticate", "mfa_login_webauthn"}
OPEN |= {"sso_choose", "sso", "sso_start", "sso_callback"}
OWN = {
    "home",
    "account",
    "shortcuts",
    "notifications",
    "look",
    "sessions",
    "end_session",
    "end_other_sessions",
    "links",
    "access",
    "activity",
    "environments:new_organization",
    "account_reauthenticate",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
    "mfa_add_webauthn",
    "mfa_remove_webauthn",
}
ALLAUTH = "accounts/"  # its pages are about the person alone


def addresses(resolver: URLResolver, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if str(entry.pattern) == ALLAUTH:
            continue
        if isinstance(entry, URLResolver):
            yield from addresses(entry, f"{entry.namespace}:" if entry.namespace else space)
        else:
            yield f"{space}{entry.name}", entry


def test_every_address_has_a_door_or_is_listed():
    for name, pattern in addresses(get_resolver()):
        if name in OPEN | OWN:
            continue
        assert hasattr(pattern.callback, "door"), f"{name} opens without asking who comes in"


def test_only_the_listed_addresses_open_without_a_sign_in():
    for name, pattern in addresses(get_resolver()):
        needs = getattr(pattern.callback, "login_required", True)
        assert needs or name in OPEN, f"{name} opens to anybody"


def test_what_stands_in_a_place_is_reached_through_its_door():
    for name, pattern in addresses(get_resolver()):
        route = str(pattern.pattern)
        if "<slug:env>" in route or "<str:env>" in route:
            door = getattr(pattern.callback, "door", ("none", None))
            assert door[0] == "environment", name
