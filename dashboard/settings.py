"""Every setting, read once. Each may also come from a file: NAME_FILE instead of NAME."""

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP

from dashboard.given import address, mailer, networks, noted, number, origin, prefixes, text
from dashboard.logs import logging_config

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
ROLES = ("web", "pages", "issuer", "worker", "beat")

# Where this process stands

DATA_DIR = Path(text("DATA_DIR", str(BASE_DIR / ".data"))).absolute()
KEYS_DIR = DATA_DIR / "keys"
LATCHKEY_ROLE = text("LATCHKEY_ROLE", "web")
if LATCHKEY_ROLE not in ROLES:
    msg = f"LATCHKEY_ROLE is {LATCHKEY_ROLE!r}, but must be one of {', '.join(ROLES)}."
    raise ImproperlyConfigured(msg)
# Where `up` listened last: a command beside it speaks of the same addresses.
PORT_FILE = DATA_DIR / "run" / "port"
PORT = number("PORT", noted(PORT_FILE, 8000), least=1, most=65535)
LATCHKEY_BASE_URL = origin("LATCHKEY_BASE_URL", f"http://localhost:{PORT}")
LATCHKEY_INTERNAL_URL = origin("LATCHKEY_INTERNAL_URL", LATCHKEY_BASE_URL)
# What the clock's tests may do to one outside host; those that somebody waits for overtake.
LATCHKEY_HOST_TESTS_AT_ONCE = number("LATCHKEY_HOST_TESTS_AT_ONCE", 4, least=1, most=1000)
LATCHKEY_HOST_TESTS_A_MINUTE = number("LATCHKEY_HOST_TESTS_A_MINUTE", 60, least=1, most=60_000)
LATCHKEY_WORKER_THREADS = number("LATCHKEY_WORKER_THREADS", 8, least=1, most=256)
# How many proxies of ours stand in front: so many entries of X-Forwarded-For, from the right, are believed.
LATCHKEY_PROXIES = number("LATCHKEY_PROXIES", 0, least=0, most=9)
# A sign-in ends when nobody has used it for so long, and in any case after so long.
LATCHKEY_SESSION_IDLE = timedelta(
    minutes=number("LATCHKEY_SESSION_IDLE_MINUTES", 12 * 60, least=5, most=60 * 24 * 90)
)
LATCHKEY_SESSION_LIFE = timedelta(hours=number("LATCHKEY_SESSION_HOURS", 336, least=1, most=2160))

# Keys: `manage.py up` and `manage.py keyring` make the files, so that nothing here may insist on them.
# keys.checks.prove_settings insists, where a server process starts.


def kept(name: str, file: str, *roles: str) -> str:
    """The setting, else what DATA_DIR keeps for these roles, else nothing."""
    path = KEYS_DIR / file
    default = path.read_text().strip() if LATCHKEY_ROLE in roles and path.is_file() else ""
    return text(name, default)


SECRET_KEY = kept("SECRET_KEY", "secret_key.txt", *ROLES)
LATCHKEY_PEPPERS = kept("LATCHKEY_PEPPERS", "peppers.json", *ROLES)
LATCHKEY_CREDENTIAL_PUBLIC_KEYS = kept(
    "LATCHKEY_CREDENTIAL_PUBLIC_KEYS", "credential-public.json", *ROLES
)
LATCHKEY_CREDENTIAL_PRIVATE_KEYS = kept(
    "LATCHKEY_CREDENTIAL_PRIVATE_KEYS", "credential-private.json", "worker"
)
LATCHKEY_ISSUER_PUBLIC_KEYS = kept("LATCHKEY_ISSUER_PUBLIC_KEYS", "issuer-public.json", *ROLES)
LATCHKEY_ISSUER_PRIVATE_KEYS = kept(
    "LATCHKEY_ISSUER_PRIVATE_KEYS", "issuer-private.json", "web", "issuer"
)
LATCHKEY_AUDIT_PUBLIC_KEYS = kept("LATCHKEY_AUDIT_PUBLIC_KEYS", "audit-public.json", *ROLES)
LATCHKEY_AUDIT_PRIVATE_KEYS = kept("LATCHKEY_AUDIT_PRIVATE_KEYS", "audit-private.json", "worker")
LATCHKEY_WEB_KEYS = kept("LATCHKEY_WEB_KEYS", "web.json", "web", "pages")

# The server copies its environment into every request: dashboard.wsgi forgets these before the first one.
SECRET_NAMES = (
    "SECRET_KEY",
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "CACHE_URL",
    "MAIL_URL",
    "LATCHKEY_PEPPERS",
    "LATCHKEY_CREDENTIAL_PRIVATE_KEYS",
    "LATCHKEY_ISSUER_PRIVATE_KEYS",
    "LATCHKEY_AUDIT_PRIVATE_KEYS",
    "LATCHKEY_WEB_KEYS",
)

# The way out

LATCHKEY_ALLOWED_NETWORKS = networks("LATCHKEY_ALLOWED_NETWORKS")
LATCHKEY_ALLOWED_URL_PREFIXES = prefixes("LATCHKEY_ALLOWED_URL_PREFIXES")

