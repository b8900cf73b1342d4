"""axe-core on a page as it stands: in a world of its own, so that the page's content policy stays as strict as it is."""

from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

SOURCE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
# By which rules a page is judged: in dark, by those that look at colours alone.
RULES = {"light": "undefined", "dark": '["color-contrast", "link-in-text-block"]'}
RUN = """
axe.run(document, {resultTypes: ["violations"], runOnly: RULES}).then((found) =>
  found.violations.map((rule) => `${rule.id}: ${rule.help}\\n  ` + rule.nodes.map((node) =>
    `${node.target.join(" ")}  ${node.html.slice(0, 200)}\\n    ${node.failureSummary.replaceAll("\\n", " ")}`
  ).join("\\n  ")))
"""
# Every kind of element on the page, by what the stylesheet and assistive technology go by, with what it stands in.
BUILD = """
[...new Set([...document.querySelectorAll("*")].map((e) => [e.parentElement?.className, e.tagName,
  ...e.getAttributeNames(), ...["class", "role", "type", "data-variant"].map((name) => e.getAttribute(name))
].join()))].sort().join()
"""
# Else a button is measured on its way from one colour to the other.
AT_ONCE = {"name": "prefers-reduced-motion", "value": "reduce"}
_seen: set[int] = set()


def faults(page: Page) -> list[str]:
    """What axe finds in light and in dark; nothing new on a page built as one that it has judged."""
    session = page.context.new_cdp_session(page)
    try:
        frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})
        context = world["executionContextId"]
        build = hash(_evaluate(session, BUILD, context))
        if build in _seen:
            return []
        _evaluate(session, SOURCE + ";0", context)
        found = []
        for scheme, rules in RULES.items():
            features = [{"name": "prefers-color-scheme", "value": scheme}, AT_ONCE]
            session.send("Emulation.setEmulatedMedia", {"features": features})
            run = RUN.replace("RULES", rules)
            found += [f"{scheme}: {fault}" for fault in _evaluate(session, run, context)]
        if not found:
            _seen.add(build)
        return found
    finally:
        session.detach()


def _evaluate(session: CDPSession, expression: str, context: int) -> Any:
    asked = {"expression": expression, "contextId": context}
    answer = session.send("Runtime.evaluate", asked | {"awaitPromise": True, "returnByValue": True})
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return answer["result"].get("value")
