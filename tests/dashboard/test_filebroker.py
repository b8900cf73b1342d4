"""The broker in files: a message is whole or not there, and rubbish in its folder ends no worker."""

import contextlib
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
