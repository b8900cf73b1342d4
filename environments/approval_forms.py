"""What people type about requests: why they ask, why they refuse."""

from collections.abc import Iterable
from typing import Any

from django import forms

from environments.forms import Line, no_secret
from environments.models import Environment
from environments.policy import EnvironmentRole


def _line(label: str, help_text: str) -> Line:
    return Line(
        label=label,
        max_length=200,
        help_text=help_text,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class WhyForm(forms.Form):
    """One reason, in one line."""

    why = _line("Why", "")

    def __init__(self, *args: Any, label: str = "Why", help_text: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["why"].label, self.fields["why"].help_text = label, help_text

    def clean_why(self) -> str:
        text: str = self.cleaned_data["why"]
        return no_secret(text, "This looks like a secret. It was not stored; say the reason.")


class AskForm(WhyForm):
    """The change travels signed, so that it is asked for exactly as the act would have made it."""

    asked = forms.CharField(max_length=20000, widget=forms.HiddenInput)


class AccessForm(WhyForm):
    """Which role, where, and why."""

    environment = forms.ChoiceField()
    role = forms.ChoiceField(
        choices=[(role.value, role.value.capitalize()) for role in EnvironmentRole],
        help_text="Viewers see keys, support tests them, engineers make and rotate them.",
    )
    field_order = ["environment", "role", "why"]

    def __init__(self, *args: Any, places: Iterable[Environment], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(place.slug, place.name) for place in places]
        self.fields["environment"].choices = named  # type: ignore[attr-defined]  # declared above
