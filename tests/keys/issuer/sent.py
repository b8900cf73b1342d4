"""A request as the server hands it over, and the refusal that it is to meet."""

from contextlib import contextmanager
from io import BytesIO
from urllib.parse import urlencode

import pytest

from keys.issuer.bodies import read_form, read_form_or_json

FORM = "application/x-www-form-urlencoded"
GRANT = {"grant_type": "client_credentials"}
NO_FORM = "The body is no form in UTF-8 with at most 20 parameters."
NO_JSON = "The body is no JSON object with each member once."


@contextmanager
def refused(kind, text, reason=None):
    with pytest.raises(kind) as caught:
        yield
    assert type(caught.value) is kind
    assert caught.value.description == text
    assert caught.value.reason == (reason or text)


def sent(body=b"", **environ):
    body = body if isinstance(body, bytes) else urlencode(body).encode()
    given = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": FORM,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    } | environ
    return {name: value for name, value in given.items() if value is not None}


def fields(body=b"", **environ):
    return read_form(sent(body, **environ))


def members(body, **environ):
    return read_form_or_json(sent(body, **({"CONTENT_TYPE": "application/json"} | environ)))
