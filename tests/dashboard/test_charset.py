"""A header that names a charset changes nothing: every page is UTF-8, and no charset stops a page from answering."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.enable_socket]
CHARSETS = ["base64", "idna", "undefined", "utf-16", "unicode_escape", "no such", "", "x" * 5000]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_charset_is_our_fault(live_server, method):
    for charset in CHARSETS:
        server = HTTPConnection(urlsplit(live_server.url).netloc, timeout=10)
        kind = f"application/x-www-form-urlencoded; charset={charset}"
        path, body = "/accounts/login/?next=%FF%5Cud800", b"login=%FFa%5Cud800"
        server.request(method, path, body, {"Content-Type": kind, "Host": "localhost"})
        status = server.getresponse().status
        server.close()
        assert status == (200 if method == "GET" else 403), (charset, status)
