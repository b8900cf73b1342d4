"""The broker in files: a message is whole or not there, and rubbish in its folder ends no worker."""

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import settings
from kombu import Connection
from kombu.transport.virtual import Empty

from dashboard.celery import app
from dashboard.filebroker import Channel

ROUNDS = 400


@pytest.fixture
def channels(tmp_path):
    """Two processes' ends of one queue."""
    folder = str(tmp_path)
    options = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "processed_folder": str(tmp_path / "done"),
        "store_processed": True,
        "control_folder": folder,
    }
    (tmp_path / "done").mkdir()
    both = [Connection("filesystem://", transport_options=options) for _ in range(2)]
    yield [each.default_channel for each in both]
    for each in both:
        each.release()


def test_the_app_uses_it():
    assert settings.CELERY_BROKER_OPTIONS is not None
    with app.connection_for_write("filesystem://") as connection:
        assert isinstance(connection.default_channel, Channel)


TO_A_FULL_DISK = """
import resource, signal, sys
from kombu import Connection
from dashboard import filebroker
filebroker.install()
folder = sys.argv[1]
options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder}
channel = Connection("filesystem://", transport_options=options).default_channel
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    channel._put("now", {"body": "x" * 20_000})
except filebroker.ChannelError:
    sys.exit(7)
"""


def test_what_could_be_written_by_half_alone_is_no_message(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TO_A_FULL_DISK, str(tmp_path)],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert list(tmp_path.glob("*.msg")) == []


def test_a_message_is_never_read_half_written(channels):
    writer, reader = channels
    body = {"body": "x" * 20_000}
    got: list[object] = []

    def read():
        while len(got) < ROUNDS:
            with contextlib.suppress(Empty):
                got.append(reader._get("now"))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    for _ in range(ROUNDS):
        writer._put("now", body)
    thread.join(60)
    assert got == [body] * ROUNDS


def test_a_file_that_is_no_message_is_passed_over(channels, tmp_path: Path):
    writer, reader = channels
    (tmp_path / "0_x.now.msg").write_bytes(b"")
    writer._put("now", {"body": "after it"})
    with pytest.raises(Empty):
        reader._get("now")
    assert reader._get("now") == {"body": "after it"}
