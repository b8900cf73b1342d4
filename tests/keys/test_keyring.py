import stat
from io import StringIO
from multiprocessing import get_context

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from keys import checks, fingerprint, opening, sealing
from keys.crypto import CannotOpen, Context, SecretText

HERE = Context(1, 2, "ck_a", "sec_b", "secret", "built-in 2")
FILES = {
    "LATCHKEY_PEPPERS": "peppers.json",
    "LATCHKEY_CREDENTIAL_PUBLIC_KEYS": "credential-public.json",
    "LATCHKEY_CREDENTIAL_PRIVATE_KEYS": "credential-private.json",
    "LATCHKEY_ISSUER_PUBLIC_KEYS": "issuer-public.json",
    "LATCHKEY_ISSUER_PRIVATE_KEYS": "issuer-private.json",
    "LATCHKEY_AUDIT_PUBLIC_KEYS": "audit-public.json",
    "LATCHKEY_AUDIT_PRIVATE_KEYS": "audit-private.json",
    "LATCHKEY_WEB_KEYS": "web.json",
}


def keyring(*arguments):
    out = StringIO()
    call_command("keyring", *arguments, stdout=out)
    return out.getvalue()


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path, settings):
    settings.DATA_DIR = tmp_path / "data"
    return settings.DATA_DIR / "keys"


@pytest.fixture
def made(folder):
    keyring("make")
    return folder


@pytest.fixture
def load(made, settings):
    """The settings of a process with this role, read from the files as it would read them."""

    def read(role):
        for name, file in FILES.items():
            private = name in checks.WORKERS_ALONE and role != "worker"
            setattr(settings, name, "" if private else (made / file).read_text())
        settings.LATCHKEY_ROLE = role

    return read


class TestMake:
    def test_it_makes_every_file_for_its_owner_alone(self, folder):
        told = keyring("make")
        assert {p.name for p in folder.iterdir()} == {*FILES.values(), "secret_key.txt"}
        assert all(name in told for name in FILES.values())
        assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in folder.iterdir())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        assert len((folder / "secret_key.txt").read_text().strip()) >= 50

    def test_twice_is_harmless(self, made):
        before = contents(made)
        assert keyring("make") == ""
        assert contents(made) == before

    def test_it_makes_only_what_is_missing(self, made):
        before = contents(made)
        (made / "web.json").unlink()
        (made / "credential-public.json").unlink()
        keyring("make")
        after = contents(made)
        assert after.pop("web.json") != before.pop("web.json")
        assert after == before, "the public half follows from the private one"

    def test_a_lost_private_half_is_not_papered_over(self, made):
        (made / "credential-private.json").unlink()
        with pytest.raises(CommandError, match=r"Restore credential-private\.json"):
            keyring("make")

    def test_a_damaged_file_is_named_and_kept(self, made):
        (made / "issuer-private.json").write_text("{")
        (made / "issuer-public.json").unlink()
        with pytest.raises(CommandError, match=r"issuer-private\.json: it is not JSON"):
            keyring("make")
        assert (made / "issuer-private.json").read_text() == "{"

    def test_four_makers_at_once_agree(self, folder):
        with get_context("fork").Pool(4) as pool:
            pool.map(keyring, ["make"] * 4)
        assert not list(folder.glob(".*.new"))
        keyring("list")


class TestAddAndList:
    @pytest.mark.parametrize("box", ["credentials", "issuer", "audit", "web", "peppers"])
    def test_a_new_key_becomes_the_newest_and_the_old_one_stays(self, made, box):
        old = [line.split()[1] for line in keyring("list").splitlines() if line.startswith(box)]
        assert "Restart" in keyring("add", box)
        new = [line.split()[1] for line in keyring("list").splitlines() if line.startswith(box)]
        assert new[: len(old)] == old
        assert len(new) == len(old) + 1

    def test_the_list_shows_no_key(self, made):
        listed = keyring("list")
        raw = [t for t in (made / "web.json").read_text().split('"') if len(t) == 43]
        assert raw
        assert not any(text in listed for text in raw)

    def test_what_was_sealed_before_still_opens(self, load):
        load("worker")
        box = sealing.seal_credential(SecretText("text"), HERE)
        pepper, digest = fingerprint.mark("text")
        keyring("add", "credentials")
        keyring("add", "peppers")
        load("worker")
        assert opening.open_credential(box, HERE).reveal() == "text"
        assert sealing.seal_credential(SecretText("text"), HERE)[:10] != box[:10]
        assert fingerprint.recognise("text", [(pepper, digest)]) == 0
        assert fingerprint.mark("text")[0] != pepper

    def test_without_keys_both_say_what_to_run(self, folder):
        for arguments in (("list",), ("add", "web")):
            with pytest.raises(CommandError, match="keyring make"):
                keyring(*arguments)


