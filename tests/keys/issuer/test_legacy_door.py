"""Clients with an API key and a secret, in Redox's older way, buy and refresh tokens unchanged."""

import re
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from joserfc import jwt

from keys.issuer import usage
from keys.models import RefreshToken, Secret
from keys.upkeep.purging import purge
from tests.keys.issuer.conftest import FORM, reader
from tests.keys.issuer.knocking import JSON, ask, authenticate, open_doors, refresh


@pytest.fixture
def legacy(shop):
    open_doors(shop.key, legacy_door=True)
    return shop


class TestLegacyDoor:
    @pytest.mark.parametrize("kind", [JSON, FORM, "application/json; charset=utf-8"])
    def test_apikey_and_secret_buy_a_token_as_json_or_as_a_form(self, legacy, kind):
        answer = authenticate(legacy, kind if kind == FORM else JSON)
        assert answer.status == 200, answer.body
        assert set(answer.json) == {"accessToken", "expires", "refreshToken"}
        token = jwt.decode(answer.json["accessToken"], reader(legacy))
        assert token.claims["client_id"] == legacy.key.client_id
        assert token.claims["exp"] - token.claims["iat"] == 300

    def test_the_end_is_written_as_its_clients_parse_it(self, legacy):
        with time_machine.travel("2026-01-01T00:00:00.007Z", tick=False):
            text = authenticate(legacy).json["expires"]
        assert text == "2026-01-01T00:05:00.007Z"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
        assert datetime.fromisoformat(text).year == 2026

    def test_fields_beyond_need_are_left_aside(self, legacy):
        assert authenticate(legacy, extra={"deep": [1]}, number=1, nothing=None).status == 200

    @pytest.mark.parametrize(
        "values",
        [
            {"secret": "wrong"}, {"secret": "é"}, {"apiKey": "ck_" + "a" * 20}, {"apiKey": "x"},
        ],
    )  # fmt: skip
    def test_a_stranger_hears_two_words(self, legacy, values):
        answer = authenticate(legacy, **values)
        assert (answer.status, answer.body) == (401, b"Invalid request")
        assert answer.headers["Content-Type"].startswith("text/plain")

    @pytest.mark.parametrize(
        "raw",
        [b"", b"{", b"[]", b"null", b"1", b'{"apiKey":"a","apiKey":"b","secret":"c"}', b"\xff", b"[" * 9000, b'{"apiKey":1,"secret":2}', b'{"apiKey":"\\ud800","secret":"x"}', b'{"apiKey":"a\\u0000","secret":"x"}', b'{"apiKey":"a"}'],
    )  # fmt: skip
    def test_what_is_no_request_is_said_in_plain_words(self, legacy, raw):
        answer = ask("/auth/authenticate", raw)
        assert answer.status == 400
        assert answer.headers["Content-Type"].startswith("text/plain")

    def test_after_a_right_secret_the_cause_is_named(self, legacy):
        legacy.key.disabled_at = timezone.now()
        legacy.key.save()
        answer = authenticate(legacy)
        assert answer.status == 401
        assert b"disabled" in answer.body

    def test_it_opens_only_where_key_and_environment_say_so(self, shop):
        answer = authenticate(shop)
        assert answer.status == 400
        assert b"does not use the legacy door" in answer.body
        open_doors(shop.key, redox_door=True)
        assert authenticate(shop).status == 400

    def test_a_refresh_token_buys_again_and_again_for_a_day(self, legacy):
        start = timezone.now()
        with time_machine.travel(start, tick=False):
            text = authenticate(legacy).json["refreshToken"]
        for hours, status in ((0, 200), (1, 200), (23, 200), (24, 401)):
            with time_machine.travel(start + timedelta(hours=hours), tick=False):
                assert refresh(legacy, text).status == status

    def test_a_client_that_keeps_to_the_last_one_goes_on_for_ever(self, legacy):
        start = timezone.now()
        text = authenticate(legacy).json["refreshToken"]
        for hours in (20, 40, 60):
            with time_machine.travel(start + timedelta(hours=hours)):
                answer = refresh(legacy, text, FORM)
                assert answer.status == 200
                text = answer.json["refreshToken"]

    def test_it_is_dead_with_the_secret_that_made_it(self, legacy):
        text = authenticate(legacy).json["refreshToken"]
        legacy.another_secret()
        legacy.secret.end(None, timezone.now())
        answer = refresh(legacy, text)
        assert (answer.status, answer.body) == (401, b"Invalid request")

    def test_a_refresh_token_of_an_expired_secret_says_so(self, legacy):
        text = authenticate(legacy).json["refreshToken"]
        Secret.objects.update(expires_at=timezone.now())
        assert b"expired" in refresh(legacy, text).body

    def test_it_belongs_to_its_key(self, legacy):
        text = authenticate(legacy).json["refreshToken"]
        assert refresh(legacy, text, apiKey="ck_" + "a" * 20).status == 401
        assert refresh(legacy, text + "x").status == 401
        assert refresh(legacy, "é").status == 401

    def test_only_its_hash_rests_and_goes_when_it_ends(self, legacy):
        text = authenticate(legacy).json["refreshToken"]
        (row,) = RefreshToken.objects.all()
        assert text.encode() not in bytes(row.mark)
        purge(timezone.now() + timedelta(hours=25))
        assert not RefreshToken.objects.exists()

    def test_both_are_use_of_the_secret(self, legacy):
        refresh(legacy, authenticate(legacy).json["refreshToken"])
        usage.flush()
        legacy.secret.refresh_from_db()
        assert legacy.secret.use_count == 2
