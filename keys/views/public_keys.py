"""Public keys of a key: add some, give one another end, remove one."""

from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from environments.access import Scope
from environments.guard import SignedInRequest, in_environment
from environments.policy import Action
from environments.reauth import fresh_sign_in
from environments.views.asking import asks_first
from keys.forms.public_keys import PublicEnd, PublicKeyForm
from keys.models import Key
from keys.services import public_keys
from keys.services.issuing import AgainstPolicy, KeyEnded
from keys.services.public_keys import AddedBefore, KidTaken, TakenFromAddress, TooManyPublicKeys
from keys.views.acts import Words, form_page
from keys.views.common import about, gone_once_deleted, issued_key, to_page, to_tab

REFUSALS = {
    KidTaken: ("kid", "A public key that lives has this kid. Remove it first, or choose another."),
    AddedBefore: ("entered", "This key has this public key already."),
    TooManyPublicKeys: ("entered", "Twenty public keys live at most. Remove those not in use."),
    TakenFromAddress: (
        "entered",
        "This key takes its public keys from the address of a key set. Remove the address first.",
    ),
    AgainstPolicy: ("expiry", "Every key of this environment must expire."),
}

NOT_CHANGED = {
    KeyEnded: "It has ended and stays ended. Add another public key.",
    TakenFromAddress: "It ends when the address of its key set says. Change that one.",
    AgainstPolicy: "Every key of this environment must expire.",
}


# What is pasted by mistake may be private: no error report may show it.
@sensitive_post_parameters("entered")
@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.ROTATE)
@fresh_sign_in
@asks_first()
@gone_once_deleted
def add(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponseBase:
    key = issued_key(scope, client_id, Action.ROTATE)
    if hasattr(key, "key_set"):
        return to_page("keys:key_set", key)
    form = PublicKeyForm(scope.environment, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _add_page(request, scope, key, form)
    try:
        made = public_keys.add_public_keys(
            scope, client_id, form.keys, origin=form.made_in, expires_at=form.ends()
        )
    except tuple(REFUSALS) as refused:
        form.add_error(*REFUSALS[type(refused)])
        return _add_page(request, scope, key, form)
    kids = ", ".join(each.kid for each in made)
    messages.success(request, f"Added: {kids}. It is seen to work when its client uses it.")
    return to_tab(key)


def _add_page(
    request: SignedInRequest, scope: Scope, key: Key, form: PublicKeyForm
) -> HttpResponse:
    status = 422 if form.is_bound else 200
    response = render(
        request, "keys/add_public_key.html", about(scope, key) | {"form": form}, status=status
    )
    response["Cache-Control"] = "no-store, private"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.REVOKE)
@fresh_sign_in
@gone_once_deleted
def remove(
    request: SignedInRequest, scope: Scope, client_id: str, public_key: str
) -> HttpResponseBase:
    key = issued_key(scope, client_id, Action.REVOKE)
    ending = key.public_keys.filter(public_id=public_key).first()
    if ending is None:
        raise Http404("No such public key.")
    if request.method != "POST":
        now = timezone.now()
        others = key.public_keys.unended(now).exclude(pk=ending.pk).exists()
        context = {"ending": ending, "last": not others and not key.secrets.unended(now).exists()}
        return render(request, "keys/remove_public_key.html", about(scope, key) | context)
    public_keys.revoke_public_key(scope, client_id, public_key)
    messages.success(
        request, f"The public key {ending.kid} is removed: its signatures are refused."
    )
    return to_tab(key)


EXPIRY = Words(
    "Change expiry of a public key of",
    "Change expiry",
    "Once it has passed, what its private half signs is refused.",
    "public-keys",
)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.EDIT)
@gone_once_deleted
def expiry(
    request: SignedInRequest, scope: Scope, client_id: str, public_key: str
) -> HttpResponseBase:
    key = issued_key(scope, client_id, Action.EDIT)
    held = key.public_keys.filter(public_id=public_key).first()
    if held is None:
        raise Http404("No such public key.")
    initial = {"expiry": "custom", "ends_at": held.expires_at} if held.expires_at else None
    given = request.POST if request.method == "POST" else None
    form = PublicEnd(scope.environment, given, initial=initial)
    words = replace(EXPIRY, sentence=f"{held.kid}: {EXPIRY.sentence}")
    if not form.is_valid():
        return form_page(request, scope, key, form, words)
    try:
        public_keys.set_public_key_expiry(scope, client_id, public_key, form.ends())
    except tuple(NOT_CHANGED) as refused:
        form.add_error(None, NOT_CHANGED[type(refused)])
        return form_page(request, scope, key, form, words)
    messages.success(request, "Expiry changed.")
    return to_tab(key)
