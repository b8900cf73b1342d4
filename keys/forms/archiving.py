"""Where the keys of a team go that is archived."""

from typing import Any

from django import forms

from environments.models import Team
from keys.forms.keys import NO_TEAM, choice_field


class ArchiveTeamForm(forms.Form):
    """`asked`: whether it owns keys that have to go somewhere."""

    to = forms.ChoiceField(label="Its keys go to")

    def __init__(self, *args: Any, team: Team, asked: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = team.organization.teams.current().exclude(pk=team.pk)
        self.others = {each.slug: each for each in others}
        named = [(slug, each.name) for slug, each in self.others.items()]
        choice_field(self, "to").choices = [
            ("", "Choose a team"),
            *named,
            (NO_TEAM, "No team: the engineers of each environment keep them"),
        ]
        self.fields["to"].required = asked

    @property
    def team_chosen(self) -> Team | None:
        return self.others.get(self.cleaned_data["to"])
