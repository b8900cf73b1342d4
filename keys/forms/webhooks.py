"""Where events shall be told, and which."""

from django import forms
from django.core.exceptions import ValidationError

from environments.events import TOPICS
from environments.outside import LONGEST, BadPlace, check_place


class WebhookForm(forms.Form):
    url = forms.CharField(
        label="Address",
        max_length=LONGEST,
        help_text="An https address that takes a POST with JSON. It answers 2xx when it has it.",
        widget=forms.TextInput(
            attrs={
                "inputmode": "url",
                "class": "mono",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
    )
    topics = forms.MultipleChoiceField(
        label="What is told",
        choices=[(topic, words) for topic, (words, _) in TOPICS.items()],
        widget=forms.CheckboxSelectMultiple,
        initial=["keys", "rotations", "endpoints"],
        error_messages={"required": "Choose at least one kind of event."},
    )

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check_place(url)
        except BadPlace as bad:
            raise ValidationError(str(bad)) from None
        return url
