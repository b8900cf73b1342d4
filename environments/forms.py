"""What people type about organizations, members and teams."""

import zoneinfo
from collections.abc import Iterable
from functools import cache
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.text import slugify

from environments.models import Environment, Kind, Member, Organization, Team
from environments.outside import LONGEST, BadPlace, check_place
from environments.policy import TeamRole

REGIONS = (
    "Africa",
    "America",
    "Antarctica",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)
NO_ROLE = "none"
NOT_IN_TEAM = "none"
TAKEN_ADDRESSES = frozenset({"new"})
"""`/o/new/` makes an organization, `/o/<org>/teams/new/` a team."""

PAGES_OF_SETTINGS = frozenset(
    {"environments", "sign-on", "sign-in", "retention", "notices", "danger", "export"}
)
"""What `/o/<org>/settings/<address>/` means besides an environment's policy."""


@cache
def zones() -> list[tuple[str, str]]:
    named = sorted(
        zone for zone in zoneinfo.available_timezones() if zone.partition("/")[0] in REGIONS
    )
    return [(zone, zone.replace("_", " ")) for zone in ("UTC", *named)]


def printable(value: str) -> None:
    """No control characters, and none that turn the direction of the text around them."""
    if not value.isprintable():
        raise ValidationError("Use letters, digits, spaces and signs only.")


def no_secret(text: str, refusal: str) -> str:
    """A secret typed as words would rest in clear text."""
    if any(f"lk_{kind.tag}_" in text for kind in Kind):
        raise ValidationError(refusal)
    return text


WORDS_LENGTH = 100


def words_of(text: str) -> str:
    """What an address asks for, as text that a database can be asked for."""
    return text.replace("\x00", "").encode(errors="ignore").decode().strip()[:WORDS_LENGTH]


class Line(forms.CharField):
    """One line of readable text."""

    default_validators = [printable]


QUIET = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
"""Of a field for what no browser shall remember, correct or capitalize."""


class OutsideAddress(forms.CharField):
    """Where an outside service is called: refused with the reason if the one door would not go there."""

    def __init__(self, *, label: str, help_text: str) -> None:
        widget = forms.TextInput(attrs=QUIET | {"inputmode": "url", "class": "mono"})
        super().__init__(label=label, help_text=help_text, max_length=LONGEST, widget=widget)

    def validate(self, value: str) -> None:
        super().validate(value)
        try:
            check_place(value)
        except BadPlace as bad:
            raise ValidationError(str(bad)) from None


class ZoneField(forms.ChoiceField):
    def __init__(self) -> None:
        super().__init__(label="Time zone", choices=zones, initial="UTC")


class Addressed(forms.Form):
    """A name, and a short address that is made from it when none is given."""

    slug_taken = "Another one has this address. Choose a different one."
    others: Any  # the rows among which the address must be the only one of its kind

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean() or self.cleaned_data
        if "slug" in self.errors or "name" in self.errors:
            return cleaned
        slug = str(cleaned.get("slug") or slugify(str(cleaned.get("name", "")))[:40].strip("-"))
        if not slug:
            self.add_error("slug", "No address can be made from this name. Write one.")
        elif self.is_taken(slug):
            self.add_error("slug", self.slug_taken)
        cleaned["slug"] = slug
        return cleaned

    def is_taken(self, slug: str) -> bool:
        return slug in TAKEN_ADDRESSES or self.others.filter(slug=slug).exists()


def _slug(example: str) -> forms.SlugField:
    return forms.SlugField(
        label="Address",
        required=False,
        max_length=40,
        help_text=f"Letters, digits and hyphens, as in {example}. Left empty, it is made from the name. It cannot be changed later.",
        error_messages={"invalid": "Use letters, digits, hyphens and underscores only."},
    )


class NewOrganizationForm(Addressed):
    name = Line(max_length=80, help_text="What people call it, as in Acme Ltd.")
    slug = _slug("/o/acme/")
    timezone = ZoneField()

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).lower()

    @property
    def others(self) -> QuerySet[Organization]:
        return Organization.objects.all()


class NewEnvironmentForm(Addressed):
    name = Line(max_length=40, help_text="As in Sandbox, or Production EU.")
    slug = _slug("/o/acme/e/sandbox/")
    kind = forms.ChoiceField(
        label="What it is for",
        choices=Kind.choices,
        help_text="Gives it its colour, the letters in its secrets, and how careful we are. It cannot be changed later.",
    )
    slug_taken = "Another environment has this address, or a page of ours. Choose a different one."

    def __init__(self, *args: object, organization: Organization, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they came
        self.others = organization.environments.all()

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).lower()

    def is_taken(self, slug: str) -> bool:
        return slug in PAGES_OF_SETTINGS or super().is_taken(slug)


class EnvironmentForm(forms.Form):
    name = Line(max_length=40)


class OrganizationForm(forms.Form):
    name = Line(max_length=80)
    timezone = ZoneField()


class TypedNameForm(forms.Form):
    """A name, typed to show that the person means it."""

    typed = Line(required=False, max_length=80)

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self.name:
            raise ValidationError(f"Type {self.name} exactly as it stands.")
        return typed


class TeamForm(forms.Form):
    name = Line(max_length=60)
    purpose = Line(max_length=200, required=False, help_text="What the team does, in one sentence.")
    contact = Line(
        max_length=200, required=False, help_text="Where to reach it: a channel, a mailing list."
    )

    def __init__(
        self, *args: object, organization: Organization, team: Team | None = None, **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they came
        others = organization.teams.all()
        self.others = others.exclude(pk=team.pk) if team else others

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if self.others.filter(name=name).exists():
            raise ValidationError("Another team has this name.")
        return name


class NewTeamForm(TeamForm, Addressed):
    slug = _slug("payments")
    slug_taken = "Another team has this address. Choose a different one."
    field_order = ["name", "slug", "purpose", "contact"]

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).lower()


class IssuingForm(forms.Form):
    environments = forms.MultipleChoiceField(
        label="May issue keys in", required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(
        self, *args: object, environments: Iterable[Environment], **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they came
        self.fields["environments"].choices = [(place.slug, place.name) for place in environments]  # type: ignore[attr-defined]


MOST_KEYS = 100_000


class LimitForm(forms.Form):
    most_keys = forms.IntegerField(
        label="Keys allowed",
        required=False,
        min_value=0,
        max_value=MOST_KEYS,
        help_text="In all environments together; disabled keys count, deleted ones do not. Left empty: any number.",
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class TeamMemberForm(forms.Form):
    member = forms.TypedChoiceField(label="Person", coerce=int)
    role = forms.ChoiceField(label="Team role")

    def __init__(
        self, *args: object, members: Iterable[Member], roles: Iterable[TeamRole], **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they came
        people = [(member.pk, f"{member.user} ({member.user.email})") for member in members]
        self.fields["member"].choices = people  # type: ignore[attr-defined]
        named = [(role.value, role.value.capitalize()) for role in roles]
        self.fields["role"].choices = [*named, (NOT_IN_TEAM, "Not in the team")]  # type: ignore[attr-defined]


class SecondFactorForm(forms.Form):
    asked = forms.BooleanField(
        label="Everybody here needs a second factor",
        required=False,
        help_text="A passkey or an authenticator app. Who has none is led to set one up.",
    )
    days = forms.IntegerField(
        label="Days to set it up",
        min_value=0,
        max_value=90,
        initial=14,
        help_text="Until then a banner asks for it. 0: at once.",
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
