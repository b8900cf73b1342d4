"""The whole log as JSON Lines is checked on a machine that has the public key and nothing else."""

import gzip
import hashlib
import json
import random
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings as project
from django.core.management import call_command
from django.db import connections, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from environments import audit, chain, exporting, signing, stored
from environments.chain import Entry
from environments.events import Event
from environments.models import AuditEvent
from environments.upkeep.checkpoints import sign_heads
from tests.environments.tampering import write
from tests.environments.test_verify_audit import floor

OURS, THEIRS = 7, 8
FIVE = timedelta(minutes=5)


@pytest.fixture
def export(db, tmp_path, monkeypatch):
    """Twenty entries; 16 of them signed, in two checkpoints."""
    monkeypatch.setattr(exporting, "APART", 5)
    now = timezone.now()
    write(THEIRS, 3)
    write(OURS, 8)
    sign_heads(now - FIVE)
    write(OURS, 8)
    write(THEIRS, 3)
    sign_heads(now)
    write(OURS, 4)

    def made() -> list[str]:
        span = exporting.SignedRange.of(OURS)
        assert span is not None
        return list(span.lines("Acme"))

    return made


@pytest.fixture
def check(tmp_path, settings):
    """What the command says of these lines, where there is no keyring."""
    keys = tmp_path / "keys.json"
    keys.write_text(project.LATCHKEY_AUDIT_PUBLIC_KEYS)

    def run(lines, *, packed=False):
        settings.LATCHKEY_AUDIT_PUBLIC_KEYS = ""
        file, out = tmp_path / "log.jsonl", StringIO()
        text = "".join(lines).encode()
        file.write_bytes(gzip.compress(text) if packed else text)
        try:
            call_command("verify_audit", export=file, keys=keys, stdout=out)
        except SystemExit as left:
            return out.getvalue(), left.code
        return out.getvalue(), 0

    return run


@pytest.mark.parametrize("packed", [False, True])
def test_it_ends_where_the_last_checkpoint_does_and_is_sound(export, check, packed):
    said, code = check(export(), packed=packed)
    assert code == 0
    assert "Acme: 16 entries read." in said
    assert "SOUND: complete up to entry 16" in said


def test_no_database_is_asked(export, check, monkeypatch):
    lines = export()

    def refuse(*arguments, **more):
        raise AssertionError("a database was asked")

    with monkeypatch.context() as shut:
        shut.setattr(connections["default"], "cursor", refuse)
        assert check(lines)[1] == 0


def test_it_tells_nothing_of_other_organizations_but_a_hash(export):
    text = "".join(export())
    for number, digest in AuditEvent.objects.filter(organization_id=THEIRS).values_list(
        "sequence", "digest"
    ):
        assert digest not in text
        assert f"[{THEIRS},{number}" not in text


def entries(lines):
    return [place for place, line in enumerate(lines) if line.startswith('{"organization"')]


def edited(line, **values):
    return json.dumps(json.loads(line) | values, separators=(",", ":")) + "\n"


def test_each_way_of_touching_it_is_found(export, check):
    lines = export()
    places = entries(lines)
    chance = random.Random(1)  # noqa: S311  # to be repeated
    for _ in range(20):
        k, other = sorted(chance.sample(range(16), 2))
        name = chance.choice(["actor", "subject", "label", "environment", "address", "event"])
        tampered = {
            f"entry {k + 1} was changed": replaced(lines, places[k], edited(lines[places[k]], **{name: "x"})),
            f"entry {k + 1} is missing": [line for n, line in enumerate(lines) if n != places[k]],
        }  # fmt: skip
        swapped = list(lines)
        swapped[places[k]], swapped[places[other]] = lines[places[other]], lines[places[k]]
        for says, some in tampered.items():
            said, code = check(some)
            assert code == 1, says
            assert (says if k < 15 else "FALSE") in said
        said, code = check(swapped)
        assert code == 1
        assert f"{k + 1}" in said


def replaced(lines, place, line):
    return [*lines[:place], line, *lines[place + 1 :]]


def test_a_tail_that_was_cut_off_is_missed(export, check):
    lines = export()
    places = entries(lines)
    said, code = check([line for n, line in enumerate(lines) if n not in places[12:]])
    assert code == 1
    assert "entries 13 to 16 are missing: the chain was cut off at its end" in said


