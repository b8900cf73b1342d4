"""The real settings, fed with test values: no setting gets a default for the tests' sake."""

import os
import tempfile
from pathlib import Path

import environ

DATA = tempfile.TemporaryDirectory(prefix="latchkey-tests-", ignore_cleanup_errors=True)
environ.Env.read_env(
    Path(__file__).parent / "test.env",
    overwrite=True,
    DATA_DIR=DATA.name,
    DATABASE_URL=os.environ.get("LATCHKEY_TEST_DATABASE_URL", ""),
    CELERY_BROKER_URL=os.environ.get("LATCHKEY_TEST_BROKER_URL", ""),
)

from dashboard.settings import *  # noqa: E402, F403
from dashboard.settings import DATA_DIR, DATABASES  # noqa: E402

# A file: threads of a test share it, and every worker of xdist has a DATA_DIR of its own.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
# Static files as they lie in the source; nobody collects them for a test.
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
# People's passwords are hashed for real in tests/dashboard/test_settings.py; elsewhere 100 ms each help nobody.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
