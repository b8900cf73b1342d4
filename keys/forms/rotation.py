"""What people type about rotations and leaks."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms

from environments.access import Scope
from environments.forms import no_secret
from keys.forms.keys import ONCE_LENGTH, Line, choice_field, readable, why_rotated
from keys.progress.receipts import span
from keys.services.rotating import Plan

CUSTOM = "custom"
HOUR = timedelta(hours=1)
NOTHING_SAID: Mapping[str, str] = {}


class RotateForm(forms.Form):
    """The plan of a rotation. After a leak (`cut`) there is no grace to choose: the old secret has ended."""

    once = forms.CharField(
        max_length=ONCE_LENGTH, min_length=16, validators=[readable], widget=forms.HiddenInput
    )
    grace = forms.ChoiceField(
        label="Grace period",
        widget=forms.RadioSelect,
        help_text="How long both secrets work, counted from when the new one is stored and proven.",
        error_messages={"invalid_choice": "Choose one of these."},
    )
    hours = forms.IntegerField(
        label="Hours",
        required=False,
        min_value=1,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    why = why_rotated()

    def __init__(
        self,
        scope: Scope,
        data: Any = None,
        *,
        grace: timedelta | None = None,
        once: str = "",
        cut: bool = False,
        said: Mapping[str, str] = NOTHING_SAID,
    ) -> None:
        """`said` is what an address fills in, as it was approved."""
        self.longest: timedelta = scope.environment.grace_max
        usual = min(grace or scope.environment.grace_default, self.longest)
        self.grace_shown = usual
        filled = {name: said[name] for name in ("grace", "hours", "why") if name in said}
        super().__init__(data, initial={"grace": _seconds(usual), "once": once} | filled)
        if cut:
            del self.fields["grace"], self.fields["hours"]
            return
        offered = {HOUR, scope.environment.grace_default, usual, timedelta(days=7)}
        choice_field(self, "grace").choices = [
            *(
                (_seconds(each), _named(each, scope.environment.grace_default))
                for each in sorted(offered)
                if each <= self.longest
            ),
            (CUSTOM, "Another length"),
        ]
        self.fields["hours"].help_text = f"For “Another length”: {span(self.longest)} at most here."

    @property
    def too_long(self) -> str:
        return f"A grace period is {span(self.longest)} at most here."

    def clean_why(self) -> str:
        return no_secret(
            self.cleaned_data["why"], "This looks like a secret. It was not stored; say the reason."
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("grace") != CUSTOM or "hours" in self.errors:
            return cleaned
        hours = cleaned.get("hours")
        if hours is None:
            self.add_error("hours", "Say how many hours.")
        elif hours > self.longest / HOUR:
            self.add_error("hours", self.too_long)
        return cleaned

    @property
    def plan(self) -> Plan:
        said = self.cleaned_data
        if "grace" not in self.fields:
            return Plan(timedelta(), said["why"])
        seconds = said["hours"] * 3600 if said["grace"] == CUSTOM else int(said["grace"])
        return Plan(timedelta(seconds=seconds), said["why"])


def _seconds(length: timedelta) -> str:
    return str(int(length.total_seconds()))


def _named(length: timedelta, default: timedelta) -> str:
    return f"{span(length)}, the default here" if length == default else span(length)


class LeakForm(forms.Form):
    why = Line(
        label="What happened",
        max_length=200,
        help_text="Where it was seen, by whom. For the log; never the secret itself.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_why(self) -> str:
        text: str = self.cleaned_data["why"]
        return no_secret(
            text, "This looks like a secret. It was not stored; say where it was seen."
        )
