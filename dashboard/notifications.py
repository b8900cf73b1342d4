"""What a person hears of and where: by mail at once, in a daily letter, in the app."""

from typing import Any

from django import forms
from django.contrib import messages
from django.forms import BoundField
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from environments import notices
from environments.guard import SignedInRequest, origin_of, vouched_for
from environments.models import ByMail, DailyLetter, Topic, User
from environments.models.hearing import USUAL_HOUR
from environments.notices import CHOSEN, Way
from environments.services import hearing


class HearingForm(forms.Form):
    hour = forms.TypedChoiceField(
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        label="Hour of the daily letter",
    )

    def __init__(
        self, *args: Any, ways: dict[str, Way], hour: int, zone: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["hour"].initial = hour
        self.fields[
            "hour"
        ].help_text = f"In your time zone, {zone}. It comes once a day at most, and only when something happened."
        for topic in CHOSEN:
            way = ways[topic]
            self.fields[f"mail_{topic}"] = forms.ChoiceField(
                choices=ByMail,
                initial=way.by_mail,
                label=f"By mail: {topic.label}",
                widget=forms.Select(attrs={"class": "select", "data-size": "sm"}),
            )
            self.fields[f"app_{topic}"] = forms.BooleanField(
                required=False,
                initial=way.in_app,
                label=f"In the app: {topic.label}",
                widget=forms.CheckboxInput(attrs={"class": "tick-box"}),
            )

    @property
    def rows(self) -> list[tuple[Topic, BoundField, BoundField]]:
        return [(topic, self[f"mail_{topic}"], self[f"app_{topic}"]) for topic in CHOSEN]

    @property
    def ways(self) -> dict[str, Way]:
        said = self.cleaned_data
        return {topic: Way(said[f"mail_{topic}"], said[f"app_{topic}"]) for topic in CHOSEN}


@require_http_methods(["GET", "HEAD", "POST"])
def notifications(request: SignedInRequest) -> HttpResponse:
    """It counts in every organization of a person: no provider of one quietens the others."""
    only = vouched_for(request)
    if only is not None and request.user.memberships.exclude(organization=only).exists():
        return render(request, "dashboard/own_proof.html", status=403)
    form = HearingForm(
        request.POST if request.method == "POST" else None,
        ways=notices.ways_of(request.user),
        hour=_hour(request.user),
        zone=request.user.timezone,
    )
    if form.is_valid():
        said = form.cleaned_data
        if hearing.choose(request.user, form.ways, said["hour"], origin_of(request)):
            messages.success(request, "Saved what you hear of.")
        return redirect("notifications")
    status = 422 if form.errors else 200
    return render(request, "dashboard/notifications.html", {"form": form}, status=status)


def _hour(user: User) -> int:
    letter = DailyLetter.objects.visible_to(user).first()
    return letter.hour if letter else USUAL_HOUR
