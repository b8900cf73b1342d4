"""Codes typed at the second step and at a confirmation: with or without spaces, and each once."""

from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, BaseAuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt
from django.db import transaction

from dashboard.doorbook import note
from environments.events import Event
from environments.models import User

SPENT = "spent"
"""In an authenticator's row: the newest step of time whose code was taken."""


def spend(authenticator: Authenticator, code: str) -> bool:
    """A code works once in every process, also after a restart (RFC 6238, 5.2): the row says which were taken."""
    with transaction.atomic():
        app = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        seed = decrypt(app.data["secret"])
        step = next((step for step in yield_hotp_counters_from_time() if _is(seed, step, code)), 0)
        if step <= app.data.get(SPENT, 0):
            return False
        app.data[SPENT] = step
        app.save(update_fields=["data"])
    return True


def _is(seed: str, step: int, code: str) -> bool:
    same: bool = compare_user_code(actual=code, expected=format_hotp_value(hotp_value(seed, step)))
    return same


class _OnceForm(BaseAuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    user: User
    authenticator: Authenticator

    @transaction.atomic
    def clean_code(self) -> str:
        code = str(super().clean_code())
        kind = self.authenticator.type
        if kind == Authenticator.Type.TOTP and not spend(self.authenticator, code):
            raise get_adapter().validation_error("incorrect_code")
        if kind == Authenticator.Type.RECOVERY_CODES:
            self.authenticator.refresh_from_db()
            left = len(self.authenticator.wrap().get_unused_codes())
            note(context.request, Event.RECOVERY_CODE_USED, self.user, self.user.email, left=left)
        return code


class CodeForm(_OnceForm, AuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """The second step of a sign-in."""


class ConfirmCodeForm(_OnceForm, ReauthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """A confirmation before an act."""
