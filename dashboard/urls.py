"""The map of the whole site."""

from django.urls import include, path

from dashboard import (
    arrival,
    browsers,
    errors,
    factors,
    health,
    linking,
    notifications,
    own,
    providers,
    signon,
    sso,
    views,
)

urlpatterns = [
    path("", views.home, name="home"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("docs/errors", views.error_codes, name="error_codes"),
    path("account/", views.account, name="account"),
    path("account/sessions/", browsers.sessions, name="sessions"),
    path("account/sessions/end-others/", browsers.end_others, name="end_other_sessions"),
    path("account/sessions/<slug:session>/end/", browsers.end_session, name="end_session"),
    path("account/notifications/", notifications.notifications, name="notifications"),
    path("account/access/", own.access, name="access"),
    path("account/activity/", own.activity, name="activity"),
    path("account/sign-on/", linking.links, name="links"),
    path("account/sign-on/<slug:org>/link/", linking.link, name="link"),
    path("account/sign-on/<slug:org>/confirm/", linking.confirm_link, name="confirm_link"),
    path("account/sign-on/<slug:org>/unlink/", linking.unlink, name="unlink"),
    path("accounts/sso/", sso.choose, name="sso_choose"),
    path("accounts/sso/<slug:org>/", sso.door, name="sso"),
    path("accounts/sso/<slug:org>/start/", sso.start, name="sso_start"),
    path("accounts/sso/<slug:org>/callback/", sso.callback, name="sso_callback"),
    path("o/<slug:org>/settings/sign-on/provider/", providers.provider, name="provider"),
    path(
        "o/<slug:org>/settings/sign-on/provider/remove/",
        providers.remove,
        name="remove_provider",
    ),
    path("account/theme/", views.theme, name="theme"),
    path("account/look/", views.choose_look, name="look"),
    path("account/shortcuts/", views.shortcuts, name="shortcuts"),
    path("accounts/logout/", signon.sign_out, name="account_logout"),
    path("accounts/reauthenticate/", signon.reauthenticate, name="account_reauthenticate"),
    path("accounts/2fa/reauthenticate/", signon.reauthenticate_by_code, name="mfa_reauthenticate"),
    path(
        "accounts/2fa/webauthn/reauthenticate/",
        signon.reauthenticate_by_passkey,
        name="mfa_reauthenticate_webauthn",
    ),
    path("accounts/2fa/authenticate/", factors.second_step, name="mfa_authenticate"),
    path("accounts/2fa/totp/activate/", factors.activate_totp, name="mfa_activate_totp"),
    path("accounts/2fa/totp/deactivate/", factors.deactivate_totp, name="mfa_deactivate_totp"),
    path(
        "accounts/2fa/recovery-codes/",
        factors.recovery_codes,
        name="mfa_view_recovery_codes",
    ),
    path(
        "accounts/2fa/recovery-codes/generate/",
        factors.generate_codes,
        name="mfa_generate_recovery_codes",
    ),
    path(
        "accounts/2fa/recovery-codes/download/",
        factors.download_codes,
        name="mfa_download_recovery_codes",
    ),
    path("accounts/2fa/webauthn/add/", factors.add_passkey, name="mfa_add_webauthn"),
    path(
        "accounts/2fa/webauthn/keys/<int:pk>/remove/",
        factors.remove_passkey,
        name="mfa_remove_webauthn",
    ),
    path("accounts/2fa/webauthn/login/", factors.sign_in_by_passkey, name="mfa_login_webauthn"),
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
