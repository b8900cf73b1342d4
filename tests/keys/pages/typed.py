"""What people type into the forms of these pages."""

from django.utils.crypto import get_random_string

from keys.models import TokenEndpoint

SECRET = "planted-secret-of-the-provider-1234"
URL = "https://id.redox.test/oauth/token"
DAY = "86400"


def plan(**more) -> dict[str, object]:
    return {"once": get_random_string(32), "grace": DAY, "why": "", **more}


def new_endpoint(**more) -> dict[str, str]:
    return {"name": "Redox", "url": URL, "auth_method": "client_secret_basic", **more}


def credential(endpoint: TokenEndpoint, **more) -> dict[str, str]:
    return {
        "endpoint": endpoint.public_id, "outside_id": "acme-at-redox", "entered": SECRET, "kid": "", "name": "partner",
        "team": "none", "used_by": "", "kept_in": "", "note": "", "expiry": "none", "ends_at": "", **more,
    }  # fmt: skip
