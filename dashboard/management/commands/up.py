"""The whole of Latchkey in the foreground: `make run` ends here."""

import errno
import fcntl
import os
import socket
import sys
from io import StringIO
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from dashboard import announcing, startup
from dashboard.programs import Layout, supervisor_conf
from environments.services.invitations import make_setup_link

LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
NO_IPV6: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class Command(BaseCommand):
    help = "Makes what is missing in DATA_DIR, then runs web, worker and beat until Ctrl-C."
    requires_system_checks = []  # it makes what they ask for

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        layout = Layout(source=settings.BASE_DIR, data=settings.DATA_DIR)
        for folder in (layout.data, layout.run, layout.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        layout.data.chmod(0o700)
        self._make_keys()
        _lock(layout.run / "lock")
        _refuse_busy_port(settings.PORT)
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        link = _setup_link()
        connection.close()
        conf = layout.run / "supervisord.conf"
        conf.write_text(supervisor_conf(settings.PORT, layout))
        settings.PORT_FILE.write_text(str(settings.PORT))
        announcing.announce(settings.PORT, settings.LATCHKEY_BASE_URL, link, layout)
        os.execv(sys.executable, [sys.executable, "-m", "supervisor.supervisord", "-c", str(conf)])  # noqa: S606

    def _make_keys(self) -> None:
        made = StringIO()
        call_command("keyring", "make", stdout=made)
        if made.getvalue():
            self.stdout.write(f"Made new keys in {settings.KEYS_DIR}. Keep a copy of that folder.")
            # This process read its settings without them: it starts again.
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606
        try:
            startup.prove("web")
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None


def _lock(path: Path) -> None:
    """Held until supervisor, which takes this process over, ends. Two of them on one DATA_DIR would share its queue."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        msg = f"Latchkey is running already with DATA_DIR={settings.DATA_DIR}. Stop it, or give another DATA_DIR."
        raise CommandError(msg) from None
    os.set_inheritable(descriptor, True)  # noqa: FBT003


def _refuse_busy_port(port: int) -> None:
    """The server would share a port with another one, and each would get half of the requests."""
    for family, address in LOOPBACK:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            if error.errno in NO_IPV6:
                continue
            msg = f"Port {port} cannot be used: {error.strerror}. Choose another one: PORT=8001 make run"
            raise CommandError(msg) from None


def _setup_link() -> str | None:
    token = make_setup_link()
    return token and f"{settings.LATCHKEY_BASE_URL}/setup/{token}/"
