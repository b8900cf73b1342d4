"""What must hold before a server process takes its first request or task."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from keys.checks import prove_settings


def prove(role: str) -> None:
    """System checks do not run under WSGI, so each kind of process asks here."""
    try:
        settings.SECRET_KEY  # noqa: B018 (Django refuses an empty one when it is read)
    except ImproperlyConfigured:
        msg = (
            "SECRET_KEY is missing. Run `manage.py keyring make`, which makes what is missing in "
            "DATA_DIR/keys, or give it in SECRET_KEY or the path of a file in SECRET_KEY_FILE."
        )
        raise ImproperlyConfigured(msg) from None
    prove_settings(role)
    make_folders()


def make_folders() -> None:
    """Folders that others than we would make readable by everybody."""
    for folder in (settings.DATA_DIR, *settings.FOLDERS):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
