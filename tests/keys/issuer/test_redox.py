"""Clients that were written for Redox knock at the doors they know, and buy tokens unchanged."""

import json
import re
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from django.utils import timezone
from joserfc import jwk, jwt

from keys.issuer import usage
from keys.models import RefreshToken, Secret
from keys.upkeep.purging import purge
from tests.keys.issuer.conftest import FORM, post, reader
from tests.keys.issuer.signed import Signer

DOOR = "/v2/auth/token"
JSON = "application/json"


def open_doors(key, **doors):
    key.environment.redox_doors = True
    key.environment.save()
    for name, value in doors.items():
        setattr(key, name, value)
    key.save()


@pytest.fixture
def redox(shop):
    """As Redox's clients sign: RS384, a kid, no typ, no exp."""
    open_doors(shop.key, redox_door=True)
    return Signer(shop.key, "RS384")


@pytest.fixture
def legacy(shop):
    open_doors(shop.key, legacy_door=True)
    return shop


def sample(signer, **claims):
    return signer.assertion(claims={"aud": f"http://localhost:8000{DOOR}", "exp": None} | claims)


def knock(signer, assertion=None, **more):
    return post(DOOR, signer.form(sample(signer) if assertion is None else assertion, **more))


def said(answer, status=401):
    assert answer.status == status, answer.body
    return answer.json["error_description"]


class TestAssertionDoor:
    def test_a_client_of_redox_gets_all_four_members(self, shop, redox):
        answer = knock(redox)
        assert answer.status == 200, answer.body
        assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}
        assert (answer.json["expires_in"], answer.json["scope"]) == (300, "api:read api:write")
        token = jwt.decode(answer.json["access_token"], reader(shop))
        assert token.claims["iss"] == redox.issuer

    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": None},
            {"jti": None},
            {"aud": None, "jti": None},
            {"iat": -300},
            {"iat": 10},
            {"exp": 60},
        ],
    )
    def test_what_its_clients_leave_out_may_be_missing(self, redox, claims):
        with time_machine.travel(timezone.now().replace(microsecond=0), tick=False):
            now = int(timezone.now().timestamp())
            moved = {
                name: value + now if name in {"iat", "exp"} else value
                for name, value in claims.items()
            }
            assert knock(redox, sample(redox, **moved)).status == 200

    @pytest.mark.parametrize(
        ("claims", "words"),
        [
            ({"iat": None}, "no iat"),
            ({"iat": -320}, "320 seconds ago"),
            ({"iat": 30}, "30 seconds ahead"),
            ({"exp": -20}, "ended 20 seconds ago"),
            ({"aud": "https://other.example"}, "aud"),
            ({"aud": "http://localhost:8000/t/x"}, "aud"),
        ],
    )
    def test_the_cause_is_named_with_the_difference(self, redox, claims, words):
        with time_machine.travel(timezone.now().replace(microsecond=0), tick=False):
            now = int(timezone.now().timestamp())
            moved = {
                name: value + now if isinstance(value, int) else value
                for name, value in claims.items()
            }
            assert words in said(knock(redox, sample(redox, **moved)))

    def test_an_assertion_buys_once_whichever_door(self, redox):
        both = sample(redox, aud=None, jti="same")
        assert knock(redox, both).status == 200
        assert "used before" in said(knock(redox, both))
        assert "used before" in said(redox.buy(redox.assertion(claims={"jti": "same"})))

    @pytest.mark.parametrize(
        ("form", "claim", "granted"),
        [
            (None, None, "api:read api:write"),
            ("api:read", None, "api:read"),
            (None, "api:write", "api:write"),
            ("api:read", "api:write", "api:read"),
        ],
    )
    def test_scope_may_stand_in_the_form_the_claim_both_or_neither(
        self, redox, form, claim, granted
    ):
        more = {"scope": form} if form else {}
        answer = knock(redox, sample(redox, scope=claim), **more)
        assert answer.json["scope"] == granted

    @pytest.mark.parametrize("scope", ["api:admin", "a  b", "é"])
    def test_a_scope_that_is_not_the_keys_is_refused(self, redox, scope):
        answer = knock(redox, sample(redox, scope=scope))
        assert (answer.status, answer.json["error"]) == (400, "invalid_scope")

    def test_a_scope_that_is_no_text_is_refused(self, redox):
        assert "scope" in said(knock(redox, sample(redox, scope=["api:read"])))

    def test_it_opens_only_where_key_and_environment_say_so(self, shop, redox):
        for place, field in ((shop.key, "redox_door"), (shop.key.environment, "redox_doors")):
            setattr(place, field, False)
            place.save()
            answer = knock(redox)
            assert (answer.status, answer.json["error"]) == (400, "unauthorized_client")
            setattr(place, field, True)
            place.save()
        assert knock(redox).status == 200

    def test_a_stranger_learns_nothing(self, redox):
        nobody = "ck_" + "a" * 20
        answers = {
            knock(redox, sample(redox, iss=each, sub=each)).body for each in (nobody, "x", "é" * 9)
        } | {
            knock(redox, redox.assertion({"kid": "k2"}, {"aud": None})).body,
            knock(
                redox, redox.assertion(claims={"aud": None}, key=jwk.RSAKey.generate_key(2048))
            ).body,
        }
        assert len(answers) == 1
        assert json.loads(answers.pop())["error"] == "invalid_client"

    def test_a_secret_buys_nothing_here(self, shop):
        open_doors(shop.key, redox_door=True)
        answer = post(DOOR, shop.form)
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")
        assert "client_assertion is missing" in answer.json["error_description"]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"grant_type": None}, "grant_type is missing"),
            ({"grant_type": "password"}, "client_credentials"),
            ({"client_assertion_type": None}, "client_assertion_type"),
            ({"client_assertion_type": "x"}, "client_assertion_type"),
            ({"client_assertion": None}, "client_assertion"),
        ],
    )
    def test_what_redox_tells_apart_is_told_apart(self, redox, change, words):
        form = {name: value for name, value in (redox.form() | change).items() if value is not None}
        assert words in said(post(DOOR, form), 400)

    def test_a_missing_kid_and_another_type_of_body_are_named(self, redox):
        assert "no kid" in said(knock(redox, redox.assertion({"kid": None})))
        assert "form" in said(post(DOOR, b"{}", CONTENT_TYPE=JSON), 400)


def body(values, kind):
    return json.dumps(values).encode() if kind == JSON else urlencode(values).encode()


def ask(path, values, kind=JSON):
    raw = values if isinstance(values, bytes) else body(values, kind)
    return post(path, raw, CONTENT_TYPE=kind)


def authenticate(shop, kind=JSON, **more):
    return ask(
        "/auth/authenticate", {"apiKey": shop.key.client_id, "secret": shop.text} | more, kind
    )


def refresh(shop, text, kind=JSON, **more):
    return ask(
        "/auth/refreshToken", {"apiKey": shop.key.client_id, "refreshToken": text} | more, kind
    )


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
