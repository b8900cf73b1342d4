"""allauth's pages of second factors: what they change is in the log, in the same transaction."""

import time
from collections.abc import Callable, Mapping
from functools import wraps

from allauth.account.internal.stagekit import unstash_login
from allauth.mfa.base import views as mfa_views
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as code_views
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp import views as totp_views
from allauth.mfa.webauthn import views as webauthn_views
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.codes import spend
from dashboard.doorbook import note, note_failure
from environments import reauth, second_factor
from environments.events import Event
from environments.guard import SignedInRequest
from environments.models import User

SIGHT = 600
"""Seconds for which new recovery codes may be looked at again, like a new secret."""
LAST = "{organization} asks for a second factor, so the last one stays. Add another one first."
CODES = Authenticator.Type.RECOVERY_CODES

type View = Callable[..., HttpResponse]


def factors_of(user: User) -> dict[int, Authenticator]:
    """Locked, inside a transaction: of two that are removed at once, one sees the other gone."""
    own = user.authenticator_set.order_by("pk")  # type: ignore[attr-defined]  # allauth ships no types
    if transaction.get_connection().in_atomic_block:
        own = own.select_for_update()
    return {each.pk: each for each in own}


def _noted(view: View) -> View:
    """What is there after a POST and was not before was added, and the other way round."""

    @wraps(view)
    def change(request: SignedInRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with transaction.atomic():
            before = factors_of(request.user)
            response = view(request, *args, **kwargs)
            _note_changes(request, before, factors_of(request.user))
        return response

    return change


def _note_changes(
    request: SignedInRequest,
    before: Mapping[int, Authenticator],
    after: Mapping[int, Authenticator],
) -> None:
    user = request.user
    # In the order in which they were made: a set of numbers has none that one could rely on.
    for pk in sorted(before.keys() - after.keys()):
        if before[pk].type != CODES:
            note(request, Event.FACTOR_REMOVED, user, _name(before[pk]))
    for pk in sorted(after.keys() - before.keys()):
        if after[pk].type == CODES:
            note(request, Event.RECOVERY_CODES_MADE, user, user.email)
            continue
        note(request, Event.FACTOR_ADDED, user, _name(after[pk]))
        if after[pk].type == Authenticator.Type.TOTP:
            spend(after[pk], request.POST.get("code", ""))  # it has proven the app, and no more


def _name(factor: Authenticator) -> str:
    return "Authenticator app" if factor.type == Authenticator.Type.TOTP else f"Passkey {factor}"


def _keeping_the_last(view: View) -> View:
    """While an organization asks for a second factor, the last one stays."""

    @wraps(view)
    def remove(request: SignedInRequest, *args: object, **kwargs: object) -> HttpResponse:
        left = [
            factor
            for pk, factor in factors_of(request.user).items()
            if factor.type in second_factor.STEPS and pk != kwargs.get("pk")
        ]
        if "pk" not in kwargs:  # the app's own page: there is one app
            left = [each for each in left if each.type != Authenticator.Type.TOTP]
        asking = None if left else second_factor.asked_of(request.user).first()
        if asking:
            messages.error(request, LAST.format(organization=asking.name))
            return redirect("mfa_index")
        return view(request, *args, **kwargs)

    return remove


activate_totp = _noted(totp_views.activate_totp)
deactivate_totp = _noted(_keeping_the_last(totp_views.deactivate_totp))
add_passkey = _noted(webauthn_views.add_webauthn)
remove_passkey = _noted(_keeping_the_last(webauthn_views.remove_webauthn))
generate_codes = _noted(code_views.generate_recovery_codes)


@never_cache
@require_safe
def recovery_codes(request: SignedInRequest) -> HttpResponse:
    """Shown like a new secret: for ten minutes, then only how many are left."""
    if not reauth.signed_in_lately(request, reauth.USUAL):
        return reauth.ask(request)
    codes = _codes_of(request.user)
    shown = _in_sight(codes)
    if shown and not codes.did_view:
        with transaction.atomic():
            codes.mark_as_viewed()
            note(request, Event.RECOVERY_CODES_SEEN, request.user, request.user.email)
    facts = {"codes": codes.get_unused_codes() if shown else [], "left": _left(codes)}
    return render(request, "mfa/recovery_codes/index.html", facts)


@never_cache
@require_safe
def download_codes(request: SignedInRequest) -> HttpResponse:
    """The same as a file, as long as they are in sight."""
    codes = _codes_of(request.user)
    if not (reauth.signed_in_lately(request, reauth.USUAL) and _in_sight(codes)):
        return redirect("mfa_view_recovery_codes")
    text = "".join(f"{code}\n" for code in codes.get_unused_codes())
    name = 'attachment; filename="latchkey-recovery-codes.txt"'
    return HttpResponse(text, content_type="text/plain", headers={"Content-Disposition": name})


def _codes_of(user: User) -> RecoveryCodes:
    factor = next((each for each in factors_of(user).values() if each.type == CODES), None)
    if factor is None:
        raise Http404("There are no recovery codes.")
    return factor.wrap()


def _in_sight(codes: RecoveryCodes) -> bool:
    seen_at = codes.instance.data.get("viewed_at")
    return seen_at is None or time.time() - seen_at < SIGHT


def _left(codes: RecoveryCodes) -> int:
    return len(codes.get_unused_codes())


@login_not_required
def second_step(request: HttpRequest) -> HttpResponse:
    """allauth's page; a code or a passkey that it refuses is a failed sign-in."""
    waiting = unstash_login(request, peek=True)
    response: HttpResponse = mfa_views.authenticate(request)
    if waiting and _refused(request, response):
        note_failure(request, waiting.user, waiting.user.email, step="second")
    return response


@login_not_required
def sign_in_by_passkey(request: HttpRequest) -> HttpResponse:
    response: HttpResponse = webauthn_views.login_webauthn(request)
    if _refused(request, response):
        note_failure(request, None, "a passkey", step="passkey")
    return response


def _refused(request: HttpRequest, response: HttpResponse) -> bool:
    posted = request.method == "POST" and response.status_code != 429
    return posted and not request.user.is_authenticated
