"""What people type about keys."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.defaultfilters import date as formatted
from django.utils import timezone

from environments.access import Scope
from environments.forms import no_secret
from environments.models import Environment, Team
from environments.policy import Action
from environments.services.policies import spoken_span
from keys.models import Key, Secret

NO_TEAM = "none"
EXPIRY = [
    ("30", "30 days"),
    ("60", "60 days"),
    ("90", "90 days"),
    ("none", "No expiry"),
    ("custom", "Another date"),
]
TEN_YEARS = timedelta(days=3653)
ONCE_LENGTH = 64
SECRET, PUBLIC_KEY = "secret", "public_key"


def readable(value: str) -> None:
    """No control characters, no halves of characters, nothing that turns the direction of a line."""
    if not value.isprintable():
        raise ValidationError("Use letters, digits, spaces and signs only.")


class Line(forms.CharField):
    """One line of readable text."""

    default_validators = [readable]


def why_rotated() -> Line:
    return Line(
        label="Why",
        max_length=200,
        required=False,
        help_text="Shown with the rotation and in the log.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def teams_for(scope: Scope, action: Action) -> list[Team]:
    """The teams for whose keys the person may do this."""
    teams = scope.organization.teams.current()
    if not scope.may(action):
        teams = teams.filter(pk__in=scope.teams_granting(action))
    return list(teams)


class ForTeam(forms.Form):
    """Whose key it is."""

    team = forms.ChoiceField(help_text="Its people see and test the key; its leads rotate it.")
    teams: dict[str, Team]

    @property
    def team_chosen(self) -> Team | None:
        return self.teams.get(self.cleaned_data["team"])


class Described(forms.Form):
    """Name and the three lines that say what a key is for."""

    name = Line(
        max_length=60,
        help_text="What uses it, in a word or two: billing-api. Unique in this environment.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    note = Line(max_length=200, required=False, help_text="Shown below the name in lists.")
    used_by = Line(
        label="What uses it",
        max_length=200,
        required=False,
        help_text="The service, job or partner that fetches tokens with this key.",
    )
    kept_in = Line(
        label="Where the secret is kept",
        max_length=200,
        required=False,
        help_text="The name of the vault or the setting, never the secret itself.",
    )

    def clean_kept_in(self) -> str:
        text: str = self.cleaned_data["kept_in"]
        return no_secret(text, "This looks like a secret. It was not stored; name the place.")


class AnyEnd(forms.Form):
    """When a secret ends, wherever it is."""

    expiry = forms.ChoiceField(label="Expires", choices=EXPIRY, initial="90")
    ends_at = forms.DateTimeField(
        label="Date and time",
        required=False,
        help_text="Only for “Another date”. A weekday at noon is a good choice.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "expiry" in cleaned:
            self._clean_end(cleaned)
        return cleaned

    def _clean_end(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("expiry") != "custom" or "ends_at" in self.errors:
            return
        given = cleaned.get("ends_at")
        now = timezone.now()
        if given is None:
            self.add_error("ends_at", "Choose a date and a time.")
        elif not now < given <= now + TEN_YEARS:
            self.add_error("ends_at", "Choose a date that is ahead, at most ten years.")

    def expires_at(self, now: datetime) -> datetime | None:
        choice = self.cleaned_data["expiry"]
        if choice == "custom":
            ends: datetime = self.cleaned_data["ends_at"]
            return ends
        return None if choice == "none" else now + timedelta(days=int(choice))


class Ending(AnyEnd):
    """When the secret ends, as far as the policy of its environment allows."""

    def __init__(
        self, *args: Any, place: Environment, secret: Secret | None = None, **kwargs: Any
    ) -> None:
        """`secret` is the one that gets another end; without it, one that is made now."""
        super().__init__(*args, **kwargs)
        self.place, self.secret = place, secret
        choice_field(self, "expiry").choices = [
            (value, words) for value, words in EXPIRY if not self._never(value)
        ]
        self.fields["expiry"].help_text = self._rule()

    def _never(self, value: str) -> bool:
        """No choice that the policy forbids whatever the secret."""
        if value == "none":
            return self.place.expiry_required
        age = self.place.secret_max_age
        return value.isdigit() and age is not None and timedelta(days=int(value)) > age

    def _rule(self) -> str:
        """What the environment's policy says, in words."""
        name, age = self.place.name, self.place.secret_max_age
        oldest = f"Secrets in {name} live {spoken_span(age)} at most." if age else ""
        required = f"Every key in {name} must expire." if self.place.expiry_required else ""
        return " ".join(filter(None, (required, oldest)))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not {"expiry", "ends_at"} & self.errors.keys():
            self._keep_the_rule(cleaned["expiry"])
        return cleaned

    def _keep_the_rule(self, choice: str) -> None:
        now = timezone.now()
        made_at = self.secret.created_at if self.secret else now
        held = self.secret.expires_at if self.secret else None
        if not self.place.refuses_end(self.expires_at(now), made_at, held):
            return
        latest = self.place.latest_end(made_at)
        until = f" Choose {_spoken(latest)} or earlier." if latest else ""
        self.add_error("ends_at" if choice == "custom" else "expiry", self._rule() + until)


