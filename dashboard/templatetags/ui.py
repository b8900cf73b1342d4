"""The few tags and filters that templates need; parts without a body are files in templates/components/."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard import look

register = template.Library()

SHORTENED = 12
# One path for each tone, not one shape for each test: fifty rows would be a thousand elements. What is alike side by
# side is one dashed line (parts.css has the dashes): its height, and how far the last bar goes.
LINES = {"ok": (9, 3), "other": (13.5, 3), "none": (14.75, 2)}
CROSSED = "8h3v8h-3zm0-6l3 3m0-3l-3 3"
LONG_AGO = timedelta(days=60)


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str) -> SafeString:
    """{% icon "check" %}: one of the symbols in icons.svg; decoration, the word stands beside it."""
    return format_html(
        '<svg class="icon" aria-hidden="true" width="16" height="16"><use href="{}#{}"></use></svg>',
        static("dashboard/icons.svg"),
        name,
    )


def distance(span: timedelta) -> str:
    """'9 days', in the largest unit that still says something.

    What is ahead and all but whole counts as whole: the 90 days just chosen are not 89 on the next page.
    """
    seconds = abs(span).total_seconds()
    short = 1 / 24 if span < timedelta(0) else 0
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        count = int(seconds / size + short)
        if count >= (2 if unit == "days" else 1):
            return f"{count} {unit}"
    return f"{int(seconds)} s"


@register.filter
def span(value: timedelta) -> str:
    """A length of time that somebody has set: '12 h', '14 days'."""
    return distance(value)


def relative(value: datetime, now: datetime) -> str:
    """'4 min ago', 'in 9 days'."""
    if abs(now - value) < timedelta(seconds=5):
        return "just now"
    return f"{distance(now - value)} ago" if value <= now else f"in {distance(now - value)}"


@register.filter
def ago(value: datetime | None) -> str:
    return relative(value, timezone.now()) if value else ""


@register.simple_tag
def time(value: datetime | None, style: str = "") -> SafeString | str:
    """{% time t %} 24 Nov 2026, 10:42 · "seconds" · "ago" · "both" (first the instant, then the distance) · "until" (an expiry)."""
    if value is None:
        return ""
    local, now = value.astimezone(timezone.get_current_timezone()), timezone.now()
    if style == "ago" and now - value < LONG_AGO:
        return format_html(
            '<time datetime="{}" title="{}" data-ago>{}</time>',
            _iso(value),
            f"{_exact(local, seconds=True)} {local:%Z}",
            relative(value, now),
        )
    if style == "until":
        return _mark(value, f"{local:%a} {_exact(local)}{local: %Z} – {relative(value, now)}")
    exact = _exact(local, seconds=style in {"seconds", "both"})
    if style == "both":
        near = relative(value, now)
        return format_html('{} <span class="meta">{}</span>', _mark(value, exact), near)
    return _mark(value, exact)


def _exact(local: datetime, *, seconds: bool = False) -> str:
    """'24 Nov 2026, 10:42', as Django's own format would have it, in a tenth of its time: a list has hundreds."""
    if look.numbers.get():
        return f"{local:%Y-%m-%d, %H:%M:%S}" if seconds else f"{local:%Y-%m-%d, %H:%M}"
    return (
        f"{local.day} {local:%b %Y, %H:%M:%S}" if seconds else f"{local.day} {local:%b %Y, %H:%M}"
    )


def _mark(value: datetime, text: str) -> SafeString:
    utc = value.astimezone(UTC)
    title = _exact(utc, seconds=True) + " UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', _iso(utc), title, text)


def _iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds")


@register.filter
def short(text: str) -> str:
    """A long id by its beginning: enough to tell two apart, the whole is in the copy button."""
    return f"{text[:SHORTENED]}…" if len(text) > SHORTENED + 3 else text


