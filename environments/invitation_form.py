"""Whom an invitation is for, and what it gives."""

import re
from collections.abc import Iterable

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from environments.forms import NO_ROLE, Line
from environments.models import Environment, Organization
from environments.policy import EnvironmentRole, OrganizationRole, TeamRole
from environments.services.invitations import Welcome

MOST_ADDRESSES = 50
LONGEST_ADDRESS = 254
BETWEEN = re.compile(r"[\s,;]+")


class Addresses(forms.CharField):
    """Several addresses, parted by commas, semicolons, spaces or lines; each once, in small letters."""

    widget = forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"})

    def to_python(self, value: object) -> list[str]:  # type: ignore[override]  # a list, as its name says
        given = super().to_python(value) or ""
        return list(dict.fromkeys(word.lower() for word in BETWEEN.split(given) if word))

    def validate(self, value: object) -> None:
        super().validate(value)
        addresses = value if isinstance(value, list) else []
        if len(addresses) > MOST_ADDRESSES:
            raise ValidationError(f"At most {MOST_ADDRESSES} people at once.")
        for address in addresses:
            if len(address) > LONGEST_ADDRESS or not address.isprintable():
                raise ValidationError("One of these is no e-mail address.")
            try:
                validate_email(address)
            except ValidationError:
                raise ValidationError(f"{address} is no e-mail address.") from None

    def run_validators(self, value: object) -> None:
        """Django's own are for one text; what concerns each address was asked above."""


class InviteForm(forms.Form):
    emails = Addresses(
        label="E-mail addresses",
        help_text="One or several, with commas or lines between. Each gets a link that works for that address alone.",
        max_length=MOST_ADDRESSES * (LONGEST_ADDRESS + 2),
    )
    role = forms.ChoiceField(label="Organization role")
    team = forms.ChoiceField(label="Team", required=False)
    team_role = forms.ChoiceField(
        label="Team role",
        required=False,
        choices=[(role.value, role.value.capitalize()) for role in TeamRole],
    )
    note = Line(
        max_length=300,
        required=False,
        help_text="A sentence of yours, on the page behind the link and in the letter, if one goes.",
    )

    def __init__(
        self,
        *args: object,
        organization: Organization,
        roles: Iterable[OrganizationRole],
        places: Iterable[Environment],
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they came
        self.organization = organization
        self.places = list(places)
        self.teams = {team.slug: team for team in organization.teams.current()}
        named = [(role.value, role.value.capitalize()) for role in roles]
        self.fields["role"].choices = named  # type: ignore[attr-defined]
        in_teams = [(slug, team.name) for slug, team in self.teams.items()]
        self.fields["team"].choices = [("", "No team"), *in_teams]  # type: ignore[attr-defined]
        if not self.teams:
            del self.fields["team"], self.fields["team_role"]
        choices = [
            (NO_ROLE, "No role"),
            *((role.value, role.value.capitalize()) for role in EnvironmentRole),
        ]
        for place in self.places:
            self.fields[f"in-{place.slug}"] = forms.ChoiceField(
                label=f"{place.name} role", choices=choices, initial=NO_ROLE, required=False
            )

    def in_places(self) -> list[forms.BoundField]:
        """The selects of the environments, for the page."""
        return [self[f"in-{place.slug}"] for place in self.places]

    def clean_emails(self) -> list[str]:
        given: list[str] = self.cleaned_data["emails"]
        members = self.organization.members.filter(user__email__in=given)
        here = sorted(members.values_list("user__email", flat=True))
        if here:
            are = "is a member" if len(here) == 1 else "are members"
            raise ValidationError(f"{', '.join(here)} {are} already.")
        return given

    def welcome(self) -> Welcome:
        facts = self.cleaned_data
        roles = {place.slug: facts.get(f"in-{place.slug}") or NO_ROLE for place in self.places}
        return Welcome(
            role=OrganizationRole(facts["role"]),
            environment_roles={
                slug: EnvironmentRole(role) for slug, role in roles.items() if role != NO_ROLE
            },
            team=self.teams.get(facts.get("team", "")),
            team_role=TeamRole(facts.get("team_role") or TeamRole.MEMBER),
            note=facts["note"],
        )
