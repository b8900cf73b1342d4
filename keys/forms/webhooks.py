"""Where events shall be told, and which."""

from django import forms

from environments.events import TOPICS
from environments.forms import OutsideAddress


class WebhookForm(forms.Form):
    url = OutsideAddress(
        label="Address",
        help_text="An https address that takes a POST with JSON. It answers 2xx when it has it.",
    )
    topics = forms.MultipleChoiceField(
        label="What is told",
        choices=[(topic, words) for topic, (words, _) in TOPICS.items()],
        widget=forms.CheckboxSelectMultiple,
        initial=["keys", "rotations", "endpoints"],
        error_messages={"required": "Choose at least one kind of event."},
    )
