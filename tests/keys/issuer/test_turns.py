"""Threads of one process take turns where the database is a file, and a write keeps nobody waiting."""

from contextlib import nullcontext
from threading import Event, Thread

import pytest
from django.db import connection

from keys.issuer.turns import TURN, Turn, in_turn

SOON = 10
"""Seconds: what must happen happens long before, what must not is asked at once."""


def another(turn: Turn, entered: Event) -> Thread:
    def come() -> None:
        with turn:
            entered.set()

    thread = Thread(target=come, daemon=True)
    thread.start()
    return thread


def test_a_second_thread_comes_in_when_the_first_has_gone() -> None:
    turn, entered = Turn(), Event()
    with turn:
        thread = another(turn, entered)
        assert not entered.wait(0.05)
    thread.join(SOON)
    assert entered.is_set()


def test_a_second_thread_comes_in_while_the_first_waits_for_a_write() -> None:
    turn, entered = Turn(), Event()
    with turn:
        with turn.left():
            another(turn, entered).join(SOON)
            assert entered.is_set()
        later = Event()
        thread = another(turn, later)
        assert not later.wait(0.05), "after its write the first has the turn again"
    thread.join(SOON)
    assert later.is_set()


def test_whoever_has_no_turn_takes_none_away_by_a_write() -> None:
    turn, entered, written = Turn(), Event(), Event()

    def write() -> None:
        with turn.left():
            written.set()

    with turn:
        Thread(target=write, daemon=True).start()
        assert written.wait(SOON)
        thread = another(turn, entered)
        assert not entered.wait(0.05)
    thread.join(SOON)
    assert entered.is_set()


def test_a_fault_within_a_write_leaves_the_turn_as_it_was() -> None:
    turn, entered = Turn(), Event()
    with pytest.raises(ZeroDivisionError), turn, turn.left():
        raise ZeroDivisionError
    another(turn, entered).join(SOON)
    assert entered.is_set()


@pytest.mark.django_db
def test_there_are_turns_where_the_database_is_a_file_and_none_over_a_network() -> None:
    if connection.vendor == "sqlite":
        assert in_turn() is TURN
    else:
        assert isinstance(in_turn(), nullcontext)
