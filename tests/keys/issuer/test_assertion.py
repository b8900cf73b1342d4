"""A client that proves itself by signing buys tokens; whoever sends it anything else does not, and learns why."""

import base64
import json
import time
from datetime import timedelta

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from django.utils import timezone
from joserfc import jwk, jwt

from keys.issuer import usage
from keys.models import SpentAssertion
from keys.upkeep.purging import purge
from tests.keys.issuer.conftest import open_shop, post, reader
from tests.keys.issuer.signed import (
    ALGORITHMS,
    UNKNOWN,
    Signer,
    b64,
    encoded,
    private_key,
    refused,
    signature,
)

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture
def client(shop):
    return Signer(shop.key)


class TestGood:
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_every_algorithm_buys_a_token(self, shop, algorithm):
        signer = Signer(shop.key, algorithm)
        answer = signer.buy()
        assert answer.status == 200, answer.body
        token = jwt.decode(answer.json["access_token"], reader(shop))
        assert token.claims["proof"] == signer.public.public_id
        assert token.claims["sub"] == shop.key.client_id

    def test_the_newer_name_of_eddsa_is_taken_too(self, shop):
        signer = Signer(shop.key, "EdDSA")
        assert signer.buy(signer.assertion({"alg": "Ed25519"})).status == 200

    @pytest.mark.parametrize("typ", ["JWT", "client-authentication+jwt"])
    def test_both_types_are_taken(self, client, typ):
        assert client.buy(client.assertion({"typ": typ})).status == 200

    @pytest.mark.parametrize(
        "claims",
        [
            {"iat": None},
            {"nbf": 1},
            {"exp": time.time() + 60.5},
            {"aud": "list"},
            {"extra": {"deep": [1, 2.5, None]}},
        ],
    )
    def test_what_clients_send_beyond_need_does_not_hurt(self, client, claims):
        if claims.get("aud") == "list":
            claims = {"aud": [client.issuer]}
        if "exp" in claims:
            claims = {"exp": time.time() + 60.5}
        assert client.buy(client.assertion(claims=claims)).status == 200

    def test_client_id_may_stand_in_the_form_as_well(self, client):
        assert client.buy(client_id=client.key.client_id).status == 200

    def test_an_older_client_may_name_the_token_url_once_its_key_allows_it(self, client):
        older = {"aud": f"{client.issuer}/token"}
        assert "aud" in refused(client.buy(client.assertion(claims=older)))
        client.key.takes_token_url = True
        client.key.save()
        assert client.buy(client.assertion(claims=older)).status == 200
        assert client.buy().status == 200

    def test_several_kids_at_once_each_with_its_own_key(self, shop):
        first, second = Signer(shop.key, "ES256", "a"), Signer(shop.key, "RS384", "b")
        assert first.buy().status == second.buy().status == 200

    def test_use_is_counted_for_its_own_public_key(self, shop, client):
        client.buy(), client.buy()
        usage.flush()
        client.public.refresh_from_db()
        shop.secret.refresh_from_db()
        assert (client.public.use_count, client.public.last_used_from) == (2, "198.51.100.7")
        assert (shop.secret.use_count, shop.secret.collected_at) == (0, None)


class TestUnknown:
    """One answer, whatever of it was wrong: nobody learns which keys there are."""

    def test_an_unknown_kid_client_or_signature_is_answered_alike(self, shop, client):
        other = jwk.ECKey.generate_key("P-256")
        nobody = "ck_" + "a" * 20
        said = {
            answer.body
            for answer in (
                client.buy(client.assertion({"kid": "k2"})),
                client.buy(client.assertion(key=other)),
                client.buy(client.assertion(claims={"iss": nobody, "sub": nobody})),
                client.buy(client.assertion(claims={"iss": "x", "sub": "x"})),
                post(shop.path, shop.form | {"client_secret": "wrong"}),
            )
        }
        assert len(said) == 1
        assert json.loads(said.pop())["error_description"] == UNKNOWN

    @pytest.mark.parametrize("wrong", ["ES384", "RS256", "PS256", "EdDSA"])
    def test_a_key_verifies_by_its_own_algorithm_alone(self, client, wrong):
        text = f"{encoded(client.header(alg=wrong))}.{encoded(client.claims())}"
        forged = f"{text}.{signature(wrong, text)}"
        assert refused(client.buy(forged)) == UNKNOWN

    def test_an_rsa_key_is_not_taken_for_pss_where_it_is_for_pkcs1(self, shop):
        signer = Signer(shop.key, "RS256")
        text = f"{encoded(signer.header(alg='PS256'))}.{encoded(signer.claims())}"
        forged = f"{text}.{signature('PS256', text, private_key('RS256'))}"
        assert refused(signer.buy(forged)) == UNKNOWN

    def test_a_removed_public_key_is_none(self, client):
        client.public.end(None, timezone.now())
        assert refused(client.buy()) == UNKNOWN

    def test_another_clients_key_does_not_prove_this_one(self, shop, client):
        other = open_shop(slug="other")
        forged = client.assertion(claims={"iss": other.key.client_id, "sub": other.key.client_id})
        assert refused(client.buy(forged)) == UNKNOWN
        assert refused(post(other.path, client.form(forged))) == UNKNOWN

    @pytest.mark.parametrize("change", ["zero", "der", "cut", "longer", "flipped"])
    def test_a_signature_of_another_shape_is_none(self, client, change):
        head, body, signed = client.assertion().split(".")
        raw = base64.urlsafe_b64decode(signed + "==")
        shapes = {
            "zero": bytes(64),
            "der": encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:])),
            "cut": raw[:63],
            "longer": raw + b"\0",
            "flipped": bytes([raw[0] ^ 1]) + raw[1:],
        }
        assert refused(client.buy(f"{head}.{body}.{b64(shapes[change])}")) == UNKNOWN