class TestSealing:
    def test_the_two_sealed_boxes_have_different_keys(self, load):
        load("worker")
        box = sealing.seal_signing_key(SecretText("text"), HERE)
        with pytest.raises(CannotOpen):
            opening.open_credential(box, HERE)

    def test_the_right_one_of_several_marks_is_recognised(self, load):
        load("web")
        stored = [fingerprint.mark(text) for text in ("old", "new")]
        assert fingerprint.recognise("old", stored) == 0
        assert fingerprint.recognise("new", stored) == 1
        assert fingerprint.recognise("other", stored) is None
        assert fingerprint.recognise("other", []) is None

    def test_a_mark_of_an_unknown_pepper_recognises_nothing(self, load):
        """Else whoever knew the stand-in could write a row that lets them in."""
        load("web")
        stored = [("feedfeedfeedfeed", fingerprint.NOBODYS)]
        assert fingerprint.recognise("text", stored) is None


class TestChecks:
    @pytest.mark.parametrize("role", ["web", "pages", "issuer", "worker", "beat"])
    def test_what_keyring_made_is_good_for_every_role(self, load, role):
        load(role)
        checks.prove_settings(role)

    @pytest.mark.parametrize("need", checks.NEEDS, ids=lambda need: need.name)
    def test_a_missing_keyring_stops_those_who_need_it(self, load, settings, need):
        for role in ("web", "pages", "issuer", "worker", "beat"):
            load(role)
            setattr(settings, need.name, "")
            if role in need.roles:
                with pytest.raises(ImproperlyConfigured, match=f"{need.name} is missing.*keyring"):
                    checks.prove_settings(role)
            else:
                checks.prove_settings(role)

    @pytest.mark.parametrize("need", checks.NEEDS, ids=lambda need: need.name)
    def test_a_malformed_keyring_stops_the_start_with_its_name(self, load, settings, need):
        load("worker")
        setattr(settings, need.name, '{"version": 1, "keys": []}')
        with pytest.raises(ImproperlyConfigured, match=f"{need.name} is malformed"):
            checks.prove_settings("worker")

    @pytest.mark.parametrize("role", ["web", "pages", "issuer", "beat"])
    def test_only_a_worker_may_be_able_to_open_credentials(self, load, role):
        load("worker")
        with pytest.raises(ImproperlyConfigured, match=r"CREDENTIAL_PRIVATE_KEYS.*only workers"):
            checks.prove_settings(role)

    def test_halves_of_two_installations_do_not_start(self, load, settings, tmp_path):
        load("worker")
        settings.DATA_DIR = tmp_path / "other"
        keyring("make")
        other = settings.DATA_DIR / "keys" / "credential-public.json"
        settings.LATCHKEY_CREDENTIAL_PUBLIC_KEYS = other.read_text()
        with pytest.raises(ImproperlyConfigured, match="different installations"):
            checks.prove_settings("worker")

    def test_a_file_that_others_can_read_stops_the_start(self, load, made):
        load("web")
        (made / "web.json").chmod(0o640)
        with pytest.raises(ImproperlyConfigured, match=r"chmod 600 .*web\.json"):
            checks.prove_settings("web")

    def test_the_system_check_says_the_same(self, load, settings):
        load("web")
        assert checks.keyrings_are_well_formed(None) == []
        settings.LATCHKEY_PEPPERS = ""
        settings.LATCHKEY_WEB_KEYS = "{"
        found = checks.keyrings_are_well_formed(None)
        assert [message.id for message in found] == ["keys.E001", "keys.E001"]
