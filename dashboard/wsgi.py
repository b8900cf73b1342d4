"""What the server calls: the token service in front, Django behind."""

import os
import signal
import sys
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django_app = get_wsgi_application()  # first: it fills the app registry

from dashboard import startup, tether  # noqa: E402
from dashboard.middleware import Utf8Request  # noqa: E402
from keys.issuer.wsgi import ISSUER_PATHS, issuer  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

django_app.request_class = Utf8Request
HEALTH_PATHS = ("/livez", "/readyz")

startup.prove(settings.LATCHKEY_ROLE)
for name in settings.SECRET_NAMES:  # the server copies its environment into every request
    os.environ.pop(name, None)
if os.environ.get("DIE_WITH_PARENT"):  # set by supervisor alone: tests import this file too
    # Getting here took seconds: a server that was killed meanwhile left an orphan, which would keep the port.
    tether.die_with_parent(signal.SIGKILL, int(os.environ.get(tether.TETHERED, "0")) or None)
    # Four blocking threads hand the interpreter over far less often: 50 µs a token instead of 75.
    sys.setswitchinterval(0.05)


def web(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
    serve = issuer if environ["PATH_INFO"].startswith(ISSUER_PATHS) else django_app
    return serve(environ, start_response)


def issuer_alone(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
    serve = django_app if environ["PATH_INFO"] in HEALTH_PATHS else issuer
    return serve(environ, start_response)


application = {"pages": django_app, "issuer": issuer_alone}.get(settings.LATCHKEY_ROLE, web)
