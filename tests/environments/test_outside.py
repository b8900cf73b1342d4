"""What a person types as the address of an outside service is refused at once, with the reason."""

import pytest

from environments.outside import BadPlace, check_place
from tests.environments.test_places import PRIVATE

GOOD = """
https://id.example.org/oauth/token https://id.example.org https://id.example.org:8443/token
https://id.example.org/token?policy=b2c https://xn--bcher-kva.example/token https://1.1.1.1/token
https://[2606:4700::1111]/token https://a_b.example.org/token https://1password.example/x https://id.example.org./t
"""
OTHER_SPELLINGS = """
2130706433 0x7f.1 0x7f000001 127.1 017700000001 0177.0.0.1 127.0.0.1. 0 0x 1.2.3 1.2.3.4.5 127.0.0.01 256.1.1.1
example.0x7f example.1 [fe80::1%25eth0] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:0:0:1]
"""


def refusal(url: str) -> str:
    with pytest.raises(BadPlace) as raised:
        check_place(url)
    assert raised.value.__cause__ is None
    return str(raised.value)


@pytest.mark.parametrize("url", GOOD.split())
def test_an_ordinary_address_is_taken(url):
    check_place(url)


@pytest.mark.parametrize("text", PRIVATE.split())
def test_no_address_that_is_not_public_is_taken(text):
    host = f"[{text}]" if ":" in text else text
    assert "not a public address" in refusal(f"https://{host}/token")


@pytest.mark.parametrize("host", OTHER_SPELLINGS.split())
def test_no_other_spelling_of_an_address_passes_for_a_name(host):
    assert "address" in refusal(f"https://{host}/token")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "a.localhost"])
def test_the_names_of_this_machine_are_known(host):
    assert "worker runs on" in refusal(f"https://{host}/token")


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://id.example.org/token", "Only https"),
        ("ftp://id.example.org/token", "begins with https"),
        ("id.example.org/token", "begins with https"),
        ("//id.example.org/token", "begins with https"),
        ("https:///token", "begins with https"),
        ("javascript:alert(1)", "begins with https"),
        ("", "begins with https"),
        ("https://user:secret@id.example.org/token", "name or password"),
        ("https://@id.example.org/token", "name or password"),
        ("https://id.example.org/token#part", "after #"),
        ("https://id.example.org/token#", "after #"),
        ("https://id.example.org:22/token", "another service"),
        ("https://id.example.org:80/token", "another service"),
        ("https://id.example.org:0/token", "host and the port"),
        ("https://id.example.org:/token", "host and the port"),
        ("https://id.example.org:65536/token", "host and the port"),
        ("https://id.example.org:x/token", "host and the port"),
        ("https://[::1/token", "host and the port"),
        ("https://id.example.org\\@evil.test/token", "special characters"),
        ("https://id.example.org /token", "special characters"),
        ("https://id.exam\nple.org/token", "special characters"),
        ("https://①②⑦.0.0.1/token", "special characters"),
        ("https://bücher.example/token", "xn--"),
        ("https://a..b/token", "not a host name"),
        ("https://-a.example/token", "not a host name"),
        ("https://%31%32%37.0.0.1/token", "address"),
        ("https://id%2eexample.org/token", "not a host name"),
        ("https://" + "a" * 64 + ".example/token", "not a host name"),
        ("https://id.example.org/" + "a" * 500, "500 characters"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_mistake_in_an_address_has_its_own_words(url, word):
    assert word in refusal(url)


def test_a_reason_never_repeats_a_password():
    assert "s3cret" not in refusal("https://user:s3cret@id.example.org/")


def test_what_an_installation_allows_may_be_typed(settings):
    settings.LATCHKEY_ALLOWED_URL_PREFIXES = ["http://127.0.0.1:81/idp"]
    check_place("http://127.0.0.1:81/idp/token")
    for url in (
        "http://127.0.0.1:81/other",
        "http://127.0.0.1:81/idp/../other",
        "https://127.0.0.1/idp",
    ):
        refusal(url)
    settings.LATCHKEY_ALLOWED_NETWORKS = ["10.0.0.0/8"]
    check_place("http://10.1.2.3/token")
    check_place("http://idp.internal/token")  # where the name leads is judged when connecting
    assert "not a public" in refusal("https://192.168.0.1/token")
    assert "Only https" in refusal("http://1.1.1.1/token")


def test_our_own_token_endpoint_may_be_typed(settings):
    settings.LATCHKEY_INTERNAL_URL = "http://localhost:8000"
    check_place("http://localhost:8000/t/abc/token")
    refusal("http://localhost:8000/t/abc/introspect")
