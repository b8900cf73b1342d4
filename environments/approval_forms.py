"""What people type about requests: why they ask, why they refuse."""

from typing import Any

from django import forms

from environments.forms import Line, no_secret


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
