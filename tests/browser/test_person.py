"""The eyes of the other tests are not blind: what is planted on a page is seen."""

import pytest
from playwright.sync_api import Route

from tests.browser.person import chromium_path, somebody

pytestmark = [pytest.mark.browser, pytest.mark.enable_socket]
BASE = "http://localhost:9"  # nobody listens there; each test answers by itself
SOUND = """<!doctype html><html lang="en"><head><title>Sound</title>{head}</head>
<body><main><h1>Sound</h1>{body}</main></body></html>"""


def seen(chromium, body="", status=200, announced=(), head=""):
    def answer(route: Route) -> None:
        if route.request.url.startswith(f"{BASE}/page"):
            page = SOUND.format(head=head, body=body)
            route.fulfill(status=status, content_type="text/html", body=page)
        elif route.request.url.endswith("/gone"):
            route.abort()
        else:
            route.fulfill(status=200, body="")

    with somebody(chromium, BASE) as person:
        person.page.context.route("**/*", answer)
        for each in announced:
            person.expecting(each)
        person.opens("/page").sees("Sound")
        person.page.wait_for_load_state("networkidle")


def test_a_page_without_fault_passes(chromium):
    seen(chromium)


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("<button type=button></button>", "axe on /page: light: button-name"),
        ('<p style="color:#777;background:#888">grey on grey</p>', "color-contrast"),
        ("<script>console.error('broken')</script>", "console: broken"),
        ("<script>console.warn('odd')</script>", "console: odd"),
        ("<script>throw new Error('thrown')</script>", "script: thrown"),
        ('<img alt="" src="http://elsewhere.example/x.png">', "asked another host"),
        ("<script>fetch('/gone').catch(() => 0)</script>", "/gone: net::ERR_FAILED"),
    ],
)
def test_what_is_wrong_with_a_page_is_told(chromium, planted, told):
    with pytest.raises(AssertionError, match=told):
        seen(chromium, planted)


def test_what_is_faint_in_the_dark_alone_is_told(chromium):
    style = "<style>@media (prefers-color-scheme: dark) { p { color: #fafafa } }</style>"
    with pytest.raises(AssertionError, match="axe on /page: dark: color-contrast"):
        seen(chromium, "<p>white on white</p>", head=style)


def test_a_refusal_must_be_announced_and_what_is_announced_must_come(chromium):
    with pytest.raises(AssertionError, match=f"GET {BASE}/page: 403"):
        seen(chromium, status=403)
    seen(chromium, status=403, announced=[403])
    with pytest.raises(AssertionError, match="never came"):
        seen(chromium, announced=[403])


@pytest.mark.parametrize("demand", ["CI", "LATCHKEY_TEST_REQUIRE_BOTH"])
def test_without_chromium_a_developer_goes_on_and_ci_does_not(monkeypatch, tmp_path, demand):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("CI", "LATCHKEY_TEST_REQUIRE_BOTH"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(pytest.skip.Exception, match="No Chromium on PATH"):
        chromium_path()
    monkeypatch.setenv(demand, {"CI": "true"}.get(demand, "1"))
    with pytest.raises(pytest.fail.Exception, match="No Chromium on PATH"):
        chromium_path()
