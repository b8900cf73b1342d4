"""A really started server of the token service, over a database of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from urllib.parse import urlencode

from django.conf import settings

from tests.installation import free_port, until
from tests.keys.issuer.conftest import FORM

GRANIAN = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
GRANIAN += ["--workers", "1", "--blocking-threads", "4", "--no-ws"]


class Server:
    def __init__(self, folder, base_url=""):
        self.port = free_port()
        self.base_url = base_url or f"http://localhost:{self.port}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(settings.BASE_DIR),
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DATA_DIR": str(folder),
            "LATCHKEY_BASE_URL": self.base_url,
        }

    def command(self, *arguments):
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def shell(self, code):
        return self.command("shell", "--no-imports", "-c", code)

    def start(self):
        self.process = subprocess.Popen(
            [*GRANIAN, "--port", str(self.port), "dashboard.wsgi:application"],
            cwd=settings.BASE_DIR,
            env=self.environment,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        until(lambda: self.answers(), lambda: "the server did not start")

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) is not None

    def post(self, path, form, **headers):
        client = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            client.request("POST", path, urlencode(form), {"Content-Type": FORM} | headers)
            reply = client.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            client.close()
