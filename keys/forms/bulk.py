"""What people type before bulk work begins."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from keys.forms.keys import ONCE_LENGTH, AnyEnd, readable
from keys.models import Batch
from keys.services.bulk import Chosen, Order

GRACES = [("1", "1 hour"), ("24", "24 hours"), ("168", "7 days")]


class BulkForm(AnyEnd):
    """Only the fields that this kind of work asks for; production is typed out."""

    grace = forms.ChoiceField(
        label="Grace period",
        choices=GRACES,
        initial="24",
        help_text="So long both secrets of a key work, once its new one is stored and proven.",
    )
    typed = forms.CharField(required=False, max_length=40, validators=[readable])
    form_once = forms.CharField(
        min_length=16, max_length=ONCE_LENGTH, validators=[readable], widget=forms.HiddenInput
    )

    def __init__(
        self, kind: Batch.Kind, chosen: Sequence[Chosen], data: QueryDict | None, *, once: str
    ) -> None:
        super().__init__(data, initial={"form_once": once})
        self.kind = kind
        production = any(each.key.environment.production for each in chosen if not each.excluded)
        keep = {
            Batch.Kind.TEST: set(),
            Batch.Kind.ROTATE: {"grace"},
            Batch.Kind.EXPIRY: {"expiry", "ends_at"},
        }[kind]
        self.asks_word = production and kind != Batch.Kind.TEST
        for name in {"grace", "expiry", "ends_at", "typed"} - keep:
            if name != "typed" or not self.asks_word:
                del self.fields[name]
        if self.asks_word:
            self.fields["typed"].label = "Type production, since production keys are among them"

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed.strip() != "production":
            raise ValidationError("Type production exactly so.")
        return typed

    @property
    def once(self) -> str:
        once: str = self.cleaned_data["form_once"]
        return once

    def order(self, now: datetime) -> Order:
        hours = int(self.cleaned_data.get("grace") or 24)
        ends = self.expires_at(now) if self.kind == Batch.Kind.EXPIRY else None
        return Order(self.kind, timedelta(hours=hours), ends)