def test_an_entry_written_anew_with_all_that_follow_is_not_what_was_signed(export, check):
    lines = export()
    before = ""
    for place in entries(lines):
        entry = Entry(**json.loads(lines[place]))._replace(previous=before)
        if entry.sequence == 11:
            entry = entry._replace(actor="somebody@else.test")
        entry = entry._replace(digest=chain.digest(entry))
        before = entry.digest
        lines[place] = json.dumps(entry._asdict(), separators=(",", ":")) + "\n"
    said, code = check(lines)
    assert code == 1
    assert "entries 9 to 16: at least one of them is not what was signed" in said


def test_a_member_written_twice_and_a_1_for_true_are_refused(export, check):
    lines = export()
    place = entries(lines)[3]
    twice = lines[place].replace('"actor":', '"actor":"eve@acme.test","actor":', 1)
    one = lines[place].replace('"denied":false', '"denied":0')
    for line in (twice, one):
        said, code = check(replaced(lines, place, line))
        assert code == 1
        assert "entry 4 is not written as an export writes it" in said


def test_proofs_and_floors_of_others_prove_nothing(export, check):
    lines = export()
    theirs = exporting.SignedRange.of(THEIRS)
    assert theirs is not None
    said, code = check([*lines, *[line for line in theirs.lines("B") if "checkpoint" in line[:14]]])
    assert code == 1
    assert "another organization" in said
    proofs = [place for place, line in enumerate(lines) if line.startswith('{"checkpoint"')]
    bent = replaced(lines, proofs[-1], lines[proofs[-1]].replace(f"[{OURS},16,", f"[{OURS},15,"))
    assert check(bent)[1] == 1
    assert check([line for n, line in enumerate(lines) if n not in proofs])[1] == 2, (
        "unsigned is not sound"
    )


@pytest.mark.parametrize(
    "text", ["", "x", "{}", '{"latchkey_log":2}', '{"latchkey_log":1}', "\x00\n", "[]"]
)
def test_what_is_no_export_is_said_to_be_none(check, text):
    said, code = check([text])
    assert code == 1
    assert "FALSE" in said


def test_what_lies_below_a_signed_floor_is_not_missed(export, check):
    floor(6)
    AuditEvent.objects.filter(organization_id=OURS, sequence__lte=6).delete()
    lines = export()
    assert check(lines)[1] == 0
    moved = edited(lines[0], floor=json.loads(lines[0])["floor"] | {"sequence": 9})
    assert check([moved, *lines[1:]])[1] == 1


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(TEXT, TEXT, st.dictionaries(TEXT, st.integers() | TEXT | st.none()), st.booleans(), st.integers() | st.none())  # fmt: skip
def test_a_digest_covers_the_canonical_json_of_everything_but_itself(
    actor, label, detail, denied, number
):
    entry = Entry(
        7, 1, "2030-01-01T00:00:00.000001+00:00", "key.made", denied, number,
        actor, "production", "key:ck", label, detail, "::1", "r", "p", "",
    )  # fmt: skip
    facts = entry._asdict()
    del facts["digest"]
    assert chain.digest(entry) == hashlib.sha256(signing.canonical(facts)).hexdigest()


@pytest.mark.django_db
def test_the_database_gives_back_what_was_hashed():
    hostile = [
        "\u202eevil\u2066",
        "<script>",
        "a\nb\tc\x7f",
        "😀 é ﷽",
        "'; --",
        "\\u0000",
        "x" * 254,
    ]
    with transaction.atomic():
        for text in hostile:
            audit.record(
                audit.Machine(OURS, "p"), Event.KEY_EDITED, text[:120], label=text,
                before={text: text, "n": 1.5, "none": None}, after=[1, True, text * 40],
            )  # fmt: skip
    held = list(stored.entries(OURS, 0, 99))
    assert [each.label for each in held] == hostile
    assert held == [
        audit.entry(event)
        for event in AuditEvent.objects.filter(organization_id=OURS).order_by("sequence")
    ]
    assert all(chain.digest(each) == each.digest for each in held)