@register.filter
def groups(text: str) -> str:
    """'JBSW Y3DP': in fours, as one types it from a page into a phone."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


@register.filter
def initial(text: object) -> str:
    return str(text).strip()[:1].upper() or "?"


@register.simple_block_tag
def table(content: str, name: str, style: str = "stack") -> SafeString:
    """{% table "Keys" %}<thead>…{% endtable %}: a framed table that scrolls inside itself, rows in two lines on a phone."""
    return format_html(
        '<div class="table-wrap" role="region" aria-label="{}" tabindex="0"><table class="table {}">{}</table></div>',
        name,
        style,
        SafeString(content),
    )


@register.simple_block_tag
def fact(content: str, name: str) -> SafeString:
    """{% fact "Client ID" %}…{% endfact %}: one pair inside <dl class="facts">."""
    return format_html("<div><dt>{}</dt><dd>{}</dd></div>", name, SafeString(content))


@register.simple_block_tag
def section(content: str, title: str, note: str = "", ident: str = "") -> SafeString:
    """{% section "Recent changes" note="Last ten" %}…{% endsection %}: a heading with what stands under it."""
    ident = ident or "-".join(title.lower().split())
    extra = format_html("<p>{}</p>", note) if note else ""
    return format_html(
        '<section class="section" aria-labelledby="{0}"><header><h2 id="{0}" tabindex="-1">{1}</h2>{2}</header>{3}</section>',
        ident,
        title,
        extra,
        SafeString(content),
    )


@register.simple_block_tag
def panel(content: str, title: str = "", ident: str = "") -> SafeString:
    """{% panel "Profile" %}…{% endpanel %}: a hairline box for one form or one group of facts."""
    ident = ident or "-".join(title.lower().split())
    head = (
        format_html('<header><h2 id="{}" tabindex="-1">{}</h2></header>', ident, title)
        if title
        else ""
    )
    label = format_html(' aria-labelledby="{}"', ident) if title else ""
    return format_html(
        '<section class="panel"{}>{}<div class="inside">{}</div></section>',
        label,
        head,
        SafeString(content),
    )


@register.simple_block_tag
def menu(content: str, name: str) -> SafeString:
    """{% menu "Actions for billing-api" %}<a href=…>…</a><hr>…{% endmenu %}: the ⋯ button; destructive entries last."""
    return format_html(
        '<details class="menu end"><summary class="btn" data-variant="ghost" data-size="icon-sm" aria-label="{}">{}</summary>'
        '<div class="menu-list">{}</div></details>',
        name,
        icon("ellipsis"),
        SafeString(content),
    )


@register.simple_block_tag
def dialog(content: str, ident: str, title: str) -> SafeString:
    """{% dialog "disable" "Disable billing-api" %}…<footer>…{% enddialog %}: opened by a link with data-dialog="disable"."""
    return format_html(
        '<dialog class="dialog" id="{0}" aria-labelledby="{0}-title" closedby="closerequest">'
        '<div><h2 id="{0}-title">{1}</h2>{2}</div></dialog>',
        ident,
        title,
        SafeString(content),
    )


STATUS = {"ok": "circle-check", "warn": "triangle-alert", "bad": "circle-x", "run": "loader-circle"}


@register.simple_tag
def status(tone: str, label: str, bare: str = "") -> SafeString:
    """{% status "warn" "Idle 90 d" %}: a word with its icon; "ok" stays in plain ink. `bare` is one element less, for lists."""
    said = label if bare else format_html("<span>{}</span>", label)
    mark = icon(STATUS.get(tone, "circle-dashed"))
    return format_html('<span class="status status-{}">{}{}</span>', tone, mark, said)


@register.simple_tag
def ticks(tones: Iterable[str], label: str = "") -> SafeString:
    """{% ticks tones %}: the last 20 tests, newest right; tones are "ok", "bad", "other", oldest first."""
    shown = tuple(tones)[-20:]
    return _drawn(shown, label or _ticks_text(shown))


@lru_cache(maxsize=1024)
def _drawn(shown: tuple[str, ...], label: str) -> SafeString:
    """Most keys look the same: ok full, failed half with a cross, not judged short, no test a dot."""
    padded = ("none",) * (20 - len(shown)) + shown
    paths: dict[str, str] = {}
    for tone, run in groupby(range(20), lambda place: padded[place]):
        places = list(run)
        paths[tone] = paths.get(tone, "") + _run(tone, places[0], len(places))
    return format_html(
        '<svg class="ticks" viewBox="0 0 98 18" width="98" height="18" role="img" aria-label="{}">{}</svg>',
        label,
        format_html_join("", '<path class="t-{}" d="{}"/>', paths.items()),
    )


def _run(tone: str, first: int, count: int) -> str:
    if tone not in LINES:
        return "".join(f"M{place * 5} {CROSSED}" for place in range(first, first + count))
    height, width = LINES[tone]
    return f"M{first * 5} {height}h{count * 5 - 5 + width}"


def _ticks_text(tones: Sequence[str]) -> str:
    if not tones:
        return "No tests yet"
    failed, other = tones.count("bad"), tones.count("other")
    parts = [f"{tones.count('ok')} ok"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{other} not judged"] if other else []
    return f"{len(tones)} {'test' if len(tones) == 1 else 'tests'}: {', '.join(parts)}"


@register.inclusion_tag("components/sparkline.html")
def sparkline(
    values: Sequence[float | None],
    unit: str = "ms",
    what: str = "Latency",
    figures: Mapping[str, float] | None = None,
) -> dict[str, object]:
    """{% sparkline values %}: a line from zero; None is a gap, never guessed. `figures` stand beside it."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return {"label": f"{what}: not measured", "known": 0}
    top = max(known) * 1.1 or 1
    step = 480 / max(len(values) - 1, 1)
    placed = [
        None if v is None else (round(n * step, 1), round(54 - 50 * v / top, 1))
        for n, v in enumerate(values)
    ]
    middle, slow = known[len(known) // 2], known[min(len(known) * 95 // 100, len(known) - 1)]
    label = f"{what}: least {known[0]:.0f}, middle {middle:.0f}, most {known[-1]:.0f} {unit}"
    lone = [
        spot
        for n, spot in enumerate(placed)
        if spot and not any(placed[max(n - 1, 0) : n] + placed[n + 1 : n + 2])
    ]
    return {
        "paths": _runs(placed),
        "points": lone,
        "label": label,
        "known": len(known),
        "figures": figures or {"Middle": middle, "95 of 100 within": slow, "Longest": known[-1]},
        "unit": unit,
    }


def _runs(placed: Sequence[tuple[float, float] | None]) -> list[str]:
    """One path for each stretch without a gap."""
    paths: list[list[str]] = [[]]
    for spot in placed:
        if spot is None:
            paths.append([])
        else:
            paths[-1].append(f"{spot[0]} {spot[1]}")
    return ["M" + "L".join(path) for path in paths if len(path) > 1]