class TestNamed:
    """Behind a valid signature each cause is named, with what to do."""

    @pytest.mark.parametrize(
        "aud",
        [
            None,
            "",
            [],
            "https://other.example",
            1,
            {},
            [1],
            "x" * 900,
            ["{issuer}", "https://other.example"],
            ["{issuer}", "{issuer}"],
            "{issuer}/",
            "{issuer}/token",
            "{ISSUER}",
        ],
    )
    def test_the_issuer_alone_is_the_audience(self, client, aud):
        text = (
            json.dumps(aud)
            .replace("{issuer}", client.issuer)
            .replace("{ISSUER}", client.issuer.upper())
        )
        said = refused(client.buy(client.assertion(claims={"aud": json.loads(text)})))
        assert "aud" in said
        assert client.issuer in said

    @pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
    @pytest.mark.parametrize("value", ["1", True, [], {}, -1, 2**60, 10**400, ""])
    def test_times_are_sensible_numbers(self, client, name, value):
        assert name in refused(client.buy(client.assertion(claims={name: value})))

    @pytest.mark.parametrize(
        ("claims", "said"),
        [
            ({"exp": -300}, "ended 300 seconds ago"),
            ({"exp": -11}, "ended 11 seconds ago"),
            ({"exp": 7200}, "too far ahead"),
            ({"exp": 3000, "iat": -700}, "too far ahead"),
            ({"iat": 60}, "iat is 60 seconds ahead"),
            ({"nbf": 60}, "nbf is 60 seconds ahead"),
        ],
    )
    def test_a_wrong_clock_is_told_with_the_difference(self, client, claims, said):
        with time_machine.travel(timezone.now().replace(microsecond=0), tick=False):
            moved = {name: int(time.time()) + value for name, value in claims.items()}
            assert said in refused(client.buy(client.assertion(claims=moved)))

    @pytest.mark.parametrize("claims", [{"exp": -9}, {"iat": 10}, {"nbf": 10}, {"exp": 3600}])
    def test_ten_seconds_between_two_clocks_are_nothing(self, client, claims):
        with time_machine.travel(timezone.now().replace(microsecond=0), tick=False):
            moved = {name: int(time.time()) + value for name, value in claims.items()}
            assert client.buy(client.assertion(claims=moved)).status == 200

    @pytest.mark.parametrize("claims", [{"exp": None}, {"jti": None}])
    def test_an_end_and_a_name_are_needed(self, client, claims):
        assert next(iter(claims)) in refused(client.buy(client.assertion(claims=claims)))

    @pytest.mark.parametrize("jti", ["", 1, ["x"], "x" * 2000, "a\0b", "\ud800"])
    def test_a_jti_is_a_text(self, client, jti):
        assert "jti" in refused(client.buy(client.assertion(claims={"jti": jti})))

    def test_it_buys_once(self, client):
        text = client.assertion()
        assert client.buy(text).status == 200
        assert "used before" in refused(client.buy(text))
        again = client.assertion(claims={"jti": "one"}), client.assertion(claims={"jti": "one"})
        assert [client.buy(each).status for each in again] == [200, 401]

    def test_its_signature_written_otherwise_is_the_same_assertion(self, client):
        """Of a pair of numbers that hold, (r, n - s) holds as well: what was spent is the jti, not the text."""
        text, _, signed = client.assertion().rpartition(".")
        raw = base64.urlsafe_b64decode(signed + "==")
        twin = P256_ORDER - int.from_bytes(raw[32:])
        assert client.buy(f"{text}.{b64(raw[:32] + twin.to_bytes(32))}").status == 200
        assert "used before" in refused(client.buy(f"{text}.{signed}"))

    def test_two_clients_may_use_the_same_jti(self, shop, client):
        other = Signer(open_shop(slug="other").key)
        same = {"jti": "1"}
        assert client.buy(client.assertion(claims=same)).status == 200
        assert other.buy(other.assertion(claims=same)).status == 200

    def test_a_jti_is_kept_as_long_as_its_assertion_could_be_accepted_and_not_for_ever(
        self, client
    ):
        start = timezone.now().replace(microsecond=0)
        with time_machine.travel(start, tick=False):
            text = client.assertion()
            client.buy(text)
        for seconds, kept in ((69, 1), (79, 1), (81, 0)):
            with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
                purge(timezone.now())
                assert SpentAssertion.objects.count() == kept
                assert client.buy(text).status == 401

    @pytest.mark.parametrize(
        ("field", "said"), [("disabled_at", "disabled"), ("deleted_at", "deleted")]
    )
    def test_a_key_that_rests_or_ended_says_so(self, client, field, said):
        setattr(client.key, field, timezone.now())
        client.key.save()
        assert said in refused(client.buy())

    def test_an_expired_public_key_says_so(self, shop):
        signer = Signer(shop.key, expires_at=timezone.now() - timedelta(minutes=1))
        assert "public key has expired" in refused(signer.buy())
        text = signer.assertion(key=jwk.ECKey.generate_key("P-256"))
        assert refused(signer.buy(text)) == UNKNOWN

    def test_a_scope_that_the_key_has_not_is_refused_by_name(self, client):
        answer = client.buy(scope="api:admin")
        assert (answer.status, answer.json["error"]) == (400, "invalid_scope")
        assert client.buy(scope="api:read").json["scope"] == "api:read"

    def test_an_assertion_for_one_environment_buys_nothing_in_another(self, shop, client):
        other = open_shop(slug="other")
        refused(post(other.path, client.form()))
