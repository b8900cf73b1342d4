"""Every cell of (person × address × method × environment × team): who comes in, who is refused, who finds nothing.

What a cell says follows from what the person holds and the constants of `policy` (people.py, rows.py); each address
names the right that it takes (table.py). `make table` writes it as a file to read."""

from collections.abc import Iterator
from functools import cache

import pytest
from django.db import transaction
from django.template.backends.django import Template

from environments import access, guard
from tests.addresses import ADDRESSES, PLACED
from tests.rights.filling import build
from tests.rights.house import House
from tests.rights.people import PEOPLE, Person
from tests.rights.table import ROWS, WITHOUT_A_PLACE, cells_of, cells_outside

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture(scope="module")
def house(django_db_setup, django_db_blocker) -> Iterator[House]:
    """Built once, as no cell changes anything: so what a person holds in a place is looked up once, too. The table
    asks who comes in, and leaves to others how pages look."""
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "render", lambda *_args, **_facts: "")
        patch.setattr(guard, "enter", cache(access.enter))
        patch.setattr(guard, "enter_organization", cache(access.enter_organization))
        yield build()
        transaction.set_rollback(True)


def test_every_address_has_its_row_and_no_row_outlives_its_address():
    say = "what right does it take? Give it a row in tests/rights/table.py, or strike the row"
    assert {each.name for each in PLACED} ^ ROWS.keys() == set(), say
    rows = ROWS.keys() | WITHOUT_A_PLACE.keys()
    assert {each.name for each in ADDRESSES} ^ rows == set(), say


def test_who_is_not_signed_in_signs_in_first_and_where_nobody_holds_anything_all_are_equal(house):
    wrong = []
    for cell in cells_outside():
        answer = house.through_the_door(cell)
        if answer != cell.answer:
            wrong.append((cell.address, cell.method, str(cell.answer), str(answer)))
    assert wrong == [], "\n".join(map(str, wrong))


@pytest.mark.parametrize("person", PEOPLE, ids=str)
def test_each_of_the_cells_is_answered_as_the_table_says(person: Person, house):
    wrong = []
    for cell in cells_of(person):
        answer = house.answer(cell)
        if answer != cell.answer:
            wrong.append((*cell[1:4], str(cell.answer), str(answer)))
    assert wrong == [], "\n".join(map(str, wrong))
