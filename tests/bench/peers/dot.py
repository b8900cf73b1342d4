"""django-oauth-toolkit with one client, as its tutorial sets it up; secrets in plain, which is its fastest. Run it to fill
the database; serve `application`."""

import sys
from pathlib import Path

import django
from django.conf import settings

FOLDER = Path(__file__).parent

settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    ROOT_URLCONF=__name__,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "dot.sqlite3",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    },
    OAUTH2_PROVIDER={"SCOPES": {"read": "read"}, "ACCESS_TOKEN_EXPIRE_SECONDS": 300},
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402

urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]
application = get_wsgi_application()
sys.setswitchinterval(0.05)

if __name__ == "__main__":
    from django.core.management import call_command
    from oauth2_provider.models import Application

    call_command("migrate", verbosity=0)
    Application.objects.create(
        client_id="client",
        client_secret="secret",
        hash_client_secret=False,
        client_type="confidential",
        authorization_grant_type="client-credentials",
    )
