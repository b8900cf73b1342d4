"""What several pages about keys share."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps

from django.http import Http404, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils import timezone

from environments.access import Scope
from environments.models import Environment
from environments.policy import Action
from keys.health import health, running, shown_proof, signs_alone
from keys.models import Key
from keys.progress.states import both_ends
from keys.services.issuing import KeyEnded
from keys.snippets import doors_of, token_address


def key_here(scope: Scope, client_id: str, action: Action = Action.VIEW) -> Key:
    """The key, if the person may see it here (else 404) and may do this to it (else 403)."""
    key = Key.objects.within(scope).for_page().filter(client_id=client_id).first()
    if key is None:
        raise Http404("No such key.")
    scope.require(action, key, f"key:{client_id}")
    return key


def living_key(scope: Scope, client_id: str, action: Action) -> Key:
    """The same, for acts: a deleted key has none left."""
    key = key_here(scope, client_id, action)
    if key.deleted_at:
        raise Http404("This key was deleted.")
    return key


def issued_key(scope: Scope, client_id: str, action: Action) -> Key:
    """A living key that is proven here."""
    key = living_key(scope, client_id, action)
    if key.imported:
        raise Http404("An outside endpoint judges this key, not we.")
    return key


def about(scope: Scope, key: Key) -> dict[str, object]:
    """What the head of a key's pages shows."""
    now = timezone.now()
    open_one = running(key)
    return {
        "scope": scope,
        "key": key,
        "can": scope.can_on(key),
        "health": health(key, now),
        "newest": shown_proof(key),
        "signs": signs_alone(key),
        "running": open_one,
        "both_ends": both_ends(open_one, now) if open_one else [],
        "doors": doors_of(key),
        "token_address": key.endpoint.url if key.endpoint else token_address(key.environment),
        "key_set": getattr(key, "key_set", None),
        "moved": key.endpoint is not None and key.endpoint.replaced,
    }


def minutes_between_tests(environment: Environment) -> int:
    return max(environment.test_interval // timedelta(minutes=1), 1)


def fix_end(draft: QueryDict, ends: datetime | None) -> None:
    """A life that is counted from now would be another date once it is approved: the date itself is asked for."""
    if ends is not None:
        draft["expiry"] = "custom"
        draft["ends_at"] = timezone.localtime(ends).strftime("%Y-%m-%dT%H:%M")


def to_page(name: str, key: Key, **more: object) -> HttpResponseRedirect:
    """Go on to one of this key's pages."""
    return HttpResponseRedirect(reverse(name, kwargs=key.address | more))


def to_tab(key: Key, tab: str = "public-keys") -> HttpResponseRedirect:
    address = to_page("keys:detail", key)
    address["Location"] += f"?tab={tab}"
    return address


def gone_once_deleted[**P](view: Callable[P, HttpResponseBase]) -> Callable[P, HttpResponseBase]:
    """For acts: somebody may delete the key between this page's look at it and its verb."""

    @wraps(view)
    def act(*args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(*args, **kwargs)
        except KeyEnded:
            raise Http404("This key was deleted.") from None

    return act
