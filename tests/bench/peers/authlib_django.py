"""Authlib's server for Django with one client, as its documentation sets it up. Run it to fill the database; serve
`application`."""

import sys
import time
from pathlib import Path

import django
from django.conf import settings

FOLDER = Path(__file__).parent

settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=[],
    ROOT_URLCONF=__name__,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "authlib.sqlite3",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    },
    AUTHLIB_OAUTH2_PROVIDER={"token_expires_in": {"client_credentials": 300}},
)
django.setup()

from authlib.integrations.django_oauth2 import AuthorizationServer  # noqa: E402
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402


class Client(models.Model, ClientMixin):
    client_id = models.CharField(max_length=48, unique=True)
    client_secret = models.CharField(max_length=120)

    class Meta:
        app_label = "bench"

    def check_client_secret(self, client_secret):
        return self.client_secret == client_secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_post"

    def check_grant_type(self, grant_type):
        return grant_type == "client_credentials"

    def get_allowed_scope(self, scope):
        return scope or "read"


class Token(models.Model, TokenMixin):
    client_id = models.CharField(max_length=48)
    token_type = models.CharField(max_length=40)
    access_token = models.CharField(max_length=255, unique=True)
    refresh_token = models.CharField(max_length=255, default="")
    scope = models.TextField(default="")
    issued_at = models.IntegerField(default=lambda: int(time.time()))
    expires_in = models.IntegerField(default=0)
    user_id = models.IntegerField(null=True)

    class Meta:
        app_label = "bench"


class OurGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_post"]


class Server(AuthorizationServer):
    def save_token(self, token, request):
        Token.objects.create(client_id=request.client.client_id, **token)


server = Server(Client, Token)
server.register_grant(OurGrant)
urlpatterns = [path("token", server.create_token_response)]
application = get_wsgi_application()
sys.setswitchinterval(0.05)

if __name__ == "__main__":
    with connection.schema_editor() as editor:
        editor.create_model(Client)
        editor.create_model(Token)
    Client.objects.create(client_id="client", client_secret="secret")
