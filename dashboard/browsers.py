"""The browsers in which a person is signed in: see them, end one, end all others."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard.devices import device
from dashboard.doorbook import note
from environments.events import Event
from environments.guard import SignedInRequest
from environments.models import Session


@dataclass(frozen=True, slots=True)
class Seen:
    """One of them, as the page shows it."""

    ident: str
    device: str
    agent: str
    address: str
    started_at: datetime
    seen_at: datetime
    here: bool


@require_safe
def sessions(request: SignedInRequest) -> HttpResponse:
    own = [_seen(each, request) for each in request.user.sessions.open(timezone.now())]
    own.sort(key=lambda each: not each.here)
    facts = {
        "sessions": own,
        "others": len(own) - 1,
        "idle": settings.LATCHKEY_SESSION_IDLE,
        "life": settings.LATCHKEY_SESSION_LIFE,
    }
    return render(request, "dashboard/sessions.html", facts)


def _seen(row: Session, request: SignedInRequest) -> Seen:
    here = row.session_key == request.session.session_key
    about = device(row.agent)
    return Seen(row.session_key, about, row.agent, row.address, row.started_at, row.seen_at, here)


@require_POST
@transaction.atomic
def end_session(request: SignedInRequest, session: str) -> HttpResponse:
    row = request.user.sessions.filter(pk=session).first()
    if row is None:
        messages.info(request, "That session has ended already.")
    elif row.session_key == request.session.session_key:
        return redirect("account_logout")
    else:
        row.delete()
        note(request, Event.SESSION_ENDED, request.user, device(row.agent), address=row.address)
        messages.success(request, f"{device(row.agent)} is signed out.")
    return redirect("sessions")


@require_POST
@transaction.atomic
def end_others(request: SignedInRequest) -> HttpResponse:
    ended, _ = request.user.sessions.exclude(pk=request.session.session_key).delete()
    if ended:
        note(request, Event.SESSION_ENDED, request.user, "all others", ended=ended)
    messages.success(request, "You are signed in here alone.")
    return redirect("sessions")