# Where workers tell of the audit log's checkpoints, outside the database: a file, syslog:///dev/log, syslog://host:514
LATCHKEY_CHECKPOINT_LOG = address(
    "LATCHKEY_CHECKPOINT_LOG", f"file://{DATA_DIR}/audit/checkpoints.jsonl", "file", "syslog"
)

# Database, cache, broker

DATABASE_URL = address(
    "DATABASE_URL", f"sqlite:///{DATA_DIR}/db.sqlite3", "sqlite", "postgres", "postgresql"
)
DATABASES: dict[str, dict[str, Any]] = {"default": environ.Env.db_url_config(DATABASE_URL)}
if DATABASE_URL.startswith("sqlite"):
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that will write says so at its start; else two readers who both want to write deadlock.
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DATABASES["default"]["CONN_MAX_AGE"] = None
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

CACHE_URL = address("CACHE_URL", "locmemcache://", "locmemcache", "redis", "rediss")
CACHES = {"default": environ.Env.cache_url_config(CACHE_URL)}

CELERY_BROKER_URL = address(
    "CELERY_BROKER_URL", "filesystem://", "filesystem", "redis", "rediss", "amqp", "amqps"
)
CELERY_BROKER_OPTIONS: dict[str, Any] = {}
FOLDERS: list[Path] = []
if CELERY_BROKER_URL.startswith("filesystem"):
    FOLDERS = [DATA_DIR / "broker" / "queue", DATA_DIR / "broker" / "control"]
    CELERY_BROKER_OPTIONS = {
        "data_folder_in": str(FOLDERS[0]),
        "data_folder_out": str(FOLDERS[0]),
        "control_folder": str(FOLDERS[1]),
        "polling_interval": 0.1,
    }

# Mail: an smtp:// or smtps:// URL. Without one, letters are files in DATA_DIR/mail (never log lines: they hold links).

MAIL_URL = address("MAIL_URL", f"file://{DATA_DIR}/mail", "smtp", "smtps", "file")
MAIL_FROM = text("MAIL_FROM", f"Latchkey <latchkey@{urlsplit(LATCHKEY_BASE_URL).hostname}>")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = MAIL_FROM
MAILERS = {"default": mailer(MAIL_URL)}

# Django

INSTALLED_APPS = [
    "dashboard",
    "keys",
    "environments",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",  # for allauth's own page of passkeys
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_filters",
    "django_htmx",
    "django_structlog",
]
MIDDLEWARE = [
    "dashboard.middleware.AddressMiddleware",
    "dashboard.logs.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "dashboard.sessions.SessionMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "dashboard.middleware.ZoneMiddleware",
    "dashboard.middleware.SignInRedirectMiddleware",
    "dashboard.middleware.OwnProofMiddleware",
]
ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.frame",
            ],
        },
    }
]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = Path(text("STATIC_ROOT", str(DATA_DIR / "static"))).absolute()
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
LOGGING = logging_config(colours=os.isatty(2))
LOGGING_CONFIG = "dashboard.logs.configure"
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG  # the line at a request's end is enough
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

# Doors: hosts, cookies, content

_base = urlsplit(LATCHKEY_BASE_URL)
HTTPS = _base.scheme == "https"
_internal = urlsplit(LATCHKEY_INTERNAL_URL).hostname or ""
ALLOWED_HOSTS = sorted({_base.hostname or "", _internal, "localhost", "127.0.0.1", "[::1]"})
CSRF_TRUSTED_ORIGINS = [LATCHKEY_BASE_URL]
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "dashboard.errors.csrf_failure"
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
SESSION_ENGINE = "dashboard.sessions"
SESSION_COOKIE_AGE = int(LATCHKEY_SESSION_LIFE.total_seconds())
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [
    r"^livez$",
    r"^readyz$",
]  # asked from inside, behind the proxy that speaks https
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
)  # we speak http, so a proxy does
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "connect-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    "require-trusted-types-for": ["'script'"],
    "trusted-types": ["htmx"],
}
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for every subdomain: these belong to somebody else
    "security.W021",  # … and so does the preload list
    *(
        ["mail.E001"] if MAIL_URL.startswith("file:") else []
    ),  # files are the embedded default; docs/operating.md says so
]

# People

AUTH_USER_MODEL = "environments.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "dashboard.signon.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # else the reset form sends letters to strangers
ACCOUNT_RATE_LIMITS = {"guesses": "50/d/key"}  # at one person's password, from all strange browsers
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_FORMS = {
    "login": "dashboard.password_form.PasswordForm",
    "reset_password": "dashboard.letterbox.NewPasswordForm",
}
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _base.scheme
MFA_ADAPTER = "dashboard.signon.MFAAdapter"
MFA_FORMS = {
    "add_webauthn": "dashboard.passkeys.AddPasskeyForm",
    "authenticate_webauthn": "dashboard.passkeys.SecondStepForm",
    "login_webauthn": "dashboard.passkeys.SignInForm",
    "reauthenticate_webauthn": "dashboard.passkeys.ConfirmForm",
    "authenticate": "dashboard.codes.CodeForm",
    "reauthenticate": "dashboard.codes.ConfirmCodeForm",
}
MFA_TOTP_TOLERANCE = 1  # steps of 30 seconds to either side: phones' clocks are seldom exact
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Latchkey"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = (
    _base.hostname == "localhost"
)  # browsers count it as a secure place
