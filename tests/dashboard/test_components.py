"""Each component draws with its least inputs and with all; strict about undefined variables, so a typo fails here."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import engines
from django.test import RequestFactory
from django.utils import timezone

from dashboard.templatetags import ui


def drawn(source: str, **context) -> str:
    request = context.get("request")
    return engines["django"].from_string("{% load ui %}" + source).render(context, request)


def part(component: str, /, **context) -> str:
    given = " ".join(f"{key}={key}" for key in context)
    wording = f" with {given} only" if given else " only"
    return drawn(f'{{% include "components/{component}.html"{wording} %}}', **context)


class SampleForm(forms.Form):
    name = forms.CharField(help_text="As the team knows it.")
    agree = forms.BooleanField(label="I agree", help_text="Really.")
    kind = forms.ChoiceField(choices=[("a", "First"), ("b", "Second")], widget=forms.RadioSelect)
    place = forms.ChoiceField(choices=[("x", "X")])


def test_a_field_wires_its_help_and_its_error_to_the_control():
    html = part("field", field=SampleForm({})["name"])
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_helptext"' in html
    assert 'id="id_name_error"' in html
    assert 'aria-invalid="true"' in html


def test_an_optional_field_says_so():
    assert "(optional)" in part("field", field=SampleForm()["name"], optional=True)


def test_a_checkbox_stands_inside_its_label():
    html = part("field", field=SampleForm()["agree"])
    assert html.index("<label") < html.index('type="checkbox"') < html.index("</label>")


def test_a_choice_of_radios_is_a_fieldset_with_a_legend():
    html = part("field", field=SampleForm()["kind"])
    assert "<fieldset" in html
    assert "<legend>Kind" in html
    assert html.count('type="radio"') == 2


def test_the_summary_of_errors_links_to_each_field():
    html = part("form_errors", form=SampleForm({}))
    assert "Please mend 4 fields" in html
    assert 'href="#id_name"' in html


def test_a_form_without_errors_has_no_summary():
    assert part("form_errors", form=SampleForm()).strip() == ""


@pytest.mark.parametrize("tone", ["ok", "warn", "bad", "run", "idle"])
def test_status_badge_and_alert_say_it_in_words_too(tone):
    assert "<span>Word</span>" in part("status", tone=tone, label="Word")
    assert "Word</span>" in part("badge", tone=tone, label="Word")
    assert "<strong>Word</strong>" in part("alert", tone=tone, title="Word")
    assert "href" in part("alert", tone=tone, title="W", text="T", href="/x/", label="Go")


def test_a_button_is_a_link_when_it_leads_somewhere():
    assert part("button", label="Open", href="/x/").startswith('<a class="btn" href="/x/"')
    html = part(
        "button", label="Save", name="act", value="1", busy="Saving…", icon="plus", size="sm"
    )
    assert 'type="submit"' in html
    assert 'data-busy="Saving…"' in html


def test_a_link_that_opens_a_dialog_says_so():
    assert 'aria-haspopup="dialog"' in part("button", label="Delete", href="/x/", dialog="delete")


def test_copying_names_what_it_copies():
    html = part("copyable", id="cid", text="ck_abc", name="client ID")
    assert 'aria-label="Copy client ID"' in html
    assert 'data-copy="cid"' in html
    assert "ck_abc</span>" in part("copyable", id="c", text="ck_abc", name="x", short="ck…")


def test_text_from_people_is_escaped():
    html = part("badge", tone="ok", label="<b>&")
    assert "&lt;b&gt;&amp;" in html
    assert "&lt;script" in drawn("{% fact name %}{{ name }}{% endfact %}", name="<script>")


def test_the_bodies_of_section_panel_table_menu_and_dialog_survive():
    source = (
        '{% section "A section" note="n" %}{% table "Keys" %}<tbody></tbody>{% endtable %}{% endsection %}'
        '{% panel "A panel" %}<p>in</p>{% endpanel %}{% menu "Actions" %}<a href="/">x</a>{% endmenu %}'
        '{% dialog "d" "Sure?" %}<p>text</p>{% enddialog %}'
    )
    html = drawn(source)
    assert 'aria-labelledby="a-section"' in html
    assert 'aria-label="Keys" tabindex="0"' in html
    assert '<dialog class="dialog" id="d" aria-labelledby="d-title"' in html


def test_ticks_have_a_text_and_always_twenty_places():
    html = drawn("{% ticks tones %}", tones=["ok", "bad", "ok", "other"])
    assert 'aria-label="4 tests: 2 ok, 1 failed, 1 not judged"' in html
    assert html.count("<path") == 4
    assert 'class="t-none" d="M0 14.75h77"' in html, "sixteen dots, the last of them 2 wide"
    assert 'class="t-ok" d="M80 9h3M90 9h3"' in html
    assert 'class="t-bad" d="M85 8h3' in html
    assert 'class="t-other" d="M95 13.5h3"' in html
    alike = drawn("{% ticks tones %}", tones=["ok"] * 30)
    assert alike.count("<path") == 1
    assert 'd="M0 9h98"' in alike
    assert "No tests yet" in drawn("{% ticks tones %}", tones=[])


def test_a_sparkline_leaves_gaps_open():
    facts: Any = ui.sparkline([10.0, 12.0, None, 11.0, 9.0, None, 5.0])
    assert len(facts["paths"]) == 2
    assert len(facts["points"]) == 1
    assert "least 5, middle 10, most 12 ms" in facts["label"]
    assert "Not measured yet" in drawn("{% sparkline values %}", values=[None])


def test_steps_say_their_state_in_words():
    html = part(
        "stepper",
        steps=[{"name": "Connect", "state": "ok", "took": "3 ms"}, {"name": "TLS", "state": "run"}],
    )
    assert "Connect<span" in html
    assert ", done" in html
    assert 'aria-current="step"' in html


def test_tabs_are_links_and_name_the_present_one():
    html = part(
        "tabs",
        name="Key",
        tabs=[{"label": "Tests", "href": "?tab=tests", "current": True, "count": 3}],
    )
    assert 'aria-current="page"' in html


def test_filter_chips_lead_to_the_address_without_them():
    html = part(
        "filter_chips",
        chips=[{"label": "Team", "value": "Payments", "href": "?q=x"}],
        clear="/keys/",
    )
    assert 'aria-label="Remove filter Team: Payments"' in html
    assert "Clear filters" in html


def test_pages_keep_the_rest_of_the_address():
    page = Paginator(range(120), 50).get_page(2)
    html = part("pages", page=page, request=RequestFactory().get("/?q=x&page=2"), noun="keys")
    assert "51–100 of 120 keys" in html
    assert "?q=x&amp;page=3" in html


def test_a_confirmation_names_what_must_be_typed():
    html = part(
        "confirm",
        action="/d/",
        csrf_token="t",
        label="Delete key",
        text="Gone.",
        type="billing-api",
        back="/k/",
    )
    assert "<strong>billing-api</strong>" in html
    assert "data-close" not in html


def test_cards_empty_and_environment_chip_draw():
    options = [
        {
            "value": "secret",
            "label": "Secret",
            "note": "Shown once.",
            "chosen": True,
            "disabled": False,
        }
    ]
    assert "checked" in part("cards", legend="Method", name="method", options=options)
    assert "New key" in part("empty", title="No keys yet", text="…", href="/n/", label="New key")
    assert "chip-staging" in part("env_chip", environment={"kind": "staging", "name": "Staging"})


def test_an_expiry_is_told_with_zone_and_distance(time_machine):
    time_machine.move_to(datetime(2027, 3, 5, 10, tzinfo=UTC), tick=False)
    html = drawn('{% time at "until" %}', at=datetime(2027, 3, 14, 12, tzinfo=UTC))
    assert "Sun 14 Mar 2027, 12:00 UTC – in 9 days" in html
    assert 'datetime="2027-03-14T12:00:00+00:00"' in html


@pytest.mark.parametrize(
    ("back", "words"),
    [
        (2, "just now"),
        (40, "40 s ago"),
        (240, "4 min ago"),
        (7200, "2 h ago"),
        (3 * 86400, "3 days ago"),
        (-900, "in 15 min"),
        (3 * 86400 - 1, "2 days ago"),
        (1 - 90 * 86400, "in 90 days"),
        (1 - 86400, "in 24 h"),
        (1 - 600, "in 10 min"),
        (-36 * 3600, "in 36 h"),
        (-40, "in 40 s"),
    ],
)
def test_distances_read_like_a_person_would_say_them(back, words):
    now = timezone.now()
    assert ui.relative(now - timedelta(seconds=back), now) == words


def test_no_time_is_no_text():
    assert drawn("{% time at %}{{ at|ago }}", at=None) == ""
