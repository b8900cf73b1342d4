"""The map of the whole site."""

from django.urls import include, path

from dashboard import arrival, errors, health, signon, views

urlpatterns = [
    path("", views.home, name="home"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("docs/errors", views.error_codes, name="error_codes"),
    path("account/", views.account, name="account"),
    path("account/theme/", views.theme, name="theme"),
    path("account/shortcuts/", views.shortcuts, name="shortcuts"),
    path("accounts/logout/", signon.sign_out, name="account_logout"),
    path("accounts/reauthenticate/", signon.reauthenticate, name="account_reauthenticate"),
    path("accounts/2fa/reauthenticate/", signon.reauthenticate_by_code, name="mfa_reauthenticate"),
    path(
        "accounts/2fa/webauthn/reauthenticate/",
        signon.reauthenticate_by_passkey,
        name="mfa_reauthenticate_webauthn",
    ),
    path("accounts/", include("allauth.urls")),
    path("setup/", arrival.setup, name="setup"),
    path("setup/<slug:token>/", arrival.keep_setup_link, name="setup_link"),
    path("join/<slug:token>/", arrival.join, name="join"),
    path("", include("environments.urls")),
    path("o/<slug:org>/", views.overview_page, name="overview"),
    path("o/<slug:org>/first-steps/", views.put_away_first_steps, name="put_away_first_steps"),
    path("o/<slug:org>/search/", views.search, name="search"),
    path("", include("keys.urls")),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
handler429 = errors.too_many