class NewKeyForm(Ending, ForTeam, Described):
    """A key to be made; `once` names the form, so that a second POST of it makes nothing."""

    once = forms.CharField(
        max_length=ONCE_LENGTH, min_length=16, validators=[readable], widget=forms.HiddenInput
    )
    proof = forms.ChoiceField(
        required=False,
        choices=[(PUBLIC_KEY, "Public key"), (SECRET, "Secret")],
        initial=PUBLIC_KEY,
        widget=forms.RadioSelect,
    )
    scopes = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What its tokens allow.",
        error_messages={"invalid_choice": "Choose scopes that this environment offers."},
    )
    field_order = [
        "once", "name", "team", "note", "used_by", "kept_in", "proof", "expiry", "ends_at", "scopes",
    ]  # fmt: skip

    def __init__(self, scope: Scope, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, place=scope.environment, **kwargs)
        self.fields["expiry"].initial = self._usual()
        self.teams = {team.slug: team for team in teams_for(scope, Action.CREATE)}
        chosen = [(slug, team.name) for slug, team in self.teams.items()]
        if scope.may(Action.CREATE):
            chosen.insert(0, (NO_TEAM, "No team"))
        offered: list[str] = scope.environment.scopes
        self.offered = offered
        choice_field(self, "team").choices = chosen
        choice_field(self, "scopes").choices = [(each, each) for each in offered]
        self.fields["scopes"].required = bool(offered)
        self.fields["used_by"].required = scope.environment.production

    def clean(self) -> dict[str, Any]:
        """A key that signs has no secret to end; each of its public keys is given an end of its own."""
        cleaned = super().clean()
        if self.signs:
            for name in ("expiry", "ends_at"):
                self.errors.pop(name, None)
        return cleaned

    @property
    def signs(self) -> bool:
        return self.cleaned_data.get("proof") == PUBLIC_KEY

    def _usual(self) -> str:
        """The longest of the days that the policy lets one choose."""
        days = [value for value, _ in EXPIRY if value.isdigit() and not self._never(value)]
        return days[-1] if days else "custom"

    @property
    def scopes_chosen(self) -> list[str] | None:
        """All offered means all that is offered later, too."""
        chosen: list[str] = self.cleaned_data["scopes"]
        return None if set(chosen) == set(self.offered) else chosen


class MoveForm(ForTeam):
    team = forms.ChoiceField(label="New team")

    def __init__(self, scope: Scope, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.teams = {team.slug: team for team in teams_for(scope, Action.MOVE)}
        choice_field(self, "team").choices = [
            (NO_TEAM, "No team"),
            *((slug, team.name) for slug, team in self.teams.items()),
        ]


class WhichSecretForm(forms.Form):
    """The public id of one of the key's secrets; none means the newest."""

    secret = forms.SlugField(required=False)


class TypedForm(forms.Form):
    """The key's name, typed to show that the person means it."""

    typed = forms.CharField(required=False, max_length=100, validators=[readable])

    def __init__(self, key: Key, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key = key

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self.key.name:
            raise ValidationError(f"Type {self.key.name} exactly as it stands.")
        return typed


def _spoken(at: datetime) -> str:
    return formatted(timezone.localtime(at), "j M Y, H:i")


def choice_field(form: forms.Form, name: str) -> forms.ChoiceField:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared so above
    return field
