"""How people come in: the first one by the set-up link, every other one by a one-time link. Nobody signs up by themselves."""

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from environments.forms import Line
from environments.guard import origin_of
from environments.models import Invitation, User
from environments.services import invitations
from environments.services.invitations import AlreadyMember, HasAccount, LinkEnded, WrongPerson

STASH = "setup_link"


class JoinForm(forms.Form):
    name = Line(
        label="Your name", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least ten characters. A few words that only you would put together are good.",
    )

    email = ""

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or self.cleaned_data
        if "password" in cleaned:
            person = User(
                email=str(cleaned.get("email", self.email)), name=str(cleaned.get("name", ""))
            )
            try:
                validate_password(str(cleaned["password"]), person)
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned


class SetUpForm(JoinForm):
    email = forms.EmailField(  # type: ignore[assignment]  # asked here, known in the form above
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    field_order = ["name", "email", "password"]


def _sign_in(request: HttpRequest, user: User, then: str) -> HttpResponse:
    """As if the person had just typed their password, which they did: with allauth's record of it."""
    login = Login(user=user, email=user.email, redirect_url=then)
    response: HttpResponse = perform_password_login(request, {"email": user.email}, login)
    return response


@require_safe
@login_not_required
@never_cache
def keep_setup_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address, so that it is in no history and no referrer."""
    request.session[STASH] = token
    return redirect("setup")


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
@never_cache
def setup(request: HttpRequest) -> HttpResponse:
    """The first person makes their account, with the link that the start has printed."""
    if request.user.is_authenticated:
        return redirect("home")
    token = str(request.session.get(STASH, ""))
    if User.objects.exists() or not _is_setup_link(token):
        return render(
            request,
            "arrival/no_setup.html",
            {"done": User.objects.exists(), "given": bool(token)},
            status=404,
        )
    form = SetUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            user = invitations.set_up(
                token,
                email=facts["email"],
                password=facts["password"],
                name=facts["name"],
                origin=origin_of(request),
            )
        except (LinkEnded, IntegrityError):
            return redirect("setup")
        request.session.pop(STASH)
        return _sign_in(request, user, reverse("environments:new_organization"))
    return render(request, "arrival/setup.html", {"form": form})


def _is_setup_link(token: str) -> bool:
    try:
        return invitations.find_invitation(token).organization_id is None
    except LinkEnded:
        return False


def _into_organization(token: str) -> Invitation:
    invitation = invitations.find_invitation(token)
    if invitation.organization is None:
        raise LinkEnded
    return invitation


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
@never_cache
def join(request: HttpRequest, token: str) -> HttpResponse:
    """What the link leads to, said before anything is made; then one of four ways."""
    try:
        invitation = _into_organization(token)
        if isinstance(request.user, User):
            return _join_signed_in(request, invitation, request.user, token)
        if User.objects.filter(email=invitation.email).exists():
            return render(request, "arrival/sign_in_first.html", {"invitation": invitation})
        return _join_new(request, invitation, token)
    except LinkEnded:
        return render(request, "arrival/ended.html", status=404)


def _join_signed_in(
    request: HttpRequest, invitation: Invitation, user: User, token: str
) -> HttpResponse:
    organization = invitation.organization
    assert organization is not None  # noqa: S101  # asked by the caller
    if invitation.email != user.email:
        return render(request, "arrival/wrong_person.html", {"invitation": invitation})
    if request.method == "POST":
        try:
            invitations.join(user, token, origin_of(request))
            messages.success(request, f"You have joined {organization.name}.")
        except AlreadyMember:
            messages.info(request, f"You are a member of {organization.name} already.")
        except WrongPerson:
            return redirect("join", token)
        return redirect("overview", organization.slug)
    return render(request, "arrival/accept.html", {"invitation": invitation})


def _join_new(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    organization = invitation.organization
    assert organization is not None  # noqa: S101  # asked by the caller
    form = JoinForm(request.POST or None)
    form.email = invitation.email
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            user = invitations.sign_up_and_join(
                token, password=facts["password"], name=facts["name"], origin=origin_of(request)
            )
        except (HasAccount, IntegrityError):
            return redirect("join", token)  # somebody made the account meanwhile
        return _sign_in(request, user, reverse("overview", args=[organization.slug]))
    facts = {"form": form, "invitation": invitation, "token": token}
    return render(request, "arrival/join.html", facts)
