"""Clients that were written for Redox knock at the doors they know, and buy tokens unchanged."""

import json

import pytest
import time_machine
from django.utils import timezone
from joserfc import jwk, jwt

from tests.keys.issuer.conftest import post, reader
from tests.keys.issuer.knocking import DOOR, JSON, knock, open_doors, sample
from tests.keys.issuer.signed import Signer


@pytest.fixture
def redox(shop):
    """As Redox's clients sign: RS384, a kid, no typ, no exp."""
    open_doors(shop.key, redox_door=True)
    return Signer(shop.key, "RS384")


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
